//! The leader's commit loop and everything else that only a leader decides, without I/O.
//!
//! [`Core::handle`] takes the time, the applied state and one [`Input`], and answers with [`Effect`]s for the shell to
//! carry out; the end of each effect comes back as an input that names it. The core's own memory is thrown away at each
//! change of leader: whatever matters is in the replicated state or in the tables. An input that names an effect which
//! is not awaited is dropped.

mod assign;
mod decide;
mod observe;
mod resume;
mod sessions;
mod summary;
mod table_loop;
#[cfg(test)]
mod tests;
mod ticks;
mod view;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

pub use assign::unowned;
pub use decide::{Context, Still, Verdict, decide};
pub use observe::judge as judge_observation;
pub use resume::{Resume, ResumeEnd};
pub use view::view;

use crate::ids::{SessionId, TableId, Timestamp};
use crate::lake::{CommitPlan, CreatePlan, FileCheck, Loaded, Outcome};
use crate::manifest::ManifestFile;
use crate::port::{Cut, Observation, Stopped};
use crate::state::{Command, State, Table};
use resume::PendingResume;
use sessions::Sessions;
use table_loop::TableLoop;
use ticks::Ticks;

/// The pause after a proposal outside the table loops could not be logged.
const PROPOSAL_PAUSE_MS: i64 = 1_000;

/// Names one effect, so that its end can be told from every other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectId(pub u64);

impl Hash for EffectId {
    /// Hashes to nothing: cores that differ only in how they have numbered their effects go on alike, and whoever
    /// explores states by their hash (the model in `chaos`) is to see one of them.
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// What happened outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// This process leads from now on.
    Led,
    /// It does not lead any more.
    Lost,
    /// Time has passed, or the state has changed.
    Tick,
    /// This process was paused for a while: silence meanwhile says nothing about anybody else.
    Resumed,
    /// A linearizable read has ended: `true` when it showed this process as the leader.
    Confirmed(EffectId, bool),
    /// A proposal has ended: `true` when it was applied. `false` is "not, or not known".
    Applied(EffectId, bool),
    /// A load has ended. The number is fresh randomness, for the id of the snapshot that may follow.
    Loaded(EffectId, Loaded, u64),
    /// The store was asked for files, in the effect's order; `None` when it could not be asked.
    Checked(EffectId, Option<Vec<FileCheck>>),
    /// Iceberg manifests and list are in the store (`true`), or could not be written.
    Written(EffectId, bool),
    /// A commit or create request was answered, or given up.
    Answered(EffectId, Outcome),
    /// A manifest of this session was accepted.
    Accepted(TableId, SessionId),
    /// A session has nothing for this tick.
    Nothing(SessionId, Cut),
    /// A session lives.
    Heartbeat(SessionId),
    /// A watcher's report.
    Observed(Observation),
    /// A worker cannot go on with a table.
    StopRequested(TableId, Stopped),
    /// A person has decided how a stopped table goes on.
    Resume(TableId, Resume),
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A linearizable read.
    Confirm(EffectId),
    /// Load a table fresh.
    Load(EffectId, TableId),
    /// Ask the store for these files.
    CheckFiles(EffectId, TableId, Vec<ManifestFile>),
    /// Write Iceberg manifests and list of this commit on the load that was decided on.
    Write(EffectId, TableId, CommitPlan),
    /// Send the commit that was written last for this table, once.
    Post(EffectId, TableId),
    /// Create the table, once.
    Create(EffectId, TableId, CreatePlan),
    /// Replicate a command.
    Propose(EffectId, Command),
    /// Ask a session to end its cut.
    Cut(SessionId, Cut),
    /// Tell whoever decided about a stopped table what became of it.
    ResumeEnded(TableId, ResumeEnd),
}

/// What differs between deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Milliseconds without a heartbeat after which a session expires.
    pub session_timeout_ms: i64,
    /// Take over another life's watermark without waiting for it to stand still (`--adopt`).
    pub adopt_now: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { session_timeout_ms: 10_000, adopt_now: false }
    }
}

/// The leader's memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Core {
    settings: Settings,
    led_since: Option<Timestamp>,
    last_effect: EffectId,
    tables: BTreeMap<TableId, TableLoop>,
    /// Decisions on stopped tables that are not carried out yet.
    resumes: BTreeMap<TableId, PendingResume>,
    sessions: Sessions,
    ticks: Ticks,
    /// Proposals on their way that are not a table loop's: what they are about, so that none is sent twice.
    pending: BTreeMap<EffectId, Pending>,
    /// No expiry and no grant is proposed before this, after one could not be logged.
    not_before: Option<Timestamp>,
}

/// What a proposal outside the table loops is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pending {
    Assign(TableId),
    Expire(SessionId),
    Table(TableId),
}

