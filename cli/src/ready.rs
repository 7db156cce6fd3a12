//! When the process is ready: it knows a leader, its worker is registered, and its servers answer.
//!
//! Servers are asked again and again, and every question has a limit. Catalogs and stores are asked in turn, each table
//! once a round; Kafka once for each connection that its tables use, all at once, so that one that does not answer does
//! not delay what the others have to say.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k2i_coordinator::StateObserver;
use k2i_lakehouse::storage::absolute_location;
use k2i_lakehouse::with_sources;
use k2i_runtime::http::Readiness;
use k2i_worker::kafka::{ConnectionSettings, ControlError, KafkaControl, KafkaView};
use k2i_worker::table::TableSettings;
use k2i_worker::{WorkerOptions, WorkerTable};

const LEADER: &str = "leader";
const WORKER: &str = "worker";
const KAFKA: &str = "kafka";
const CATALOG: &str = "catalog";
const STORAGE: &str = "storage";

/// The checks of `/readyz`.
pub(crate) const CHECKS: [&str; 5] = [LEADER, WORKER, KAFKA, CATALOG, STORAGE];

/// How often the own state is looked at, and how often servers are asked: before they answered, and after.
const LOOK: Duration = Duration::from_millis(100);
const ASK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
/// What is wrong is said so many times at most.
const MOST_SAID: usize = 16;
/// A store that is reached answers far sooner; one that is not is tried several times within it.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The servers that this process needs.
pub(crate) struct Probes {
    tables: Vec<Probe>,
    brokers: Vec<Brokers>,
}

/// What tables of one Kafka connection read.
struct Brokers {
    settings: ConnectionSettings,
    control: Arc<dyn KafkaControl>,
    topics: BTreeSet<String>,
}

struct Probe {
    settings: Arc<TableSettings>,
    /// A folder of the store that the table is in, or will be. Not known before the table is there where the catalog
    /// alone knows.
    folder: Mutex<Option<String>>,
}

impl Probe {
    fn folder(&self) -> MutexGuard<'_, Option<String>> {
        // One plain value: a panic elsewhere cannot have left it half changed.
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probes {
    pub(crate) fn new(worker: &WorkerOptions) -> Self {
        let probe = |table: &WorkerTable| {
            let configured = table.settings.connection.warehouse();
            // A REST catalog may have a name for its warehouse instead, which says nothing about a store.
            let folder =
                configured.filter(|place| place.contains("://")).and_then(|place| absolute_location(place).ok());
            Probe { settings: Arc::clone(&table.settings), folder: Mutex::new(folder) }
        };
        Self { tables: worker.tables.values().map(probe).collect(), brokers: connections(worker.tables.values()) }
    }

    async fn kafka(&self) -> Result<(), String> {
        let asked = self.brokers.iter().map(|Brokers { control, topics, .. }| {
            let (control, topics) = (Arc::clone(control), topics.clone());
            tokio::task::spawn_blocking(move || {
                let names: Vec<&str> = topics.iter().map(String::as_str).collect();
                wrong(control.describe(&names, KAFKA_TIMEOUT))
            })
        });
        let answers = futures::future::join_all(asked).await;
        let said: Vec<String> = answers
            .into_iter()
            .flat_map(|answer| answer.unwrap_or_else(|error| vec![error.to_string()]))
            .take(MOST_SAID)
            .collect();
        if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
    }

    async fn catalog(&self) -> Result<(), String> {
        for probe in &self.tables {
            let lakehouse = probe.settings.connection.get().await.map_err(|error| with_sources(&error))?;
            let table = lakehouse.open_table(&probe.settings.ident).await.map_err(|error| with_sources(&error))?;
            if let Some(table) = table {
                *probe.folder() = Some(table.data_location);
            }
        }
        Ok(())
    }

    async fn storage(&self) -> Result<(), String> {
        for probe in &self.tables {
            let Some(folder) = probe.folder().clone() else { continue };
            let asked = async {
                let lakehouse = probe.settings.connection.get().await.map_err(|error| with_sources(&error))?;
                lakehouse.store().reach(&folder).await.map_err(|error| with_sources(&error))
            };
            let answered = tokio::time::timeout(STORAGE_TIMEOUT, asked).await;
            answered.map_err(|_| format!("no answer about {folder} within {} s", STORAGE_TIMEOUT.as_secs()))??;
        }
        Ok(())
    }
}

/// The connections of these tables, each with every topic that is read through it.
fn connections<'a>(tables: impl Iterator<Item = &'a WorkerTable>) -> Vec<Brokers> {
    let mut found: Vec<Brokers> = Vec::new();
    for table in tables {
        let topics = table.settings.topics.iter().cloned();
        match found.iter_mut().find(|brokers| brokers.settings == table.settings.kafka) {
            Some(brokers) => brokers.topics.extend(topics),
            None => found.push(Brokers {
                settings: table.settings.kafka.clone(),
                control: Arc::clone(&table.control),
                topics: topics.collect(),
            }),
        }
    }
    found
}

