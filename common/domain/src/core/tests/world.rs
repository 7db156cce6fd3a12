//! Everything that a core talks to, in memory and in one thread.
//!
//! After every input the invariants of all states are checked, and that a core never asks to be woken in the past.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::lake::Lake;
use crate::core::{Core, Effect, EffectId, Input, ResumeEnd, Settings, view};
use crate::ids::{
    ChainKey, Instance, Partition, SchemaId, Sequence, SequenceNumber, SessionId, SnapshotId, SpecId, StreamId,
    StreamIdentity, TableId, Timestamp, WorkerId,
};
use crate::invariants;
use crate::lake::{CommitPlan, FileCheck, Loaded, Outcome};
use crate::manifest::{Manifest, ManifestFile, ManifestRange};
use crate::port::{Cut, Observation, StopReason, SubmitReply};
use crate::property::Property;
use crate::range::{LeaderEpoch, Offset, Range};
use crate::state::{Command, Reply, StartAt, State, Table, TableSpec};

/// The table of [`World::running`].
pub(super) const FIRST_TABLE: TableId = TableId(1);
/// The session of [`World::new`].
pub(super) const SESSION: SessionId = SessionId(0xa);
/// Milliseconds between cut ticks.
pub(super) const INTERVAL: i64 = 30_000;
/// The instant at which every world begins.
pub(super) const EPOCH: Timestamp = Timestamp(1_700_000_000_000);
/// Effects that one instant may cause; more is a loop without a pause.
const BUSY: usize = 200;

/// A request on its way to a catalog.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Commit(TableId, CommitPlan, SequenceNumber),
    Create(TableId, crate::lake::CreatePlan),
}

impl Request {
    pub(super) fn snapshot(&self) -> SnapshotId {
        match self {
            Self::Commit(_, plan, _) => plan.snapshot,
            Self::Create(_, plan) => plan.snapshot,
        }
    }
}

/// One coordinator: a core, and the effects that it waits for.
pub(super) struct Node {
    pub(super) core: Core,
    /// Which state it is a replica of.
    pub(super) cluster: usize,
    pub(super) effects: VecDeque<Effect>,
    loaded: BTreeMap<TableId, SequenceNumber>,
    written: BTreeMap<TableId, CommitPlan>,
}

/// See the module.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) states: Vec<State>,
    pub(super) nodes: Vec<Node>,
    /// Tables by name.
    pub(super) lakes: BTreeMap<String, Lake>,
    /// Names whose catalog does not answer.
    pub(super) dead: BTreeSet<String>,
    /// Files in the object store.
    pub(super) store: BTreeSet<String>,
    /// The positions of each file's rows; outlives the file.
    rows: BTreeMap<String, Vec<(ChainKey, i64)>>,
    sequences: BTreeMap<SessionId, u64>,
    /// Requests that a catalog got, with its answer.
    pub(super) sent: Vec<(SnapshotId, Outcome)>,
    /// Loads by name, with their instant.
    pub(super) loads: Vec<(String, Timestamp)>,
    /// Cut requests that sessions got.
    pub(super) cuts: Vec<(SessionId, Cut)>,
    /// What became of people's decisions.
    pub(super) resumed: Vec<ResumeEnd>,
    entropy: u64,
}

pub(super) fn key(partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(0), partition: Partition(partition) }
}

pub(super) fn identity() -> StreamIdentity {
    StreamIdentity { kafka_cluster: "kafka".into(), topic_id: Some("id".into()), topic: "orders".into() }
}

pub(super) fn spec(name: &str) -> TableSpec {
    TableSpec {
        name: name.into(),
        tenant: "default".into(),
        namespace: vec!["db".into()],
        table: name.into(),
        topics: vec!["orders".into()],
        start: StartAt::Earliest,
        flush_interval_ms: INTERVAL.cast_unsigned(),
    }
}

/// Two topic partitions, with the schema to create a table with.
pub(super) fn observation(table: TableId) -> Observation {
    let partitions = [0, 1].map(|number| (Partition(number), Offset(0), Offset(1_000)));
    Observation { table, identity: identity(), partitions: partitions.to_vec(), schema: Some("{}".into()) }
}

