//! Checks of the metadata columns: which of them a table has, and that each name is its own.
//!
//! A name that would stand for two things is an error at the key that gave it, whichever of the two was given.

use super::Checker;
use crate::config::choice::Switch;
use crate::config::keys::Iceberg;
use crate::config::model::MetadataColumns;
use crate::config::problem::{Place, Sourced};
use crate::config::resolve::ResolvedTable;

/// Name of the topic's column where none is given.
const DEFAULT_TOPIC: &str = "_kafka_topic";

impl Checker<'_> {
    /// The columns of a table, of several topics or of one.
    pub(super) fn metadata_columns(&mut self, table: &ResolvedTable, several_topics: bool) -> MetadataColumns {
        let iceberg = &table.iceberg;
        if iceberg.metadata_columns.value == Switch::Off {
            self.idle_names(table);
            return MetadataColumns::default();
        }
        let default_topic =
            Sourced { value: DEFAULT_TOPIC.to_owned(), key: "iceberg.topic_column".to_owned(), place: Place::Nowhere };
        // Kept free also where the table has one topic: a second one may come.
        let topic = iceberg.topic_column.as_ref().unwrap_or(&default_topic);
        self.distinct_names(iceberg, topic);
        let has_topic = several_topics || iceberg.topic_column.is_some();
        let name = |column: &Sourced<String>| column.value.clone();
        MetadataColumns {
            partition: Some(name(&iceberg.partition_column)),
            offset: Some(name(&iceberg.offset_column)),
            timestamp: Some(name(&iceberg.timestamp_column)),
            topic: has_topic.then(|| name(topic)),
            key: iceberg.key_column.as_ref().map(name),
            headers: iceberg.headers_column.as_ref().map(name),
        }
    }

    /// Names beside `metadata_columns = "off"`. A table that turns off what all others have may inherit their names.
    fn idle_names(&mut self, table: &ResolvedTable) {
        let iceberg = &table.iceberg;
        let own = |key: &str| !table.key.is_empty() && key.starts_with(&format!("{}.", table.key));
        let inherited_only = own(&iceberg.metadata_columns.key);
        let with_default = [&iceberg.partition_column, &iceberg.offset_column, &iceberg.timestamp_column];
        let without = [&iceberg.topic_column, &iceberg.key_column, &iceberg.headers_column];
        for column in with_default.into_iter().chain(without.into_iter().flatten()) {
            let inherited = inherited_only && !own(&column.key);
            if column.place != Place::Nowhere && !inherited {
                self.problem(column, "has no effect beside metadata_columns = \"off\": take one of the two out");
            }
        }
    }

    fn distinct_names(&mut self, iceberg: &Iceberg, topic: &Sourced<String>) {
        let always = [&iceberg.partition_column, &iceberg.offset_column, &iceberg.timestamp_column, topic];
        let optional = [&iceberg.key_column, &iceberg.headers_column];
        let names: Vec<_> = always.into_iter().chain(optional.into_iter().flatten()).collect();
        for (at, name) in names.iter().enumerate() {
            if let Some(other) = names[..at].iter().find(|other| same(&other.value, &name.value)) {
                let (given, other) = if name.place == Place::Nowhere { (other, name) } else { (name, other) };
                self.problem(given, format!("names the same column as {}: each needs its own", other.key));
            }
            self.not_a_column(iceberg, name);
        }
    }

    /// Data has its own columns.
    fn not_a_column(&mut self, iceberg: &Iceberg, name: &Sourced<String>) {
        let Some(columns) = &iceberg.columns else { return };
        let Some(column) = columns.value.0.iter().find(|column| same(&column.name, &name.value)) else { return };
        if name.place == Place::Nowhere {
            let message =
                format!("{} is added by metadata_columns = \"on\": leave it out, or set {}", column.name, name.key);
            self.problem(columns, message);
        } else {
            self.problem(name, format!("is also one of {}: each needs its own name", columns.key));
        }
    }
}

/// Many readers of tables do not tell upper from lower case.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
