//! Tables that somebody else made, here PyIceberg: K2I appends to them, beside others, or refuses them by name.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

use super::feed::{Feed, text};
use super::several::{Several, wait_stopped};
use super::table::Table;

const ORDERS: u32 = 8_000;
const PER_SECOND: u32 = 1_000;
/// Numbers of the orders that PyIceberg writes, and how many it writes at a time.
const FOREIGN: u32 = 1_000_000;
const FOREIGN_ROWS: u32 = 200;
/// A catalog's name in its database that is not the default.
const LAKE: &str = "lake";

#[test]
fn rows_go_into_somebody_else_s_table_beside_rows_of_theirs() {
    scene("rows_go_into_somebody_else_s_table_beside_rows_of_theirs", |scene| {
        let mut several = Several::new(scene)?;
        let foreign = Foreign { scene, catalog: "default", table: "beside" };
        foreign.ask(&["create", "with-metadata"])?;
        let mut theirs = vec![foreign.append(0)?];
        let mut feed = Feed::create(scene, "foreign-beside", 2)?;
        let table = several.table("beside", &[feed.topic()], "")?;

        let mut production = feed.keep_producing(ORDERS, PER_SECOND)?;
        let k2i = several.ingest()?;
        let own = u64::from(FOREIGN_ROWS);
        table.wait_rows(scene, own + 1)?;
        // Between our commits: snapshots of somebody else's, and another schema.
        theirs.push(foreign.append(1)?);
        foreign.ask(&["add-column", "remark"])?;
        theirs.push(foreign.append(2)?);
        let now = table.rows(scene)?;
        table.wait_rows(scene, now + 1)?;
        production.expect_running()?;
        k2i.kill()?;
        theirs.push(foreign.append(3)?);

        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        let tally = production.finish()?;
        let rows = tally["rows"].as_u64().context("a tally counts rows")? + 4 * own;
        table.wait_rows(scene, rows)?;
        k2i.drain()?;
        let acks = [feed.acks(), theirs.as_slice()].concat();
        table.check_places(scene, &acks, rows)?;
        let kinds = foreign.kinds()?;
        ensure!(kinds.first() == Some(&Value::Null), "their rows came first: {kinds:?}");
        ensure!(kinds.iter().filter(|kind| kind.is_null()).count() == 4, "their four snapshots: {kinds:?}");
        ensure!(kinds.get(1) == Some(&json!("claim")), "a claim comes before the first rows: {kinds:?}");
        let last = kinds.iter().rposition(Value::is_null).context("their last snapshot")?;
        ensure!(kinds[last..].contains(&json!("append")), "nothing of ours came after theirs: {kinds:?}");
        Ok(())
    });
}

#[test]
fn an_empty_table_without_metadata_columns_takes_rows_after_a_claim() {
    scene("an_empty_table_without_metadata_columns_takes_rows_after_a_claim", |scene| {
        let mut several = Several::new(scene)?;
        several.iceberg = format!("catalog_name = {LAKE:?}");
        let foreign = Foreign { scene, catalog: LAKE, table: "bare" };
        foreign.ask(&["create", "plain"])?;
        let mut feed = Feed::create(scene, "foreign-bare", 2)?;
        let table = several.table("bare", &[feed.topic()], "metadata_columns = \"off\"")?;

        let production = feed.keep_producing(ORDERS, PER_SECOND)?;
        let k2i = several.ingest()?;
        table.wait_rows(scene, 1)?;
        k2i.kill()?;
        foreign.ask(&["append", &FOREIGN.to_string(), &FOREIGN_ROWS.to_string()])?;
        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        let tally = production.finish()?;
        let ours = tally["rows"].as_u64().context("a tally counts rows")?;
        table.wait_rows(scene, ours + u64::from(FOREIGN_ROWS))?;
        k2i.drain()?;
        // No row says which record it was: counts and sums have to tell.
        foreign.check(&[(0, ours), (FOREIGN, u64::from(FOREIGN_ROWS))])?;
        let kinds = foreign.kinds()?;
        ensure!(kinds.first() == Some(&json!("claim")), "a claim comes first: {kinds:?}");
        ensure!(kinds.get(1) == Some(&json!("append")), "and then rows: {kinds:?}");
        Ok(())
    });
}

