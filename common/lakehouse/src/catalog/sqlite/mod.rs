//! The SQL catalog on SQLite: the embedded default, on the very tables that PyIceberg's `SqlCatalog` and Java's
//! `JdbcCatalog` use, so that all can work on one database.
//!
//! Order of a commit: the new metadata file is durable, then one `UPDATE … WHERE metadata_location = <base>` decides by
//! the number of rows that it changed, then `COMMIT`. Until `COMMIT` is sent nothing can have been applied; a `COMMIT`
//! that fails may have been, and is `Unknown`.

mod schema;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use iceberg::spec::TableMetadata;
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::lake::Outcome;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use self::schema::Statements;
use super::{CatalogBackend, CatalogDescription, CatalogError, Draft, LoadedTable, ProbeTable, metadata};
use crate::storage::{Store, absolute_location};

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Tables commit in parallel; SQLite writes one at a time anyway.
const CONNECTIONS: u32 = 4;
/// Longest namespace, table name and metadata location that the catalog's columns are declared for.
const MAX_NAME: usize = 255;
const MAX_LOCATION: usize = 1000;

/// A SQL catalog on a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteCatalog {
    /// First part of every key.
    name: String,
    file: PathBuf,
    warehouse: Option<String>,
    pool: SqlitePool,
    statements: Statements,
    store: Store,
}

impl SqliteCatalog {
    /// Opens the database, and makes it where there is none. `uri` is `sqlite:///absolute/path.db` or
    /// `sqlite:relative.db`; `warehouse` is where new tables go unless their namespace has a `location`.
    ///
    /// # Errors
    /// When the URI has another form, or the database cannot be opened.
    pub async fn open(name: &str, uri: &str, warehouse: Option<&str>, store: Store) -> Result<Self, CatalogError> {
        let file = database_file(uri)?;
        let warehouse = warehouse.map(absolute_location).transpose()?;
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|error| database(format!("make folder {}", folder.display()), error.into()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|error| database(format!("open {}", file.display()), error))?;
        let statements = schema::prepare(&pool)
            .await
            .map_err(|error| database(format!("prepare its tables in {}", file.display()), error))?;
        Ok(Self { name: name.to_owned(), file, warehouse, pool, statements, store })
    }

    /// The table's metadata location, or what else has its name.
    async fn entry(&self, table: &TableIdent) -> Result<Option<String>, CatalogError> {
        let row: Option<(Option<String>, Option<String>)> = sqlx::query_as(self.statements.select)
            .bind(&self.name)
            .bind(namespace_key(&table.namespace))
            .bind(&table.name)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| database(format!("look up table {table}"), error))?;
        match row {
            None => Ok(None),
            Some((_, Some(kind))) if kind != schema::TABLE => Err(CatalogError::NotATable { name: table.to_string() }),
            Some((location, _)) => Ok(location),
        }
    }

    async fn namespace_property(&self, namespace: &NamespaceIdent, key: &str) -> Result<Option<String>, CatalogError> {
        sqlx::query_scalar(schema::SELECT_NAMESPACE_PROPERTY)
            .bind(&self.name)
            .bind(namespace_key(namespace))
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| database(format!("look up namespace {namespace}"), error))
    }

    async fn default_location(&self, table: &TableIdent) -> Result<String, CatalogError> {
        if let Some(location) = self.namespace_property(&table.namespace, "location").await? {
            return Ok(format!("{}/{}", location.trim_end_matches('/'), table.name));
        }
        let warehouse = self.warehouse.as_deref().ok_or_else(|| CatalogError::Settings {
            reason: "the catalog has no warehouse, so a new table has nowhere to go".to_owned(),
        })?;
        Ok(metadata::table_location(warehouse, table))
    }

    async fn begin(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Inserts the table's row. `Ok(false)`: the name is taken.
    async fn insert(&self, table: &TableIdent, location: &str) -> Result<bool, Ended> {
        let mut transaction = self.begin().await.map_err(Ended::before)?;
        let inserted = sqlx::query(self.statements.insert)
            .bind(&self.name)
            .bind(namespace_key(&table.namespace))
            .bind(&table.name)
            .bind(location)
            .execute(&mut *transaction)
            .await;
        match inserted {
            Ok(_) => transaction.commit().await.map(|()| true).map_err(Ended::during),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(Ended::before(error)),
        }
    }

    /// Moves the table's pointer from one location to the next. `Ok(false)`: it was not there.
    async fn compare_and_set(&self, table: &TableIdent, from: &str, to: &str) -> Result<bool, Ended> {
        let mut transaction = self.begin().await.map_err(Ended::before)?;
        let updated = sqlx::query(self.statements.update)
            .bind(to)
            .bind(from)
            .bind(&self.name)
            .bind(namespace_key(&table.namespace))
            .bind(&table.name)
            .bind(from)
            .execute(&mut *transaction)
            .await
            .map_err(Ended::before)?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        transaction.commit().await.map(|()| true).map_err(Ended::during)
    }

    /// A metadata file that lost its race: its random name was in that one request only, so nobody can come to it.
    async fn discard(&self, location: &str) {
        if let Err(error) = self.store.delete(location).await {
            tracing::debug!(location, %error, "metadata file of a lost race could not be deleted");
        }
    }

    async fn lost_creation(&self, table: &TableIdent) -> Outcome {
        match self.entry(table).await {
            Err(error @ CatalogError::NotATable { .. }) => Outcome::Rejected(error.to_string()),
            _ => Outcome::Conflict,
        }
    }

    async fn lost_commit(&self, table: &TableIdent) -> Outcome {
        match self.entry(table).await {
            Ok(None) => Outcome::TableGone,
            _ => Outcome::Conflict,
        }
    }
}

