//! Each refusal of a store in its own words, and what is said of it.

use super::*;

fn said(text: &str) -> String {
    let error = object_store::Error::Generic { store: "S3", source: text.into() };
    meaning("s3://lake/house/x", &error)
}

#[test]
fn what_a_store_says_is_explained_with_its_bucket() {
    let cases = [
        ("404 Not Found: <Error><Code>NoSuchBucket</Code></Error>", "there is no bucket lake"),
        ("Received redirect without LOCATION, this normally indicates", "lake is in another region"),
        ("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", "set storage.region"),
        ("400 Bad Request: <Code>ExpiredToken</Code>", "the keys have run out"),
        ("403 Forbidden: <Code>InvalidAccessKeyId</Code>", "does not know the access key"),
        ("403 Forbidden: <Code>SignatureDoesNotMatch</Code>", "does not belong to the access key"),
        ("403 Forbidden: <Code>AccessDenied</Code>", "the keys may not do that in the bucket lake"),
        ("403 Forbidden: ", "s3:PutObject"),
        ("error sending request to 169.254.169.254", "there are no keys"),
    ];
    for (text, expected) in cases {
        assert!(said(text).contains(expected), "{text}: {}", said(text));
    }
    assert_eq!(said("connection refused"), "");
}

#[test]
fn a_folder_has_no_bucket_to_explain() {
    let error = object_store::Error::Generic { store: "x", source: "403 Forbidden".into() };
    assert_eq!(meaning("file:///data/x", &error), "");
}
