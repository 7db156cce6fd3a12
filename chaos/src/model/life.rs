//! One cluster: its replicated state, its leader, and a leader before that one which does not know that it was deposed.

use std::sync::Arc;

use k2i_domain::core::{Core, Effect, EffectId, Input, Settings, view};
use k2i_domain::ids::{Epoch, Instance, Partition, SessionId, SnapshotId, StreamIdentity, Timestamp, WorkerId};
use k2i_domain::lake::{CommitPlan, CreatePlan, FileCheck, Loaded};
use k2i_domain::range::Offset;
use k2i_domain::state::{Command, Reply, StartAt, State, Table as TableState, TableSpec};

use super::table::{File, Table};
use super::{CLUSTER, PARTITIONS, TABLE};

/// The instant at which everything happens, until a day has passed.
const NOW: Timestamp = Timestamp(1_000_000_000_000);
/// Later than every pause of the loop, and far less than a day.
const WAKE_MS: i64 = 3_600_000;
/// A little more than files may be staged for.
const DAY_MS: i64 = 25 * 3_600_000;
/// Never: sessions end and cuts are made by the model's own actions.
const NEVER_MS: i64 = 1 << 50;

/// Snapshot ids of one leader.
pub const IDS: i64 = 100;

/// The outside as a leader finds it.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// The table, if it exists.
    pub table: Option<&'a Table>,
    /// Every file there ever was.
    pub files: &'a [Arc<File>],
    /// True when the day has passed.
    pub day: bool,
    /// What is broken.
    pub mutation: super::mutation::Mutation,
}

impl Outside<'_> {
    fn now(&self) -> Timestamp {
        if self.day { NOW.plus_ms(DAY_MS) } else { NOW }
    }
}

/// A commit or create request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// A commit on a table whose last sequence number was this.
    Commit(CommitPlan, i64),
    /// A create.
    Create(CreatePlan),
}

/// A leader, or one that believes it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    core: Core,
    /// Effects that wait for the model: confirmations, proposals, requests.
    pub effects: Vec<Effect>,
    /// Last sequence number of the load that was decided on.
    base: i64,
    written: Option<CommitPlan>,
    /// The snapshot id that it gets next: a leader's are its own, and none is begun twice but by a retry.
    next_id: SnapshotId,
}

impl Process {
    fn new(settings: Settings, next_id: SnapshotId) -> Self {
        Self { core: Core::new(settings), effects: Vec::new(), base: 0, written: None, next_id }
    }

    /// Gives an input to the core and carries out what only it can see.
    pub fn feed(&mut self, state: &State, outside: Outside<'_>, input: Input) {
        self.feed_at(outside.now(), state, outside, input);
    }

    fn feed_at(&mut self, at: Timestamp, state: &State, outside: Outside<'_>, input: Input) {
        let shown = outside.mutation.state(state, outside.now());
        let shown = shown.as_ref().unwrap_or(state);
        let mut inputs = vec![(at, input)];
        while let Some((at, input)) = inputs.pop() {
            for effect in self.core.handle(at, shown, input) {
                match self.at_once(shown, outside, effect) {
                    Ok(input) => inputs.push((outside.now(), input)),
                    Err(Effect::Cut(..) | Effect::ResumeEnded(..)) => {}
                    Err(effect) => self.push(effect),
                }
            }
        }
        self.forget_plan();
    }

    fn push(&mut self, effect: Effect) {
        if let Effect::Propose(_, Command::BeginCommit { snapshot, .. }) = &effect
            && *snapshot == self.next_id
        {
            self.next_id = SnapshotId(snapshot.0 + 1);
        }
        self.effects.push(effect);
    }

    /// Forgets what was written for a commit that nobody will send.
    fn forget_plan(&mut self) {
        let wanted =
            |effect: &Effect| matches!(effect, Effect::Post(..) | Effect::Propose(_, Command::BeginCommit { .. }));
        if !self.effects.iter().any(wanted) {
            (self.written, self.base) = (None, 0);
        }
    }

    fn take_grant(&mut self) -> Option<(EffectId, Command)> {
        let grant = |effect: &Effect| matches!(effect, Effect::Propose(_, Command::AssignPartitions { .. }));
        let index = self.effects.iter().position(grant)?;
        let Effect::Propose(id, command) = self.effects.remove(index) else { return None };
        Some((id, command))
    }

