//! Topics that change under K2I: recreated, cut, grown, away, late. What is another stream never gets in, and nothing jumps.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::{Feed, text};
use super::several::{CLUSTER, Several, expect_names, stopped_tables, wait_stopped};
use super::table::{ENGINES, Table, check_none};

/// Rows of a topic before it changes, and of the one that takes its name.
const BEFORE: u32 = 2_000;
const AFTER: u32 = 5_000;
/// Numbers of orders that no topic had before.
const OTHERS: u32 = 1_000_000;
/// Between two commits, where a test has something to do in between.
const SELDOM_SECONDS: u64 = 10;
/// Topic partitions added later are read within this time.
const GROWN_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_topic_recreated_while_down_stops_its_table_alone() {
    scene("a_topic_recreated_while_down_stops_its_table_alone", |scene| {
        let mut pair = Pair::lay(scene, "recreated-down")?;
        let k2i = pair.fill()?;
        k2i.drain()?;
        let (was, is) = pair.recreate()?;
        // More records than the watermark: no position is past the log's end, only the id tells.
        pair.doomed.produce_from(OTHERS, AFTER)?;

        let mut k2i = pair.several.ingest()?;
        let detail = wait_stopped(&mut k2i, "doomed", "topic_recreated")?;
        expect_names(&detail, &[pair.doomed.topic(), &was, &is])?;
        pair.others_go_on(k2i)
    });
}

#[test]
fn a_topic_recreated_while_it_is_read_stops_its_table_alone() {
    scene("a_topic_recreated_while_it_is_read_stops_its_table_alone", |scene| {
        let mut pair = Pair::lay(scene, "recreated-up")?;
        let mut k2i = pair.fill()?;
        let (was, is) = pair.recreate()?;
        pair.doomed.produce_from(OTHERS, AFTER)?;

        let detail = wait_stopped(&mut k2i, "doomed", "topic_recreated")?;
        expect_names(&detail, &[pair.doomed.topic(), &was, &is])?;
        pair.others_go_on(k2i)
    });
}

#[test]
fn a_topic_recreated_in_the_middle_of_reading_lets_nothing_of_the_new_one_in() {
    scene("a_topic_recreated_in_the_middle_of_reading_lets_nothing_of_the_new_one_in", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "recreated-middle", 2)?;
        // After a commit there is time until the next one: what is read in between is in the worker's hands alone.
        several.flush_interval_seconds = SELDOM_SECONDS;
        let table = several.table("doomed", &[feed.topic()], "")?;
        let mut k2i = several.ingest()?;
        let production = feed.keep_producing(BEFORE, 2_000)?;
        table.wait_rows(scene, 1)?;
        let committed = table.rows(scene)?;
        k2i.wait_read(committed + 1)?;
        let acked = production.finish()?["rows"].as_u64().context("a tally counts rows")?;
        k2i.wait_read(acked)?;
        feed.delete()?;
        let at_the_end = table.rows(scene)?;
        ensure!(at_the_end < acked, "all {acked} rows were committed before the topic went, so nothing was shown");
        let acks = feed.acks().to_vec();
        feed.create_again(2)?;
        feed.produce_from(OTHERS, 20 * AFTER)?;

        wait_stopped(&mut k2i, "doomed", "topic_recreated")?;
        k2i.drain()?;
        for engine in ENGINES {
            // How much of the old topic was committed before it went is not ours to say; that nothing else is there, is.
            let found = table.read(scene, engine, &acks)?;
            check_none(&found, &["doubled", "alien"]).context(engine)?;
            let rows = found["distinct"].as_u64().context("a number of places")?;
            ensure!(rows >= at_the_end, "{engine} misses what was committed: {found}");
            ensure!(rows < acked, "{engine} finds all {acked} rows: what was read last was committed unchecked");
        }
        Ok(())
    });
}

#[test]
fn records_deleted_before_they_were_read_stop_the_table() {
    scene("records_deleted_before_they_were_read_stop_the_table", |scene| {
        let mut pair = Pair::lay(scene, "cut")?;
        let k2i = pair.fill()?;
        k2i.drain()?;
        let (doomed, well) = (pair.doomed.ends()?, pair.well.ends()?);
        pair.doomed.produce_from(OTHERS, AFTER)?;
        // What was read may go: that is no gap. One record more is.
        for (partition, end) in well {
            pair.well.delete_records(partition, end)?;
        }
        let gap = doomed[&1] + 1;
        pair.doomed.delete_records(1, gap)?;

        let mut k2i = pair.several.ingest()?;
        let detail = wait_stopped(&mut k2i, "doomed", "retention_gap")?;
        let place = format!("partition 1: Kafka deleted offsets {} to {gap}", doomed[&1]);
        expect_names(&detail, &[pair.doomed.topic(), &place])?;
        pair.others_go_on(k2i)
    });
}

#[test]
fn topic_partitions_added_later_are_read_from_their_start() {
    scene("topic_partitions_added_later_are_read_from_their_start", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "grown", 1)?;
        // Nothing of a partition that is added later may be left out, whatever `start` says.
        let table = several.table("grown", &[feed.topic()], &format!("{COLUMNS}\n{FROM_THE_END}"))?;
        let mut k2i = several.ingest()?;
        wait_made(&table, scene)?;
        let first = feed.produce(BEFORE)?;
        table.wait_rows(scene, u64::from(BEFORE))?;
        table.check_exact(scene, feed.acks(), &first)?;

        feed.grow(3)?;
        let grown = Instant::now();
        let second = feed.produce_from(OTHERS, AFTER)?;
        let added = second["partitions"].as_object().context("a tally has partitions")?;
        ensure!(added.len() == 3, "not every topic partition got records: {second}");
        table.wait_rows(scene, u64::from(BEFORE + AFTER))?;
        let took = grown.elapsed();
        println!("topic partitions that were added are in the table after {took:?}");
        ensure!(took <= GROWN_LIMIT, "topic partitions that were added were read after {took:?} only");
        table.check_places(scene, feed.acks(), u64::from(BEFORE + AFTER))?;
        k2i.expect_running()?;
        k2i.drain()?;
        ensure!(table.watermark(scene, CLUSTER)? == feed.ends()?, "the watermark is not where the topic ends");
        table.check_places(scene, feed.acks(), u64::from(BEFORE + AFTER))
    });
}

