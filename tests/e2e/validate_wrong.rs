//! `k2i validate` where something is wrong: each thing is named, with what to do, and hides nothing else.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{RestCatalog, S3};
use k2i_tests::k2i::{self, IngestConfig};
use k2i_tests::ports;
use k2i_tests::scene::scene;

use super::feed::{Feed, text};
use super::validate_reach::{Report, cloud};

const SHORT: [&str; 2] = ["--timeout", "10"];

#[test]
fn validate_names_what_is_wrong_here() {
    scene("validate_names_what_is_wrong_here", |scene| {
        let config = IngestConfig::new(scene, &format!("127.0.0.1:{}", ports::free()?))?;
        let file = scene.path("file");
        fs::write(&file, "in the way")?;
        let holder = TcpListener::bind(("127.0.0.1", config.metrics_port))?;
        // Root may write everywhere, but not here.
        let wrong = IngestConfig {
            data_dir: "/proc/k2i/data".into(),
            catalog: file.join("catalog.db"),
            warehouse: file.join("house"),
            ..config
        };
        let path = wrong.write(scene, "wrong.toml")?;
        let report = Report::of(scene, "validate", &path, &SHORT, &[])?;
        report.expect_failed(&[
            ("machine", "write"),
            ("machine", "free disk"),
            ("machine", "port"),
            ("kafka", "brokers"),
            ("catalog", "answers"),
            ("store", "write"),
        ])?;
        report.expect("kafka", "brokers", "failed", "Connection refused")?;
        report.expect("machine", "port", "failed", "another process listens there")?;
        report.expect("machine", "write", "failed", "/proc")?;
        report.expect("store", "write", "failed", "Not a directory")?;
        report.expect("store", "delete", "skipped", "an earlier step failed")?;
        drop(holder);
        Ok(())
    });
}

#[test]
fn validate_names_a_missing_topic_bucket_and_catalog() {
    scene("validate_names_a_missing_topic_bucket_and_catalog", |scene| {
        // The broker is there, the topic is not.
        let feed = Feed::create(scene, "validate-elsewhere", 1)?;
        let nobody = format!("http://127.0.0.1:{}", ports::free()?);
        let file = cloud(scene, feed.bootstrap(), &nobody, "s3://no-such-bucket/house")?;
        let report = Report::of(scene, "validate", &file, &SHORT, &S3::shared()?.variables())?;
        report.expect_failed(&[("kafka", "topic"), ("catalog", "answers"), ("store", "write")])?;
        report.expect("kafka", "topic", "failed", "no such topic")?;
        report.expect("catalog", "answers", "failed", "Connection refused")?;
        report.expect("catalog", "clock", "skipped", "not known")?;
        report.expect("store", "write", "failed", "NoSuchBucket")?;
        report.expect("store", "clock", "ok", "")
    });
}

#[test]
fn validate_names_a_server_that_is_no_catalog() {
    scene("validate_names_a_server_that_is_no_catalog", |scene| {
        let s3 = S3::shared()?;
        let feed = Feed::create(scene, scene.name(), 1)?;
        // An S3 server is no catalog.
        let file = cloud(scene, feed.bootstrap(), &s3.url(), RestCatalog::WAREHOUSE)?;
        let nobody = format!("http://127.0.0.1:{}", ports::free()?);
        let report = Report::of(scene, "validate", &file, &SHORT, &s3.variables_by(nobody))?;
        report.expect_failed(&[("catalog", "answers"), ("store", "write")])?;
        report.expect("kafka", "topic", "ok", "1 partition")
    });
}

#[test]
fn validate_names_a_store_that_refuses() {
    scene("validate_names_a_store_that_refuses", |scene| {
        let feed = Feed::create(scene, scene.name(), 1)?;
        let catalog = RestCatalog::shared()?.url();
        let file = cloud(scene, feed.bootstrap(), &catalog, "s3://closed/house")?;
        let variables = S3::shared()?.variables_by(refusing_store()?);
        let report = Report::of(scene, "validate", &file, &SHORT, &variables)?;
        report.expect_failed(&[("store", "write"), ("store", "clock")])?;
        report.expect("store", "write", "failed", "AccessDenied")?;
        report.expect("store", "clock", "failed", "ahead of the server's")
    });
}

/// The address of a server that refuses every request, as S3 does, at a time long ago. It lives as long as the tests.
fn refusing_store() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away has what it wanted.
            thread::spawn(move || refuse(stream).ok());
        }
    });
    Ok(address)
}

fn refuse(mut stream: TcpStream) -> Result<()> {
    const BODY: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("a length is a number")?;
        }
        line.clear();
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let date = "Thu, 01 Jan 2015 00:00:00 GMT";
    write!(
        stream,
        "HTTP/1.1 403 Forbidden\r\nDate: {date}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{BODY}",
        BODY.len()
    )?;
    Ok(())
}

#[test]
fn validate_says_of_a_wrong_file_only_that() {
    scene("validate_says_of_a_wrong_file_only_that", |scene| {
        let config = IngestConfig::new(scene, "127.0.0.1:1")?;
        let file = scene.path("wrong.toml");
        fs::write(&file, config.to_string().replace("topic =", "topik ="))?;
        let args = ["validate", "--config", text(&file)?];
        let ended = k2i::run(scene, "plain", &args, Duration::from_secs(30))?;
        ended.expect(2, &["kafka.topik: unknown key", "did you mean `topic`?"])?;
        let report = Report::of(scene, "json", &file, &[], &[])?;
        ensure!(report.code == Some(2) && report.checks()?.is_empty(), "code {:?}", report.code);
        for odd in [scene.path(""), "/dev/zero".into()] {
            let ended = k2i::run(scene, "odd", &["validate", "--config", text(&odd)?], Duration::from_secs(30))?;
            ended.expect(2, &["cannot be read"])?;
        }
        Ok(())
    });
}
