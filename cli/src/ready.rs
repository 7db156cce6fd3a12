//! When the process is ready: it knows a leader, its worker is registered, and its servers answer.

use std::sync::Arc;
use std::time::Duration;

use k2i_coordinator::StateObserver;
use k2i_runtime::http::Readiness;
use k2i_worker::WorkerOptions;
use k2i_worker::kafka::KafkaControl;
use k2i_worker::table::TableSettings;

const LEADER: &str = "leader";
const WORKER: &str = "worker";
const KAFKA: &str = "kafka";
const CATALOG: &str = "catalog";

/// The checks of `/readyz`.
pub(crate) const CHECKS: [&str; 4] = [LEADER, WORKER, KAFKA, CATALOG];

/// How often the own state is looked at, and how often servers are asked: before they answered, and after.
const LOOK: Duration = Duration::from_millis(100);
const ASK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// The servers that this process needs.
pub(crate) struct Probes {
    tables: Vec<(Arc<TableSettings>, Arc<dyn KafkaControl>)>,
}

impl Probes {
    pub(crate) fn new(worker: &WorkerOptions) -> Self {
        let tables = worker.tables.values().map(|table| (Arc::clone(&table.settings), Arc::clone(&table.control)));
        Self { tables: tables.collect() }
    }

    async fn kafka(&self) -> Result<(), String> {
        for (settings, control) in &self.tables {
            let (topics, control) = (settings.topics.clone(), Arc::clone(control));
            let asked = tokio::task::spawn_blocking(move || {
                let names: Vec<&str> = topics.iter().map(String::as_str).collect();
                control.describe(&names, KAFKA_TIMEOUT).map(|_| ())
            });
            asked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn catalog(&self) -> Result<(), String> {
        for (settings, _) in &self.tables {
            let lakehouse = settings.connection.get().await.map_err(|error| error.to_string())?;
            lakehouse.open_table(&settings.ident).await.map_err(|error| error.to_string())?;
        }
        Ok(())
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
    tokio::join!(own, kafka, catalog);
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
