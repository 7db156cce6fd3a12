//! The suite of stores on S3.

use anyhow::{Result, ensure};
use k2i_lakehouse::storage::conformance::Suite;
use k2i_tests::components::S3;
use k2i_tests::http::send;
use k2i_tests::scene::scene;

use super::{runtime, store_on};

const BUCKET: &str = "store-suite";
/// The least: what is larger goes in parts of this size, one after the other.
const NARROW: u64 = 8 << 20;
/// Two parts of full size at once.
const WIDE: u64 = 32 << 20;

#[test]
fn a_store_on_s3_conforms() {
    scene("a_store_on_s3_conforms", |scene| {
        let s3 = S3::shared()?;
        s3.create_bucket(BUCKET)?;
        let (root, folder) = (format!("s3://{BUCKET}/suite"), scene.path("files"));
        std::fs::create_dir(&folder)?;
        let [narrow, wide] = [NARROW, WIDE].map(|uploads| store_on(s3, uploads));
        let suite = |store| Suite { store, root: &root, folder: &folder, parts: true };
        runtime()?.block_on(async {
            suite(&narrow).run().await;
            suite(&wide).a_large_file_arrives_whole_and_replaces_nothing().await;
        });
        nothing_is_left(s3)
    })
}

/// Asked without K2I: neither an object nor an upload that nobody ended.
fn nothing_is_left(s3: &S3) -> Result<()> {
    for (list, entry) in [("list-type=2", "<Key>"), ("uploads", "<UploadId>")] {
        let answer = send(s3.port(), "GET", &format!("/{BUCKET}?{list}"), &[], "")?;
        ensure!(answer.status == 200, "{list}: {} {}", answer.status, answer.body);
        ensure!(!answer.body.contains(entry), "the suite leaves something behind: {}", answer.body);
    }
    Ok(())
}
