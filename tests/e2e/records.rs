//! Records that cannot become rows: they stop their own table where they stand, with every good row before them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

use super::feed::Feed;
use super::several::{Several, expect_names, stopped_tables, wait_stopped};
use super::table::{ENGINES, Table, check_none};

/// Orders that make the table, those before the bad record, and those behind it.
const FIRST: u32 = 1_000;
const BEFORE: u32 = 4_000;
const BEHIND: u32 = 3_000;
/// Numbers of each.
const BEFORE_FROM: u32 = 100_000;
const BEHIND_FROM: u32 = 200_000;
/// The topic partition that the bad record is in, of two.
const PARTITION: i32 = 1;
/// The number of the order that is in the bad record.
const BAD_ID: i64 = 7_000_000;
const IGNORE: &str = "on_unknown_field = \"ignore\"";

#[test]
fn a_record_that_does_not_fit_stops_its_table_at_its_offset() {
    scene("a_record_that_does_not_fit_stops_its_table_at_its_offset", |scene| {
        let mut several = Several::new(scene)?;
        let mut unknown = Spoilt::lay(scene, &mut several, "unknown", "`item.colour`")?;
        let mut unfit = Spoilt::lay(scene, &mut several, "unfit", "`item.quantity`")?;
        let mut well = Feed::create(scene, "record-well", 2)?;
        let well_table = several.table("well", &[well.topic()], "")?;
        let k2i = several.ingest()?;
        for feed in [&mut unknown.feed, &mut unfit.feed, &mut well] {
            feed.produce(FIRST)?;
        }
        for table in [&unknown.table, &unfit.table, &well_table] {
            table.wait_rows(scene, u64::from(FIRST))?;
        }
        k2i.drain()?;
        unknown.spoil(&json!({"sku": "SKU-0001", "quantity": 1, "gift": true, "colour": "red"}))?;
        unfit.spoil(&json!({"sku": "SKU-0001", "quantity": "three", "gift": true}))?;
        well.produce_from(BEHIND_FROM, BEHIND)?;

        let mut k2i = several.ingest()?;
        unknown.expect_stopped(&mut k2i)?;
        unfit.expect_stopped(&mut k2i)?;
        well_table.wait_rows(scene, u64::from(FIRST + BEHIND))?;
        k2i.drain()?;
        unknown.expect_rows_below()?;
        unfit.expect_rows_below()?;
        well_table.check_places(scene, well.acks(), u64::from(FIRST + BEHIND))?;

        // A field may be left out; a text is no number, whatever is ignored.
        for spoilt in [&unknown, &unfit] {
            several.change(spoilt.name, IGNORE)?;
        }
        let k2i = several.ingest()?;
        let rows = u64::from(FIRST + BEFORE + 1 + BEHIND);
        unknown.table.wait_rows(scene, rows)?;
        k2i.drain()?;
        unknown.table.check_places(scene, &unknown.all_acks()?, rows)?;
        unfit.expect_rows_below()
    });
}

