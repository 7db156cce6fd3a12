//! Resolved → validated: everything that can be checked without asking anybody. All problems are found in one pass.

mod iceberg;
mod kafka;
mod kafka_access;
mod kafka_files;
mod metadata;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{Buffer, Http};
use super::model::{BufferConfig, Config, HttpConfig, LogConfig, TableConfig};
use super::problem::{Place, Problem, Sourced};
use super::raw::sections;
use super::resolve::{Resolved, ResolvedTable};
use super::secret::{Secret, SecretSource};
use crate::http::Listen;

const MIB: u64 = 1024 * 1024;

/// Longest cluster name in its encoded form, since it is part of every property key.
const MAX_CLUSTER_NAME: usize = 64;

/// What checking needs, and what it found.
pub(super) struct Checker<'a> {
    environment: &'a BTreeMap<String, String>,
    working_directory: &'a Path,
    data_dir: PathBuf,
    /// Keys that were given and could not be read: they are not reported as missing.
    unread: BTreeSet<String>,
    problems: Vec<Problem>,
    warnings: BTreeSet<String>,
}

/// Checks everything; `problems` are those found before.
pub(super) fn validate(
    resolved: Resolved,
    environment: &BTreeMap<String, String>,
    working_directory: &Path,
    problems: Vec<Problem>,
) -> Result<Config, Vec<Problem>> {
    let data_dir = absolute(working_directory, &resolved.top.data_dir.value);
    let unread = problems.iter().map(|problem| problem.key.clone()).collect();
    let mut checker = Checker { environment, working_directory, data_dir, unread, problems, warnings: BTreeSet::new() };
    let cluster_name = checker.cluster_name(&resolved);
    let tables: Vec<Option<TableConfig>> =
        resolved.tables.iter().map(|table| checker.table(table, cluster_name.as_deref())).collect();
    checker.distinct(&resolved.tables, &tables);
    let http = checker.http(&resolved.http);
    let whole = cluster_name.zip(http).zip(tables.into_iter().collect::<Option<Vec<_>>>());
    let Checker { data_dir, problems, warnings, .. } = checker;
    match whole {
        Some(((cluster_name, http), tables)) if problems.is_empty() => Ok(Config {
            cluster_name,
            data_dir,
            memory_bytes: resolved.buffer.max_size_mb.value.0 * MIB,
            tables,
            http,
            log: LogConfig { level: resolved.log.level.value, format: resolved.log.format.value },
            warnings: warnings.into_iter().collect(),
        }),
        _ => Err(problems),
    }
}

fn absolute(working_directory: &Path, path: &Path) -> PathBuf {
    // Only `.` and doubled slashes are dropped: `..` may lead through a link.
    working_directory.join(path).components().collect()
}

