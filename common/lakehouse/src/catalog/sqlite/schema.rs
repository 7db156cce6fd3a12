//! The catalog's tables and statements, column for column those of `JdbcCatalog` (schema version V1) and PyIceberg.
//!
//! Databases of schema version V0 lack `iceberg_type`. They are used as they are: changing somebody else's database is
//! not ours to do.

use sqlx::sqlite::SqlitePool;

/// `iceberg_type` of a table; null means the same.
pub(super) const TABLE: &str = "TABLE";

const CREATE_TABLES: &str = "CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name))";

const CREATE_NAMESPACE_PROPERTIES: &str = "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key))";

const TYPE_COLUMN: &str = "SELECT COUNT(*) FROM pragma_table_info('iceberg_tables') WHERE name = 'iceberg_type'";

pub(super) const SELECT_NAMESPACE_PROPERTY: &str = "SELECT property_value FROM iceberg_namespace_properties
    WHERE catalog_name = ? AND namespace = ? AND property_key = ?";

/// A namespace is there by its own entry, or by a table's.
pub(super) const COUNT_NAMESPACE: &str = "SELECT
    (SELECT COUNT(*) FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?)
    + (SELECT COUNT(*) FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?)";

/// `exists` is what the other two write for a namespace without properties.
pub(super) const INSERT_NAMESPACE: &str = "INSERT INTO iceberg_namespace_properties
    (catalog_name, namespace, property_key, property_value) VALUES (?, ?, 'exists', 'true')
    ON CONFLICT DO NOTHING";

/// Catalog, namespace, table, the location that it is to have.
pub(super) const DELETE: &str = "DELETE FROM iceberg_tables
    WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?";

/// The statements on `iceberg_tables`, by schema version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statements {
    /// Answers metadata location and type.
    pub(super) select: &'static str,
    /// Catalog, namespace, table, location.
    pub(super) insert: &'static str,
    /// New location, previous location, catalog, namespace, table, expected location.
    pub(super) update: &'static str,
}

const V0: Statements = Statements {
    select: "SELECT metadata_location, NULL FROM iceberg_tables
        WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?",
    insert: "INSERT INTO iceberg_tables
        (catalog_name, table_namespace, table_name, metadata_location) VALUES (?, ?, ?, ?)",
    update: "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
        WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?",
};

const V1: Statements = Statements {
    select: "SELECT metadata_location, iceberg_type FROM iceberg_tables
        WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?",
    insert: "INSERT INTO iceberg_tables
        (catalog_name, table_namespace, table_name, metadata_location, iceberg_type) VALUES (?, ?, ?, ?, 'TABLE')",
    update: "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
        WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?
        AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)",
};

/// Makes the tables where they are missing and finds out their version.
pub(super) async fn prepare(pool: &SqlitePool) -> sqlx::Result<Statements> {
    sqlx::query(CREATE_TABLES).execute(pool).await?;
    sqlx::query(CREATE_NAMESPACE_PROPERTIES).execute(pool).await?;
    let type_columns: i64 = sqlx::query_scalar(TYPE_COLUMN).fetch_one(pool).await?;
    Ok(if type_columns > 0 { V1 } else { V0 })
}
