//! The supervisor: keeps one table's pipeline in line with what the coordinator shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use k2i_domain::ids::{ChainKey, Epoch, Incarnation, Partition, Sequence, SessionId, TableId};
use k2i_domain::manifest::ManifestRange;
use k2i_domain::port::{Cut, Grant, SessionView, Stopped, SubmitReply, TableView};
use k2i_domain::range::Offset;
use k2i_lakehouse::with_sources;
use k2i_runtime::failpoint::{Failpoint, reach};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::absent::{Absent, absent};
use super::cut::ReadChain;
use super::services::{Services, Topics};
use super::submitter::{Submitter, ToSubmit};
use super::target::Target;
use super::writer::{Begin, ToWriter, Trouble, Writer};
use super::{Generation, reoffer, services};
use crate::kafka::{KafkaView, Start, Token};
use crate::log::LoggedCut;
use crate::reader::{Fed, Outlet};

/// Cuts that may wait for the submitter; at that the writer waits too, and with it, by its bytes, the reader.
const CUTS_WAITING: usize = 4;
/// Pauses before a generation is begun again: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// What the worker tells a table.
pub(crate) enum ToTable {
    /// A tick.
    Cut(Cut),
    /// Stop reading, submit everything, wait until it is committed, and say so.
    Drain(oneshot::Sender<()>),
}

/// What the submitter tells.
pub(crate) enum FromSubmitter {
    /// A cut was accepted.
    Accepted(Box<LoggedCut>),
    /// A cut was refused: everything unaccepted is given up.
    Refused(Generation),
    /// The table cannot go on.
    Stop(Generation, Stopped),
    /// A topic of a cut has been away for too long: the others are to go on without it.
    Away(Generation),
    /// Everything before the drain has been handled.
    Drained,
}

/// One chain that is being read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    incarnation: Incarnation,
    epoch: Epoch,
    token: Token,
}

/// The supervisor of one table in one session.
pub(crate) struct Supervisor {
    table: TableId,
    session: SessionId,
    services: Services,
    view: watch::Receiver<SessionView>,
    inbox: mpsc::Receiver<ToTable>,
    writer: std::sync::mpsc::Sender<ToWriter>,
    /// Offers sealed cuts again; the cuts of the writer go through a submitter of its own.
    submitter: Submitter,
    /// That one's task: it ends with the supervisor.
    _tasks: JoinSet<()>,
    events: mpsc::UnboundedReceiver<FromSubmitter>,
    troubles: mpsc::UnboundedReceiver<(Generation, Trouble)>,
    current: watch::Sender<Generation>,
    /// Tokens are unique within the process.
    tokens: Arc<AtomicU64>,
    sequence: Arc<AtomicU64>,
    reading: BTreeMap<ChainKey, Reading>,
    /// What the generation was begun without.
    absent: Absent,
    /// Cuts that were accepted and are not known to be committed.
    accepted: Vec<LoggedCut>,
    published: BTreeMap<ChainKey, Offset>,
    /// The generation cannot go on.
    restart: bool,
    /// The table is stopped: nothing that was accepted has to be waited for.
    stopped: bool,
    not_before: Option<Instant>,
    pause: Duration,
    draining: Option<Draining>,
    drain: CancellationToken,
}

struct Draining {
    done: oneshot::Sender<()>,
    handled: bool,
}

/// What a supervisor needs to start.
pub(crate) struct Parts {
    pub(crate) table: TableId,
    pub(crate) session: SessionId,
    pub(crate) services: Services,
    pub(crate) view: watch::Receiver<SessionView>,
    pub(crate) inbox: mpsc::Receiver<ToTable>,
    pub(crate) tokens: Arc<AtomicU64>,
    /// Bytes that wait for the writer, and bytes that it holds.
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) held: Arc<AtomicUsize>,
    /// Cancelled when the worker begins to drain.
    pub(crate) drain: CancellationToken,
}