/// A write that ended in an error of the database.
struct Ended {
    /// True when `COMMIT` had been sent.
    unknown: bool,
    error: sqlx::Error,
}

impl Ended {
    fn before(error: sqlx::Error) -> Self {
        Self { unknown: false, error }
    }

    fn during(error: sqlx::Error) -> Self {
        Self { unknown: true, error }
    }

    fn outcome(self) -> Outcome {
        if self.unknown {
            Outcome::Unknown(format!("the commit failed: {}", self.error))
        } else {
            Outcome::Rejected(format!("not applied: {}", self.error))
        }
    }
}

#[async_trait]
impl CatalogBackend for SqliteCatalog {
    async fn load(&self, table: &TableIdent) -> Result<Option<LoadedTable>, CatalogError> {
        let Some(location) = self.entry(table).await? else { return Ok(None) };
        let metadata = metadata::read(&self.store, table, &location).await?;
        Ok(Some(LoadedTable { ident: table.clone(), metadata: metadata.into(), metadata_location: Some(location) }))
    }

    async fn stage(&self, table: &TableIdent, draft: Draft) -> Result<TableMetadata, CatalogError> {
        check_names(table)?;
        if self.entry(table).await?.is_some() {
            return Err(CatalogError::Exists { table: table.to_string() });
        }
        metadata::new_metadata(table, draft, self.default_location(table).await?)
    }

    async fn create(&self, table: &TableIdent, metadata: TableMetadata) -> Outcome {
        let location = match metadata::write_first(&self.store, table, &metadata).await {
            Ok(location) => location,
            Err(error) => return not_sent(&error),
        };
        if location.len() > MAX_LOCATION {
            return Outcome::Rejected(format!("metadata location {location} is longer than {MAX_LOCATION} bytes"));
        }
        match self.insert(table, &location).await {
            Ok(true) => Outcome::Committed,
            Ok(false) => {
                self.discard(&location).await;
                self.lost_creation(table).await
            }
            Err(ended) => ended.outcome(),
        }
    }