#[test]
fn a_catalog_s_name_is_shared_with_others() {
    scene("a_catalog_s_name_is_shared_with_others", |scene| {
        let mut several = Several::new(scene)?;
        several.iceberg = format!("catalog_name = {LAKE:?}");
        let mut feed = Feed::create(scene, "foreign-named", 1)?;
        let table = several.table("named", &[feed.topic()], "")?;
        let k2i = several.ingest()?;
        let tally = feed.produce(ORDERS)?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)?;
        for (catalog, expected) in [(LAKE, true), ("default", false)] {
            let foreign = Foreign { scene, catalog, table: "named" };
            ensure!(foreign.ask(&["exists"])? == expected, "under the name {catalog}");
        }
        let foreign = Foreign { scene, catalog: LAKE, table: "named" };
        foreign.check(&[(0, u64::from(ORDERS))])
    });
}

#[test]
fn tables_that_cannot_be_written_rightly_are_refused_by_name_and_left_alone() {
    scene("tables_that_cannot_be_written_rightly_are_refused_by_name_and_left_alone", |scene| {
        let mut several = Several::new(scene)?;
        let mut feed = Feed::create(scene, "foreign-refused", 1)?;
        feed.produce(100)?;
        let off = "metadata_columns = \"off\"";
        let cases = [
            ("partitioned", "", "schema", "partitioned by customer"),
            ("v1", "", "schema", "version 1"),
            ("v3", "", "schema", "version 3"),
            ("plain", "", "schema", "_kafka_partition"),
            ("required", off, "record", "surely"),
        ];
        for (kind, lines, ..) in cases {
            Foreign { scene, catalog: "default", table: kind }.ask(&["create", kind])?;
            several.table(kind, &[feed.topic()], lines)?;
        }
        let well = several.table("well", &[feed.topic()], "")?;
        let mut k2i = several.ingest()?;
        well.wait_rows(scene, 100)?;
        for (kind, _, reason, named) in cases {
            let detail = wait_stopped(&mut k2i, kind, reason)?;
            ensure!(detail.contains(named), "{kind}: {detail:?} does not name {named}");
        }
        k2i.drain()?;
        for (kind, _, reason, _) in cases {
            let table = several.find(kind)?;
            let (found, expected) = (snapshots(&table, scene)?, if reason == "schema" { 0 } else { 1 });
            ensure!(found == expected, "{kind} has {found} snapshots, not {expected}");
        }
        Ok(())
    });
}

/// How many snapshots a table has.
fn snapshots(table: &Table, scene: &Scene) -> Result<usize> {
    Ok(table.commit_times(scene)?.len())
}

/// A table as PyIceberg makes and writes it.
struct Foreign<'a> {
    scene: &'a Scene,
    /// The catalog's name in the database.
    catalog: &'a str,
    table: &'a str,
}

impl Foreign<'_> {
    fn ask(&self, command: &[&str]) -> Result<Value> {
        let Self { scene, catalog, table } = self;
        let warehouse = format!("file://{}", text(&scene.path("warehouse"))?);
        let (database, name) = (scene.path("catalog.db"), format!("shop.{table}"));
        let args = [&[text(&database)?, catalog, &warehouse, &name], command].concat();
        Python::shared()?.ask(scene, "foreign_table.py", &args)
    }

    /// Appends rows of its own for the `number`th time; the answer is the file that names them.
    fn append(&self, number: u32) -> Result<PathBuf> {
        let acks = self.scene.path(&format!("theirs-{number}.csv"));
        let first = (FOREIGN + number * FOREIGN_ROWS).to_string();
        self.ask(&["append", &first, &FOREIGN_ROWS.to_string(), text(&acks)?])?;
        Ok(acks)
    }

    fn kinds(&self) -> Result<Vec<Value>> {
        Ok(self.ask(&["kinds"])?.as_array().context("kinds are a list")?.clone())
    }

    /// Checks with both engines that the table adds up to orders of these first numbers and counts.
    fn check(&self, orders: &[(u32, u64)]) -> Result<()> {
        let ranges: Vec<String> =
            orders.iter().flat_map(|(first, count)| [first.to_string(), count.to_string()]).collect();
        let ranges: Vec<&str> = ranges.iter().map(String::as_str).collect();
        let expected = self.ask(&[&["expected"], ranges.as_slice()].concat())?;
        for command in ["sums", "sums-by-duckdb"] {
            let found = self.ask(&[command])?;
            ensure!(found == expected, "{command}: another tally\nfound:  {found}\nwanted: {expected}");
        }
        Ok(())
    }
}
