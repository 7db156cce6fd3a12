//! Configured schemas.

use super::*;

#[test]
fn columns_in_both_forms() {
    let inline = load(&local_with(
        "iceberg",
        "columns = [{ name = \"id\", type = \"long\", required = true }, { name = \"tags\", type = \"list<string>\" }]",
    ));
    let tables = load(&format!(
        "{LOCAL}[[iceberg.columns]]\nname = \"id\"\ntype = \"long\"\nrequired = true\n\
         [[iceberg.columns]]\nname = \"tags\"\ntype = \"list<string>\"\n"
    ));
    assert_eq!(inline.tables, tables.tables);
    let columns = inline.tables[0].iceberg.columns.as_ref().unwrap();
    assert!(columns[0].required && !columns[1].required);
    assert_eq!(columns[1].column_type, ColumnType::List(Box::new(ColumnType::Primitive("string"))));
}

#[test]
fn column_types_read_back_as_written() {
    for text in [
        "long",
        "timestamptz",
        "decimal(12,2)",
        "fixed[16]",
        "list<list<int>>",
        "map<string, struct<a: long, b: decimal(38,0)>>",
        "struct<first-name: string, é: uuid>",
    ] {
        assert_eq!(ColumnType::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(ColumnType::parse(" list < map<string,long> > ").unwrap().to_string(), "list<map<string, long>>");
    let deep = format!("{}int{}", "list<".repeat(40), ">".repeat(40));
    for (text, message) in [
        ("decimal(39,2)", "precision is 1 to 38"),
        ("decimal(5,6)", "scale at most the precision"),
        ("list<long", "expected '>'"),
        ("long>", "after the type"),
        ("map<int, long>", "map keys are string"),
        ("struct<>", "expected a field name"),
        ("struct<a: int, a: int>", "appears twice"),
        ("fixed[0]", "holds nothing"),
        ("", "unknown type"),
        (&deep, "nests deeper"),
    ] {
        let error = ColumnType::parse(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}