impl Core {
    /// A core that does not lead.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            led_since: None,
            last_effect: EffectId(0),
            tables: BTreeMap::new(),
            resumes: BTreeMap::new(),
            sessions: Sessions::default(),
            ticks: Ticks::default(),
            pending: BTreeMap::new(),
            not_before: None,
        }
    }

    /// Takes one input. Never blocks, never fails; a stale input changes nothing.
    pub fn handle(&mut self, now: Timestamp, state: &State, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Led => self.lead(now, state),
            Input::Lost => self.led_since = None,
            _ if self.led_since.is_none() => return effects,
            other => self.take(now, state, other, &mut effects),
        }
        if self.led_since.is_some() {
            self.advance(now, state, &mut effects);
        }
        effects
    }

    /// When [`Input::Tick`] is due at the latest; `None` while not leading.
    #[must_use]
    pub fn next_deadline(&self, state: &State) -> Option<Timestamp> {
        self.led_since?;
        let halted = |id: &TableId| state.tables.get(id).is_none_or(Table::is_halted);
        let rests = |id: &TableId| halted(id) && !self.resumes.contains_key(id);
        let loops = self.tables.iter().filter(|(id, _)| !rests(id)).filter_map(|(_, table)| table.deadline());
        let silent = self.sessions.deadline(self.settings.session_timeout_ms, |session| self.is_expiring(session));
        let silent = silent.map(|at| self.not_before.map_or(at, |not_before| at.max(not_before)));
        loops.chain(self.ticks.deadline(state)).chain(silent).chain(self.not_before).min()
    }

    /// What a table's loop is waiting for, for people to read.
    #[must_use]
    pub fn waiting_for(&self, table: TableId) -> Option<&str> {
        self.tables.get(&table)?.waiting_for()
    }

    fn lead(&mut self, now: Timestamp, state: &State) {
        *self = Self { last_effect: self.last_effect, led_since: Some(now), ..Self::new(self.settings) };
        for (id, _) in state.tables.iter().filter(|(_, table)| lifts_itself(table)) {
            self.table_loop(*id).lift_at(now);
        }
    }

    fn take(&mut self, now: Timestamp, state: &State, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Led | Input::Lost | Input::Tick => {}
            Input::Resumed => self.sessions.forgive(now),
            Input::Heartbeat(session) => self.sessions.seen(session, now),
            Input::Accepted(table, session) => {
                self.sessions.seen(session, now);
                self.ticks.answered(table, session);
                self.table_loop(table).accepted(now);
            }
            Input::Nothing(session, cut) => {
                self.sessions.seen(session, now);
                self.ticks.had_nothing(cut, session);
            }
            Input::Observed(observation) => self.observed(state, &observation, effects),
            Input::StopRequested(table, stopped) => {
                self.propose(Pending::Table(table), Command::StopTable { table, stopped }, effects);
            }
            Input::Resume(table, resume) => {
                self.resumes.insert(table, PendingResume::new(resume, now));
                self.table_loop(table).wake();
            }
            Input::Applied(effect, applied) if self.pending.contains_key(&effect) => match self.pending.remove(&effect)
            {
                Some(Pending::Table(table)) => self.table_loop(table).wake(),
                _ if !applied => self.not_before = Some(now.plus_ms(PROPOSAL_PAUSE_MS)),
                _ => {}
            },
            other => self.step_loop(now, state, other, effects),
        }
    }

    fn observed(&mut self, state: &State, observation: &Observation, effects: &mut Vec<Effect>) {
        let Some(table) = state.tables.get(&observation.table) else { return };
        if let Some(resume) = self.resumes.get_mut(&observation.table) {
            resume.saw(observation);
            self.table_loop(observation.table).wake();
        }
        if self.pending.values().any(|pending| *pending == Pending::Table(observation.table)) {
            return;
        }
        if let Some(command) = observe::judge(table, observation) {
            self.propose(Pending::Table(observation.table), command, effects);
        }
    }

    fn end_resume(&mut self, table: TableId, end: ResumeEnd, effects: &mut Vec<Effect>) {
        self.resumes.remove(&table);
        effects.push(Effect::ResumeEnded(table, end));
    }

    fn propose(&mut self, pending: Pending, command: Command, effects: &mut Vec<Effect>) {
        let id = self.fresh();
        self.pending.insert(id, pending);
        effects.push(Effect::Propose(id, command));
    }

    fn fresh(&mut self) -> EffectId {
        self.last_effect.0 += 1;
        self.last_effect
    }

    fn table_loop(&mut self, table: TableId) -> &mut TableLoop {
        self.tables.entry(table).or_default()
    }

    /// Whatever is due now: sessions that expired, chains without an owner, ticks, loops.
    fn advance(&mut self, now: Timestamp, state: &State, effects: &mut Vec<Effect>) {
        self.tables.retain(|id, _| state.tables.contains_key(id));
        self.resumes.retain(|id, _| state.tables.contains_key(id));
        self.not_before = self.not_before.filter(|at| now < *at);
        self.expire(now, state, effects);
        self.assign(state, effects);
        self.ticks.advance(now, state, effects);
        self.lift(now, state, effects);
        self.start_loops(now, state, effects);
    }

    fn expire(&mut self, now: Timestamp, state: &State, effects: &mut Vec<Effect>) {
        for session in self.sessions.expired(now, state, self.settings.session_timeout_ms) {
            if self.not_before.is_none() && !self.is_expiring(session) {
                self.propose(Pending::Expire(session), Command::ExpireWorker { session }, effects);
            }
        }
    }

    fn is_expiring(&self, session: SessionId) -> bool {
        self.pending.values().any(|pending| *pending == Pending::Expire(session))
    }

    fn assign(&mut self, state: &State, effects: &mut Vec<Effect>) {
        if self.not_before.is_some() {
            return;
        }
        for (table, chains, session) in unowned(state) {
            if !self.pending.values().any(|pending| *pending == Pending::Assign(table)) {
                let command = Command::AssignPartitions { table, chains, session };
                self.propose(Pending::Assign(table), command, effects);
            }
        }
    }

    /// Stops that lift themselves are looked at again every minute, and when a leader starts.
    fn lift(&mut self, now: Timestamp, state: &State, effects: &mut Vec<Effect>) {
        for (id, table) in &state.tables {
            let lifts = lifts_itself(table);
            let busy = self.pending.values().any(|pending| *pending == Pending::Table(*id));
            if self.table_loop(*id).may_lift(now, lifts) && !busy {
                self.propose(Pending::Table(*id), Command::LiftStop { table: *id }, effects);
            }
        }
    }
}

fn lifts_itself(table: &Table) -> bool {
    table.stopped.as_ref().is_some_and(|stopped| stopped.reason.lifts_itself())
}
