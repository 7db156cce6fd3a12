//! JSON that is deep, wide, broken or no JSON at all: each stops its own table at its own offset, with its reason, and
//! nothing else. Where no schema can be inferred because of it, that is said too.

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Kafka, Python};
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

use super::feed::text;
use super::several::{Several, expect_names, wait_stopped};
use super::table::ENGINES;

const PREFIX: &str = "bad-json";
/// Rows before the bad record, which is at this offset therefore.
const GOOD: i64 = 3;
const COLUMNS: &str = "columns = [{ name = \"id\", type = \"long\" }, { name = \"text\", type = \"string\" }, \
                       { name = \"number\", type = \"double\" }]";

/// What a person reads of each record among good ones.
const ONE: [(&str, &str); 13] = [
    ("deep-list", "nested too deeply at `other`"),
    ("deep-object", "nested too deeply at `other"),
    ("deep-open", "nested too deeply at `other`"),
    ("wide", "unknown field at `f0`"),
    ("broken", "malformed json at `text`"),
    ("surrogate", "malformed json at `text`"),
    ("nan", "malformed json at `number`"),
    ("huge", "value out of range at `number`"),
    ("long", "value out of range at `id`"),
    ("mark", "malformed json: expected a value"),
    ("twice", "field named twice at `id`"),
    ("bytes", "invalid utf-8: expected utf-8, found byte 0xff at byte 16"),
    ("empty", "malformed json: expected a value, found the end at byte 0"),
];
/// The same where a schema was to be inferred from it, with the reason.
const ONLY: [(&str, &str, &str); 4] = [
    ("only-wide", "schema", "more than 4096 different fields"),
    ("only-broken", "record", "topic bad-json-only-broken partition 0 offset 0: malformed json"),
    ("only-taken", "schema", "a field _kafka_offset, which is the name of a metadata column"),
    ("only-case", "schema", "the same name as id"),
];

#[test]
fn every_kind_of_bad_json_stops_its_table_alone_at_its_offset() {
    scene("every_kind_of_bad_json_stops_its_table_alone_at_its_offset", |scene| {
        let bootstrap = Kafka::shared()?.bootstrap();
        let produced = ask(scene, &["produce", &bootstrap, PREFIX])?;
        ensure!(produced["one"] == json!(ONE.map(|(kind, _)| kind)), "other topics were made: {produced}");
        ensure!(produced["only"] == json!(ONLY.map(|(kind, ..)| kind)), "other topics were made: {produced}");

        let mut several = Several::new(scene)?;
        for (kind, _) in ONE {
            several.table(kind, &[&topic(kind)], COLUMNS)?;
        }
        for (kind, ..) in ONLY {
            several.table(kind, &[&topic(kind)], "")?;
        }
        let mut k2i = several.ingest()?;
        for (kind, words) in ONE {
            let detail = wait_stopped(&mut k2i, kind, "record")?;
            expect_names(&detail, &[&format!("topic {} partition 0 offset {GOOD}: ", topic(kind)), words])?;
            ensure!(detail.len() < 2_000, "the detail of {kind} has {} bytes", detail.len());
        }
        for (kind, reason, words) in ONLY {
            let detail = wait_stopped(&mut k2i, kind, reason)?;
            expect_names(&detail, &[&topic(kind), words])?;
        }
        for (kind, _) in ONE {
            several.find(kind)?.wait_rows(scene, GOOD as u64)?;
        }
        k2i.expect_running()?;
        k2i.drain()?;

        let catalog = scene.path("catalog.db");
        for engine in ENGINES {
            let args = [&["read", engine, text(&catalog)?, "shop"][..], &ONE.map(|(kind, _)| kind)].concat();
            let found = ask(scene, &args)?;
            for (kind, ids) in found.as_object().context("ids by table")? {
                ensure!(*ids == json!([0, 1, 2]), "{engine} finds the rows {ids} in {kind}");
            }
        }
        Ok(())
    });
}

fn topic(kind: &str) -> String {
    format!("{PREFIX}-{kind}")
}

fn ask(scene: &Scene, args: &[&str]) -> Result<Value> {
    Python::shared()?.ask(scene, "bad_json.py", args)
}
