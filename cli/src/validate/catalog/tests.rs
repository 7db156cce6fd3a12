//! What facts about a catalog and its tables come to.

use std::collections::{BTreeMap, BTreeSet};

use k2i_domain::ids::{
    Incarnation, Instance, SchemaId, SequenceNumber, SnapshotId, SpecId, StreamId, StreamIdentity, TableUuid, Timestamp,
};
use k2i_domain::lake::SnapshotFact;
use k2i_domain::port::StopReason;
use k2i_lakehouse::properties::WriteProperties;
use k2i_lakehouse::schema::{Column as Declared, ColumnType, schema_of};
use k2i_runtime::config::{Config, Sources};

use super::super::check::Status;
use super::*;

/// `iceberg.columns` as they are written in a file.
fn columns(text: &str) -> Vec<Column> {
    let file = format!(
        "[kafka]\nbootstrap_servers = \"a:9092\"\ntopic = \"orders\"\ngroup_id = \"g\"\n\
         [iceberg]\ndatabase = \"shop\"\ntable = \"orders\"\ncolumns = [{text}]\n"
    );
    let sources =
        Sources { file: Some(("k2i.toml".into(), file)), working_directory: "/w".into(), ..Sources::default() };
    let config = Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    config.tables[0].iceberg.columns.clone().unwrap()
}

fn schema(columns: &[(&str, &str, bool)]) -> Schema {
    let declared = columns.iter().map(|(name, kind, required)| {
        let kind: ColumnType = kind.parse().unwrap();
        Declared { name: (*name).to_owned(), kind, required: *required, doc: None }
    });
    schema_of(&declared.collect::<Vec<_>>()).unwrap()
}

/// The progress of a cluster name that reads this topic.
fn progress(cluster: &str, topic: &str) -> BTreeMap<String, String> {
    let stream = StreamIdentity { kafka_cluster: "k".to_owned(), topic_id: None, topic: topic.to_owned() };
    let property = Property {
        instance: Instance(7),
        incarnation: Incarnation(2),
        snapshot: SnapshotId(9),
        streams: BTreeMap::from([(StreamId(0), stream)]),
        watermark: BTreeMap::new(),
    };
    property.render(cluster)
}

fn found(properties: BTreeMap<String, String>) -> Found {
    let head = SnapshotFact {
        id: SnapshotId(42),
        parent: None,
        sequence: SequenceNumber(1),
        at: Timestamp(0),
        summary: BTreeMap::new(),
    };
    Found {
        facts: Facts {
            uuid: TableUuid([1; 16]),
            format_version: 2,
            last_sequence: SequenceNumber(1),
            last_updated: Timestamp(0),
            ancestors: vec![head],
            root_reached: true,
            properties,
            schema: SchemaId(0),
            schemas: BTreeSet::new(),
            spec: SpecId(0),
            specs: BTreeSet::new(),
        },
        target: TargetTable {
            uuid: TableUuid([1; 16]),
            location: "s3://b/t".to_owned(),
            data_location: "s3://b/t/data".to_owned(),
            schema: schema(&[("id", "long", true)]).into(),
            schema_id: SchemaId(0),
            spec_id: SpecId(0),
            properties: BTreeMap::new(),
            writable: Ok(WriteProperties::default()),
        },
        fits: Ok(()),
    }
}

fn checks(found: Result<Option<Found>, String>) -> Vec<Check> {
    let topics = ["orders".to_owned()];
    judge_table(Wanted { key: "shop.orders", cluster: "us", topics: &topics, columns: None }, &found)
}

fn owner_of(properties: BTreeMap<String, String>) -> Check {
    checks(Ok(Some(found(properties)))).into_iter().find(|check| check.name == OWNER).unwrap()
}

#[test]
fn a_table_that_is_not_there_will_be_created() {
    let found = checks(Ok(None));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status, Status::Ok);
    assert!(found[0].detail.contains("create it, with a schema inferred"), "{found:?}");
}

#[test]
fn a_table_that_is_well() {
    let found = checks(Ok(Some(found(BTreeMap::new()))));
    assert!(found.iter().all(|check| check.status == Status::Ok), "{found:?}");
    assert_eq!(found[0].detail, "it exists: format version 2, 1 columns, its head is snapshot 42");
    assert_eq!(found[2].detail, "cluster name us has no progress in it yet");
}