    /// The end of an effect at which nothing else can happen in between; others are given back.
    fn at_once(&mut self, state: &State, outside: Outside<'_>, effect: Effect) -> Result<Input, Effect> {
        match effect {
            Effect::Load(id, _) => {
                let loaded = outside.table.map_or(Loaded::Missing, |table| {
                    self.base = table.last_sequence();
                    Loaded::Found(Box::new(outside.mutation.facts(state, table.facts())))
                });
                let snapshot = outside.mutation.snapshot(self.next_id);
                Ok(Input::Loaded(id, loaded, snapshot.0.cast_unsigned() << 1))
            }
            Effect::CheckFiles(id, _, files) => {
                let stored = |location: &str| outside.files[file_id(location)].stored;
                let check = |stored| if stored { FileCheck::Present } else { FileCheck::Vanished };
                Ok(Input::Checked(id, Some(files.iter().map(|file| check(stored(&file.location))).collect())))
            }
            Effect::Write(id, _, plan) => {
                self.written = Some(plan);
                Ok(Input::Written(id, true))
            }
            other => Err(other),
        }
    }

    /// Last sequence number of the load that was decided on.
    #[must_use]
    pub fn base(&self) -> i64 {
        self.base
    }

    fn confirmation(&self) -> Option<usize> {
        self.effects.iter().position(|effect| matches!(effect, Effect::Confirm(_)))
    }

    /// The request of a [`Effect::Post`] or [`Effect::Create`].
    #[must_use]
    pub fn request(&self, effect: &Effect) -> Option<(EffectId, Request)> {
        match effect {
            Effect::Post(id, _) => Some((*id, Request::Commit(self.written.clone()?, self.base))),
            Effect::Create(id, _, plan) => Some((*id, Request::Create(plan.clone()))),
            _ => None,
        }
    }
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Life {
    /// What its log says.
    pub state: Arc<State>,
    /// Its leader.
    pub leader: Arc<Process>,
    /// The leader before, while it can still do something.
    pub deposed: Option<Arc<Process>>,
    /// Its number.
    number: usize,
    /// How many leaders it has had.
    leaderships: i64,
    /// How many sessions its worker has had; 0: the worker of another life still has one.
    pub sessions: u64,
    /// Cuts that the present session has numbered.
    pub cuts: u64,
}

impl Life {
    /// A cluster with an empty state whose topic has been seen. `number` tells it from other lives.
    #[must_use]
    pub fn empty(number: usize, adopt_now: bool, outside: Outside<'_>) -> Self {
        let mut state = State::default();
        let identity = StreamIdentity { kafka_cluster: "k".into(), topic_id: Some("i".into()), topic: "t".into() };
        let starts = (0..PARTITIONS).map(|number| (partition(number), Offset(0))).collect();
        state.apply(Command::Init { instance: Instance(number as u64 + 1), cluster: CLUSTER.into() });
        state.apply(Command::PutTable { spec: spec() });
        state.apply(Command::PutStream { table: TABLE, identity, starts, schema: Some("{}".into()) });
        let mut life = Self::with(number, state, adopt_now, outside);
        life.restart_worker(outside);
        life
    }

    /// A cluster that starts with a copy of somebody's state.
    #[must_use]
    pub fn copy(number: usize, state: State, outside: Outside<'_>) -> Self {
        Self::with(number, state, false, outside)
    }

    fn with(number: usize, state: State, adopt_now: bool, outside: Outside<'_>) -> Self {
        let settings = Settings { session_timeout_ms: NEVER_MS, adopt_now };
        let leader = Process::new(settings, first_id(number, 0));
        let (state, leader) = (Arc::new(state), Arc::new(leader));
        let mut life = Self { state, leader, deposed: None, number, leaderships: 0, sessions: 0, cuts: 0 };
        life.feed(outside, Input::Led);
        life
    }

    /// Applies a command.
    pub fn apply(&mut self, command: Command) -> Reply {
        Arc::make_mut(&mut self.state).apply(command)
    }

    /// Gives the leader an input. Its grants are logged at once: a late one only delays a worker.
    pub fn feed(&mut self, outside: Outside<'_>, input: Input) {
        let leader = Arc::make_mut(&mut self.leader);
        leader.feed(&self.state, outside, input);
        while let Some((id, command)) = leader.take_grant() {
            let reply = Arc::make_mut(&mut self.state).apply(command);
            leader.feed(&self.state, outside, Input::Applied(id, !matches!(reply, Reply::Refused(_))));
        }
    }