#[test]
fn a_topic_may_come_later() {
    scene("a_topic_may_come_later", |scene| {
        let mut several = Several::new(scene)?;
        let table = several.table("late", &["late"], "")?;
        let mut k2i = several.ingest()?;
        k2i.wait_live()?;
        until("the missing topic to be named", GROWN_LIMIT, || {
            let said =
                k2i.log().lines().filter(|line| line.contains("late") && line.contains("topic does not exist")).count();
            Ok(if said > 0 { Look::Done(()) } else { Look::NotYet("it says nothing".into()) })
        })?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a table that waits for its topic is not stopped");

        let mut feed = Feed::create(scene, "late", 2)?;
        let tally = feed.produce(BEFORE)?;
        table.wait_rows(scene, u64::from(BEFORE))?;
        table.check_exact(scene, feed.acks(), &tally)?;
        let said = k2i.log().lines().filter(|line| line.contains("topic does not exist")).count();
        ensure!(said == 1, "it said {said} times that the topic does not exist");
        k2i.expect_running()?;
        k2i.drain().map(|_| ())
    });
}

/// Two topics with a table each; something happens to one of them.
struct Pair<'a> {
    scene: &'a Scene,
    several: Several<'a>,
    doomed: Feed<'a>,
    well: Feed<'a>,
    doomed_table: Table,
    well_table: Table,
    /// What was in the doomed topic before.
    before: Value,
}

impl<'a> Pair<'a> {
    fn lay(scene: &'a Scene, name: &str) -> Result<Self> {
        let (doomed, well) = (format!("{name}-doomed"), format!("{name}-well"));
        let mut several = Several::new(scene)?;
        Ok(Self {
            scene,
            doomed: Feed::create(scene, &doomed, 2)?,
            well: Feed::create(scene, &well, 2)?,
            doomed_table: several.table("doomed", &[&doomed], "")?,
            well_table: several.table("well", &[&well], "")?,
            several,
            before: Value::Null,
        })
    }

    /// Starts K2I and lets it commit what both topics have. What the doomed one gets later is not among its acks.
    fn fill(&mut self) -> Result<K2i> {
        let mut k2i = self.several.ingest()?;
        self.before = self.doomed.produce(BEFORE)?;
        self.well.produce(BEFORE)?;
        for table in [&self.doomed_table, &self.well_table] {
            table.wait_rows(self.scene, u64::from(BEFORE))?;
        }
        k2i.expect_running()?;
        Ok(k2i)
    }

    /// Deletes the doomed topic and makes another one of its name. The answer is both ids, as Kafka's own tools write
    /// them.
    fn recreate(&self) -> Result<(String, String)> {
        let id = |described: Value| {
            let id = described["topic_id"].as_str().context("a topic has an id")?;
            Ok::<_, anyhow::Error>(id.replace('+', "-").replace('/', "_"))
        };
        let was = id(self.doomed.describe()?)?;
        self.doomed.delete()?;
        let is = id(self.doomed.create_again(2)?)?;
        ensure!(was != is, "the topic was not recreated");
        Ok((was, is))
    }

    /// The other table takes new rows; meanwhile, and at the end, the stopped one holds what it held.
    fn others_go_on(mut self, mut k2i: K2i) -> Result<()> {
        let more = self.well.produce_from(OTHERS, AFTER)?;
        ensure!(more["rows"] == AFTER, "the broker took {more}");
        self.well_table.wait_rows(self.scene, u64::from(BEFORE + AFTER))?;
        self.well_table.check_places(self.scene, self.well.acks(), u64::from(BEFORE + AFTER))?;
        let stopped = stopped_tables(&k2i.log());
        ensure!(stopped.iter().all(|table| table == "shop.doomed"), "stopped: {stopped:?}");
        k2i.expect_running()?;
        k2i.drain()?;
        let before = &self.doomed.acks()[..1];
        ensure!(text(&before[0])?.contains("doomed"), "the first acks are those of the old topic");
        self.doomed_table.check_exact(self.scene, before, &self.before)
    }
}

/// Waits until the table has its first, empty snapshot.
fn wait_made(table: &Table, scene: &Scene) -> Result<()> {
    until("the table to be made", GROWN_LIMIT, || {
        Ok(match table.rows(scene) {
            Ok(rows) => Look::Done(rows),
            Err(error) => Look::NotYet(format!("{error:#}")),
        })
    })
    .map(|_| ())
}

/// Further lines of a table of orders that is made before the first record.
const COLUMNS: &str = r#"columns = [
    { name = "order_id", type = "long" }, { name = "customer", type = "string" }, { name = "amount", type = "double" },
    { name = "item", type = "struct<sku: string, quantity: long, gift: boolean>" },
    { name = "tags", type = "list<string>" }, { name = "placed_at", type = "string" }, { name = "note", type = "string" },
]"#;
/// Further lines of a table that reads what comes from now on.
const FROM_THE_END: &str = "[tables.kafka]\nstart = \"latest\"";
