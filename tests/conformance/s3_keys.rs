//! A store that checks who asks: signatures of good keys hold, and each kind of bad ones is explained.

use anyhow::ensure;
use k2i_lakehouse::storage::{S3Settings, StorageSettings, Store, UploadMemory};
use k2i_lakehouse::{Recovery, Secret, with_sources};
use k2i_tests::components::S3;
use k2i_tests::front::{Front, Response};
use k2i_tests::scene::scene;

use super::runtime;

const BUCKET: &str = "lake-checked";
const UPLOADS: u64 = 8 << 20;
const EVERYTHING: &str = "{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":[\"arn:aws:s3:::lake-checked\",\"arn:aws:s3:::lake-checked/*\"]}";
const NOTHING_HERE: &str = "{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::elsewhere/*\"}";

#[test]
fn keys_are_checked_and_every_refusal_is_explained() {
    scene("keys_are_checked_and_every_refusal_is_explained", |scene| {
        let s3 = S3::start(&scene.path("s3"))?;
        s3.create_bucket(BUCKET)?;
        let (writer, stranger) = (s3.add_user("writer", EVERYTHING)?, s3.add_user("stranger", NOTHING_HERE)?);
        s3.check_keys()?;
        let store = |key: &str, secret: &str| store_at(&s3.url(), key, secret);
        let good = store(&writer.0, &writer.1);
        let cases = [
            (store(&writer.0, "another secret"), BUCKET, "the secret key does not belong to the access key"),
            (store("AKIANOBODY", &writer.1), BUCKET, "the store does not know the access key"),
            (store(&stranger.0, &stranger.1), BUCKET, "the keys may not do that in the bucket lake-checked"),
        ];
        runtime()?.block_on(async {
            // (It does not know what right a HEAD needs, so the whole suite is not for it.)
            let location = format!("s3://{BUCKET}/house/a b=c.parquet");
            good.put(&location, "content".into()).await?;
            good.put(&location, "content".into()).await?;
            ensure!(good.get(&location).await? == "content", "another content");
            good.delete(&location).await?;
            for (store, bucket, expected) in cases {
                let error = store.put(&format!("s3://{bucket}/refused"), "x".into()).await.unwrap_err();
                let text = with_sources(&error);
                ensure!(text.contains(expected), "not {expected:?}: {text}");
                ensure!(error.recovery() == Recovery::Reject, "{text}");
            }
            Ok(())
        })
    })
}

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
