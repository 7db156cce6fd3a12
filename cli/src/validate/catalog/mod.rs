//! The Iceberg catalog: that it answers, and what it has under the names of the configuration.
//!
//! [`ask`] collects facts, and makes nothing; [`judge`] and [`judge_table`] make checks of them.

mod ask;
mod columns;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use k2i_domain::lake::Facts;
use k2i_domain::port::Stopped;
use k2i_domain::property::{Property, clusters, encoded_cluster, streams_of};
use k2i_lakehouse::catalog::ProbeVerdict;
use k2i_lakehouse::{Schema, TargetTable};
use k2i_runtime::config::Column;

use super::advice;
use super::check::{Check, System};
pub(super) use ask::{ask, ask_namespace, ask_probe, ask_table};

const ANSWERS: &str = "answers";
const NAMESPACE: &str = "namespace";
const PROBE: &str = "stale commits";
const TABLE: &str = "table";
const WRITABLE: &str = "can be written";
const COLUMNS: &str = "columns";
const OWNER: &str = "whose it is";

/// Whether the catalog could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answers; what it is.
    Answers(String),
    /// Its database is a file that is not there yet, and will be made; whether its folder lets that happen.
    NotYet(PathBuf, Result<(), String>),
    /// It does not answer as it should: why.
    Fails(String),
}

/// The check of the catalog itself.
pub(super) fn judge(catalog: &str, standing: &Standing) -> Check {
    match standing {
        Standing::Answers(what) => Check::ok(System::Catalog, catalog, ANSWERS, what),
        Standing::NotYet(file, Ok(())) => {
            Check::ok(System::Catalog, catalog, ANSWERS, format!("{} will be made by ingest", file.display()))
        }
        Standing::NotYet(file, Err(why)) => {
            let detail = format!("{} does not exist and cannot be made: {why}", file.display());
            Check::failed(
                System::Catalog,
                catalog,
                ANSWERS,
                detail,
                "allow this user to write there, or set iceberg.sql_uri",
            )
        }
        Standing::Fails(why) => Check::failed(System::Catalog, catalog, ANSWERS, why, advice::catalog(why)),
    }
}

/// The check of one namespace.
pub(super) fn judge_namespace(namespace: &str, found: &Result<Option<bool>, String>) -> Check {
    match found {
        Ok(Some(true)) => Check::ok(System::Catalog, namespace, NAMESPACE, "it exists"),
        Ok(Some(false)) => Check::ok(System::Catalog, namespace, NAMESPACE, "it will be made by ingest"),
        Ok(None) => Check::skipped(System::Catalog, namespace, NAMESPACE, "the catalog cannot tell"),
        Err(why) => Check::failed(System::Catalog, namespace, NAMESPACE, why, advice::catalog(why)),
    }
}

/// The check that the catalog refuses a commit whose base has moved; `None`: there is no namespace to show it in.
pub(super) fn judge_probe(namespace: &str, found: Option<&Result<ProbeVerdict, String>>) -> Check {
    match found {
        None => {
            let why = "shown where the namespace exists; ingest shows it before it writes";
            Check::skipped(System::Catalog, namespace, PROBE, why)
        }
        Some(Ok(ProbeVerdict::Refuses)) => Check::ok(System::Catalog, namespace, PROBE, "they are refused"),
        Some(Ok(ProbeVerdict::Accepts)) => {
            let detail = "it accepts a commit whose base has moved: writers would overwrite each other";
            let advice = "ingest would stop its tables: see config in docs/reference/errors.md";
            Check::failed(System::Catalog, namespace, PROBE, detail, advice)
        }
        Some(Ok(ProbeVerdict::NotAllowed { reason })) => {
            let advice =
                "nothing, if other writers rely on this catalog too; else allow tables to be made and dropped here";
            Check::warning(System::Catalog, namespace, PROBE, format!("it cannot be shown: {reason}"), advice)
        }
        Some(Err(why)) => Check::failed(System::Catalog, namespace, PROBE, why, advice::catalog(why)),
    }
}

/// A table as it was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) facts: Facts,
    pub(super) target: TargetTable,
    /// Whether this version writes it as the configuration wants it.
    pub(super) fits: Result<(), Stopped>,
}