#[test]
fn a_record_without_a_value_is_a_row_or_none_or_stops_its_table() {
    scene("a_record_without_a_value_is_a_row_or_none_or_stops_its_table", |scene| {
        let feed = Feed::create(scene, "null-values", 1)?;
        let values: Vec<String> = (1..=6).map(|number| format!(r#"{{"number":{number},"word":"ab"}}"#)).collect();
        let mut sent: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        sent.insert(3, None);
        ensure!(feed.send_all(0, &sent)? == [0, 1, 2, 3, 4, 5, 6], "a new topic begins at 0");

        let mut several = Several::new(scene)?;
        let mut table = |choice: &str| several.table(choice, &[feed.topic()], &format!("on_null_value = {choice:?}"));
        let (row, skip, stop) = (table("row")?, table("skip")?, table("stop")?);
        let mut k2i = several.ingest()?;
        row.wait_rows(scene, 7)?;
        skip.wait_rows(scene, 6)?;
        let detail = wait_stopped(&mut k2i, "stop", "record")?;
        expect_names(&detail, &["topic null-values partition 0 offset 3", "null record"])?;
        stop.wait_rows(scene, 3)?;
        let stopped = stopped_tables(&k2i.log());
        ensure!(stopped.iter().all(|table| table == "shop.stop"), "stopped: {stopped:?}");
        k2i.drain()?;

        // Rows, nulls of each column, sum of the numbers; rows, lowest and highest offset, different offsets.
        for engine in ENGINES {
            expect_survey(&row, scene, engine, (7, 1, "21"), &json!([7, 0, 6, 7]))?;
            expect_survey(&skip, scene, engine, (6, 0, "21"), &json!([6, 0, 6, 6]))?;
            expect_survey(&stop, scene, engine, (3, 0, "6"), &json!([3, 0, 2, 3]))?;
        }
        Ok(())
    });
}

fn expect_survey(
    table: &Table,
    scene: &Scene,
    engine: &str,
    (rows, nulls, sum): (u64, u64, &str),
    place: &Value,
) -> Result<()> {
    let found = table.survey(scene, engine)?;
    let (number, word) = (&found["columns"]["number"], &found["columns"]["word"]);
    let right = found["rows"] == rows
        && number["nulls"] == nulls
        && number["sum"] == sum
        && word["nulls"] == nulls
        && found["places"]["0"] == *place;
    ensure!(right, "{engine} finds {found} in {}", table.name());
    Ok(())
}

/// A topic with a record that does not become a row of its table.
struct Spoilt<'a> {
    scene: &'a Scene,
    feed: Feed<'a>,
    table: Table,
    name: &'a str,
    /// How the field is named that is wrong.
    field: &'a str,
    /// Where the bad record is.
    offset: i64,
}

impl<'a> Spoilt<'a> {
    fn lay(scene: &'a Scene, several: &mut Several<'a>, name: &'a str, field: &'a str) -> Result<Self> {
        let feed = Feed::create(scene, &format!("record-{name}"), 2)?;
        let table = several.table(name, &[feed.topic()], "")?;
        Ok(Self { scene, feed, table, name, field, offset: 0 })
    }

    /// Good orders, one with this item, and good ones again.
    fn spoil(&mut self, item: &Value) -> Result<()> {
        self.feed.produce_from(BEFORE_FROM, BEFORE)?;
        let order = json!({
            "order_id": BAD_ID, "customer": "Ada", "amount": 0.25, "item": item, "tags": ["new"],
            "placed_at": "2026-03-01T00:00:00Z", "note": "with care",
        });
        self.offset = self.feed.send(PARTITION, Some(&order.to_string()))?;
        self.feed.produce_from(BEHIND_FROM, BEHIND)?;
        let end = self.feed.ends()?[&PARTITION];
        ensure!(self.offset + 1 < end, "nothing is behind offset {} of {end}", self.offset);
        Ok(())
    }

    /// Stopped, with what a person needs to find the record.
    fn expect_stopped(&self, k2i: &mut K2i) -> Result<()> {
        let detail = wait_stopped(k2i, self.name, "record")?;
        let place = format!("topic {} partition {PARTITION} offset {}:", self.feed.topic(), self.offset);
        expect_names(&detail, &[&place, self.field])
    }

    /// The bad record's topic partition is there up to the record and no further, the other one up to somewhere, and
    /// nothing else is.
    fn expect_rows_below(&self) -> Result<()> {
        for engine in ENGINES {
            let found = self.table.read(self.scene, engine, self.feed.acks())?;
            check_none(&found, &["doubled", "alien"]).context(engine)?;
            let spans = &found["tally"]["partitions"];
            let whole = json!([self.offset, 0, self.offset - 1]);
            ensure!(spans[PARTITION.to_string()] == whole, "{engine} finds {spans}, not {whole} before the bad record");
            let span = |at: usize| spans["0"][at].as_i64().context("a span is a list of numbers");
            ensure!(span(1)? == 0 && span(0)? == span(2)? + 1, "{engine} finds holes: {spans}");
        }
        Ok(())
    }

    /// The files of acknowledgements, and one for the bad record.
    fn all_acks(&self) -> Result<Vec<PathBuf>> {
        let own = self.scene.path(&format!("bad-{}.csv", self.name));
        fs::write(&own, format!("{PARTITION},{},{BAD_ID}\n", self.offset))?;
        Ok([self.feed.acks(), &[own]].concat())
    }
}
