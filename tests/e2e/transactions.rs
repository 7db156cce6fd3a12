//! Topics that are written in transactions: exactly the committed records, however long it takes until they are.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::Feed;
use super::several::{CLUSTER, Several, stopped_tables};
use super::table::Table;

/// Pairs of transactions, and orders of each.
const TRANSACTIONS: &str = "12";
const ORDERS: &str = "40";
/// Orders without a transaction, in front of one that stays open, in it, and behind it.
const BEFORE: u32 = 200;
const HELD: u32 = 500;
const BEHIND: u32 = 400;
/// Numbers of those.
const HELD_FROM: u32 = 100_000;
const BEHIND_FROM: u32 = 200_000;
/// The topic partition of the open transaction.
const HELD_PARTITION: i32 = 0;
const LIMIT: Duration = Duration::from_secs(60);
/// How long K2I is watched while it has nothing to do but wait, and how much of a core it may use for that.
const WATCHED: Duration = Duration::from_secs(4);
const MOST_OF_A_CORE: f64 = 0.25;

#[test]
fn aborted_records_never_get_in_and_positions_end_past_the_markers() {
    scene("aborted_records_never_get_in_and_positions_end_past_the_markers", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "transactions-mixed", 2)?;
        let table = several.table("mixed", &[feed.topic()], "")?;
        let k2i = several.ingest()?;
        let mut rows = transact(&mut feed, 0)?;
        table.wait_rows(scene, rows)?;
        table.check_places(scene, feed.acks(), rows)?;
        k2i.drain()?;
        expect_at_the_end(&table, scene, &feed, rows)?;

        // Idle: the last thing in each topic partition is a marker, and nothing of it is a gap.
        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        rows += transact(&mut feed, 1_000_000)?;
        table.wait_rows(scene, rows)?;
        // Killed with the markers behind the last rows perhaps read, and not committed.
        k2i.kill()?;

        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        rows += feed.produce_from(2_000_000, BEFORE)?["rows"].as_u64().context("a tally counts rows")?;
        table.wait_rows(scene, rows)?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a marker stopped the table");
        k2i.drain()?;
        expect_at_the_end(&table, scene, &feed, rows)?;
        table.check_places(scene, feed.acks(), rows)
    });
}

#[test]
fn a_transaction_that_stays_open_holds_back_its_own_topic_partition_alone() {
    scene("a_transaction_that_stays_open_holds_back_its_own_topic_partition_alone", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "transactions-open", 2)?;
        let table = several.table("open", &[feed.topic()], "")?;
        let mut k2i = several.ingest()?;
        feed.produce(BEFORE)?;
        table.wait_rows(scene, u64::from(BEFORE))?;

        let before = feed.ends()?[&HELD_PARTITION];
        let (partition, first, orders) = (HELD_PARTITION.to_string(), HELD_FROM.to_string(), HELD.to_string());
        let how = ["hold", "--partition", &partition, "--first", &first, "--orders", &orders];
        let held = feed.start_script("transactions.py", &how)?;
        until("the open transaction's records to be in the log", LIMIT, || {
            let end = feed.ends()?[&HELD_PARTITION];
            let there = end >= before + i64::from(HELD);
            Ok(if there { Look::Done(()) } else { Look::NotYet(format!("the log ends at {end}")) })
        })?;
        let behind = feed.produce_from(BEHIND_FROM, BEHIND)?;
        let of = |partition: &str| behind["partitions"][partition][0].as_u64().context("records in both");
        let (stuck, free) = (of("0")?, of("1")?);

        // What lies beside the transaction gets in; what lies in it and behind it does not, and costs nothing.
        table.wait_rows(scene, u64::from(BEFORE) + free)?;
        expect_calm(&mut k2i)?;
        let now = table.rows(scene)?;
        ensure!(now == u64::from(BEFORE) + free, "{now} rows while a transaction was open before {stuck} of them");

        let tally = held.finish()?;
        ensure!(tally["tally"]["rows"] == HELD, "the transaction had other records: {tally}");
        let rows = u64::from(BEFORE + HELD + BEHIND);
        table.wait_rows(scene, rows)?;
        k2i.drain()?;
        table.check_places(scene, feed.acks(), rows)?;
        expect_at_the_end(&table, scene, &feed, rows)
    });
}

/// Two producers' transactions, half of them aborted, with orders from this number. The answer is how many records were
/// committed.
fn transact(feed: &mut Feed<'_>, first: u32) -> Result<u64> {
    let how = ["interleave", "--transactions", TRANSACTIONS, "--orders", ORDERS, "--first", &first.to_string()];
    let done = feed.start_script("transactions.py", &how)?.finish()?;
    let count = |what: &Value| what.as_u64().context("a count");
    let (committed, aborted) = (count(&done["tally"]["rows"])?, count(&done["aborted"])?);
    ensure!(committed == aborted && aborted > 0, "half of the records were to be aborted: {done}");
    Ok(committed)
}

/// The watermark is where each topic partition ends, past the last marker; positions without rows outnumber nothing.
fn expect_at_the_end(table: &Table, scene: &Scene, feed: &Feed<'_>, rows: u64) -> Result<()> {
    let (watermark, ends) = (table.watermark(scene, CLUSTER)?, feed.ends()?);
    ensure!(watermark == ends, "the watermark is {watermark:?}, and the topic ends at {ends:?}");
    let positions: i64 = ends.values().sum();
    ensure!(positions > i64::try_from(rows)?, "the topic has {positions} positions for {rows} rows, and no marker");
    ensure!(table.rows(scene)? == rows, "the drain has changed the table");
    Ok(())
}

/// Fails if waiting takes much of a core.
fn expect_calm(k2i: &mut K2i) -> Result<()> {
    let (began, used) = (Instant::now(), k2i.cpu_time()?);
    // Nothing can be waited for: that nothing happens is what is watched.
    thread::sleep(WATCHED);
    let (time, used) = (began.elapsed(), k2i.cpu_time()? - used);
    let share = used.as_secs_f64() / time.as_secs_f64();
    println!("waits for an open transaction with {:.1} % of a core", share * 100.0);
    ensure!(share < MOST_OF_A_CORE, "{used:?} of computing in {time:?} of waiting");
    k2i.expect_running()
}
