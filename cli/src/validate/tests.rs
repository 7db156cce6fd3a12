//! The report: its forms, and what the exit code rests on.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;

use super::*;

fn report() -> Report {
    let checks = vec![
        Check::ok(System::Store, "s3://b/house", "write", "an object was written"),
        Check::failed(System::Kafka, "a:9092", "brokers", "not\u{1b}[31m allowed\nat  all", "ask\tsomebody"),
        Check::skipped(System::Kafka, "g", "publish offsets", "nobody answers"),
        Check::warning(System::File, "k2i.toml", "keys", "a secret stands in it", "see the docs"),
        Check::ok(System::Store, "s3://a/house", "write", "an object was written"),
        Check::ok(System::Store, "s3://a/house", "delete", "it was deleted"),
    ];
    Report::new("k2i.toml".to_owned(), checks)
}

#[test]
fn a_report_is_in_the_order_of_systems_and_subjects() {
    let report = report();
    let order: Vec<_> = report.checks.iter().map(|check| (check.system.as_str(), check.subject.as_str())).collect();
    let expected = [
        ("file", "k2i.toml"),
        ("kafka", "a:9092"),
        ("kafka", "g"),
        ("store", "s3://a/house"),
        ("store", "s3://a/house"),
        ("store", "s3://b/house"),
    ];
    assert_eq!(order, expected);
    assert_eq!(report.checks[3].name, "write", "a subject's checks stay in the order in which they were done");
    assert_eq!(report.summary(), "k2i.toml: 6 checks: 3 ok, 1 warning, 1 failed, 1 skipped");
    assert!(!report.is_ok());
}

#[test]
fn plain_text_has_one_line_a_check_and_no_control_character() {
    let text = show::plain(&report());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6 + 2 + 1, "{text}");
    assert_eq!(lines[2], "failed   kafka    a:9092: brokers: not [31m allowed at all");
    assert_eq!(lines[3].trim_start(), "→ ask somebody");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn a_table_fits_the_terminal() {
    for width in [60, 80, 132] {
        let text = show::table(&report(), width);
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
        }
        assert!(text.contains("failed") && text.contains("→ ask"), "{text}");
    }
    assert!(show::table(&report(), 132).contains("→ ask somebody"));
    assert_eq!(show::table(&report(), 40), show::plain(&report()));
}

#[test]
fn json_has_its_documented_shape() {
    let value: Value = serde_json::from_str(&show::json(&report())).unwrap();
    assert_eq!(value["config"], "k2i.toml");
    assert_eq!(value["ok"], false);
    let expected = serde_json::json!({
        "system": "kafka", "subject": "a:9092", "check": "brokers", "status": "failed",
        "detail": "not [31m allowed at all", "advice": "ask somebody",
    });
    assert_eq!(value["checks"][1], expected);
}

#[test]
fn json_of_a_wrong_file_names_key_and_line() {
    let sources = Sources {
        file: Some((PathBuf::from("k2i.toml"), "[kafka]\ntopicc = 1\n".to_owned())),
        environment: [("K2I__LOG__LEVEL".to_owned(), "loud".to_owned())].into(),
        ..Sources::default()
    };
    let errors = Config::load(&sources).unwrap_err();
    let value: Value = serde_json::from_str(&show::json_of_problems("k2i.toml", &errors)).unwrap();
    assert_eq!(value["ok"], false);
    assert_eq!(value["checks"], serde_json::json!([]));
    let problems = value["problems"].as_array().unwrap();
    assert_eq!((problems[0]["key"].as_str(), problems[0]["line"].as_u64()), (Some("kafka.topicc"), Some(2)));
    assert!(problems[0]["message"].as_str().unwrap().contains("unknown key"), "{problems:?}");
    let by_variable = problems.iter().find(|problem| problem["key"] == "log.level").unwrap();
    assert_eq!(by_variable["given_by"], "K2I__LOG__LEVEL");
    assert!(by_variable["line"].is_null());
}

#[test]
fn a_long_detail_is_cut() {
    let check = Check::ok(System::Kafka, "s", "n", "ü".repeat(5_000));
    assert_eq!(check.detail.chars().count(), 601);
    assert!(check.detail.ends_with('…'));
}

