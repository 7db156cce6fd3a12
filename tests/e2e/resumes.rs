//! Stopped tables go on as a person decides, and only on the head that the person looked at.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::line::Line;
use super::several::wait_stopped;
use super::table::ENGINES;

const ORDERS: u32 = 4_000;
/// How long a decision may take to be answered.
const DECISION_LIMIT: Duration = Duration::from_secs(60);
/// What is logged of a decision that does not fit.
const REFUSED: &str = "the decision on the stopped table was refused";
/// In the database `shop`.
const TABLE: &str = "orders";

#[test]
fn a_rolled_back_table_is_read_again_from_where_it_ends() {
    scene("rolled_back", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let k2i = line.ingest()?;
        line.produce(ORDERS)?;
        line.wait_rows(u64::from(ORDERS))?;
        let early = line.head()?;
        line.feed().produce_from(ORDERS, ORDERS)?;
        line.wait_rows(u64::from(2 * ORDERS))?;
        k2i.drain()?;
        line.table()?.roll_back(scene, early)?;

        let mut stopped = line.ingest()?;
        wait_stopped(&mut stopped, TABLE, "rolled_back")?;
        stopped.kill()?;
        let elsewhere = format!("its head is snapshot {early}, not 42");
        refused(&mut line, "reingest", 42, &elsewhere)?;
        refused(&mut line, "reset", early, "stopped as rolled_back, which reset does not lift; use keep or reingest")?;
        ensure!(line.head()? == early, "a refused decision has changed the table");

        let k2i = line.ingest_deciding("reingest", early)?;
        line.wait_rows(u64::from(2 * ORDERS))?;
        check_acknowledged(&mut line, scene)?;
        let life = line.identity()?;
        ensure!(life["incarnation"] == 2, "a decision begins a new life: {life}");
        k2i.drain()?;

        // The same command line again, as a service manager would: there is nothing to decide any more.
        let k2i = line.ingest_deciding("reingest", early)?;
        until("the table to be found well", DECISION_LIMIT, || {
            Ok(said(&k2i, "the table is not stopped: nothing was decided"))
        })?;
        k2i.drain()?;
        check_acknowledged(&mut line, scene)
    });
}

#[test]
fn a_recreated_topic_begins_anew() {
    scene("recreated_reset", |scene| {
        let mut line = Line::lay(scene, 2)?;
        let k2i = line.ingest()?;
        let old = line.produce(ORDERS)?;
        line.wait_rows(u64::from(ORDERS))?;
        k2i.drain()?;
        line.feed().delete()?;
        line.feed().create_again(2)?;
        let new = line.feed().produce_from(ORDERS, 2 * ORDERS)?;

        let head = line.head()?;
        let k2i = line.ingest_deciding("reset", head)?;
        line.wait_rows(u64::from(3 * ORDERS))?;
        k2i.drain()?;
        // Offsets begin again, so rows are told by what is in them.
        for engine in ENGINES {
            let found = line.table()?.read(scene, engine, &[])?["tally"].take();
            ensure!(found["rows"] == 3 * ORDERS, "{engine}: {found}");
            ensure!(order_ids(&found)? == order_ids(&old)? + order_ids(&new)?, "{engine}: {found}, of {old} and {new}");
        }
        Ok(())
    });
}

/// Both engines find every acknowledged record once, and nothing else.
fn check_acknowledged(line: &mut Line<'_>, scene: &Scene) -> Result<()> {
    line.table()?.check_places(scene, line.feed().acks(), u64::from(2 * ORDERS))
}

fn order_ids(tally: &Value) -> Result<u128> {
    tally["order_ids"].as_str().context("a sum of ids is text")?.parse().context("a sum of ids is a number")
}

/// A decision that does not fit is refused aloud, and nothing else changes.
fn refused(line: &mut Line<'_>, name: &str, head: i64, why: &str) -> Result<()> {
    let mut k2i = line.ingest_deciding(name, head)?;
    let said = until("the decision to be refused", DECISION_LIMIT, || {
        k2i.expect_running()?;
        let log = k2i.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let said = lines.into_iter().find(|line| line["message"] == REFUSED);
        Ok(said.map_or_else(|| Look::NotYet("it says nothing".into()), Look::Done))
    })?;
    let place = (said["level"].as_str(), said["table"].as_str(), said["decision"].as_str());
    ensure!(place == (Some("ERROR"), Some("shop.orders"), Some(name)), "{said}");
    ensure!(said["why"].as_str().is_some_and(|said| said.contains(why)), "does not say {why:?}: {said}");
    k2i.kill()
}

fn said(k2i: &K2i, text: &str) -> Look<()> {
    if k2i.log().contains(text) { Look::Done(()) } else { Look::NotYet("it goes on".into()) }
}
