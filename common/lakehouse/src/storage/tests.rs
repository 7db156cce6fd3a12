use std::io::Write;

use object_store::ObjectStoreExt;

use super::conformance::Suite;
use super::*;
use crate::error::Recovery;

fn local() -> (tempfile::TempDir, Store, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = format!("file://{}/new/folder", folder.path().display());
    (folder, Store::default(), root)
}

/// Whose uploads have so little memory that files of a few MiB go in parts.
fn small(uploads: u64) -> Store {
    Store::new(StorageSettings { uploads: UploadMemory::new(uploads), ..StorageSettings::default() })
}

fn file_of(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

async fn never(_id: String) -> Result<(), CallbackError> {
    panic!("no multipart upload was expected")
}

#[test]
fn locations_are_parsed_literally() {
    let cases = [
        ("/a/b c%20", Scheme::File, "", "a/b c%20"),
        ("file:///a/b", Scheme::File, "", "a/b"),
        ("file:/a/b", Scheme::File, "", "a/b"),
        ("file://localhost/a", Scheme::File, "", "a"),
        ("memory://house/a", Scheme::Memory, "", "house/a"),
        ("s3://bucket/a/b", Scheme::S3, "bucket", "a/b"),
        ("s3a://bucket/a", Scheme::S3, "bucket", "a"),
        ("s3://bucket", Scheme::S3, "bucket", ""),
    ];
    for (text, scheme, bucket, path) in cases {
        let parsed = Location::parse(text).unwrap();
        assert_eq!((parsed.scheme, parsed.bucket.as_str(), parsed.path.as_ref()), (scheme, bucket, path), "{text}");
    }
}

#[test]
fn locations_that_mean_nothing_are_refused_by_name() {
    for (text, word) in [
        ("gs://bucket/a", "gs"),
        ("a/b", "absolute"),
        ("file://host/a", "absolute"),
        ("s3:///a", "bucket"),
        ("s3://bucket/a//b", "empty"),
        ("file:///a/../b", ".."),
    ] {
        let error = Location::parse(text).unwrap_err();
        assert!(error.to_string().contains(word), "{text}: {error}");
        assert_eq!(error.recovery(), Recovery::Reject);
    }
}

#[test]
fn warehouses_become_urls() {
    assert_eq!(absolute_location("/data/house/").unwrap(), "file:///data/house");
    assert_eq!(absolute_location("file:/data").unwrap(), "file:///data");
    assert_eq!(absolute_location("s3://bucket/house/").unwrap(), "s3://bucket/house");
    let relative = absolute_location("./house").unwrap();
    assert_eq!(relative, format!("file://{}/house", std::env::current_dir().unwrap().display()));
}

#[tokio::test]
async fn memory_conforms() {
    let files = tempfile::tempdir().unwrap();
    let (narrow, wide) = (small(8 << 20), small(32 << 20));
    let suite = |store| Suite { store, root: "memory://house", folder: files.path(), parts: true };
    suite(&narrow).run().await;
    // Parts at once.
    suite(&wide).a_large_file_arrives_whole_and_replaces_nothing().await;
}

#[tokio::test]
async fn a_local_folder_conforms() {
    let files = tempfile::tempdir().unwrap();
    let (_folder, _, root) = local();
    Suite { store: &small(8 << 20), root: &root, folder: files.path(), parts: false }.run().await;
}

#[tokio::test]
async fn no_temporary_file_stays() {
    let (folder, store, root) = local();
    let source = file_of(b"x");
    store.upload(source.path(), &format!("{root}/x"), never).await.unwrap();
    let other = file_of(b"yy");
    store.upload(other.path(), &format!("{root}/x"), never).await.unwrap_err();
    let names: Vec<_> = std::fs::read_dir(folder.path().join("new/folder"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["x"]);
}

#[tokio::test]
async fn readers_get_the_plain_store() {
    let store = Store::default();
    store.put("memory://house/a", "x".into()).await.unwrap();
    let (objects, path) = store.resolve("memory://house/a").unwrap();
    assert_eq!(objects.head(&path).await.unwrap().size, 1);
}

#[test]
fn a_serialised_storage_carries_no_secrets() {
    let settings = StorageSettings {
        s3: S3Settings { secret_access_key: Some(crate::Secret::new("hush")), ..S3Settings::default() },
        ..StorageSettings::default()
    };
    assert!(!format!("{settings:?}").contains("hush"));
    let factory: &dyn iceberg::io::StorageFactory = &StoreFactory::new(Store::new(settings));
    let text = serde_json::to_string(factory).unwrap();
    assert!(!text.contains("hush"), "{text}");
    serde_json::from_str::<Box<dyn iceberg::io::StorageFactory>>(&text).unwrap();
}

#[tokio::test]
async fn an_error_tells_its_cause_once() {
    let (folder, store, _) = local();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let location = format!("file://{}/file/x", folder.path().display());
    let error: iceberg::Error = store.put(&location, "x".into()).await.unwrap_err().into();
    let text = error.to_string();
    assert_eq!(text.matches("Not a directory").count(), 1, "{text}");
    assert_eq!(text.matches(&location).count(), 1, "{text}");
}