/// The check of a clock that is so many seconds ahead of the server's.
fn clock(ahead: i64) -> Check {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let by = Duration::from_secs(ahead.unsigned_abs());
    let theirs = if ahead < 0 { now + by } else { now - by };
    let clocks = clock::Clocks { ours: (now, now + Duration::from_millis(200)), theirs };
    clock::judge(System::Store, "s", &Ok(clocks))
}

#[test]
fn clocks_are_compared_within_what_can_be_known() {
    assert_eq!(clock(0).detail, "as the server's");
    assert_eq!(clock(1).detail, "as the server's", "their second may have just ended");
    assert_eq!((clock(31).status, clock(32).status), (Status::Ok, Status::Warning));
    assert_eq!((clock(301).status, clock(302).status), (Status::Warning, Status::Failed));
    assert_eq!(clock(302).detail, "this machine's clock is 301 s ahead of the server's");
    assert_eq!(
        (clock(-30).status, clock(-31).status, clock(-302).status),
        (Status::Ok, Status::Warning, Status::Failed)
    );
    assert_eq!(clock(-301).detail, "this machine's clock is 300 s behind the server's");
    let unknown = clock::judge(System::Store, "s", &Err("no answer".to_owned()));
    assert_eq!(unknown.status, Status::Skipped);
}

#[test]
fn usual_mistakes_are_told_what_to_do() {
    let cases = [
        (advice::kafka("not allowed: topic `t`: TOPIC_AUTHORIZATION_FAILED"), "READ and DESCRIBE"),
        (advice::kafka("no broker answers: connect to 127.0.0.1:1 failed: Connection refused"), "start the broker"),
        (advice::catalog("catalog refused to load a table: 401: NotAuthorized: no"), "iceberg.token"),
        (advice::catalog("tcp connect error: Connection refused"), "start the catalog"),
        (advice::store("<Code>NoSuchBucket</Code>"), "create the bucket"),
        (advice::store("Read-only file system (os error 30)"), "mount it for writing"),
        (advice::store("something new"), "[storage]"),
    ];
    for (advice, word) in cases {
        assert!(advice.contains(word), "{word}: {advice}");
    }
}

#[test]
fn each_system_is_planned_once() {
    const TEXT: &str = r#"
data_dir = "/data"
[kafka]
bootstrap_servers = "a:9092"
group_id = "g"
[iceberg]
database = "shop"
[[tables]]
topic = "one"
table = "one"
[[tables]]
topics = ["one", "two"]
table = "two"
[[tables]]
topic = "three"
table = "three"
[tables.kafka]
bootstrap_servers = "b:9092"
[tables.iceberg]
catalog_type = "rest"
rest_uri = "http://catalog:8181"
warehouse = "s3://bucket/house"
[tables.storage]
type = "s3"
endpoint = "http://store:9000"
"#;
    let file = Some((PathBuf::from("k2i.toml"), TEXT.to_owned()));
    let sources = Sources { file, working_directory: PathBuf::from("/work"), ..Sources::default() };
    let config = Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let plan = Plan::of(&config).unwrap();
    let kafkas: Vec<_> =
        plan.kafkas.iter().map(|kafka| (&*kafka.settings.bootstrap_servers, kafka.topics.len())).collect();
    assert_eq!(kafkas, [("a:9092", 2), ("b:9092", 1)]);
    let lakes: Vec<_> = plan.lakes.iter().map(|lake| (&*lake.catalog, lake.tables.len())).collect();
    assert_eq!(lakes, [("sqlite:/data/catalog.db", 2), ("http://catalog:8181", 1)]);
    assert_eq!(plan.lakes[0].warehouse.as_deref(), Some("file:///data/warehouse"));
    assert_eq!((&plan.lakes[0].catalog_clock, &plan.lakes[0].store_clock), (&None, &None));
    assert_eq!(plan.lakes[1].catalog_clock.as_deref(), Some("http://catalog:8181/v1/config"));
    assert_eq!(plan.lakes[1].store_clock.as_deref(), Some("http://store:9000"));
    assert_eq!(plan.machine.spool_bytes, 3 * 2 * (512 << 20));
}