#[test]
fn a_table_that_this_version_cannot_write_fails() {
    let fits = Err(Stopped::new(StopReason::Schema, "the table is partitioned".to_owned()));
    let found = checks(Ok(Some(Found { fits, ..found(BTreeMap::new()) })));
    let check = found.iter().find(|check| check.name == WRITABLE).unwrap();
    assert_eq!((check.status, check.detail.as_str()), (Status::Failed, "the table is partitioned"));
}

#[test]
fn whose_a_table_is() {
    let own = owner_of(progress("us", "orders"));
    assert_eq!(own.status, Status::Ok);
    assert!(own.detail.starts_with("ours: cluster name us, instance 0000000000000007, incarnation 2,"), "{own:?}");
    let rival = owner_of(progress("them", "orders"));
    assert_eq!(rival.status, Status::Warning);
    assert!(rival.detail.contains("cluster name them reads a topic orders"), "{rival:?}");
    let neighbour = owner_of(progress("them", "clicks"));
    assert_eq!(neighbour.status, Status::Ok);
    assert_eq!(neighbour.detail, "cluster name us has no progress in it yet; beside it them");
    let mut damaged = progress("us", "orders");
    damaged.values_mut().for_each(|value| value.truncate(10));
    let damaged = owner_of(damaged);
    assert_eq!(damaged.status, Status::Failed);
    assert!(damaged.advice.contains("watermark_missing"), "{damaged:?}");
}

#[test]
fn configured_columns_are_compared_with_the_tables() {
    let table = schema(&[("id", "long", true), ("note", "string", false), ("at", "struct<a: long>", false)]);
    let same = columns(
        "{ name = \"id\", type = \"long\", required = true }, { name = \"note\", type = \"string\" }, \
         { name = \"at\", type = \"struct<a: long>\" }",
    );
    assert_eq!(columns::differences(&same, &table), Vec::<String>::new());
    let other = columns(
        "{ name = \"id\", type = \"int\", required = true }, { name = \"note\", type = \"string\", required = true }, \
         { name = \"at\", type = \"list<long>\" }, { name = \"more\", type = \"date\" }",
    );
    let differences = columns::differences(&other, &table);
    assert_eq!(differences.len(), 4, "{differences:?}");
    assert_eq!(differences[0], "column id is long in the table, int here");
    assert_eq!(differences[1], "column note is optional in the table");
    assert!(differences[2].starts_with("column at is "), "{differences:?}");
    assert_eq!(differences[3], "the table has no column more");
    let check = configured("shop.orders", &other, &table);
    assert_eq!(check.status, Status::Warning);
}

#[test]
fn a_catalog_that_is_not_made_yet() {
    let file = PathBuf::from("/data/catalog.db");
    assert_eq!(judge("c", &Standing::NotYet(file.clone(), Ok(()))).status, Status::Ok);
    assert_eq!(judge("c", &Standing::NotYet(file, Err("no".to_owned()))).status, Status::Failed);
    let fails = judge("c", &Standing::Fails("tcp connect error: Connection refused".to_owned()));
    assert!(fails.status == Status::Failed && fails.advice.contains("start the catalog"), "{fails:?}");
    assert_eq!(judge_namespace("shop", &Ok(Some(false))).detail, "it will be made by ingest");
    assert_eq!(judge_namespace("shop", &Ok(None)).status, Status::Skipped);
}

#[test]
fn a_catalog_that_takes_stale_commits_fails() {
    let status = |found: Option<Result<ProbeVerdict, String>>| judge_probe("shop", found.as_ref()).status;
    assert_eq!(status(None), Status::Skipped);
    assert_eq!(status(Some(Ok(ProbeVerdict::Refuses))), Status::Ok);
    assert_eq!(status(Some(Ok(ProbeVerdict::Accepts))), Status::Failed);
    assert_eq!(status(Some(Ok(ProbeVerdict::NotAllowed { reason: "no".to_owned() }))), Status::Warning);
    assert_eq!(status(Some(Err("no answer".to_owned()))), Status::Failed);
}
