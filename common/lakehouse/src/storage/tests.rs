use std::io::Write;
use std::sync::Mutex;

use object_store::ObjectStoreExt;

use super::*;
use crate::error::Recovery;

fn stores() -> (tempfile::TempDir, Store, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("file://{}/new/folder", folder.path().display());
    (folder, Store::default(), [local, "memory://house".to_owned()])
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
async fn an_object_is_created_once() {
    let (_folder, store, roots) = stores();
    for root in roots {
        let location = format!("{root}/a b.avro");
        assert_eq!(store.head(&location).await.unwrap(), None);
        store.put(&location, "first".into()).await.unwrap();
        store.put(&location, "first".into()).await.unwrap();
        let error = store.put(&location, "second".into()).await.unwrap_err();
        assert!(matches!(error, StorageError::Exists { found: 5, expected: 6, .. }), "{error:?}");
        assert_eq!(store.get(&location).await.unwrap(), "first");
        assert_eq!(store.head(&location).await.unwrap(), Some(5));
        store.delete(&location).await.unwrap();
        store.delete(&location).await.unwrap();
        assert!(matches!(store.get(&location).await.unwrap_err(), StorageError::Missing { .. }));
    }
}

#[tokio::test]
async fn an_upload_may_be_repeated_but_replaces_nothing() {
    let (_folder, store, roots) = stores();
    for root in roots {
        let location = format!("{root}/data/x.parquet");
        let source = file_of(b"0123456789");
        assert_eq!(store.upload(source.path(), &location, never).await.unwrap(), Uploaded { bytes: 10 });
        assert_eq!(store.upload(source.path(), &location, never).await.unwrap(), Uploaded { bytes: 10 });
        let other = file_of(b"01234");
        let error = store.upload(other.path(), &location, never).await.unwrap_err();
        assert!(matches!(error, StorageError::Exists { found: 10, expected: 5, .. }), "{error:?}");
        assert_eq!(store.get(&location).await.unwrap(), "0123456789");
    }
}

#[tokio::test]
async fn no_temporary_file_stays() {
    let (folder, store, [root, _]) = stores();
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
async fn a_missing_source_is_named() {
    let (_folder, store, [root, _]) = stores();
    let error = store.upload("/nowhere/x".as_ref(), &root, never).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/x"), "{error}");
}

#[tokio::test]
async fn large_files_go_in_parts_and_their_id_is_told_first() {
    let store = Store::default();
    let location = "memory://house/large";
    let mut source = tempfile::NamedTempFile::new().unwrap();
    for block in 0..65_u8 {
        source.write_all(&vec![block; 1 << 20]).unwrap();
    }
    let told = Mutex::new(None);
    let note = async |id: String| -> Result<(), CallbackError> {
        assert_eq!(store.head(location).await.unwrap(), None);
        *told.lock().unwrap() = Some(id);
        Ok(())
    };
    let uploaded = store.upload(source.path(), location, note).await.unwrap();
    assert_eq!(uploaded.bytes, 65 << 20);
    assert!(told.lock().unwrap().is_some());
    let content = store.get(location).await.unwrap();
    assert!(content.chunks(1 << 20).enumerate().all(|(index, block)| block.iter().all(|byte| *byte == index as u8)));
}

#[tokio::test]
async fn an_id_that_cannot_be_noted_ends_the_upload() {
    let store = Store::default();
    let source = file_of(&vec![0; (SINGLE_PUT_BYTES + 1) as usize]);
    let refuse = async |_id: String| -> Result<(), CallbackError> { Err("log is full".into()) };
    let error = store.upload(source.path(), "memory://house/large", refuse).await.unwrap_err();
    assert!(matches!(error, StorageError::Callback { .. }), "{error:?}");
    assert_eq!(store.head("memory://house/large").await.unwrap(), None);
}

#[tokio::test]
async fn iceberg_reads_and_writes_the_same_objects() {
    let (_folder, store, roots) = stores();
    let io = store.file_io();
    for root in roots {
        let location = format!("{root}/metadata/v0.json");
        let mut writer = io.new_output(&location).unwrap().writer().await.unwrap();
        writer.write("hello ".into()).await.unwrap();
        writer.write("world".into()).await.unwrap();
        writer.close().await.unwrap();
        assert!(writer.close().await.is_err());
        assert_eq!(store.get(&location).await.unwrap(), "hello world");
        let input = io.new_input(&location).unwrap();
        assert_eq!(input.metadata().await.unwrap().size, 11);
        assert_eq!(input.reader().await.unwrap().read(6..11).await.unwrap(), "world");
        let error = io.new_output(&location).unwrap().write("other".into()).await.unwrap_err();
        assert!(!error.retryable());
        io.delete_prefix(&root).await.unwrap();
        assert!(!io.exists(&location).await.unwrap());
    }
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
    let (folder, store, _) = stores();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let location = format!("file://{}/file/x", folder.path().display());
    let error: iceberg::Error = store.put(&location, "x".into()).await.unwrap_err().into();
    let text = error.to_string();
    assert_eq!(text.matches("Not a directory").count(), 1, "{text}");
    assert_eq!(text.matches(&location).count(), 1, "{text}");
}
