//! Brokers that die: what was acknowledged is in the table, once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::components::KafkaCluster;
use k2i_tests::k2i::{IngestConfig, K2i};
use k2i_tests::scene::scene;
use k2i_tests::wait::{Look, until};

use super::feed::Feed;
use super::table::Table;

const PARTITIONS: u32 = 3;
const COPIES: usize = 3;
const PER_SECOND: u32 = 1_000;
/// Rows that are to come while a node is down.
const MEANWHILE: u64 = 3_000;
/// How long the cluster may take to find other leaders, or to be whole again.
const ELECTION_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_leader_that_is_killed_costs_no_record() {
    scene("a_leader_that_is_killed_costs_no_record", |scene| {
        let began = Instant::now();
        let at = |what: &str| println!("{:5.1} s: {what}", began.elapsed().as_secs_f32());
        let mut cluster = KafkaCluster::start(&scene.path("kafka"))?;
        at("three nodes run");
        let config = IngestConfig { topic: "replicated".to_owned(), ..IngestConfig::new(scene, &cluster.bootstrap())? };
        let mut feed = Feed::create_at(scene, &cluster.bootstrap(), &config.topic, PARTITIONS, 3)?;
        let table = Table::in_sqlite(&config.catalog, &config.full_table())?;
        let mut k2i = K2i::ingest(scene, "k2i", &config, &[])?;
        k2i.wait_ready()?;
        let mut production = feed.keep_producing(PER_SECOND, PER_SECOND)?;
        table.wait_rows(scene, 1)?;

        let (doomed, copies) = leader(&feed)?;
        ensure!(copies == COPIES, "the topic has {copies} copies in sync");
        production.expect_running()?;
        cluster.kill(doomed)?;
        at("the leader is dead");
        let led = until("another node to lead", ELECTION_LIMIT, || {
            Ok(match leader(&feed) {
                Ok((node, _)) if node != doomed => Look::Done(node),
                Ok(_) => Look::NotYet("the dead one leads".into()),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })?;
        at("another leads");
        // What comes now comes from other nodes alone.
        let at_the_kill = table.rows(scene)?;
        table.wait_rows(scene, at_the_kill + MEANWHILE)?;
        k2i.expect_running()?;

        at("rows came from the others");
        cluster.start_again(doomed)?;
        until("every copy to be in sync again", ELECTION_LIMIT, || {
            Ok(match feed.leaders() {
                Ok(all) if all.values().all(|(_, copies)| *copies == COPIES) => Look::Done(()),
                Ok(all) => Look::NotYet(format!("{all:?}")),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })?;
        at("the dead one is back and in sync");
        let tally = production.finish()?;
        let rows = tally["rows"].as_u64().context("a tally counts rows")?;
        ensure!(rows > at_the_kill + MEANWHILE, "nothing was acknowledged once the node was back");
        table.wait_rows(scene, rows)?;
        table.check_exact(scene, feed.acks(), &tally)?;
        println!("{rows} rows; node {doomed} died with {at_the_kill} in the table, {led} took its place");
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)
    });
}

/// Who leads the first topic partition, and how many of its copies are in sync.
fn leader(feed: &Feed<'_>) -> Result<(usize, usize)> {
    feed.leaders()?.get(&0).copied().context("a topic has a first partition")
}