    /// What the state holds of the table.
    #[must_use]
    pub fn table(&self) -> &TableState {
        &self.state.tables[&TABLE]
    }

    /// The worker's session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        SessionId(self.number as u64 * 100 + self.sessions)
    }

    /// True while no effect of the leader but confirmations waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.leader.effects.iter().all(|effect| matches!(effect, Effect::Confirm(_)))
    }

    /// The worker registers anew.
    pub fn restart_worker(&mut self, outside: Outside<'_>) {
        self.sessions += 1;
        self.cuts = 0;
        let session = self.session();
        self.apply(Command::RegisterWorker { worker: WorkerId("w".into()), session });
        self.feed(outside, Input::Heartbeat(session));
    }

    /// Another coordinator leads. The one before goes on with what it had begun.
    pub fn depose(&mut self, adopt_now: bool, outside: Outside<'_>) {
        self.leaderships += 1;
        let settings = Settings { session_timeout_ms: NEVER_MS, adopt_now };
        let next = Arc::new(Process::new(settings, first_id(self.number, self.leaderships)));
        self.deposed = Some(std::mem::replace(&mut self.leader, next));
        self.feed(outside, Input::Led);
        self.forget_deposed();
    }

    /// A round of the loop, from the wake-up to what it wants to log or send.
    pub fn round(&mut self, outside: Outside<'_>) {
        let leader = Arc::make_mut(&mut self.leader);
        if leader.confirmation().is_none() {
            leader.feed_at(outside.now().plus_ms(WAKE_MS), &self.state, outside, Input::Tick);
        }
        if let Some(Effect::Confirm(id)) = leader.confirmation().map(|index| leader.effects.remove(index)) {
            self.feed(outside, Input::Confirmed(id, true));
        }
    }

    /// The end of a deposed leader's effect. Nothing that it begins from here on counts but a request.
    pub fn feed_deposed(&mut self, outside: Outside<'_>, input: Input) {
        let Some(deposed) = self.deposed.as_mut().map(Arc::make_mut) else { return };
        let before = deposed.effects.len();
        deposed.feed(&self.state, outside, input);
        let begun = deposed.effects.split_off(before);
        deposed
            .effects
            .extend(begun.into_iter().filter(|effect| matches!(effect, Effect::Post(..) | Effect::Create(..))));
        self.forget_deposed();
    }

    /// Forgets a deposed leader that can do nothing any more.
    fn forget_deposed(&mut self) {
        if let Some(deposed) = self.deposed.as_mut().map(Arc::make_mut) {
            deposed.effects.retain(|effect| !matches!(effect, Effect::Confirm(_)));
        }
        self.deposed = self.deposed.take().filter(|deposed| !deposed.effects.is_empty());
    }

    /// Per topic partition, the epoch and position that the worker may read from, where it owns the chain.
    #[must_use]
    pub fn grants(&self) -> [Option<(Epoch, i64)>; PARTITIONS] {
        let shown = view(&self.state, self.session());
        let mut grants = [None; PARTITIONS];
        for (key, grant) in shown.tables.get(&TABLE).map(|table| &table.grants).into_iter().flatten() {
            if let Ok(number) = usize::try_from(key.partition.0) {
                grants[number] = Some((grant.epoch, grant.start.0));
            }
        }
        grants
    }
}

/// The number of a topic partition as Kafka has it.
#[must_use]
pub fn partition(number: usize) -> Partition {
    Partition(i32::try_from(number).unwrap_or(i32::MAX))
}

/// The file that goes by this location.
#[must_use]
pub fn file_id(location: &str) -> usize {
    location.parse().unwrap_or(usize::MAX)
}

/// Each leader of each life has [`IDS`] snapshot ids of its own; below a thousand are other people's.
fn first_id(life: usize, leadership: i64) -> SnapshotId {
    SnapshotId(1_000 * (life as i64 + 1) + IDS * leadership)
}

fn spec() -> TableSpec {
    TableSpec {
        name: "t".into(),
        tenant: String::new(),
        namespace: Vec::new(),
        table: "t".into(),
        topics: vec!["t".into()],
        start: StartAt::Earliest,
        flush_interval_ms: NEVER_MS.cast_unsigned(),
    }
}