/// What the configuration wants of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// `database.table`.
    pub(super) key: &'a str,
    /// The cluster's name.
    pub(super) cluster: &'a str,
    pub(super) topics: &'a [String],
    pub(super) columns: Option<&'a [Column]>,
}

/// The checks of one table; `Ok(None)`: there is none of that name.
pub(super) fn judge_table(wanted: Wanted<'_>, found: &Result<Option<Found>, String>) -> Vec<Check> {
    let key = wanted.key;
    match found {
        Err(why) => vec![Check::failed(System::Catalog, key, TABLE, why, advice::catalog(why))],
        Ok(None) => {
            let schema = match wanted.columns {
                Some(columns) => format!("with the {} configured columns", columns.len()),
                None => "with a schema inferred from the first records".to_owned(),
            };
            vec![Check::ok(System::Catalog, key, TABLE, format!("ingest will create it, {schema}"))]
        }
        Ok(Some(found)) => {
            let mut checks = vec![exists(key, found), writable(key, found)];
            checks.extend(wanted.columns.map(|columns| configured(key, columns, &found.target.schema)));
            checks.push(owner(wanted, &found.facts));
            checks
        }
    }
}

fn exists(key: &str, Found { facts, target, .. }: &Found) -> Check {
    let head =
        facts.head().map_or_else(|| "no snapshot".to_owned(), |head| format!("its head is snapshot {}", head.id));
    let columns = target.schema.as_struct().fields().len();
    let detail = format!("it exists: format version {}, {columns} columns, {head}", facts.format_version);
    Check::ok(System::Catalog, key, TABLE, detail)
}

fn writable(key: &str, found: &Found) -> Check {
    match &found.fits {
        Ok(()) => Check::ok(System::Catalog, key, WRITABLE, "this version can write it"),
        Err(stopped) => {
            let advice =
                "ingest would stop this table with reason schema: change the table or [iceberg], or use another table";
            Check::failed(System::Catalog, key, WRITABLE, &stopped.detail, advice)
        }
    }
}

fn configured(key: &str, columns: &[Column], schema: &Schema) -> Check {
    let differences = columns::differences(columns, schema);
    if differences.is_empty() {
        return Check::ok(System::Catalog, key, COLUMNS, "the table has the configured ones");
    }
    let advice = "the table's own columns hold: iceberg.columns counts only where ingest creates the table";
    Check::warning(System::Catalog, key, COLUMNS, differences.join("; "), advice)
}

/// Whose progress stands in the table's properties. Whether ingest stopped the table is known to its own state alone.
fn owner(wanted: Wanted<'_>, facts: &Facts) -> Check {
    let Wanted { key, cluster, topics, .. } = wanted;
    let own = match Property::parse(cluster, &facts.properties) {
        Ok(own) => own,
        Err(error) => {
            let advice = "ingest would stop this table: see watermark_missing in docs/reference/errors.md";
            return Check::failed(System::Catalog, key, OWNER, error.to_string(), advice);
        }
    };
    let encoded = encoded_cluster(cluster);
    let others: Vec<&str> = clusters(&facts.properties).filter(|other| **other != encoded).collect();
    let rival = others.iter().find_map(|other| {
        let claimed = streams_of(other, &facts.properties);
        claimed.into_iter().find(|stream| topics.contains(&stream.topic)).map(|stream| (other, stream.topic))
    });
    if let (None, Some((other, topic))) = (&own, rival) {
        let detail = format!("cluster name {other} reads a topic {topic} into it too");
        let advice =
            "if it is the same topic, every row would be double, and ingest stops the table: use another table";
        return Check::warning(System::Catalog, key, OWNER, detail, advice);
    }
    let beside = if others.is_empty() { String::new() } else { format!("; beside it {}", others.join(", ")) };
    let detail = match own {
        Some(own) => format!(
            "ours: cluster name {cluster}, instance {}, incarnation {}, last recorded in snapshot {}{beside}",
            own.instance, own.incarnation, own.snapshot
        ),
        None => format!("cluster name {cluster} has no progress in it yet{beside}"),
    };
    Check::ok(System::Catalog, key, OWNER, detail)
}
