//! A node's data folder: whose it is, in use, incomplete, damaged.

use std::fs;
use std::path::Path;

use k2i_runtime::store::StoreError;

use super::node::{config, leading, reopened};
use super::*;

async fn refused(folder: &Path, node: NodeId, cluster: &str) -> OpenError {
    match RaftNode::<Counter>::open(folder, node, NodeConfig::new(cluster)).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A node that was shut down after a few commands, with a snapshot.
async fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let node = leading(folder.path(), config()).await;
    for amount in 1..=5 {
        node.propose(&counter::Add(amount)).await.unwrap();
    }
    node.take_snapshot().await.unwrap();
    soon(async {
        while snapshot_files(folder.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    })
    .await;
    node.shutdown().await;
    folder
}

fn snapshot_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let path = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    fs::read_dir(folder.join("snapshots"))
        .unwrap()
        .map(path)
        .filter(|path| path.extension().unwrap() == "k2i")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_clusters_or_nodes_folder_is_refused() {
    let folder = used().await;
    let error = refused(folder.path(), 1, "payments").await;
    assert!(matches!(&error, OpenError::OtherCluster { found, .. } if found == "orders"), "{error}");
    let error = refused(folder.path(), 2, "orders").await;
    assert!(matches!(error, OpenError::OtherNode { found: 1, expected: 2, .. }), "{error}");
    assert_eq!(reopened(folder.path(), config()).await, Counter::after(1..=5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_folder_is_refused_before_anything_in_it_is_read() {
    let folder = used().await;
    fs::write(folder.path().join("identity.json"), r#"{"format":2,"whatever":"it says"}"#).unwrap();
    fs::remove_dir_all(folder.path().join("log")).unwrap();
    let error = refused(folder.path(), 1, "orders").await;
    assert!(matches!(error, OpenError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = leading(folder.path(), config()).await;
    let error = refused(folder.path(), 1, "orders").await;
    assert!(matches!(error, OpenError::Log(StoreError::InUse { .. })), "{error}");
    assert!(!error.is_damage());
    node.propose(&counter::Add(1)).await.unwrap();
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_part_is_damage_and_never_a_fresh_start() {
    for part in ["identity.json", "log", "log and identity.json"] {
        let folder = used().await;
        if part.contains("identity.json") {
            fs::remove_file(folder.path().join("identity.json")).unwrap();
        }
        if part.contains("log") {
            fs::remove_dir_all(folder.path().join("log")).unwrap();
        }
        let error = refused(folder.path(), 1, "orders").await;
        assert!(error.is_damage(), "{part}: {error}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}

/// The log's files of this kind that hold data.
fn log_files(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let path = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    let mut files: Vec<_> = fs::read_dir(folder.join("log")).unwrap().map(path).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == extension) && path.metadata().unwrap().len() > 0);
    files
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x80;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_part_is_recognised() {
    for part in ["identity", "snapshot", "log", "table"] {
        let folder = used().await;
        match part {
            "identity" => damage(&folder.path().join("identity.json"), 20),
            "snapshot" => damage(&snapshot_files(folder.path())[0], 50),
            "log" => damage(&log_files(folder.path(), "log")[0], 100),
            _ => {
                // A restart moves what is in the write-ahead log into tables.
                reopened(folder.path(), config()).await;
                let tables = log_files(folder.path(), "sst");
                assert!(!tables.is_empty());
                tables.iter().for_each(|table| damage(table, 10));
            }
        }
        let error = refused(folder.path(), 1, "orders").await;
        assert!(error.is_damage(), "{part}: {error}");
        // It is closed again, and still says so.
        assert!(refused(folder.path(), 1, "orders").await.is_damage(), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_crashed_before_it_had_an_identity_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(k2i_runtime::store::Store::open(&folder.path().join("log"), &FAMILIES).unwrap());
    assert_eq!(reopened(folder.path(), config()).await, Counter::initial());
}

#[tokio::test]
async fn impossible_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = NodeConfig { election_min: Duration::from_secs(9), ..config() };
    let error = RaftNode::<Counter>::open(folder.path(), 1, wrong).await.err().unwrap();
    assert!(matches!(error, OpenError::Config(_)), "{error}");
}
