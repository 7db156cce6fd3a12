//! What counts as an answer of a store that is there.

use super::*;

fn not_found(said: &str) -> Error {
    Error::NotFound { path: "house/k2i-reach".to_owned(), source: said.into() }
}

fn denied(said: &str) -> Error {
    Error::PermissionDenied { path: "house/k2i-reach".to_owned(), source: said.into() }
}

#[test]
fn an_object_that_is_not_there_is_told_from_a_bucket_that_is_not() {
    assert!(says_that_it_is_there(&not_found("404 Not Found: <Error><Code>NoSuchKey</Code></Error>")));
    assert!(says_that_it_is_there(&not_found("No such file or directory")));
    assert!(!says_that_it_is_there(&not_found("404 Not Found: <Error><Code>NoSuchBucket</Code></Error>")));
}

#[test]
fn a_store_that_may_not_be_listed_is_told_from_wrong_keys() {
    assert!(says_that_it_is_there(&denied("403 Forbidden: <Error><Code>AccessDenied</Code></Error>")));
    for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"] {
        assert!(
            !says_that_it_is_there(&denied(&format!("403 Forbidden: <Error><Code>{code}</Code></Error>"))),
            "{code}"
        );
    }
    assert!(!says_that_it_is_there(&Error::Generic { store: "S3", source: "connection refused".into() }));
}

#[tokio::test]
async fn a_folder_need_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("file://{}/new/folder/", folder.path().display());
    for place in [local.as_str(), "memory://house"] {
        Store::default().reach(place).await.unwrap();
    }
    assert!(matches!(Store::default().reach("a name of a warehouse").await, Err(StorageError::Location { .. })));
}