impl Checker<'_> {
    fn problem<T>(&mut self, at: &Sourced<T>, message: impl Into<String>) {
        self.problems.push(Problem { key: at.key.clone(), place: at.place.clone(), message: message.into() });
    }

    /// Turns a check of a value into the value or a problem at its place.
    fn check<T, U>(&mut self, at: &Sourced<U>, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.problem(at, message)).ok()
    }

    /// True for a key that was given, for all tables or for one, and could not be read.
    fn is_unread(&self, key: &str) -> bool {
        self.unread.iter().any(|unread| unread == key || unread.ends_with(&format!(".{key}")))
    }

    /// Reports a key that must be given, with an example from the reference.
    fn missing(&mut self, section: &str, name: &str, why: &str) {
        let key = format!("{section}.{name}");
        if self.is_unread(&key) {
            return;
        }
        let example = sections()
            .into_iter()
            .filter(|(other, ..)| *other == section)
            .flat_map(|(_, _, keys)| keys)
            .find(|key| key.name == name)
            .map_or("", |key| key.example);
        let message = format!("missing{why}; for example, in [{section}]: {name} = {example}");
        self.problems.push(Problem { key, place: Place::Nowhere, message });
    }

    /// Reports a key that the table's own entry (or the section that describes the one table) must give.
    fn missing_in_table(&mut self, table: &ResolvedTable, section: &str, name: &str) {
        if table.key.is_empty() {
            return self.missing(section, name, "");
        }
        let key = format!("{}.{name}", table.key);
        if !self.unread.contains(&key) {
            let message = format!("missing: this [[tables]] entry needs a `{name}`");
            self.problems.push(Problem { key, place: table.place.clone(), message });
        }
    }

    fn secret(&mut self, source: &Sourced<SecretSource>) -> Option<Secret> {
        if matches!((&source.value, &source.place), (SecretSource::Plain(_), Place::Line(_))) {
            self.warnings.insert(format!(
                "{}: the secret stands in the configuration file; env:NAME or file:/path keeps it out",
                source.key
            ));
        }
        let resolved = source.value.resolve(self.environment);
        self.check(source, resolved)
    }

    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn cluster_name(&mut self, resolved: &Resolved) -> Option<String> {
        let mut groups = resolved.tables.iter().filter_map(|table| table.kafka.group_id.as_ref());
        let shared = resolved.top.cluster_name.as_ref().or(resolved.kafka.group_id.as_ref());
        let Some(name) = shared.or_else(|| groups.next()) else {
            self.missing("kafka", "group_id", " (or `cluster_name`)");
            return None;
        };
        if shared.is_none() && groups.any(|other| other.value != name.value) {
            self.problem(name, "the tables name several groups: set `cluster_name` at the top of the file");
            return None;
        }
        let length: usize = name.value.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum();
        if length > MAX_CLUSTER_NAME {
            let message = format!(
                "too long for a cluster name: {length} bytes with everything but letters, digits, _ and - \
                 percent-encoded, {MAX_CLUSTER_NAME} at most; set `cluster_name`"
            );
            self.problem(name, message);
            return None;
        }
        Some(name.value.clone())
    }

    fn table(&mut self, table: &ResolvedTable, cluster_name: Option<&str>) -> Option<TableConfig> {
        let kafka = self.kafka(&table.kafka, cluster_name);
        let topics = self.topics(table);
        let name = self.table_name(table);
        let storage = self.storage(&table.storage, &table.iceberg);
        let several = topics.as_ref().is_some_and(|topics| topics.len() > 1);
        let iceberg = self.iceberg(table, name.as_ref(), several);
        let buffer = buffer(&table.buffer);
        let (namespace, name) = name?;
        let key = format!("{}.{name}", namespace.join("."));
        Some(TableConfig { key, kafka: kafka?, topics: topics?, buffer, iceberg: iceberg?, storage: storage? })
    }

    /// Two tables of one name would write to one table, or could not be told apart.
    fn distinct(&mut self, entries: &[ResolvedTable], tables: &[Option<TableConfig>]) {
        let mut seen: BTreeMap<&str, (&ResolvedTable, &TableConfig)> = BTreeMap::new();
        for (entry, table) in entries.iter().zip(tables) {
            let Some(table) = table else { continue };
            let Some((first, other)) = seen.get(table.key.as_str()) else {
                seen.insert(&table.key, (entry, table));
                continue;
            };
            let message = if other.iceberg.catalog == table.iceberg.catalog {
                format!(
                    "writes to the same table as {}, {}: give both topics to one entry (`topics`), or another table",
                    first.key, table.key
                )
            } else {
                format!(
                    "has the same database and table as {}, {}: in this version one has to be renamed",
                    first.key, table.key
                )
            };
            self.problems.push(Problem { key: entry.key.clone(), place: entry.place.clone(), message });
        }
    }

    fn http(&mut self, http: &Http) -> Option<HttpConfig> {
        let health = self.listen(&http.health_address, "http.health_address", http.insecure_bind.value);
        let metrics = self.listen(&http.metrics_address, "http.metrics_address", http.insecure_bind.value);
        let (health, metrics) = health.zip(metrics)?;
        if health.address == metrics.address && health.address.port() != 0 {
            self.problem(&http.metrics_address, "is also http.health_address: give each its own port");
            return None;
        }
        Some(HttpConfig { health, metrics })
    }

    fn listen(&mut self, address: &Sourced<String>, key: &'static str, insecure_bind: bool) -> Option<Listen> {
        let parsed: Result<SocketAddr, _> = address.value.parse();
        let parsed = parsed.map_err(|_| {
            format!("must be an IP address and a port, for example 127.0.0.1:8080, not {:?}", address.value)
        });
        let listen = Listen { address: self.check(address, parsed)?, key, insecure_bind };
        let checked = listen.check().map_err(|error| error.to_string());
        let warning = self.check(address, checked)?;
        self.warnings.extend(warning);
        Some(listen)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn buffer(buffer: &Buffer) -> BufferConfig {
    BufferConfig {
        flush_interval: Duration::from_secs(buffer.flush_interval_seconds.value.0),
        flush_max_records: buffer.flush_max_records.as_ref().map(|records| records.value.0),
        flush_max_bytes: buffer.flush_max_size_mb.as_ref().map(|size| size.value.0 * MIB),
    }
}