    async fn commit(
        &self,
        base: &LoadedTable,
        requirements: Vec<TableRequirement>,
        updates: Vec<TableUpdate>,
    ) -> Outcome {
        let Some(from) = &base.metadata_location else {
            return Outcome::Rejected("the base was not loaded from this catalog".to_owned());
        };
        let next = match metadata::apply(base, &requirements, updates) {
            Ok(next) => next,
            Err(error) if error.kind() == iceberg::ErrorKind::CatalogCommitConflicts => return Outcome::Conflict,
            Err(error) => return Outcome::Rejected(error.to_string()),
        };
        let to = match metadata::write_next(&self.store, base, &next).await {
            Ok(location) => location,
            Err(error) => return not_sent(&error),
        };
        match self.compare_and_set(&base.ident, from, &to).await {
            Ok(true) => Outcome::Committed,
            Ok(false) => {
                self.discard(&to).await;
                self.lost_commit(&base.ident).await
            }
            Err(ended) => ended.outcome(),
        }
    }

    async fn ensure_namespace(&self, namespace: &NamespaceIdent) -> Result<(), CatalogError> {
        sqlx::query(schema::INSERT_NAMESPACE)
            .bind(&self.name)
            .bind(namespace_key(namespace))
            .execute(&self.pool)
            .await
            .map_err(|error| database(format!("create namespace {namespace}"), error))?;
        Ok(())
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<Option<bool>, CatalogError> {
        let found: i64 = sqlx::query_scalar(schema::COUNT_NAMESPACE)
            .bind(&self.name)
            .bind(namespace_key(namespace))
            .bind(&self.name)
            .bind(namespace_key(namespace))
            .fetch_one(&self.pool)
            .await
            .map_err(|error| database(format!("look up namespace {namespace}"), error))?;
        Ok(Some(found > 0))
    }

    async fn drop_probe(&self, probe: &ProbeTable) -> Result<(), CatalogError> {
        let LoadedTable { ident, metadata_location, .. } = probe.loaded();
        sqlx::query(schema::DELETE)
            .bind(&self.name)
            .bind(namespace_key(&ident.namespace))
            .bind(&ident.name)
            .bind(metadata_location)
            .execute(&self.pool)
            .await
            .map_err(|error| database(format!("drop table {ident}"), error))?;
        Ok(())
    }

    fn describe(&self) -> CatalogDescription {
        CatalogDescription {
            name: format!("sqlite {} (catalog name {})", self.file.display(), self.name),
            compare_and_set: true,
            keeps_history: true,
            drops_tables: true,
        }
    }
}

/// A request that was never sent because its metadata file could not be written.
fn not_sent(error: &CatalogError) -> Outcome {
    Outcome::Rejected(format!("not sent: {}", crate::error::with_sources(error)))
}

fn namespace_key(namespace: &NamespaceIdent) -> String {
    namespace.join(".")
}

fn check_names(table: &TableIdent) -> Result<(), CatalogError> {
    for (what, name) in [("namespace", namespace_key(&table.namespace)), ("table name", table.name.clone())] {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(['/', '\\', '\0']) {
            return Err(CatalogError::Settings {
                reason: format!("{what} {name:?} must have 1 to {MAX_NAME} bytes and no slash: it names a folder"),
            });
        }
    }
    Ok(())
}

/// The file that a URI names. Three slashes are an absolute path, as for JDBC; SQLAlchemy writes four for the same.
fn database_file(uri: &str) -> Result<PathBuf, CatalogError> {
    let invalid = |why: &str| CatalogError::Settings {
        reason: format!("catalog uri {uri}: {why}; use sqlite:///absolute/path.db or sqlite:relative.db"),
    };
    let rest = uri.strip_prefix("sqlite:").ok_or_else(|| invalid("it does not begin with sqlite:"))?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.starts_with(':') {
        return Err(invalid("a catalog needs a file"));
    }
    if rest.starts_with("//") && !path.starts_with('/') {
        return Err(invalid("after two slashes a third must follow"));
    }
    if path.contains('?') {
        return Err(invalid("parameters are not supported"));
    }
    Ok(PathBuf::from(path))
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

fn database(operation: String, source: sqlx::Error) -> CatalogError {
    CatalogError::Database { operation, source }
}
