//! Asking everything at the same time, each question and the whole with a time limit.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::future::{FutureExt, LocalBoxFuture, join_all};
use futures::stream::{self, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout, timeout_at};

use super::check::{Check, System};
use super::plan::{KafkaPlan, LakePlan, MachinePlan, Plan};
use super::store::Leftovers;
use super::{catalog, clock, kafka, machine, store};

/// Longest time for one question, whatever the whole may take.
const QUESTION: Duration = Duration::from_secs(15);
/// How long the deletion of what is left may take.
const SWEEP: Duration = Duration::from_secs(5);
/// Tables, and places of a store, that are asked about at the same time.
const AT_ONCE: usize = 8;

/// Asks everything; with whether that was broken off.
pub(super) async fn reach(plan: &Plan, whole: Duration) -> anyhow::Result<(Vec<Check>, bool)> {
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be caught")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be caught")?;
    let (found, leftovers) = (Found::default(), Leftovers::default());
    let clock = clock_client(question(whole))?;
    let broken_off = tokio::select! {
        () = ask_all(plan, whole, &found, &leftovers, &clock) => false,
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
    };
    for left in leftovers.sweep(SWEEP).await {
        let advice = "delete the object yourself";
        found.add([Check::warning(System::Store, "probes", "nothing is left behind", left, advice)]);
    }
    Ok((found.take(), broken_off))
}

/// The checks so far: a system that runs out of time keeps what it has.
#[derive(Default)]
struct Found(Mutex<Vec<Check>>);

impl Found {
    fn add(&self, checks: impl IntoIterator<Item = Check>) {
        // Only ever added to: it is whole even if somebody panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(checks);
    }

    fn take(&self) -> Vec<Check> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The time for one question: its own error says more than that the whole ran out of time.
fn question(whole: Duration) -> Duration {
    (whole * 2 / 5).clamp(Duration::from_secs(1), QUESTION)
}

async fn ask_all(plan: &Plan, whole: Duration, found: &Found, leftovers: &Leftovers, clock: &reqwest::Client) {
    let deadline = Instant::now() + whole;
    let limit = question(whole);
    let mut parts: Vec<(System, String, LocalBoxFuture<'_, ()>)> = Vec::new();
    let folder = plan.machine.data_dir.display().to_string();
    parts.push((System::Machine, folder, look_at_machine(&plan.machine, found).boxed_local()));
    for kafka in &plan.kafkas {
        let servers = kafka.settings.bootstrap_servers.clone();
        parts.push((System::Kafka, servers, ask_kafka(kafka, limit, found).boxed_local()));
    }
    for lake in &plan.lakes {
        parts.push((
            System::Catalog,
            lake.catalog.clone(),
            ask_lake(lake, limit, found, leftovers, clock).boxed_local(),
        ));
    }
    let all = parts.into_iter().map(|(system, subject, part)| async move {
        if timeout_at(deadline, part).await.is_err() {
            let detail = format!("not done after {} s", whole.as_secs());
            found.add([Check::failed(
                system,
                &subject,
                "time",
                detail,
                "see what came before it, or give more --timeout",
            )]);
        }
    });
    join_all(all).await;
}

async fn look_at_machine(plan: &MachinePlan, found: &Found) {
    let own = plan.clone();
    match tokio::task::spawn_blocking(move || machine::look(&own)).await {
        Ok(facts) => found.add(machine::judge(plan, &facts)),
        Err(error) => found.add([broken(System::Machine, "this machine", &error)]),
    }
}

async fn ask_kafka(plan: &KafkaPlan, limit: Duration, found: &Found) {
    let own = plan.clone();
    match tokio::task::spawn_blocking(move || kafka::ask(&own, limit)).await {
        Ok(facts) => found.add(kafka::judge(&facts)),
        Err(error) => found.add([broken(System::Kafka, &plan.settings.bootstrap_servers, &error)]),
    }
}

/// A check that ended in a panic: a bug, which must not pass for a system that is well.
fn broken(system: System, subject: &str, error: &tokio::task::JoinError) -> Check {
    Check::failed(system, subject, "check", format!("the check itself failed: {error}"), "please report it")
}

async fn ask_lake(plan: &LakePlan, limit: Duration, found: &Found, leftovers: &Leftovers, client: &reqwest::Client) {
    let ask_clock = async |system: System, subject: &str, url: &Option<String>| {
        let Some(url) = url else { return };
        found.add([clock::judge(system, subject, &clock::ask(client, url).await)]);
    };
    let tables = async {
        let mut places: BTreeSet<String> = plan.warehouse.iter().map(|warehouse| store::place(warehouse)).collect();
        places.extend(ask_catalog(plan, limit, found).await);
        ask_store(plan, &places, limit, found, leftovers).await;
    };
    let store_name = plan.store_clock.clone().unwrap_or_default();
    tokio::join!(
        tables,
        ask_clock(System::Catalog, &plan.catalog, &plan.catalog_clock),
        ask_clock(System::Store, &store_name, &plan.store_clock),
    );
}

/// Answers where the files of tables that exist go.
async fn ask_catalog(plan: &LakePlan, limit: Duration, found: &Found) -> BTreeSet<String> {
    let (standing, lakehouse) = catalog::ask(plan, limit).await;
    found.add([catalog::judge(&plan.catalog, &standing)]);
    let mut places = BTreeSet::new();
    let Some(lakehouse) = lakehouse else { return places };
    let namespaces: BTreeSet<_> = plan.tables.iter().map(|table| table.settings.ident.namespace.clone()).collect();
    for namespace in &namespaces {
        let exists = catalog::ask_namespace(&lakehouse, namespace, limit).await;
        let probed = match exists {
            Ok(Some(true)) => Some(catalog::ask_probe(&lakehouse, namespace, limit).await),
            _ => None,
        };
        let name = namespace.join(".");
        found.add([catalog::judge_namespace(&name, &exists), catalog::judge_probe(&name, probed.as_ref())]);
    }
    let lakehouse = &lakehouse;
    let asked =
        plan.tables.iter().map(|table| async move { (table, catalog::ask_table(lakehouse, table, limit).await) });
    let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((table, there)) = asked.next().await {
        if let Ok(Some(there)) = &there {
            places.insert(store::place(&there.target.data_location));
        }
        let wanted = catalog::Wanted {
            key: &table.settings.name,
            cluster: &plan.cluster,
            topics: &table.settings.topics,
            columns: table.columns.as_deref(),
        };
        found.add(catalog::judge_table(wanted, &there));
    }
    places
}

async fn ask_store(plan: &LakePlan, places: &BTreeSet<String>, limit: Duration, found: &Found, leftovers: &Leftovers) {
    if places.is_empty() {
        let why = "where new tables go is known to the catalog alone: set iceberg.warehouse to a location, or run ingest once";
        found.add([Check::skipped(System::Store, &plan.catalog, "write", why)]);
    }
    let asked = places.iter().map(|place| async move {
        let name = format!(".k2i-validate-{}", uuid::Uuid::new_v4());
        (place, store::ask(&plan.store, place, &name, leftovers, limit).await)
    });
    let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((place, steps)) = asked.next().await {
        found.add(store::judge(place, &steps));
    }
}

/// The answer, or that there was none in time.
pub(super) async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(limit, asked).await.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
}

/// Redirects are not followed: it is the asked server whose clock matters.
fn clock_client(limit: Duration) -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none());
    client.build().context("no http client can be made")
}
