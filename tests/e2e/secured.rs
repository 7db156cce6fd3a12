//! Brokers that want to know who asks: every way to log in, and rights that come and go.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{PASSWORD, SecuredKafka};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::scene;
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::{Feed, text};
use super::several::{CLUSTER, Several, stopped_tables};

const ORDERS: u32 = 1_000;
/// How long a process may take to say what it lacks, or to find that it lacks it no more.
pub const SAID_LIMIT: Duration = Duration::from_secs(40);
/// A variable that holds the password.
pub const VARIABLE: &str = "K2I_TEST_PASSWORD";

/// Lines of `[tables.kafka]` for a user who logs in, with the password by this reference.
pub fn login(server: &str, protocol: &str, mechanism: &str, user: &str, password: &str) -> String {
    format!(
        "bootstrap_servers = {server:?}\nsecurity_protocol = {protocol:?}\nsasl_mechanism = {mechanism:?}\n\
         sasl_username = {user:?}\nsasl_password = {password:?}\n"
    )
}

/// The line that trusts the brokers' authority.
pub fn trust(kafka: &SecuredKafka) -> Result<String> {
    Ok(format!("ssl_ca_location = {:?}\n", text(&kafka.file("ca.pem"))?))
}

/// Lines of `[tables.kafka]` for one of those who log in over TLS by SCRAM.
pub fn by_scram(kafka: &SecuredKafka, user: &str) -> Result<String> {
    let password = format!("env:{VARIABLE}");
    Ok(login(&kafka.sasl_ssl(), "sasl_ssl", "SCRAM-SHA-512", user, &password) + &trust(kafka)?)
}

/// Waits until a line of the log about `shop.<table>` has all of these words.
pub fn wait_said(k2i: &mut K2i, table: &str, words: &[&str]) -> Result<()> {
    let table = format!("shop.{table}");
    until(&format!("the log to say {words:?} of {table}"), SAID_LIMIT, || {
        k2i.expect_running()?;
        let log = k2i.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok().map(|value| (line, value)));
        let said: Vec<&str> =
            lines.filter(|(_, value)| value["table"] == table.as_str()).map(|(line, _)| line).collect();
        let all = |line: &&str| words.iter().all(|word| line.contains(word));
        Ok(if said.iter().any(all) { Look::Done(()) } else { Look::NotYet(said.join("\n")) })
    })
}

/// Waits until `/readyz` says all of these words of Kafka.
pub fn wait_not_ready(k2i: &mut K2i, words: &[&str]) -> Result<()> {
    until("/readyz to say what Kafka lacks", SAID_LIMIT, || {
        k2i.expect_running()?;
        let answer = k2i.health("/readyz")?;
        let body: Value = serde_json::from_str(&answer.body)?;
        let detail = body["checks"]["kafka"]["detail"].as_str().unwrap_or_default();
        let missing: Vec<_> = words.iter().filter(|word| !detail.contains(**word)).collect();
        Ok(match (answer.status, missing.is_empty()) {
            (503, true) => Look::Done(()),
            (status, _) => Look::NotYet(format!("{status} without {missing:?}: {detail}")),
        })
    })
}

#[test]
fn tables_are_fed_over_every_way_to_log_in() {
    scene("tables_are_fed_over_every_way_to_log_in", |scene| {
        let kafka = SecuredKafka::shared()?;
        let mut several = Several::new(scene)?;
        several.variables.push((VARIABLE, PASSWORD.to_owned()));
        let secret = scene.path("password");
        fs::write(&secret, format!("{PASSWORD}\n"))?;
        let by_file = format!("file:{}", text(&secret)?);
        let ways = [
            ("bob", by_scram(kafka, "bob")?),
            ("alice", login(&kafka.sasl_ssl(), "sasl_ssl", "PLAIN", "alice", &by_file) + &trust(kafka)?),
            ("carol", login(&kafka.sasl_plaintext(), "sasl_plaintext", "SCRAM-SHA-256", "carol", &by_file)),
            ("dave", by_certificate(kafka)?),
        ];
        let mut moves = Vec::new();
        for (user, access) in &ways {
            let feed = Feed::create_at(scene, &kafka.admin(), &format!("secured-{user}"), 2, 1)?;
            feed.grant(user, "READ", "TOPIC", feed.topic())?;
            feed.grant(user, "READ", "GROUP", CLUSTER)?;
            let table = several.table(user, &[feed.topic()], &format!("[tables.kafka]\n{access}"))?;
            moves.push((feed, table));
        }
        let mut k2i = several.ingest()?;
        k2i.wait_ready()?;
        for (feed, table) in &mut moves {
            let tally = feed.produce(ORDERS)?;
            table.wait_rows(scene, u64::from(ORDERS))?;
            table.check_exact(scene, feed.acks(), &tally)?;
        }
        let log = k2i.log();
        k2i.drain()?;
        for (feed, _) in &moves {
            let (published, ends) = (feed.published(CLUSTER)?, feed.ends()?);
            ensure!(published == ends, "{} ends at {ends:?}, published is {published:?}", feed.topic());
        }
        ensure!(!log.contains(PASSWORD), "the log holds a password");
        Ok(())
    });
}

