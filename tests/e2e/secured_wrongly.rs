//! Every wrong way to reach a broker, side by side in one process: each is named with its cause, nothing is written, and a
//! table that is right goes on beside them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{PASSWORD, SecuredKafka};
use k2i_tests::ports;
use k2i_tests::scene::scene;

use super::feed::{Feed, text};
use super::secured::{VARIABLE, by_scram, login, trust, wait_not_ready, wait_said};
use super::several::{CLUSTER, Several, stopped_tables};

const ORDERS: u32 = 1_000;
const TOPIC: &str = "secured-wrongly";
/// Nobody's password. It must not be found in any log either.
const WRONG: &str = "Wr0ng-horse";
/// Some for each wrong way, and no more with every attempt to connect.
const MOST_LINES: usize = 300;
/// Enough for a consumer for each wrong way.
const MAX_SIZE_MB: u64 = 512;

/// A wrong way: the table that goes it, lines of `[tables.kafka]`, and what is said.
type Way = (&'static str, String, &'static [&'static str]);

fn ways(kafka: &SecuredKafka) -> Result<[Way; 14]> {
    let trust = trust(kafka)?;
    let plainly =
        |server: &str, protocol: &str| format!("bootstrap_servers = {server:?}\nsecurity_protocol = {protocol:?}\n");
    let shown = |name: &str| {
        let (certificate, key) = (kafka.file(&format!("{name}.crt")), kafka.file(&format!("{name}.key")));
        Ok::<_, anyhow::Error>(format!(
            "ssl_certificate_location = {:?}\nssl_key_location = {:?}\n",
            text(&certificate)?,
            text(&key)?
        ))
    };
    let other = format!("ssl_ca_location = {:?}\n", text(&kafka.file("other-ca.pem"))?);
    let tls = |mechanism: &str, user: &str| login(&kafka.sasl_ssl(), "sasl_ssl", mechanism, user, WRONG);
    let in_clear = |server: &str| login(server, "sasl_plaintext", "PLAIN", "alice", WRONG);
    let ways: [Way; 14] = [
        ("password_scram", tls("SCRAM-SHA-512", "bob") + &trust, &["_AUTHENTICATION", "check `sasl_username`"]),
        ("password_plain", tls("PLAIN", "alice") + &trust, &["_AUTHENTICATION", "check `sasl_username`"]),
        ("nobody", tls("SCRAM-SHA-512", "nobody") + &trust, &["_AUTHENTICATION", "check `sasl_username`"]),
        (
            "mechanism",
            in_clear(&kafka.sasl_plaintext()),
            &["_AUTHENTICATION", "SCRAM-SHA-256", "compare `sasl_mechanism`"],
        ),
        ("authority", tls("PLAIN", "alice") + &other, &["of an authority that is not trusted", "`ssl_ca_location`"]),
        ("host", plainly(&kafka.misnamed(), "ssl") + &trust, &["certificate", "is for another host"]),
        (
            "no_certificate",
            plainly(&kafka.ssl(), "ssl") + &trust,
            &["the broker refuses our certificate, or misses one"],
        ),
        (
            "foreign_certificate",
            plainly(&kafka.ssl(), "ssl") + &trust + &shown("mallory")?,
            &["the broker refuses our certificate, or misses one"],
        ),
        ("clear_to_tls", plainly(&kafka.sasl_ssl(), "plaintext"), &["seems to speak TLS"]),
        ("tls_to_clear", plainly(&kafka.admin(), "ssl") + &trust, &["seems not to speak TLS"]),
        ("login_to_clear", in_clear(&kafka.admin()), &["_AUTHENTICATION", "takes no login"]),
        ("clear_to_login", plainly(&kafka.sasl_plaintext(), "plaintext"), &["it may want a login"]),
        (
            "unknown_host",
            plainly("no-such-host.invalid:9092", "plaintext"),
            &["no-such-host.invalid", "knows no such host"],
        ),
        (
            "refused",
            plainly(&format!("127.0.0.1:{}", ports::free()?), "plaintext"),
            &["Connection refused", "nothing listens there"],
        ),
    ];
    Ok(ways)
}

#[test]
fn every_wrong_way_to_a_broker_is_named_and_a_right_one_goes_on() {
    scene("every_wrong_way_to_a_broker_is_named_and_a_right_one_goes_on", |scene| {
        let kafka = SecuredKafka::shared()?;
        let mut several = Several::new(scene)?;
        several.max_size_mb = MAX_SIZE_MB;
        several.variables.push((VARIABLE, PASSWORD.to_owned()));
        let mut feed = Feed::create_at(scene, &kafka.admin(), TOPIC, 2, 1)?;
        for user in ["alice", "bob", "carol", "dave"] {
            feed.grant(user, "READ", "TOPIC", TOPIC)?;
        }
        feed.grant("bob", "READ", "GROUP", CLUSTER)?;
        let ways = ways(kafka)?;
        for (name, access, _) in &ways {
            several.table(name, &[TOPIC], &format!("[tables.kafka]\n{access}"))?;
        }
        let well = several.table("well", &[TOPIC], &format!("[tables.kafka]\n{}", by_scram(kafka, "bob")?))?;

        let tally = feed.produce(ORDERS)?;
        let mut k2i = several.ingest()?;
        k2i.wait_live()?;
        for (name, _, words) in &ways {
            wait_said(&mut k2i, name, words)?;
        }
        let words: Vec<&str> = ways.iter().flat_map(|(_, _, words)| *words).copied().collect();
        wait_not_ready(&mut k2i, &words)?;
        well.wait_rows(scene, u64::from(ORDERS))?;
        well.check_exact(scene, feed.acks(), &tally)?;

        let log = k2i.log();
        ensure!(stopped_tables(&log).is_empty(), "a broker that is not reached stopped a table");
        let lines = log.lines().count();
        ensure!(lines < MOST_LINES, "{lines} lines are logged, so something is said again and again");
        ensure!(!log.contains(WRONG) && !log.contains(PASSWORD), "the log holds a password");
        k2i.drain()?;
        let (house, mut written) = (scene.path("warehouse"), Vec::new());
        list(&house, &house, &mut written)?;
        ensure!(written.iter().any(|path| path.contains("well")), "the right way left nothing: {written:?}");
        for (name, _, _) in &ways {
            ensure!(!written.iter().any(|path| path.contains(name)), "something was written for {name}: {written:?}");
        }
        Ok(())
    });
}

/// Every path below a folder, from `house` on.
fn list(house: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        found.push(text(path.strip_prefix(house)?)?.to_owned());
        if path.is_dir() {
            list(house, &path, found)?;
        }
    }
    Ok(())
}
