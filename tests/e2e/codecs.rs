//! Batches of every codec that Kafka has, in one log.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Kafka;
use k2i_tests::scene::scene;

use super::line::Line;

/// By the number that stands in a batch's attributes.
const CODECS: [(u8, &str); 5] = [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")];
const ORDERS: u32 = 2_500;

#[test]
fn batches_of_every_codec_become_rows() {
    scene("batches_of_every_codec_become_rows", |scene| {
        let mut line = Line::lay(scene, 1)?;
        // Each producer has a batch of every codec at least.
        for first in [0, ORDERS] {
            line.feed().produce_compressed(first, ORDERS, &CODECS.map(|(_, name)| name))?;
        }
        let topic = line.feed().topic().to_owned();
        let batches = batches(&Kafka::shared()?.log_folder(&topic, 0))?;
        for (number, name) in CODECS {
            let count = batches.get(&number).copied().unwrap_or(0);
            ensure!(count >= 2, "{count} batches are compressed by {name}: {batches:?}");
        }

        let k2i = line.ingest()?;
        let rows = u64::from(2 * ORDERS);
        line.wait_rows(rows)?;
        k2i.drain()?;
        let table = line.table()?;
        table.check_places(scene, line.feed().acks(), rows)
    });
}

/// How many batches of each codec the broker keeps in a log.
fn batches(folder: &Path) -> Result<BTreeMap<u8, usize>> {
    /// A batch begins with its base offset and the length of what follows; further on are its format and attributes.
    const HEAD: usize = 12;
    const MAGIC: usize = 16;
    const ATTRIBUTES: usize = 21;
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = file?.path();
        if path.extension().is_none_or(|kind| kind != "log") {
            continue;
        }
        let log = fs::read(&path)?;
        let mut rest = &log[..];
        while rest.len() > ATTRIBUTES + 1 {
            let length = rest[HEAD - 4..HEAD].try_into().map(u32::from_be_bytes)?;
            ensure!(rest[MAGIC] == 2, "a batch of format {} in {}", rest[MAGIC], path.display());
            *found.entry(rest[ATTRIBUTES + 1] & 0b111).or_default() += 1;
            rest = rest.get(HEAD + usize::try_from(length)?..).unwrap_or_default();
        }
    }
    Ok(found)
}
