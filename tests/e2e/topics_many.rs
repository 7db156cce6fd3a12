//! Several topics into one table: every record of each is there once, and none holds the others back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};

use super::feed::{Feed, Production, text};
use super::several::{Several, stopped_tables, wait_stopped};
use super::table::{ENGINES, Table, WRONGS, check_none};

const ORDERS: u32 = 10_000;
const PER_SECOND: u32 = 2_500;
const SAID_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn several_topics_into_one_table() {
    scene("several_topics_into_one_table", |scene| {
        let mut several = Several::new(scene)?;
        let mut feeds = feeds(scene, &["many-eu", "many-us", "many-asia"])?;
        let names: Vec<String> = feeds.iter().map(|feed| feed.topic().to_owned()).collect();
        let table = several.table("all", &names.iter().map(String::as_str).collect::<Vec<_>>(), "")?;
        // The same numbers everywhere: a row is told from its neighbours by its topic alone.
        let productions = feeds.iter_mut().map(|feed| feed.keep_producing(ORDERS, PER_SECOND));
        let mut productions = productions.collect::<Result<Vec<Production>>>()?;
        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        productions.iter_mut().try_for_each(Production::expect_running)?;
        k2i.kill()?;
        let committed = table.rows(scene)?;

        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        let tallies = productions.into_iter().map(Production::finish).collect::<Result<Vec<_>>>()?;
        let rows: Option<u64> = tallies.iter().map(|tally| tally["rows"].as_u64()).sum();
        let rows = rows.context("a tally counts rows")?;
        ensure!(committed < rows, "everything was committed before the kill, so nothing was shown");
        table.wait_rows(scene, rows)?;
        check(&table, scene, &feeds)?;
        println!("{rows} rows, {committed} before the kill; drained in {:?}", k2i.drain()?);
        check(&table, scene, &feeds)
    });
}

#[test]
fn a_topic_that_is_away_holds_back_no_other_of_its_table() {
    scene("a_topic_that_is_away_holds_back_no_other_of_its_table", |scene| {
        let mut several = Several::new(scene)?;
        // One never was there, one goes away while it is read, one stays.
        let (stays, goes, late) = ("away-stays", "away-goes", "away-late");
        let mut feeds = feeds(scene, &[stays, goes])?;
        let table = several.table("all", &[stays, goes, late], "")?;
        let k2i = several.ingest()?;
        let mut rows = produce(&mut feeds, &[0, 1])?;
        table.wait_rows(scene, rows)?;
        feeds[1].delete()?;
        rows += produce(&mut feeds, &[0])?;
        table.wait_rows(scene, rows)?;
        let said = || k2i.log().matches("cannot be read now").count();
        until("the absent topic to be named", SAID_LIMIT, || {
            Ok(if said() > 0 { Look::Done(()) } else { Look::NotYet("it says nothing".into()) })
        })?;
        check(&table, scene, &feeds)?;

        // The same after a restart, which finds the topic gone.
        k2i.kill()?;
        let mut k2i = several.ingest()?;
        rows += produce(&mut feeds, &[0])?;
        table.wait_rows(scene, rows)?;
        feeds.push(Feed::create(scene, late, 1)?);
        rows += produce(&mut feeds, &[2])?;
        table.wait_rows(scene, rows)?;
        check(&table, scene, &feeds)?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a topic that is away stopped its table");

        // What comes back under its name is another topic.
        feeds[1].create_again(2)?;
        let detail = wait_stopped(&mut k2i, "all", "topic_recreated")?;
        ensure!(detail.contains(goes), "{detail}");
        k2i.drain()?;
        check(&table, scene, &feeds)
    });
}

fn feeds<'a>(scene: &'a Scene, topics: &[&str]) -> Result<Vec<Feed<'a>>> {
    topics.iter().map(|topic| Feed::create(scene, topic, 2)).collect()
}

/// Produces to some of the topics and returns how many records that were.
fn produce(feeds: &mut [Feed<'_>], which: &[usize]) -> Result<u64> {
    for number in which {
        feeds[*number].produce(ORDERS / 10)?;
    }
    Ok(u64::from(ORDERS / 10) * which.len() as u64)
}

/// Checks with both engines that every acknowledged record of every topic is there once, and nothing else.
fn check(table: &Table, scene: &Scene, feeds: &[Feed<'_>]) -> Result<()> {
    let mut acks = Vec::new();
    for feed in feeds {
        for file in feed.acks() {
            acks.push(format!("{}={}", feed.topic(), text(file)?));
        }
    }
    for engine in ENGINES {
        let mut args = vec![engine, table.catalog(), table.name()];
        args.extend(acks.iter().map(String::as_str));
        let found = Python::shared()?.ask(scene, "read_topics.py", &args)?;
        check_none(&found, &WRONGS).context(engine)?;
        let topics = found["rows"].as_object().context("rows by topic")?;
        ensure!(topics.len() == feeds.len(), "{engine} finds the topics {topics:?}");
    }
    Ok(())
}
