use arrow::datatypes::{DataType, TimeUnit};
use iceberg::spec::{
    FormatVersion, NestedField, PrimitiveType, SortOrder, TableMetadata, TableMetadataBuilder, Transform, Type,
    UnboundPartitionSpec,
};

use super::*;

fn parse(text: &str) -> Result<ColumnType, SchemaError> {
    text.parse()
}

#[test]
fn types_are_written_as_they_are_read() {
    for text in [
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "decimal(10,2)",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "string",
        "uuid",
        "fixed(16)",
        "binary",
        "list<list<int>>",
        "map<string,struct<a:long required,b:string>>",
        "struct<`odd, name: ``x```:int,größe_1:double>",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    let same = [("LONG ", "long"), ("Fixed[4]", "fixed(4)"), (" struct < a : LIST<int> > ", "struct<a:list<int>>")];
    for (text, canonical) in same {
        assert_eq!(parse(text).unwrap().to_string(), canonical);
    }
}

#[test]
fn wrong_types_are_refused_where_they_are_wrong() {
    for (text, position, word) in [
        ("varchar", 0, "expected one of"),
        ("list<strng>", 5, "expected one of"),
        ("list<int", 8, "\">\""),
        ("decimal(39,2)", 12, "precision"),
        ("decimal(4,5)", 11, "scale"),
        ("decimal(a,5)", 8, "number"),
        ("fixed(0)", 7, "length"),
        ("map<int>", 7, "\",\""),
        ("struct<>", 7, "field name"),
        ("struct<`a:int>", 8, "backtick"),
        ("int, long", 3, "nothing more"),
        ("", 0, "expected one of"),
        ("größe", 0, "expected one of"),
    ] {
        let error = parse(text).unwrap_err();
        let SchemaError::Type { position: at, reason, .. } = &error else { panic!("{text}: {error}") };
        assert!(reason.contains(word), "{text}: {error}");
        assert_eq!(*at, position, "{text}: {error}");
    }
    assert!(parse(&("list<".repeat(40) + "int" + &">".repeat(40))).is_err());
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column { required: true, ..Column::optional("id", ColumnType::Long) },
        Column::optional("tags", parse("list<string>").unwrap()),
        Column::optional("shop", parse("struct<name:string,at:struct<x:double,y:double>>").unwrap()),
        Column::optional("counts", parse("map<string,int>").unwrap()),
        Column::optional("price", parse("decimal(10,2)").unwrap()).with_doc("with tax"),
    ];
    columns.extend([
        Column::optional("_kafka_partition", ColumnType::Int).with_doc("Kafka topic partition"),
        Column::optional("_kafka_offset", ColumnType::Long).with_doc("Kafka offset"),
        Column::optional("_kafka_timestamp", ColumnType::Timestamptz).with_doc("Kafka record timestamp"),
    ]);
    columns
}

#[test]
fn a_schema_survives_its_json() {
    let schema = schema_of(&columns()).unwrap();
    let text = schema_to_json(&schema).unwrap();
    assert_eq!(schema_from_json(&text).unwrap(), schema);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["fields"][0], serde_json::json!({"id":1,"name":"id","required":true,"type":"long"}));
    assert_eq!(value["fields"][4]["type"], "decimal(10, 2)");
    assert_eq!(value["fields"][4]["doc"], "with tax");
    assert!(matches!(schema_from_json("{}"), Err(SchemaError::Json { .. })));
}

#[test]
fn ids_are_given_level_by_level() {
    let schema = schema_of(&columns()).unwrap();
    for (name, id) in [("id", 1), ("tags", 2), ("price", 5), ("_kafka_timestamp", 8), ("tags.element", 9)] {
        assert_eq!(schema.field_id_by_name(name), Some(id), "{name}");
    }
    for (name, id) in [("shop.name", 10), ("shop.at", 11), ("shop.at.x", 12), ("counts.key", 14), ("counts.value", 15)]
    {
        assert_eq!(schema.field_id_by_name(name), Some(id), "{name}");
    }
}