impl World {
    /// One leading coordinator, one registered worker, no table.
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: EPOCH,
            states: Vec::new(),
            nodes: Vec::new(),
            lakes: BTreeMap::new(),
            dead: BTreeSet::new(),
            store: BTreeSet::new(),
            rows: BTreeMap::new(),
            sequences: BTreeMap::new(),
            sent: Vec::new(),
            loads: Vec::new(),
            cuts: Vec::new(),
            resumed: Vec::new(),
            entropy: 1,
        };
        world.cluster(0xaaaa, SESSION, Settings::default());
        world
    }

    /// One table, created, recorded and granted to the worker.
    pub(super) fn running() -> Self {
        let mut world = Self::new();
        world.put_table(0, "orders");
        world.run(0);
        assert_eq!(world.lake().kinds(), ["create"]);
        world.sent.clear();
        world.loads.clear();
        world
    }

    /// A cluster of the same name with an empty state, its leader and its worker; answers the leader's number.
    pub(super) fn cluster(&mut self, instance: u64, session: SessionId, settings: Settings) -> usize {
        let mut state = State::default();
        state.apply(Command::Init { instance: Instance(instance), cluster: "orders".into() });
        self.states.push(state);
        let node = self.node(self.states.len() - 1, settings);
        self.register(node, "w", session);
        self.input(node, Input::Led);
        node
    }

    /// Another coordinator of a cluster; it does not lead.
    pub(super) fn node(&mut self, cluster: usize, settings: Settings) -> usize {
        let (effects, loaded, written) = (VecDeque::new(), BTreeMap::new(), BTreeMap::new());
        self.nodes.push(Node { core: Core::new(settings), cluster, effects, loaded, written });
        self.nodes.len() - 1
    }

    pub(super) fn register(&mut self, node: usize, worker: &str, session: SessionId) {
        self.apply(node, Command::RegisterWorker { worker: WorkerId(worker.into()), session });
    }

    /// Defines a table and reports its topic.
    pub(super) fn put_table(&mut self, node: usize, name: &str) -> TableId {
        let table = self.put_table_without_topic(node, name);
        self.input(node, Input::Observed(observation(table)));
        table
    }

    /// Defines a table whose topic nobody has reported.
    pub(super) fn put_table_without_topic(&mut self, node: usize, name: &str) -> TableId {
        let Reply::Table(table) = self.apply(node, Command::PutTable { spec: spec(name) }) else {
            panic!("putting a table answers its id")
        };
        table
    }

    pub(super) fn state(&self, node: usize) -> &State {
        &self.states[self.nodes[node].cluster]
    }

    pub(super) fn table(&self, node: usize) -> &Table {
        &self.state(node).tables[&FIRST_TABLE]
    }

    pub(super) fn stop_reason(&self, node: usize) -> Option<StopReason> {
        self.table(node).stopped.as_ref().map(|stopped| stopped.reason)
    }

    /// The table "orders".
    pub(super) fn lake(&self) -> &Lake {
        &self.lakes["orders"]
    }

    pub(super) fn lake_mut(&mut self) -> &mut Lake {
        self.lakes.get_mut("orders").expect("the table exists")
    }

    /// A command that reaches the log by itself, as those of workers do.
    pub(super) fn apply(&mut self, node: usize, command: Command) -> Reply {
        let cluster = self.nodes[node].cluster;
        let reply = self.states[cluster].apply(command);
        self.check();
        reply
    }

    pub(super) fn input(&mut self, node: usize, input: Input) {
        let state = &self.states[self.nodes[node].cluster];
        let shown = format!("{input:?}");
        let node = &mut self.nodes[node];
        node.effects.extend(node.core.handle(self.now, state, input));
        let deadline = node.core.next_deadline(state);
        assert!(
            deadline.is_none_or(|at| at > self.now),
            "to be woken at {deadline:?}, it is {} now: {shown}",
            self.now
        );
        self.check();
    }

    fn check(&self) {
        for state in &self.states {
            assert_eq!(invariants::violations(state), []);
        }
    }

    /// Carries out every effect at once, in order, until none is left.
    pub(super) fn run(&mut self, node: usize) {
        for _ in 0..BUSY {
            let Some(effect) = self.nodes[node].effects.pop_front() else { return };
            self.perform(node, effect);
        }
        panic!("{BUSY} effects without a pause, next: {:?}", self.nodes[node].effects);
    }

    /// Carries out effects until one that `wanted` names is next, and takes that one out.
    pub(super) fn run_to(&mut self, node: usize, wanted: impl Fn(&Effect) -> bool) -> Effect {
        for _ in 0..BUSY {
            let effect = self.nodes[node].effects.pop_front().expect("the wanted effect never comes");
            if wanted(&effect) {
                return effect;
            }
            self.perform(node, effect);
        }
        panic!("{BUSY} effects without a pause")
    }

    /// Runs to the next request to a catalog, which stays unanswered.
    pub(super) fn run_to_request(&mut self, node: usize) -> (EffectId, Request) {
        let effect = self.run_to(node, |effect| matches!(effect, Effect::Post(..) | Effect::Create(..)));
        let id = effect_id(&effect).expect("requests have ids");
        (id, self.request(node, effect))
    }

    fn request(&self, node: usize, effect: Effect) -> Request {
        let node = &self.nodes[node];
        match effect {
            Effect::Post(_, table) => Request::Commit(table, node.written[&table].clone(), node.loaded[&table]),
            Effect::Create(_, table, plan) => Request::Create(table, plan),
            other => panic!("{other:?} is no request"),
        }
    }

    /// The request reaches the catalog.
    pub(super) fn deliver(&mut self, node: usize, request: &Request) -> Outcome {
        let name = |table| self.state(node).tables[&table].spec.name.clone();
        let outcome = match request {
            Request::Commit(table, plan, base) => {
                let name = name(*table);
                self.lakes.get_mut(&name).map_or(Outcome::TableGone, |lake| lake.commit(plan, *base))
            }
            Request::Create(table, plan) => {
                let name = name(*table);
                let exists = self.lakes.contains_key(&name);
                self.lakes.entry(name).or_insert_with(|| Lake::created(plan));
                if exists { Outcome::Conflict } else { Outcome::Committed }
            }
        };
        self.sent.push((request.snapshot(), outcome.clone()));
        outcome
    }

    /// Lets `ms` pass, waking the core whenever it asks for it.
    pub(super) fn pass(&mut self, node: usize, ms: i64) {
        let until = self.now.plus_ms(ms);
        while let Some(at) = self.deadline(node).filter(|at| *at <= until) {
            self.now = at;
            self.input(node, Input::Tick);
            self.run(node);
        }
        self.now = until;
        self.input(node, Input::Tick);
        self.run(node);
    }

    pub(super) fn deadline(&self, node: usize) -> Option<Timestamp> {
        self.nodes[node].core.next_deadline(self.state(node))
    }

    /// A heartbeat of every session, for tests that let more time pass than a session may be silent.
    pub(super) fn heartbeat(&mut self, node: usize) {
        let sessions: Vec<SessionId> = self.state(node).live_sessions().collect();
        for session in sessions {
            self.input(node, Input::Heartbeat(session));
        }
    }

    /// As [`World::pass`], with heartbeats.
    pub(super) fn pass_alive(&mut self, node: usize, ms: i64) {
        let until = self.now.plus_ms(ms);
        while self.now < until {
            self.heartbeat(node);
            self.run(node);
            self.pass(node, (until.0 - self.now.0).min(5_000));
        }
    }

    /// The shell, when everything works.
    fn perform(&mut self, node: usize, effect: Effect) {
        let input = match effect {
            Effect::Confirm(id) => Input::Confirmed(id, true),
            Effect::Load(id, table) => Input::Loaded(id, self.load(node, table), self.fresh()),
            Effect::CheckFiles(id, _, files) => {
                Input::Checked(id, Some(files.iter().map(|file| self.file_check(file)).collect()))
            }
            Effect::Write(id, table, plan) => {
                self.nodes[node].written.insert(table, plan);
                Input::Written(id, true)
            }
            Effect::Post(id, _) | Effect::Create(id, ..) => {
                let request = self.request(node, effect);
                Input::Answered(id, self.deliver(node, &request))
            }
            Effect::Propose(id, command) => {
                let reply = self.apply(node, command);
                Input::Applied(id, !matches!(reply, Reply::Refused(_)))
            }
            Effect::Cut(session, cut) => return self.cuts.push((session, cut)),
            Effect::ResumeEnded(_, end) => return self.resumed.push(end),
        };
        self.input(node, input);
    }

    fn fresh(&mut self) -> u64 {
        self.entropy += 1;
        self.entropy << 8
    }

    fn file_check(&self, file: &ManifestFile) -> FileCheck {
        if self.store.contains(&file.location) { FileCheck::Present } else { FileCheck::Vanished }
    }

    pub(super) fn load(&mut self, node: usize, table: TableId) -> Loaded {
        let name = self.state(node).tables[&table].spec.name.clone();
        self.loads.push((name.clone(), self.now));
        if self.dead.contains(&name) {
            return Loaded::Failed("connection refused".into());
        }
        let Some(lake) = self.lakes.get(&name) else { return Loaded::Missing };
        let facts = lake.facts();
        self.nodes[node].loaded.insert(table, facts.last_sequence);
        Loaded::Found(Box::new(facts))
    }

    /// A cut of the first table: rows of (topic partition, count) read from where the session's grants say.
    pub(super) fn cut(&mut self, node: usize, session: SessionId, rows: &[(i32, i64)]) -> Manifest {
        self.cut_of(node, FIRST_TABLE, session, rows)
    }

    pub(super) fn cut_of(&mut self, node: usize, table: TableId, session: SessionId, rows: &[(i32, i64)]) -> Manifest {
        let view = view(self.state(node), session);
        let shown = &view.tables[&table];
        let ranges = rows.iter().map(|(partition, count)| {
            let grant = &shown.grants[&key(*partition)];
            ManifestRange {
                chain: key(*partition),
                epoch: grant.epoch,
                range: Range::new(grant.start, Offset(grant.start.0 + count)).expect("a cut has rows"),
                rows: count.cast_unsigned(),
                newest: Some(self.now),
                leader_epoch: LeaderEpoch(0),
            }
        });
        let ranges: Vec<ManifestRange> = ranges.collect();
        let sequence = self.sequences.entry(session).or_default();
        *sequence += 1;
        let location = format!("{session}-{table}-{sequence}.parquet");
        let positions = |range: &ManifestRange| {
            let chain = range.chain;
            (range.range.from().0..range.range.to().0).map(move |offset| (chain, offset))
        };
        self.rows.insert(location.clone(), ranges.iter().flat_map(positions).collect());
        self.store.insert(location.clone());
        let rows = ranges.iter().map(|range| range.rows).sum();
        let file = ManifestFile {
            location,
            bytes: 1,
            rows,
            sha256: [0; 32],
            schema: SchemaId(0),
            spec: SpecId(0),
            statistics: Vec::new(),
        };
        let (incarnation, sequence) = (shown.incarnation, Sequence(*sequence));
        Manifest { table, incarnation, session, sequence, ranges, files: vec![file] }
    }

    /// The manifest reaches the coordinators; the leader hears of it.
    pub(super) fn submit(&mut self, node: usize, manifest: Manifest) -> SubmitReply {
        let (table, session) = (manifest.table, manifest.session);
        let Reply::Submit(reply) = self.apply(node, Command::SubmitManifest { manifest, at: self.now }) else {
            panic!("a manifest gets a manifest's answer")
        };
        if reply == SubmitReply::Accepted {
            self.input(node, Input::Accepted(table, session));
        }
        reply
    }

    /// Cuts and submits; it must be accepted.
    pub(super) fn ingest(&mut self, node: usize, session: SessionId, rows: &[(i32, i64)]) {
        let manifest = self.cut(node, session, rows);
        assert_eq!(self.submit(node, manifest), SubmitReply::Accepted);
    }

    /// The watermark that the table "orders" carries.
    pub(super) fn property(&self) -> Property {
        let property = Property::parse("orders", &self.lake().properties).expect("a readable property");
        property.expect("the table has a watermark")
    }

    /// The head's rows are exactly those below the head's watermark, each once; answers their number.
    pub(super) fn exact(&self) -> usize {
        let foreign = Vec::new();
        let live = self.lake().live().iter();
        let mut rows: Vec<_> = live.flat_map(|file| self.rows.get(file).unwrap_or(&foreign)).copied().collect();
        rows.sort_unstable();
        let watermark = self.property().watermark;
        let expected: Vec<_> =
            watermark.iter().flat_map(|(chain, mark)| (0..mark.offset.0).map(|offset| (*chain, offset))).collect();
        assert_eq!(rows, expected, "the table and its watermark disagree");
        rows.len()
    }
}

/// The id that an effect's end brings back.
pub(super) fn effect_id(effect: &Effect) -> Option<EffectId> {
    match effect {
        Effect::Confirm(id)
        | Effect::Load(id, _)
        | Effect::CheckFiles(id, ..)
        | Effect::Write(id, ..)
        | Effect::Post(id, _)
        | Effect::Create(id, ..)
        | Effect::Propose(id, _) => Some(*id),
        Effect::Cut(..) | Effect::ResumeEnded(..) => None,
    }
}
