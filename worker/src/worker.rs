//! The worker: one session after the other, and in each a pipeline for every table that the coordinator shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use k2i_domain::ids::{SessionId, TableId, WorkerId};
use k2i_domain::port::{Cut, SessionView};
use k2i_runtime::port::{CoordinatorPort, PortError, Registration};
use k2i_runtime::telemetry::metrics::WorkerMetrics;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kafka::KafkaControl;
use crate::log::TransactionLog;
use crate::reader::{ReaderHandle, SourceFactory};
use crate::table::{Parts, Services, Supervisor, TableSettings, ToTable};
use crate::watcher::{Seen, Watcher};

/// How often a session says that it lives; well within the coordinator's ten seconds.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Pause before registering again.
const REGISTER_AGAIN: Duration = Duration::from_millis(500);
/// Pause before a pipeline that ended is started again.
const START_AGAIN: Duration = Duration::from_secs(1);
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
        let end = self.serve(session, &mut view, &mut cuts, &mut running, drain, stop).await;
        // Nothing of this session goes on beside the next one.
        running.tasks.shutdown().await;
        running.watchers.shutdown().await;
        for (id, reader) in std::mem::take(&mut running.readers) {
            reader.close(id);
        }
        end
    }

    async fn serve(
        &self,
        session: SessionId,
        view: &mut watch::Receiver<SessionView>,
        cuts: &mut mpsc::Receiver<Cut>,
        running: &mut Running,
        drain: &CancellationToken,
        stop: &CancellationToken,
    ) -> SessionEnd {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            if !view.borrow_and_update().alive {
                return SessionEnd::Expired;
            }
            self.reconcile(session, view, running);
            tokio::select! {
                () = stop.cancelled() => return SessionEnd::Finished,
                () = drain.cancelled() => {
                    self.drain(session, running, stop).await;
                    return SessionEnd::Finished;
                }
                changed = view.changed() => if changed.is_err() { return SessionEnd::Expired },
                Some(cut) = cuts.recv() => running.tell(cut.table, ToTable::Cut(cut)),
                _ = heartbeat.tick() => {
                    if let Err(PortError::SessionEnded(_)) = self.options.port.heartbeat(session).await {
                        return SessionEnd::Expired;
                    }
                }
                Some(ended) = running.tasks.join_next_with_id() => running.ended(ended),
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
            if !running.inboxes.contains_key(&id) && running.may_start(id) {
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
            unpublished: Arc::default(),
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
            drain: running.drain.clone(),
        };
        let task = running.tasks.spawn(Supervisor::run(parts));
        running.by_task.insert(task.id(), id);
        running.readers.insert(id, table.reader.clone());
        let sources = Arc::clone(&table.sources);
        let seen = Seen::default();
        let watcher = Watcher { table: id, session, services, view: view.clone(), sources, seen };
        if let Some(earlier) = running.watching.insert(id, running.watchers.spawn(watcher.run())) {
            earlier.abort();
        }
    }

    async fn drain(&self, session: SessionId, running: &mut Running, stop: &CancellationToken) {
        running.drain.cancel();
        let tables = running.inboxes.values().cloned().map(|inbox| async move {
            let (done, answer) = oneshot::channel();
            inbox.send(ToTable::Drain(done)).await.is_ok() && answer.await.is_ok()
        });
        let all = futures::future::join_all(tables);
        tokio::pin!(all);
        let timeout = tokio::time::sleep(self.options.drain_timeout);
        tokio::pin!(timeout);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                drained = &mut all => {
                    if drained.iter().all(|drained| *drained) {
                        tracing::info!("everything that was read is committed");
                    } else {
                        tracing::warn!("a table went down in the drain; what is left is read again after the restart");
                    }
                    break;
                }
                () = &mut timeout => {
                    tracing::warn!("the drain took too long; what is left is read again after the restart");
                    break;
                }
                () = stop.cancelled() => return,
                _ = heartbeat.tick() => {
                    if let Err(error) = self.options.port.heartbeat(session).await {
                        tracing::warn!(%error, "a heartbeat was not taken");
                    }
                }
            }
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
    tasks: JoinSet<Result<(), String>>,
    by_task: HashMap<Id, TableId>,
    readers: BTreeMap<TableId, ReaderHandle>,
    watchers: JoinSet<()>,
    watching: BTreeMap<TableId, AbortHandle>,
    /// Tables whose pipeline ended, and when it may be started again.
    not_before: BTreeMap<TableId, Instant>,
    drain: CancellationToken,
}

impl Running {
    fn may_start(&self, table: TableId) -> bool {
        !self.drain.is_cancelled() && self.not_before.get(&table).is_none_or(|at| Instant::now() >= *at)
    }

    fn tell(&self, table: TableId, message: ToTable) {
        if let Some(inbox) = self.inboxes.get(&table)
            && inbox.try_send(message).is_err()
        {
            tracing::debug!(%table, "the table is busy or gone, tick skipped");
        }
    }

    fn ended(&mut self, ended: Result<(Id, Result<(), String>), JoinError>) {
        let (id, cause) = match ended {
            Ok((id, result)) => (id, result.err()),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        let Some(table) = self.by_task.remove(&id) else { return };
        self.inboxes.remove(&table);
        if let Some(watcher) = self.watching.remove(&table) {
            watcher.abort();
        }
        self.not_before.insert(table, Instant::now() + START_AGAIN);
        if let Some(cause) = cause {
            tracing::error!(%table, cause, "a table's pipeline failed");
        }
    }
}