#[test]
fn arrow_fields_carry_ids() {
    let arrow = arrow_schema(&schema_of(&columns()).unwrap()).unwrap();
    let id = |field: &arrow::datatypes::Field| field.metadata()["PARQUET:field_id"].clone();
    assert_eq!(id(arrow.field_with_name("id").unwrap()), "1");
    assert!(!arrow.field_with_name("id").unwrap().is_nullable());
    let timestamp = arrow.field_with_name("_kafka_timestamp").unwrap();
    assert_eq!(timestamp.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())));
    let DataType::List(element) = arrow.field_with_name("tags").unwrap().data_type().clone() else { panic!() };
    assert_eq!((element.name().as_str(), id(&element).as_str()), ("element", "9"));
}

#[test]
fn columns_that_collide_are_refused() {
    let twice = [Column::optional("Id", ColumnType::Int), Column::optional("iD", ColumnType::Int)];
    let error = schema_of(&twice).unwrap_err();
    assert!(error.to_string().contains("column iD") && error.to_string().contains("Id"), "{error}");
    let nested = [Column::optional("a", ColumnType::Struct(vec![Column::optional("", ColumnType::Int)]))];
    assert!(schema_of(&nested).unwrap_err().to_string().contains("column a"));
    let empty = [Column::optional("a", ColumnType::List(Box::new(ColumnType::Struct(Vec::new()))))];
    assert!(schema_of(&empty).unwrap_err().to_string().contains("a.element"));
}

fn metadata(version: FormatVersion, spec: UnboundPartitionSpec, schema: Schema) -> TableMetadata {
    let order = SortOrder::unsorted_order();
    let builder = TableMetadataBuilder::new(schema, spec, order, "memory://t".into(), version, Default::default());
    builder.unwrap().build().unwrap().metadata
}

#[test]
fn tables_that_cannot_be_written_are_refused_by_name() {
    let schema = || schema_of(&columns()).unwrap();
    let plain = || UnboundPartitionSpec::builder().build();
    assert_eq!(writable(&metadata(FormatVersion::V2, plain(), schema())), Ok(()));

    let by_id = UnboundPartitionSpec::builder().add_partition_field(1, "id_bucket", Transform::Bucket(8)).unwrap();
    let error = writable(&metadata(FormatVersion::V2, by_id.build(), schema())).unwrap_err();
    assert_eq!(error, Unwritable::Partitioned { fields: "id_bucket".into() });

    for (version, number) in [(FormatVersion::V1, 1), (FormatVersion::V3, 3)] {
        let error = writable(&metadata(version, plain(), schema())).unwrap_err();
        assert_eq!(error, Unwritable::FormatVersion { version: number });
    }

    let nanos = Type::Primitive(PrimitiveType::TimestamptzNs);
    let nanos = Schema::builder().with_fields([NestedField::optional(1, "at", nanos).into()]).build().unwrap();
    let error = writable(&metadata(FormatVersion::V2, plain(), nanos)).unwrap_err();
    assert_eq!(error, Unwritable::Type { column: "at".into(), kind: "timestamptz_ns".into() });

    let keyed = metadata(FormatVersion::V2, plain(), schema()).into_builder(None);
    let keyed = keyed.set_properties([("encryption.key-id".into(), "k".into())].into()).unwrap();
    assert_eq!(writable(&keyed.build().unwrap().metadata), Err(Unwritable::Encrypted));
}

#[test]
fn uuids_are_marked_in_arrow_wherever_they_are() {
    let columns = [
        Column::optional("id", "uuid".parse().unwrap()),
        Column::optional("hash", "fixed[16]".parse().unwrap()),
        Column::optional("seen", "list<struct<by: uuid>>".parse().unwrap()),
    ];
    let arrow = arrow_schema(&schema_of(&columns).unwrap()).unwrap();
    let mark = |field: &arrow::datatypes::Field| field.metadata().get("ARROW:extension:name").cloned();
    assert_eq!(mark(arrow.field(0)), Some("arrow.uuid".to_owned()));
    assert_eq!(mark(arrow.field(1)), None);
    let arrow::datatypes::DataType::List(element) = arrow.field(2).data_type() else { panic!("a list") };
    let arrow::datatypes::DataType::Struct(fields) = element.data_type() else { panic!("a struct") };
    assert_eq!(mark(&fields[0]), Some("arrow.uuid".to_owned()));
}
