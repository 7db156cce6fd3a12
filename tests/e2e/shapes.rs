//! Tables of 300 columns and of values nested four deep, their schemas given and inferred: every cell is what was sent.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use serde_json::Value;

use super::feed::Feed;
use super::several::{Several, stopped_tables};
use super::table::{ENGINES, Table};

const ROWS: u64 = 600;
/// Columns of the data, the number of the row among them.
const WIDE_COLUMNS: usize = 300;
/// The types that inference finds in `shapes.py`, and none that it cannot find.
const NESTED: [(&str, &str); 5] = [
    ("id", "long"),
    ("structs", "struct<a: struct<b: struct<c: struct<d: long, e: string>>>>"),
    ("lists", "list<list<list<list<long>>>>"),
    (
        "both",
        "struct<items: list<struct<name: string, tags: list<struct<key: string, values: list<list<long>>>>, \
         next: struct<at: long>>>>",
    ),
    ("last", "long"),
];

#[test]
fn wide_and_nested_rows_are_what_was_sent() {
    scene("wide_and_nested_rows_are_what_was_sent", |scene| {
        let mut several = Several::new(scene)?;
        let mut tables = Vec::new();
        for (shape, columns, given) in [("wide", WIDE_COLUMNS + 1, wide_columns()?), ("nested", 5, nested_columns())] {
            let feed = Feed::create(scene, &format!("shapes-{shape}"), 1)?;
            let rows = ROWS.to_string();
            ask(scene, &["produce", feed.bootstrap(), feed.topic(), shape, &rows])?;
            for (name, lines) in [("inferred", ""), ("given", given.as_str())] {
                let table = several.table(&format!("{shape}_{name}"), &[feed.topic()], lines)?;
                tables.push((shape, columns, table));
            }
        }
        let mut k2i = several.ingest()?;
        for (.., table) in &tables {
            table.wait_rows(scene, ROWS)?;
        }
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a table is stopped");
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        for (shape, columns, table) in &tables {
            // Two of the three metadata columns are compared too.
            check(scene, table, shape, columns + 2)?;
        }
        Ok(())
    });
}

fn check(scene: &Scene, table: &Table, shape: &str, columns: usize) -> Result<()> {
    let rows = ROWS.to_string();
    for engine in ENGINES {
        let found = ask(scene, &["check", engine, table.catalog(), table.name(), shape, &rows])?;
        let right = found["rows"] == ROWS && found["columns"] == columns && found["wrong"] == 0;
        ensure!(right, "{engine} finds in {}: {found}", table.name());
    }
    Ok(())
}

fn wide_columns() -> Result<String> {
    let mut lines = "columns = [{ name = \"id\", type = \"long\" }".to_owned();
    for at in 0..WIDE_COLUMNS {
        write!(lines, ", {{ name = \"c{at}\", type = \"{}\" }}", ["long", "string", "double"][at % 3])?;
    }
    Ok(lines + "]")
}

fn nested_columns() -> String {
    let columns = NESTED.map(|(name, kind)| format!("{{ name = {name:?}, type = {kind:?} }}"));
    format!("columns = [{}]", columns.join(", "))
}

fn ask(scene: &Scene, args: &[&str]) -> Result<Value> {
    Python::shared()?.ask(scene, "shapes.py", args)
}
