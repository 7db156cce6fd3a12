//! The worker: one session after the other, and in each a pipeline for every table that the coordinator shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use k2i_domain::ids::{SessionId, TableId, WorkerId};
use k2i_domain::port::SessionView;
use k2i_runtime::port::{CoordinatorPort, PortError, Registration};
use k2i_runtime::telemetry::metrics::WorkerMetrics;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::kafka::KafkaControl;
use crate::log::TransactionLog;
use crate::reader::{ReaderHandle, SourceFactory};
use crate::table::{Parts, Services, Supervisor, TableSettings, ToTable};
use crate::watcher::Watcher;

/// How often a session says that it lives; well within the coordinator's ten seconds.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Pause before registering again.
const REGISTER_AGAIN: Duration = Duration::from_millis(500);
/// Messages that may wait for a table; a tick that finds no room is covered by the next one.
const TABLE_QUEUE: usize = 16;

/// One table of this worker's configuration with what it reads and is described through.
#[derive(Clone)]
pub struct WorkerTable {
    /// What the configuration says.
    pub settings: Arc<TableSettings>,
    /// The reader that its topics are assigned to.
    pub reader: ReaderHandle,
    /// Makes sources of its Kafka connection, for samples.
    pub sources: SourceFactory,
    /// Describes topics, publishes offsets.
    pub control: Arc<dyn KafkaControl>,
}

/// Bytes of one table's pipeline, for metrics and progress.
#[derive(Debug, Clone, Default)]
pub struct TableMemory {
    /// Records that wait for the writer.
    pub queued: Arc<AtomicUsize>,
    /// What decoder and encoder hold.
    pub held: Arc<AtomicUsize>,
}

/// What a worker is made of.
pub struct WorkerOptions {
    /// Its name; a new registration under it ends the earlier session.
    pub worker: WorkerId,
    /// Its tables, by their key.
    pub tables: BTreeMap<String, WorkerTable>,
    /// The coordinator.
    pub port: Arc<dyn CoordinatorPort>,
    /// The transaction log.
    pub log: Arc<TransactionLog>,
    /// How long a drain may take before what is left is given up (it is read again after the restart).
    pub drain_timeout: Duration,
    /// Each table's memory, by its key.
    pub memory: BTreeMap<String, TableMemory>,
    /// Where it counts.
    pub metrics: WorkerMetrics,
}

/// The worker.
pub struct Worker {
    options: WorkerOptions,
    tokens: Arc<AtomicU64>,
}

/// How a session ended.
enum SessionEnd {
    /// The coordinator ended it, or cannot be reached any more.
    Expired,
    /// It was drained, or stopped at once.
    Finished,
}

impl Worker {
    /// A worker that has not registered yet.
    #[must_use]
    pub fn new(options: WorkerOptions) -> Self {
        Self { options, tokens: Arc::default() }
    }

    /// Runs until `drain` (finish, hand over, leave) or `stop` (at once; nothing is lost either).
    pub async fn run(self, drain: CancellationToken, stop: CancellationToken) {
        while !drain.is_cancelled() && !stop.is_cancelled() {
            let registration = match self.options.port.register(self.options.worker.clone()).await {
                Ok(registration) => registration,
                Err(error) => {
                    tracing::warn!(%error, "the worker cannot register yet");
                    tokio::select! {
                        () = tokio::time::sleep(REGISTER_AGAIN) => continue,
                        () = drain.cancelled() => return,
                        () = stop.cancelled() => return,
                    }
                }
            };
            let session = registration.session;
            tracing::info!(%session, "registered");
            match self.session(registration, &drain, &stop).await {
                SessionEnd::Finished => return,
                SessionEnd::Expired => tracing::warn!(%session, "the session has ended, registering anew"),
            }
        }
    }

