//! Resolved configuration: defaults < file < environment < flags, and for each table its own entry over what all share.
//!
//! A table's entry is more specific than a section, so it wins over the section even where a variable or flag set that.

use super::keys::{Buffer, Http, Iceberg, Kafka, Log, Storage, Top};
use super::problem::{Place, Problem};
use super::raw::{RawConfig, RawShared};

/// One table with everything it inherits.
#[derive(Debug, Clone)]
pub(super) struct ResolvedTable {
    /// `tables[0]`; empty where the sections themselves describe the one table.
    pub(super) key: String,
    /// The line of its entry.
    pub(super) place: Place,
    pub(super) kafka: Kafka,
    pub(super) buffer: Buffer,
    pub(super) iceberg: Iceberg,
    pub(super) storage: Storage,
}

/// The whole, with every default applied.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) top: Top,
    /// The shared `[kafka]`, for the cluster's name.
    pub(super) kafka: Kafka,
    /// The shared `[buffer]`, for the process's budget.
    pub(super) buffer: Buffer,
    pub(super) http: Http,
    pub(super) log: Log,
    pub(super) tables: Vec<ResolvedTable>,
}

/// Applies defaults and inheritance.
pub(super) fn resolve(raw: RawConfig, problems: &mut Vec<Problem>) -> Resolved {
    let tables = if raw.tables.is_empty() {
        vec![table(String::new(), Place::Nowhere, raw.shared.clone())]
    } else {
        refuse_lone_table(&raw.shared, problems);
        raw.tables.iter().map(|entry| table(entry.key.clone(), entry.place.clone(), entry.over(&raw.shared))).collect()
    };
    Resolved {
        top: raw.top.into(),
        kafka: raw.shared.kafka.into(),
        buffer: raw.shared.buffer.into(),
        http: raw.http.into(),
        log: raw.log.into(),
        tables,
    }
}

fn table(key: String, place: Place, shared: RawShared) -> ResolvedTable {
    ResolvedTable {
        key,
        place,
        kafka: shared.kafka.into(),
        buffer: shared.buffer.into(),
        iceberg: shared.iceberg.into(),
        storage: shared.storage.into(),
    }
}

/// A topic or table in the sections would be left out silently once there are `[[tables]]`.
fn refuse_lone_table(shared: &RawShared, problems: &mut Vec<Problem>) {
    let topic = shared.kafka.topic.as_ref().map(|topic| (&topic.key, &topic.place));
    let topics = shared.kafka.topics.as_ref().map(|topics| (&topics.key, &topics.place));
    let table = shared.iceberg.table.as_ref().map(|table| (&table.key, &table.place));
    for (key, place) in [topic, topics, table].into_iter().flatten() {
        problems.push(Problem {
            key: key.clone(),
            place: place.clone(),
            message: "has no meaning beside [[tables]]: move it into an entry of its own".to_owned(),
        });
    }
}
