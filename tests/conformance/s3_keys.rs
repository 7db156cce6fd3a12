//! What a store's refusals come to.

use anyhow::ensure;
use k2i_lakehouse::storage::{S3Settings, StorageSettings, Store, UploadMemory};
use k2i_lakehouse::{Secret, with_sources};
use k2i_tests::front::{Front, Response};
use k2i_tests::scene::scene;

use super::runtime;

const UPLOADS: u64 = 8 << 20;

#[test]
fn a_bucket_in_another_region_is_named() {
    scene("a_bucket_in_another_region_is_named", |_| {
        let answers = [
            // With the region of this client in the signature, and with another one.
            (301, "<Error><Code>PermanentRedirect</Code><Endpoint>lake.s3.eu-west-1.amazonaws.com</Endpoint></Error>"),
            (400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"),
            (404, "<Error><Code>NoSuchBucket</Code><BucketName>lake</BucketName></Error>"),
        ];
        let meanings = ["lake is in another region", "lake is in another region", "there is no bucket lake"];
        for ((status, body), meaning) in answers.into_iter().zip(meanings) {
            let front = Front::before(1, move |_, _| Ok(Response::text(status, "application/xml", body)))?;
            let store = store_at(&front.url(), "key", "secret");
            let error = runtime()?.block_on(store.put("s3://lake/x", "x".into())).unwrap_err();
            let text = with_sources(&error);
            ensure!(text.contains(meaning), "{status}: {text}");
        }
        Ok(())
    })
}

fn store_at(endpoint: &str, key: &str, secret: &str) -> Store {
    Store::new(StorageSettings {
        s3: S3Settings {
            endpoint: Some(endpoint.to_owned()),
            region: Some("us-east-1".to_owned()),
            access_key_id: Some(key.to_owned()),
            secret_access_key: Some(Secret::new(secret)),
            ..S3Settings::default()
        },
        uploads: UploadMemory::new(UPLOADS),
        ..StorageSettings::default()
    })
}