/// What keeps the brokers from being read. A topic that is missing, or without a leader, comes by itself, and tables wait
/// for theirs; one that we may not read waits for a person.
fn wrong(described: Result<KafkaView, ControlError>) -> Vec<String> {
    match described {
        Err(error) => vec![error.to_string()],
        Ok(view) => {
            let denied = |topic| match topic {
                Err(error @ ControlError::Denied { .. }) => Some(error.to_string()),
                Err(ControlError::Unavailable { .. }) | Ok(_) => None,
            };
            view.topics.into_values().filter_map(denied).collect()
        }
    }
}

/// Keeps the checks up to date; never ends.
pub(crate) async fn watch(readiness: &Readiness, observer: &StateObserver, probes: &Probes) {
    let own = async {
        loop {
            report(readiness, LEADER, if observer.leads() { Ok(()) } else { Err("no leader yet".to_owned()) });
            let registered = observer.read(|state| state.live_sessions().next().is_some());
            report(readiness, WORKER, if registered { Ok(()) } else { Err("not registered yet".to_owned()) });
            tokio::time::sleep(LOOK).await;
        }
    };
    let kafka = async {
        loop {
            let pause = report(readiness, KAFKA, probes.kafka().await);
            tokio::time::sleep(pause).await;
        }
    };
    let catalog = async {
        loop {
            let pause = report(readiness, CATALOG, probes.catalog().await);
            tokio::time::sleep(pause).await;
        }
    };
    let storage = async {
        loop {
            let pause = report(readiness, STORAGE, probes.storage().await);
            tokio::time::sleep(pause).await;
        }
    };
    tokio::join!(own, kafka, catalog, storage);
}

/// Says what was found, and how soon to look again.
fn report(readiness: &Readiness, check: &'static str, found: Result<(), String>) -> Duration {
    match found {
        Ok(()) => {
            readiness.set_ready(check);
            ASK.1
        }
        Err(why) => {
            readiness.set_waiting(check, why);
            ASK.0
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k2i_worker::kafka::TopicState;

    use super::*;

    #[test]
    fn only_what_waits_for_a_person_is_wrong_with_brokers_that_answer() {
        let unavailable = ControlError::Unavailable { what: "ask", cause: "no leader".to_owned() };
        let denied = ControlError::Denied { what: "read", cause: "no right".to_owned() };
        let topics = [("gone", Ok(TopicState::Missing)), ("led", Err(unavailable.clone())), ("kept", Err(denied))];
        let topics: BTreeMap<_, _> = topics.into_iter().map(|(name, state)| (name.to_owned(), state)).collect();
        let view = KafkaView { cluster: "k".to_owned(), topics };
        assert_eq!(wrong(Ok(view)), ["not allowed to read: no right"]);
        assert_eq!(wrong(Err(unavailable)), ["cannot ask: no leader"]);
    }
}