impl Supervisor {
    /// Starts the writer's thread and the submitter's task; ends when the session's view is gone.
    pub(crate) async fn run(parts: Parts) -> Result<(), String> {
        let mut supervisor = Self::start(parts)?;
        while supervisor.step().await {}
        supervisor.halt().await;
        supervisor.services.reader.close(supervisor.table);
        Ok(())
    }

    fn start(parts: Parts) -> Result<Self, String> {
        let Parts { table, session, services, view, inbox, tokens, queued, held, drain } = parts;
        // What an earlier session's writer left uncounted is nobody's any more.
        queued.store(0, Ordering::Release);
        let (writer, writer_inbox) = std::sync::mpsc::channel();
        let (submit, submit_inbox) = mpsc::channel::<ToSubmit>(CUTS_WAITING);
        let (event_sender, events) = mpsc::unbounded_channel();
        let (trouble, troubles) = mpsc::unbounded_channel();
        let (current, current_seen) = watch::channel(Generation(0));
        let sequence = Arc::new(AtomicU64::new(0));
        let submitter = || Submitter {
            session,
            services: services.clone(),
            current: current_seen.clone(),
            topics: Topics { table, services: services.clone(), view: view.clone() },
            events: event_sender.clone(),
        };
        let thread = Writer {
            table,
            session,
            settings: Arc::clone(&services.settings),
            log: Arc::clone(&services.log),
            queued: Arc::clone(&queued),
            sequence: Arc::clone(&sequence),
            held,
            metrics: services.metrics.clone(),
            submit,
            trouble,
        };
        let name = format!("k2i-write-{table}");
        std::thread::Builder::new().name(name).spawn(move || thread.run(&writer_inbox)).map_err(|e| e.to_string())?;
        let mut tasks = JoinSet::new();
        tasks.spawn(submitter().run(submit_inbox));
        let feed = writer.clone();
        let outlet = Outlet {
            feed: Box::new(move |fed: Fed| {
                // The writer is gone only when the table is going down.
                let _ = feed.send(ToWriter::Fed(fed));
            }),
            queued,
            share: services.settings.limits.queue_bytes,
            with_headers: services.settings.metadata_columns.headers.is_some(),
        };
        services.reader.open(table, outlet).map_err(|error| error.to_string())?;
        Ok(Self {
            table,
            session,
            submitter: submitter(),
            _tasks: tasks,
            services,
            view,
            inbox,
            writer,
            events,
            troubles,
            current,
            tokens,
            sequence,
            reading: BTreeMap::new(),
            absent: Absent::default(),
            accepted: Vec::new(),
            published: BTreeMap::new(),
            drain,
            restart: false,
            stopped: false,
            not_before: None,
            pause: PAUSE.0,
            draining: None,
        })
    }

    /// Takes one event; `false` when the table is over.
    async fn step(&mut self) -> bool {
        if !self.reconcile().await {
            return false;
        }
        if self.is_drained() {
            if let Some(draining) = self.draining.take() {
                // Whoever asked may have given up waiting.
                let _ = draining.done.send(());
            }
            return false;
        }
        let wake = self.not_before;
        tokio::select! {
            changed = self.view.changed() => return changed.is_ok(),
            Some(event) = self.events.recv() => self.submitted(event).await,
            trouble = self.troubles.recv() => match trouble {
                Some((generation, trouble)) => self.trouble(generation, trouble),
                // The writer has ended: the worker starts the table anew.
                None => return false,
            },
            message = self.inbox.recv() => match message {
                Some(ToTable::Cut(cut)) => self.tell_writer(ToWriter::Cut(cut)),
                Some(ToTable::Drain(done)) => self.drain(done).await,
                None => return false,
            },
            back = self.absent.back() => self.restart |= back,
            () = until(wake) => self.not_before = None,
        }
        true
    }

