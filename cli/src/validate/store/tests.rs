//! An object's life in a real folder, in a store that forgets to refuse, and what it comes to.

use std::time::Duration;

use k2i_lakehouse::storage::{StorageSettings, Store};

use super::super::check::Status;
use super::*;

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_folder_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let below = format!("file://{}/not/there/yet", folder.path().display());
    let place = place(&below);
    assert_eq!(place, format!("file://{}", folder.path().display()));
    let (store, leftovers) = (Store::new(StorageSettings::default()), Leftovers::default());
    let steps = ask(&store, &place, ".k2i-validate-1", &leftovers, LIMIT).await;
    let checks = judge(&place, &steps);
    assert_eq!(checks.len(), 4);
    assert!(checks.iter().all(|check| check.status == Status::Ok), "{checks:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(leftovers.sweep(LIMIT).await.is_empty());
}

#[tokio::test]
async fn a_file_in_the_way_fails_and_the_rest_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let place = place(&format!("file://{}/house", file.display()));
    let store = Store::new(StorageSettings::default());
    let steps = ask(&store, &place, ".k2i-validate-2", &Leftovers::default(), LIMIT).await;
    let checks = judge(&place, &steps);
    let found: Vec<Status> = checks.iter().map(|check| check.status).collect();
    assert_eq!(found, [Status::Failed, Status::Skipped, Status::Skipped, Status::Skipped]);
    assert!(checks[0].advice.contains("a file is in the way"), "{checks:?}");
}

#[tokio::test]
async fn what_a_broken_off_run_leaves_is_swept() {
    let store = Store::new(StorageSettings::default());
    let leftovers = Leftovers::default();
    for object in ["memory://house/ours", "memory://house/not-ours"] {
        store.put(object, "x".into()).await.unwrap();
    }
    leftovers.add("memory://house/ours", &store);
    leftovers.add("memory://house/never-written", &store);
    assert!(leftovers.sweep(LIMIT).await.is_empty());
    assert_eq!(store.head("memory://house/ours").await.unwrap(), None);
    assert_eq!(store.head("memory://house/not-ours").await.unwrap(), Some(1));
    let gone = Store::new(StorageSettings::default());
    leftovers.add("nowhere://house/ours", &gone);
    let left = leftovers.sweep(LIMIT).await;
    assert!(left.len() == 1 && left[0].starts_with("nowhere://house/ours: "), "{left:?}");
}

#[test]
fn a_store_that_overwrites_is_told_apart() {
    let steps = vec![
        (Step::Write, Ok(())),
        (Step::Read, Ok(())),
        (Step::CreateOnly, Err(ask::OVERWRITTEN.to_owned())),
        (Step::Delete, Ok(())),
    ];
    let checks = judge("s3://b/house", &steps);
    assert_eq!(checks[2].status, Status::Failed);
    assert!(checks[2].advice.contains("If-None-Match"), "{checks:?}");
    assert_eq!(checks[3].status, Status::Ok);
}

#[test]
fn a_bucket_is_its_own_place() {
    assert_eq!(place("s3://b/house/"), "s3://b/house");
    assert_eq!(place("file:///nobody/has/this"), "file://");
}
