//! Topics that have lost records: by compaction, or before K2I ever saw them. What is left is in the table, and no hole
//! is taken for a gap.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k2i_tests::scene::{Scene, scene};
use serde_json::Value;

use super::feed::Feed;
use super::several::{CLUSTER, Several, stopped_tables};

/// Orders of one filling of the compacted topic, and how many different keys they have.
const ORDERS: &str = "400";
const KEYS: &str = "30";
/// Orders of the topic that loses its beginning, and how much of each topic partition goes.
const PRODUCED: u32 = 1_500;
const DELETED: [(i32, i64); 2] = [(0, 300), (1, 1)];

#[test]
fn a_compacted_topic_gives_exactly_the_records_that_are_left() {
    scene("a_compacted_topic_gives_exactly_the_records_that_are_left", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create_with(scene, "holes-compacted", 1, &["cleanup.policy=compact"])?;
        let table = several.table("compacted", &[feed.topic()], "")?;
        let first = fill(&mut feed, 0, 0)?;
        let mut rows = left(&first)?;
        let k2i = several.ingest()?;
        table.wait_rows(scene, rows)?;
        k2i.drain()?;
        table.check_places(scene, feed.acks(), rows)?;
        let end = table.watermark(scene, CLUSTER)?[&0];
        ensure!(feed.ends()?[&0] == end, "the watermark is {end}, which is not the topic's end");

        // The very position is compacted away while K2I is down.
        let second = fill(&mut feed, 1_000_000, end)?;
        let lowest = second["lowest"].as_i64().context("an offset")?;
        ensure!(lowest > end, "offset {lowest} is the first one left, so {end} is no hole");
        rows += left(&second)?;
        let k2i = several.ingest()?;
        table.wait_rows(scene, rows)?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a hole stopped the table");
        k2i.drain()?;
        table.check_places(scene, feed.acks(), rows)?;
        ensure!(table.watermark(scene, CLUSTER)? == feed.ends()?, "the watermark is not where the topic ends");
        Ok(())
    });
}

#[test]
fn a_log_that_has_lost_its_beginning_is_read_from_where_it_begins() {
    scene("a_log_that_has_lost_its_beginning_is_read_from_where_it_begins", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "holes-begin", 2)?;
        let table = several.table("begin", &[feed.topic()], "")?;
        feed.produce(PRODUCED)?;
        for (partition, offset) in DELETED {
            feed.delete_records(partition, offset)?;
        }
        let (acks, rows) = kept(scene, feed.acks())?;
        ensure!(rows < PRODUCED.into(), "nothing was deleted");

        let k2i = several.ingest()?;
        table.wait_rows(scene, rows)?;
        k2i.drain()?;
        table.check_places(scene, &[acks], rows)?;
        ensure!(table.watermark(scene, CLUSTER)? == feed.ends()?, "the watermark is not where the topic ends");
        Ok(())
    });
}

/// Fills the topic with orders from this number on, and lets the broker compact it.
fn fill(feed: &mut Feed<'_>, first: u32, from: i64) -> Result<Value> {
    let (first, from) = (first.to_string(), from.to_string());
    let how = ["--first", &first, "--orders", ORDERS, "--keys", KEYS, "--from", &from];
    let filled = feed.start_script("compaction.py", &how)?.finish()?;
    println!("compacted: {filled}");
    ensure!(left(&filled)? < filled["sent"].as_u64().context("a count")?, "nothing was compacted: {filled}");
    Ok(filled)
}

fn left(filled: &Value) -> Result<u64> {
    filled["left"].as_u64().context("a count")
}

/// The acknowledged records that were not deleted, as a file of their own, and how many they are.
fn kept(scene: &Scene, acks: &[PathBuf]) -> Result<(PathBuf, u64)> {
    let (path, mut text) = (scene.path("acks-kept.csv"), String::new());
    for file in acks {
        for line in fs::read_to_string(file)?.lines() {
            let mut fields = line.split(',');
            let (partition, offset) = (fields.next().context("a partition")?, fields.next().context("an offset")?);
            let begin = DELETED.iter().find(|(deleted, _)| partition.parse() == Ok(*deleted)).context("a partition")?.1;
            if offset.parse::<i64>()? >= begin {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    fs::write(&path, &text)?;
    Ok((path, text.lines().count() as u64))
}
