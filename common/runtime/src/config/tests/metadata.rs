//! Metadata columns: which a table has, their names, and names that cannot be.

use super::tables::TABLES;
use super::*;

/// The columns of a table of one topic whose configuration does not speak of them.
pub(super) fn usual() -> MetadataColumns {
    MetadataColumns {
        partition: Some("_kafka_partition".to_owned()),
        offset: Some("_kafka_offset".to_owned()),
        timestamp: Some("_kafka_timestamp".to_owned()),
        ..MetadataColumns::default()
    }
}

fn columns(text: &str) -> Vec<MetadataColumns> {
    load(text).tables.into_iter().map(|table| table.iceberg.metadata_columns).collect()
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// The local configuration of two topics.
fn of_two_topics(lines: &str) -> String {
    local_with("iceberg", lines).replace("topic = \"events\"", "topics = [\"a\", \"b\"]")
}

#[test]
fn a_topic_has_a_column_where_there_are_several_or_it_is_named() {
    assert_eq!(columns(LOCAL), [usual()]);
    let with_topic = |topic: &str| MetadataColumns { topic: name(topic), ..usual() };
    assert_eq!(columns(&of_two_topics("")), [with_topic("_kafka_topic")]);
    assert_eq!(columns(&of_two_topics("topic_column = \"source\"")), [with_topic("source")]);
    assert_eq!(columns(&local_with("iceberg", "topic_column = \"source\"")), [with_topic("source")]);
}

#[test]
fn every_column_can_be_named_in_the_file_or_by_a_variable() {
    let text = local_with(
        "iceberg",
        "partition_column = \"p\"\noffset_column = \"o\"\ntimestamp_column = \"at\"\ntopic_column = \"t\"\nkey_column = \"k\"",
    );
    let config = Config::load(&with_variables(&text, &[("K2I__ICEBERG__HEADERS_COLUMN", "h")])).unwrap();
    let expected = MetadataColumns {
        partition: name("p"),
        offset: name("o"),
        timestamp: name("at"),
        topic: name("t"),
        key: name("k"),
        headers: name("h"),
    };
    assert_eq!(config.tables[0].iceberg.metadata_columns, expected);
    // A name that K2I's own column gave up is free.
    let text =
        local_with("iceberg", "offset_column = \"o\"\ncolumns = [{ name = \"_kafka_offset\", type = \"long\" }]");
    assert_eq!(columns(&text), [MetadataColumns { offset: name("o"), ..usual() }]);
}

#[test]
fn a_table_names_its_own_and_may_have_none() {
    let shared = TABLES.replace("[iceberg]\n", "[iceberg]\nkey_column = \"k\"\n");
    let text = shared.replace("metadata_columns = \"off\"", "offset_column = \"o\"");
    let keyed = MetadataColumns { key: name("k"), ..usual() };
    let web = MetadataColumns { offset: name("o"), topic: name("_kafka_topic"), ..keyed.clone() };
    assert_eq!(columns(&text), [keyed.clone(), web]);
    // The name is for the tables that have the columns.
    assert_eq!(columns(&shared), [keyed, MetadataColumns::default()]);
}

#[test]
fn names_beside_columns_that_are_off() {
    let lines = "metadata_columns = \"off\"\noffset_column = \"o\"\nheaders_column = \"h\"";
    let message = "has no effect beside metadata_columns = \"off\"";
    let expected =
        [["config.toml:7: iceberg.offset_column: ", message], ["config.toml:8: iceberg.headers_column: ", message]];
    assert_errors(&sources(&local_with("iceberg", lines)), &[&expected[0], &expected[1]]);
    let text = TABLES.replace("metadata_columns = \"off\"", "metadata_columns = \"off\"\nkey_column = \"k\"");
    assert_errors(&sources(&text), &[&["config.toml:24: tables[1].iceberg.key_column: ", message]]);
}

#[test]
fn a_name_for_two_columns() {
    let cases = [
        (
            "key_column = \"x\"\nheaders_column = \"X\"",
            "config.toml:7: iceberg.headers_column: names the same column as iceberg.key_column",
        ),
        (
            "partition_column = \"_kafka_offset\"",
            "config.toml:6: iceberg.partition_column: names the same column as iceberg.offset_column",
        ),
        (
            "key_column = \"_kafka_topic\"",
            "config.toml:6: iceberg.key_column: names the same column as iceberg.topic_column",
        ),
        (
            "columns = [{ name = \"Id\", type = \"long\" }]\nkey_column = \"id\"",
            "config.toml:7: iceberg.key_column: is also one of iceberg.columns",
        ),
        (
            "columns = [{ name = \"_kafka_topic\", type = \"string\" }]",
            "config.toml:6: iceberg.columns: _kafka_topic is added by metadata_columns = \"on\": leave it out, or set iceberg.topic_column",
        ),
        ("offset_column = \"\"", "config.toml:6: iceberg.offset_column: must not be empty"),
        ("offset_colum = \"o\"", "config.toml:6: iceberg.offset_colum: unknown key; did you mean `offset_column`?"),
    ];
    for (lines, expected) in cases {
        assert_errors(&sources(&local_with("iceberg", lines)), &[&[expected]]);
    }
}
