//! The property's text form, read and written.

use super::*;

fn sample() -> Property {
    let identity =
        StreamIdentity { kafka_cluster: "MkU3OEVB".into(), topic_id: Some("Zq0XnqH5".into()), topic: "orders".into() };
    let watermark = (0..40).map(|partition| {
        let key = ChainKey { stream: StreamId(0), partition: Partition(partition) };
        let mark = Mark {
            offset: Offset(i64::MAX - i64::from(partition)),
            leader_epoch: LeaderEpoch(i32::MAX),
            last: (Offset(i64::MAX - 9), Offset(i64::MAX - 1), u64::MAX),
        };
        (key, mark)
    });
    Property {
        instance: Instance(0x9f2c_4be1_a07d_3356),
        incarnation: Incarnation(2),
        snapshot: SnapshotId(7_312_904_471_823_301_123),
        streams: BTreeMap::from([(StreamId(0), identity)]),
        watermark: watermark.collect(),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let property = sample();
    assert_eq!(Property::parse("orders", &property.render("orders")), Ok(Some(property)));
}

#[test]
fn the_documented_form_is_written() {
    let mut property = sample();
    property.watermark = BTreeMap::from([(
        ChainKey { stream: StreamId(0), partition: Partition(0) },
        Mark { offset: Offset(1207), leader_epoch: LeaderEpoch(5), last: (Offset(1100), Offset(1207), 107) },
    )]);
    let rendered = property.render("orders");
    assert_eq!(rendered["k2i.orders.watermark.0"], r#"{"v":1,"stream":0,"partitions":[[0,1207,5,1100,1207,107]]}"#);
    assert_eq!(
        rendered["k2i.orders.state"],
        r#"{"v":1,"instance":"9f2c4be1a07d3356","incarnation":2,"snapshot":"7312904471823301123","chunks":1,"streams":[{"id":0,"kafka":"MkU3OEVB","topic_id":"Zq0XnqH5","topic":"orders"}]}"#
    );
}

#[test]
fn no_value_exceeds_what_hive_takes() {
    let longest = sample().render("orders").values().map(String::len).max();
    assert!(longest.is_some_and(|longest| longest <= 3_500), "{longest:?}");
}

#[test]
fn only_changed_chunks_are_set() {
    let before = sample();
    let mut after = before.clone();
    let key = ChainKey { stream: StreamId(0), partition: Partition(33) };
    after.watermark.insert(key, Mark::start(Offset(5)));
    let keys: Vec<String> = after.changes("c", &before.render("c")).into_keys().collect();
    assert_eq!(keys, ["k2i.c.watermark.1"]);
}

#[test]
fn a_missing_chunk_is_named() {
    let mut rendered = sample().render("c");
    rendered.remove("k2i.c.watermark.1");
    assert_eq!(Property::parse("c", &rendered), Err(PropertyError::Missing("k2i.c.watermark.1".into())));
}

#[test]
fn a_newer_format_is_refused() {
    let mut rendered = sample().render("c");
    let text = rendered["k2i.c.state"].replace("\"v\":1", "\"v\":2");
    rendered.insert("k2i.c.state".into(), text);
    assert!(matches!(Property::parse("c", &rendered), Err(PropertyError::TooNew { found: 2, .. })));
}

#[test]
fn names_are_percent_encoded_in_keys() {
    assert_eq!(state_key("a.b c/ä"), "k2i.a%2Eb%20c%2F%C3%A4.state");
    let rendered = sample().render("a.b");
    assert_eq!(clusters(&rendered).collect::<Vec<_>>(), ["a%2Eb"]);
    assert_eq!(streams_of("a%2Eb", &rendered)[0].topic, "orders");
}
