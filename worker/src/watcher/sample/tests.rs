use std::sync::Arc;

use super::*;
use crate::kafka::{MemoryKafka, MemoryRecord};

const TOPIC: &str = "orders";

/// What a topic of these values gives, in a table with the usual metadata columns.
fn sampled(values: &[Option<&str>]) -> Result<Option<String>, NoSchema> {
    let kafka = MemoryKafka::new("cluster-one");
    kafka.create_topic(TOPIC, 2);
    for value in values {
        let record = MemoryRecord { value: value.map(|value| value.as_bytes().to_vec()), ..MemoryRecord::default() };
        kafka.produce(TOPIC, Partition(1), record).expect("the topic has two partitions");
    }
    let end = Offset(i64::try_from(values.len()).expect("few values"));
    let logs = [(Partition(0), Offset(0), Offset(0)), (Partition(1), Offset(0), end)];
    let sources: SourceFactory = Arc::new(move || Ok(Box::new(kafka.source())));
    schema(&sources, TOPIC, &logs, &MetadataColumns::default())
}

fn stops(values: &[Option<&str>], reason: StopReason, words: &[&str]) {
    match sampled(values) {
        Err(NoSchema::Stop(stopped)) => {
            assert_eq!(stopped.reason, reason);
            for word in words {
                assert!(stopped.detail.contains(word), "{:?} does not say {word:?}", stopped.detail);
            }
        }
        other => panic!("{values:?} gave {other:?}"),
    }
}

#[test]
fn good_records_tell_the_schema_whatever_stands_between_them() {
    let schema = sampled(&[Some("no json"), Some(r#"{"id":1}"#), None]).expect("a schema").expect("a schema");
    assert!(schema.contains("\"id\"") && schema.contains("_kafka_offset"), "{schema}");
}

#[test]
fn nothing_to_see_is_looked_at_again() {
    assert!(matches!(sampled(&[]), Ok(None)));
    assert!(matches!(sampled(&[None, Some("{}"), Some("null")]), Err(NoSchema::Later(_))));
}

#[test]
fn records_that_are_all_wrong_stop_the_table_at_the_first() {
    let place = "topic orders partition 1 offset 0: malformed json";
    stops(&[Some("no json"), Some("[1]")], StopReason::Record, &[place]);
    stops(&[None, Some("{}"), Some("{")], StopReason::Record, &["offset 2: malformed json"]);
    stops(&[Some(r#"{"a":1,"a":2}"#)], StopReason::Record, &["offset 0: field named twice at `a`"]);
}

#[test]
fn names_that_make_no_table_stop_it() {
    let named = ["topic orders", "a field _Kafka_offset", "iceberg.offset_column"];
    stops(&[Some(r#"{"id":1,"_Kafka_offset":5}"#)], StopReason::Schema, &named);
    stops(&[Some(r#"{"id":1,"ID":5}"#)], StopReason::Schema, &["same name as id", "in the configuration"]);
    let wide: Vec<String> = (0..100_000).map(|number| format!("\"f{number}\":{number}")).collect();
    stops(&[Some(&format!("{{{}}}", wide.join(",")))], StopReason::Schema, &["more than 4096 different fields"]);
}