fn by_certificate(kafka: &SecuredKafka) -> Result<String> {
    let server = format!("bootstrap_servers = {:?}\nsecurity_protocol = \"ssl\"\n", kafka.ssl());
    let (certificate, key) = (kafka.file("dave.crt"), kafka.file("dave-locked.key"));
    let shown = format!(
        "ssl_certificate_location = {:?}\nssl_key_location = {:?}\nssl_key_password = \"env:{VARIABLE}\"\n",
        text(&certificate)?,
        text(&key)?
    );
    Ok(server + &trust(kafka)? + &shown)
}

#[test]
fn a_missing_right_is_named_and_once_it_is_granted_the_table_goes_on() {
    scene("a_missing_right_is_named_and_once_it_is_granted_the_table_goes_on", |scene| {
        let kafka = SecuredKafka::shared()?;
        let mut several = Several::new(scene)?;
        several.variables.push((VARIABLE, PASSWORD.to_owned()));
        let mut feed = Feed::create_at(scene, &kafka.admin(), "secured-rights", 2, 1)?;
        let topic = feed.topic().to_owned();
        let table = several.table("rights", &[&topic], &format!("[tables.kafka]\n{}", by_scram(kafka, "erin")?))?;
        feed.produce(ORDERS)?;
        let mut k2i = several.ingest()?;
        k2i.wait_live()?;

        // May not see it; then sees it, and may not read it.
        let denied = [topic.as_str(), "TOPIC_AUTHORIZATION_FAILED", "lacks the right READ on the topic"];
        wait_said(&mut k2i, "rights", &[&denied[..], &["describe kafka topics"]].concat())?;
        wait_not_ready(&mut k2i, &denied)?;
        feed.grant("erin", "DESCRIBE", "TOPIC", &topic)?;
        wait_said(&mut k2i, "rights", &[&denied[..], &["read kafka topics"]].concat())?;
        ensure!(table.rows(scene).is_err(), "the table was made without a right to read");

        feed.grant("erin", "READ", "TOPIC", &topic)?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        wait_said(&mut k2i, "rights", &[CLUSTER, "GROUP_AUTHORIZATION_FAILED", "lacks the right READ on the group"])?;
        feed.grant("erin", "READ", "GROUP", CLUSTER)?;
        feed.produce_from(ORDERS, ORDERS)?;
        wait_published(&feed)?;
        k2i.wait_ready()?;

        // A right that is taken away while it is read.
        feed.revoke("erin", "READ", "TOPIC", &topic)?;
        feed.produce_from(2 * ORDERS, ORDERS)?;
        wait_said(&mut k2i, "rights", &[&denied[..], &["reading cannot begin yet"]].concat())?;
        feed.grant("erin", "READ", "TOPIC", &topic)?;
        let rows = u64::from(3 * ORDERS);
        table.wait_rows(scene, rows)?;
        table.check_places(scene, feed.acks(), rows)?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "a missing right stopped the table");
        k2i.drain()?;
        table.check_places(scene, feed.acks(), rows)
    });
}

/// Waits until the group's offsets are where the topic ends.
fn wait_published(feed: &Feed<'_>) -> Result<()> {
    let ends = feed.ends().context("the topic's ends")?;
    until("group offsets to be published", SAID_LIMIT, || {
        let published = feed.published(CLUSTER)?;
        Ok(if published == ends { Look::Done(()) } else { Look::NotYet(format!("{published:?}, not {ends:?}")) })
    })
}
