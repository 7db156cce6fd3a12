//! Configured columns beside those of a table that exists.

use k2i_lakehouse::Schema;
use k2i_lakehouse::schema::{Column as Declared, ColumnType, schema_of};
use k2i_runtime::config::Column;

/// What is configured and not so in the table, one sentence each. Columns that only the table has are no difference.
pub(super) fn differences(columns: &[Column], schema: &Schema) -> Vec<String> {
    columns.iter().filter_map(|column| difference(column, schema)).collect()
}

fn difference(column: &Column, schema: &Schema) -> Option<String> {
    let name = &column.name;
    let Some(field) = schema.as_struct().fields().iter().find(|field| field.name == *name) else {
        return Some(format!("the table has no column {name}"));
    };
    let wanted = declared(column)?;
    let wanted = wanted.as_struct().fields().first()?.field_type.clone();
    // Inside of structs, lists and maps types carry ids, which the configuration cannot know.
    let same = if field.field_type.is_primitive() && wanted.is_primitive() {
        field.field_type == wanted
    } else {
        field.field_type.is_primitive() == wanted.is_primitive()
            && field.field_type.is_struct() == wanted.is_struct()
            && field.field_type.is_nested() == wanted.is_nested()
    };
    if !same {
        return Some(format!("column {name} is {} in the table, {} here", field.field_type, column.column_type));
    }
    match (field.required, column.required) {
        (true, false) => Some(format!("column {name} is required in the table")),
        (false, true) => Some(format!("column {name} is optional in the table")),
        (true, true) | (false, false) => None,
    }
}

/// The column as Iceberg has it; `None` for one that the configuration has checked and that cannot be all the same.
fn declared(column: &Column) -> Option<Schema> {
    let kind: ColumnType = column.column_type.to_string().parse().ok()?;
    schema_of(&[Declared { name: column.name.clone(), kind, required: column.required, doc: None }]).ok()
}