    async fn session(
        &self,
        registration: Registration,
        drain: &CancellationToken,
        stop: &CancellationToken,
    ) -> SessionEnd {
        let Registration { session, mut view, mut cuts } = registration;
        let mut running = Running::default();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            if !view.borrow_and_update().alive {
                return SessionEnd::Expired;
            }
            self.reconcile(session, &view, &mut running);
            tokio::select! {
                () = stop.cancelled() => return SessionEnd::Finished,
                () = drain.cancelled() => {
                    self.drain(session, &mut running, stop).await;
                    return SessionEnd::Finished;
                }
                changed = view.changed() => if changed.is_err() { return SessionEnd::Expired },
                Some(cut) = cuts.recv() => running.tell(cut.table, ToTable::Cut(cut)),
                _ = heartbeat.tick() => {
                    if let Err(PortError::SessionEnded(_)) = self.options.port.heartbeat(session).await {
                        return SessionEnd::Expired;
                    }
                }
                Some(ended) = running.tasks.join_next() => running.ended(ended),
            }
        }
    }

    /// Starts pipelines for tables that are new, and forgets those that are gone; these end by themselves.
    fn reconcile(&self, session: SessionId, view: &watch::Receiver<SessionView>, running: &mut Running) {
        let tables: Vec<(TableId, String)> =
            view.borrow().tables.iter().map(|(id, table)| (*id, table.name.clone())).collect();
        let shown: BTreeSet<TableId> = tables.iter().map(|(id, _)| *id).collect();
        running.inboxes.retain(|id, _| shown.contains(id));
        for (id, name) in tables {
            let Some(table) = self.options.tables.get(&name) else { continue };
            if !running.inboxes.contains_key(&id) {
                self.start(session, id, &name, table, view, running);
            }
        }
    }

    fn start(
        &self,
        session: SessionId,
        id: TableId,
        name: &str,
        table: &WorkerTable,
        view: &watch::Receiver<SessionView>,
        running: &mut Running,
    ) {
        let (sender, inbox) = mpsc::channel(TABLE_QUEUE);
        running.inboxes.insert(id, sender);
        let services = Services {
            port: Arc::clone(&self.options.port),
            control: Arc::clone(&table.control),
            reader: table.reader.clone(),
            log: Arc::clone(&self.options.log),
            settings: Arc::clone(&table.settings),
            metrics: self.options.metrics.clone(),
        };
        let memory = self.options.memory.get(name).cloned().unwrap_or_default();
        let parts = Parts {
            table: id,
            session,
            services: services.clone(),
            view: view.clone(),
            inbox,
            tokens: Arc::clone(&self.tokens),
            queued: memory.queued,
            held: memory.held,
        };
        running.tasks.spawn(async move { (id, Supervisor::run(parts).await) });
        let sources = Arc::clone(&table.sources);
        let watcher = Watcher { table: id, session, services, view: view.clone(), sources };
        running.watchers.spawn(watcher.run());
    }

    async fn drain(&self, session: SessionId, running: &mut Running, stop: &CancellationToken) {
        let mut drained = Vec::new();
        for inbox in running.inboxes.values() {
            let (done, answer) = oneshot::channel();
            if inbox.send(ToTable::Drain(done)).await.is_ok() {
                drained.push(answer);
            }
        }
        let all = async {
            for answer in drained {
                // A table that went down has nothing left to hand over.
                let _ = answer.await;
            }
        };
        tokio::select! {
            () = all => tracing::info!("everything that was read is committed"),
            () = tokio::time::sleep(self.options.drain_timeout) => {
                tracing::warn!("the drain took too long; what is left is read again after the restart");
            }
            () = stop.cancelled() => return,
        }
        if let Err(error) = self.options.port.leave(session).await {
            tracing::warn!(%error, "the session could not be ended; it expires");
        }
    }
}

/// The pipelines of one session. Dropping it ends them.
#[derive(Default)]
struct Running {
    inboxes: BTreeMap<TableId, mpsc::Sender<ToTable>>,
    tasks: JoinSet<(TableId, Result<(), String>)>,
    watchers: JoinSet<()>,
}

impl Running {
    fn tell(&self, table: TableId, message: ToTable) {
        if let Some(inbox) = self.inboxes.get(&table)
            && inbox.try_send(message).is_err()
        {
            tracing::debug!(%table, "the table is busy or gone, tick skipped");
        }
    }

    fn ended(&mut self, ended: Result<(TableId, Result<(), String>), tokio::task::JoinError>) {
        match ended {
            Ok((table, result)) => {
                self.inboxes.remove(&table);
                if let Err(cause) = result {
                    tracing::error!(%table, cause, "a table's pipeline could not start");
                }
            }
            Err(error) => tracing::error!(%error, "a table's pipeline failed"),
        }
    }
}