    /// Compares what is read with what should be.
    async fn reconcile(&mut self) -> bool {
        let (alive, view) = {
            let session = self.view.borrow_and_update();
            (session.alive, session.tables.get(&self.table).cloned())
        };
        let Some(view) = view.filter(|_| alive) else { return false };
        self.stopped = view.stopped.is_some();
        self.trim(&view).await;
        if self.draining.is_some() {
            return true;
        }
        if view.stopped.is_some() || view.uuid.is_none() || view.grants.is_empty() {
            if !self.reading.is_empty() {
                self.halt().await;
            }
            return true;
        }
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return true;
        }
        let held = |(key, now): (&ChainKey, &Reading)| {
            now.incarnation == view.incarnation && view.grants.get(key).is_some_and(|grant| grant.epoch == now.epoch)
        };
        let kept = self.reading.iter().all(held);
        let fresh = view.grants.keys().any(|key| !self.reading.contains_key(key) && !self.absent.has(key));
        self.absent.look(&self.services, &view.streams);
        if self.reading.is_empty() || self.restart || !kept || fresh {
            self.begin(&view).await;
        }
        true
    }

    /// Ends the generation: whatever is not accepted is given up.
    async fn halt(&mut self) {
        self.current.send_modify(|generation| generation.0 += 1);
        let tokens = self.reading.values().map(|reading| reading.token).collect();
        self.reading.clear();
        self.absent.clear();
        self.tell_writer(ToWriter::Stop);
        self.services.reader.unassign(tokens).await;
        // Afterwards no sealed cut is in anybody's hands but the log's.
        let (done, flushed) = oneshot::channel();
        self.tell_writer(ToWriter::Flush(done));
        // An error is a writer that has ended, which holds nothing either.
        let _ = flushed.await;
        self.take_events();
    }

    /// What the submitter told until now. Refusals are those of ended generations; the answer is the last stop.
    fn take_events(&mut self) -> Option<Stopped> {
        let mut last = None;
        while let Ok(event) = self.events.try_recv() {
            match event {
                FromSubmitter::Accepted(cut) => self.accepted.push(*cut),
                FromSubmitter::Drained => self.give_up_draining(),
                FromSubmitter::Stop(_, stopped) => last = Some(stopped),
                FromSubmitter::Refused(_) | FromSubmitter::Away(_) => {}
            }
        }
        last
    }

    async fn begin(&mut self, view: &TableView) {
        self.halt().await;
        self.restart = false;
        self.not_before = None;
        let changed = changed(self.view.clone(), self.table, view.clone());
        let drain = self.drain.clone();
        let begun = tokio::select! {
            begun = self.try_begin(view) => begun,
            () = changed => Err(Setback::later("the assignment changed meanwhile")),
            () = drain.cancelled() => Err(Setback::later("the worker drains")),
        };
        match begun {
            Ok(()) => {}
            Err(Setback::Stop(stopped)) => {
                self.ask_to_stop(stopped).await;
                self.back_off();
            }
            Err(Setback::Later(why)) => {
                tracing::warn!(table = view.name, why, "reading cannot begin yet");
                // It may have been cut off half-way.
                self.halt().await;
                self.back_off();
            }
        }
    }

    async fn try_begin(&mut self, view: &TableView) -> Result<(), Setback> {
        let generation = *self.current.borrow();
        let target = self.target(view).await?;
        let mut grants = view.grants.clone();
        let kafka = self.look(view).await?;
        let absent = absent(&kafka, &view.streams, view.grants.keys());
        if let Some((_, why)) = absent.first_key_value().filter(|_| absent.len() == view.grants.len()) {
            return Err(Setback::later(why));
        }
        // First what is sealed here: it may reach over what Kafka has deleted meanwhile.
        self.offer_again(generation, &target, view, &mut grants, &kafka, &absent).await?;
        grants.retain(|key, _| !absent.contains_key(key));
        self.check_starts(view, &grants).await?;
        let mut starts = Vec::new();
        let mut chains = Vec::new();
        for (key, grant) in &grants {
            let stream = view.streams.get(&key.stream).ok_or_else(|| Setback::later("a stream is not known yet"))?;
            let token = Token(self.tokens.fetch_add(1, Ordering::Relaxed) + 1);
            starts.push(Start {
                topic: stream.topic.clone(),
                partition: key.partition,
                offset: grant.start,
                leader_epoch: grant.leader_epoch,
                token,
            });
            chains.push((*key, ReadChain::at(token, grant.epoch, grant.start, grant.leader_epoch)));
            let incarnation = view.incarnation;
            self.reading.insert(*key, Reading { incarnation, epoch: grant.epoch, token });
        }
        let streams = view.streams.clone();
        self.tell_writer(ToWriter::Begin(Box::new(Begin { generation, target, chains, streams })));
        if let Err(error) = self.services.reader.assign(self.table, starts).await {
            self.reading.clear();
            return Err(Setback::Later(error.to_string()));
        }
        tracing::info!(table = view.name, chains = grants.len(), "reading");
        self.absent.leave_out(&view.name, absent);
        self.absent.look(&self.services, &view.streams);
        Ok(())
    }

    async fn target(&self, view: &TableView) -> Result<Arc<Target>, Setback> {
        let settings = &self.services.settings;
        let lakehouse = settings.connection.get().await.map_err(|error| Setback::Later(with_sources(&error)))?;
        let table =
            lakehouse.open_table(&settings.ident).await.map_err(|error| Setback::Later(with_sources(&error)))?;
        let table = table.ok_or_else(|| Setback::later("the catalog has no such table now"))?;
        if Some(table.uuid) != view.uuid {
            return Err(Setback::later("the catalog shows another table of this name"));
        }
        let instance = self.view.borrow().instance;
        let target = Target::resolve(settings, &table, instance, view.incarnation).map_err(Setback::Stop)?;
        if !target.neglected.is_empty() {
            tracing::warn!(table = view.name, properties = ?target.neglected, "table properties that k2i does not follow");
        }
        Ok(target)
    }

    /// The table's topics as the brokers show them now.
    async fn look(&self, view: &TableView) -> Result<KafkaView, Setback> {
        let topics: Vec<_> = view.streams.values().map(|stream| stream.topic.clone()).collect();
        self.services.describe(topics).await.map_err(Setback::Later)
    }

    /// Each start must lie within the log of the very stream that the table knows.
    async fn check_starts(&self, view: &TableView, grants: &BTreeMap<ChainKey, Grant>) -> Result<(), Setback> {
        let of_grants = |id| grants.keys().any(|key: &ChainKey| key.stream == id);
        let streams = view.streams.iter().filter(|(id, _)| of_grants(**id));
        let streams: Vec<_> = streams.map(|(_, stream)| stream.topic.clone()).collect();
        let kafka = self.services.describe(streams).await.map_err(Setback::Later)?;
        for (key, grant) in grants {
            let stream = view.streams.get(&key.stream).ok_or_else(|| Setback::later("a stream is not known yet"))?;
            services::same_stream(&kafka, stream).map_err(|stopped| match stopped {
                Some(stopped) => Setback::Stop(stopped),
                None => Setback::Later(format!("topic {} is not there now", stream.topic)),
            })?;
            let log = services::log_of(&kafka, stream, key.partition)
                .ok_or_else(|| Setback::Later(format!("topic {} does not show partition {key}", stream.topic)))?;
            if let Some(stopped) = services::out_of_log(stream, key.partition, log, grant.start) {
                return Err(Setback::Stop(stopped));
            }
        }
        Ok(())
    }

    /// Sealed cuts of earlier generations and sessions: one whose ranges all start where we start is submitted again
    /// under a new name; any other is given up, unless it is accepted and waits for its commit. One that fits and has rows
    /// of an absent topic is kept: whether they are that stream's cannot be told now. One that reaches past a log's end is
    /// given up: Kafka has lost those records, and the table has none of them.
    async fn offer_again(
        &mut self,
        generation: Generation,
        target: &Arc<Target>,
        view: &TableView,
        grants: &mut BTreeMap<ChainKey, Grant>,
        kafka: &KafkaView,
        absent: &BTreeMap<ChainKey, String>,
    ) -> Result<(), Setback> {
        let in_log = |range: &ManifestRange| {
            let stream = view.streams.get(&range.chain.stream);
            let log = stream.and_then(|stream| services::log_of(kafka, stream, range.chain.partition));
            log.is_none_or(|(_, end)| range.range.to() <= end)
        };
        let fits = |cut: &LoggedCut, grants: &BTreeMap<ChainKey, Grant>| {
            reoffer::fits(cut, target, grants, &view.streams) && cut.manifest.ranges.iter().all(in_log)
        };
        let there = |cut: &LoggedCut| !cut.manifest.ranges.iter().any(|range| absent.contains_key(&range.chain));
        let name = &self.services.settings.name;
        let logged = self.services.log.of_table(name).map_err(|error| Setback::Later(error.to_string()))?;
        let mut earlier = logged;
        while let Some(place) = earlier.iter().position(|cut| there(cut) && fits(cut, grants)) {
            let old = earlier.remove(place);
            self.accepted.retain(|cut| cut.id() != old.id());
            let sequence = Sequence(self.sequence.fetch_add(1, Ordering::AcqRel) + 1);
            let mut cut = reoffer::renamed(&old, target, self.session, sequence, self.table, grants);
            self.services.log.put(&cut).map_err(|error| Setback::Later(error.to_string()))?;
            self.services.log.remove(old.id()).map_err(|error| Setback::Later(error.to_string()))?;
            match self.submitter.offer(generation, &mut cut).await {
                Ok(SubmitReply::Accepted) => {
                    tracing::info!(table = cut.table, rows = cut.manifest.rows(), "a sealed cut was offered again");
                    for range in &cut.manifest.ranges {
                        if let Some(grant) = grants.get_mut(&range.chain) {
                            grant.start = range.range.to();
                            grant.leader_epoch = range.leader_epoch;
                        }
                    }
                    self.accepted.push(cut);
                }
                Ok(SubmitReply::Refused(_)) => {
                    self.services.abandon(&cut);
                    return Err(Setback::later("a cut that was offered again was refused"));
                }
                _ => {
                    let later = || Setback::later("a cut that was offered again was not taken");
                    return Err(self.take_events().map_or_else(later, Setback::Stop));
                }
            }
        }
        for cut in earlier {
            if fits(&cut, grants) {
                continue;
            }
            if self.accepted.iter().any(|accepted| accepted.id() == cut.id()) && reoffer::is_accepted(&cut, grants) {
                continue;
            }
            self.accepted.retain(|accepted| accepted.id() != cut.id());
            if !reoffer::is_committed(&cut, &view.watermark) {
                tracing::info!(
                    table = cut.table,
                    rows = cut.manifest.rows(),
                    "a sealed cut is given up, its rows are read again or were accepted"
                );
            }
            self.services.abandon(&cut);
        }
        Ok(())
    }

    async fn submitted(&mut self, event: FromSubmitter) {
        match event {
            FromSubmitter::Accepted(cut) => {
                self.accepted.push(*cut);
                self.pause = PAUSE.0;
            }
            FromSubmitter::Refused(generation) if self.is_current(generation) => {
                self.give_up_draining();
                self.halt().await;
                self.back_off();
            }
            FromSubmitter::Stop(generation, stopped) if self.is_current(generation) => {
                self.halt().await;
                self.ask_to_stop(stopped).await;
                self.back_off();
            }
            FromSubmitter::Away(generation) if self.is_current(generation) => self.restart = true,
            FromSubmitter::Refused(_) | FromSubmitter::Stop(..) | FromSubmitter::Away(_) => {}
            FromSubmitter::Drained => self.give_up_draining(),
        }
    }

    fn trouble(&mut self, generation: Generation, trouble: Trouble) {
        if !self.is_current(generation) {
            return;
        }
        match trouble {
            Trouble::Ended(chain, reason) => tracing::warn!(table = %self.table, %chain, %reason, "reading ended"),
            Trouble::Lost(cause) => tracing::warn!(table = %self.table, cause, "the source was lost"),
            Trouble::File(cause) => tracing::error!(table = %self.table, cause, "a file could not be written"),
        }
        // Everything is read again from the accepted ends, after a look at where the logs stand.
        self.restart = true;
        self.back_off();
    }

    async fn ask_to_stop(&self, stopped: Stopped) {
        // The coordinator says it once it is logged.
        tracing::debug!(table = %self.table, reason = stopped.reason.as_str(), detail = stopped.detail, "asks to stop the table");
        if let Err(error) = self.services.port.stop_table(self.session, self.table, stopped).await {
            tracing::warn!(%error, "the coordinator could not be told");
        }
    }

    fn back_off(&mut self) {
        self.not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSE.1);
    }

    fn is_current(&self, generation: Generation) -> bool {
        *self.current.borrow() == generation
    }

    fn tell_writer(&self, message: ToWriter) {
        // The writer is gone only when the table is going down.
        let _ = self.writer.send(message);
    }

    /// What is committed needs no local copy any more, and may be published.
    async fn trim(&mut self, view: &TableView) {
        let (done, open) = std::mem::take(&mut self.accepted)
            .into_iter()
            .partition::<Vec<_>, _>(|cut| reoffer::is_committed(cut, &view.watermark));
        self.accepted = open;
        for cut in &done {
            reach(Failpoint::CommitSeen);
            self.services.committed(cut);
        }
        let mut by_topic: BTreeMap<String, Vec<(Partition, Offset)>> = BTreeMap::new();
        for key in view.grants.keys() {
            let (Some(end), Some(stream)) = (view.watermark.get(key), view.streams.get(&key.stream)) else { continue };
            if self.published.insert(*key, *end) != Some(*end) {
                by_topic.entry(stream.topic.clone()).or_default().push((key.partition, *end));
            }
        }
        for (topic, offsets) in by_topic {
            if self.draining.is_some() {
                self.services.publish(topic, offsets).await;
            } else {
                let services = self.services.clone();
                tokio::spawn(async move { services.publish(topic, offsets).await });
            }
        }
    }

    async fn drain(&mut self, done: oneshot::Sender<()>) {
        let tokens = self.reading.values().map(|reading| reading.token).collect();
        self.services.reader.unassign(tokens).await;
        self.draining = Some(Draining { done, handled: false });
        // What was published on the side may not have arrived.
        self.published.clear();
        self.tell_writer(ToWriter::Drain);
    }

    fn give_up_draining(&mut self) {
        if let Some(draining) = &mut self.draining {
            draining.handled = true;
        }
    }

    /// Everything was submitted, and what was accepted is committed.
    fn is_drained(&self) -> bool {
        let handled = self.draining.as_ref().is_some_and(|draining| draining.handled);
        handled && (self.accepted.is_empty() || self.stopped)
    }
}

/// Why a generation could not begin.
enum Setback {
    /// The table has to stop.
    Stop(Stopped),
    /// Try again after a pause.
    Later(String),
}

impl Setback {
    fn later(why: &str) -> Self {
        Self::Later(why.to_owned())
    }
}

/// Ends when what the table should be doing is not what `begun` says any more.
async fn changed(mut view: watch::Receiver<SessionView>, table: TableId, begun: TableView) {
    let differs = |now: &SessionView| {
        let same = |now: &TableView| {
            now.stopped.is_none() && now.incarnation == begun.incarnation && now.grants.keys().eq(begun.grants.keys())
        };
        !now.alive || !now.tables.get(&table).is_some_and(same)
    };
    // Its sender is gone only when the session is over.
    let _ = view.wait_for(differs).await;
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
