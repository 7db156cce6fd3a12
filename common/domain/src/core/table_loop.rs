//! The commit loop of one table: confirm, load, decide, act, and again from the start whatever the outcome.

use super::decide::{Context, Still, Verdict, decide};
use super::resume::{self, ResumeEnd, Weighed};
use super::{Core, Effect, EffectId, Input, Pending};
use crate::ids::{AcceptanceNumber, SequenceNumber, SnapshotId, TableId, Timestamp};
use crate::lake::{CommitPlan, FileCheck, Loaded, Outcome};
use crate::port::Stopped;
use crate::state::{Command, RealignReason, State, Table};

/// An idle table is looked at this often, so that a rollback is seen before its history expires.
const IDLE_MS: i64 = 600_000;
/// The shortest and longest pause after something did not work.
const BACKOFF_MS: (i64, i64) = (250, 30_000);
/// What was accepted waits at most this long for the other workers of its table.
const GATHER_MS: i64 = 1_000;
/// A catalog that keeps showing an older table for this long stops it.
const STALE_MS: i64 = 60_000;
/// No request outlives this; after it an unanswered first commit cannot land any more.
const REQUEST_MS: i64 = 600_000;
/// How often another life's watermark is looked at while it has to stand still.
const WATCH_MS: i64 = 1_000;
/// How often a self-lifting stop is looked at again.
const LIFT_MS: i64 = 60_000;

/// Where a loop stands; each waits for the effect that it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Phase {
    /// Between two rounds.
    #[default]
    Idle,
    Confirming(EffectId),
    Loading(EffectId),
    Checking(EffectId, Box<Attempt>),
    Writing(EffectId, Box<Attempt>),
    Beginning(EffectId, Box<Attempt>),
    Creating(EffectId, Box<crate::lake::CreatePlan>),
    Posting(EffectId),
    Proposing(EffectId, Then),
}

/// What follows on a proposal that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Then {
    /// The next round, at once.
    Again,
    /// A commit was recorded, and the round is over.
    Recorded,
    /// The table was stopped: nothing is to be done until that changes.
    Rest,
    /// A person's decision was carried out; the next round, at once.
    Resumed,
}

/// A commit on its way through the phases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Attempt {
    plan: CommitPlan,
    upto: AcceptanceNumber,
    base_sequence: SequenceNumber,
    /// When the load that it was decided on ended.
    decided: Timestamp,
}

/// The leader's memory of one table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct TableLoop {
    phase: Phase,
    /// Not before this, after something did not work.
    not_before: Option<Timestamp>,
    failures: u32,
    /// The next look without a reason; `None`: at once.
    next_look: Option<Timestamp>,
    /// The oldest acceptance that no commit has taken.
    first_accepted: Option<Timestamp>,
    /// When a commit was last recorded.
    last_commit: Option<Timestamp>,
    /// Snapshot id that retries keep.
    snapshot: Option<SnapshotId>,
    stale_since: Option<Timestamp>,
    still: Option<Still>,
    /// When the first commit on an empty table was sent that now waits for its answer.
    first_sent: Option<Timestamp>,
    /// When one was sent whose answer never came.
    first_unanswered: Option<Timestamp>,
    first_answered: bool,
    /// A commit was answered as applied, and no load has shown one since.
    unseen: bool,
    waiting_for: Option<String>,
    lift_at: Option<Timestamp>,
}

impl TableLoop {
    pub(super) fn accepted(&mut self, now: Timestamp) {
        self.first_accepted.get_or_insert(now);
    }

    pub(super) fn waiting_for(&self) -> Option<&str> {
        self.waiting_for.as_deref()
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if self.phase != Phase::Idle {
            return self.lift_at;
        }
        // Without a next look it is due at once, after the pause if there is one.
        let due = self.next_look.map(|look| self.gathered_at().map_or(look, |gathered| gathered.min(look)));
        let due = due.into_iter().chain(self.not_before).max();
        due.into_iter().chain(self.lift_at).min()
    }

    /// A self-lifting stop is looked at again at `at`.
    pub(super) fn lift_at(&mut self, at: Timestamp) {
        self.lift_at = Some(at);
    }

    pub(super) fn may_lift(&mut self, now: Timestamp, lifts: bool) -> bool {
        if !lifts {
            self.lift_at = None;
            return false;
        }
        let at = *self.lift_at.get_or_insert(now.plus_ms(LIFT_MS));
        if now < at {
            return false;
        }
        self.lift_at = Some(now.plus_ms(LIFT_MS));
        true
    }

    /// When what was accepted is committed even if not every worker has answered the tick.
    fn gathered_at(&self) -> Option<Timestamp> {
        let first = self.first_accepted?;
        Some(self.last_commit.map_or(first, |last| last.max(first)).plus_ms(GATHER_MS))
    }

    fn is_due(&self, now: Timestamp, all_answered: bool) -> bool {
        if self.phase != Phase::Idle || self.not_before.is_some_and(|not_before| now < not_before) {
            return false;
        }
        let gathered = self.gathered_at().is_some_and(|at| all_answered || now >= at);
        gathered || self.next_look.is_none_or(|at| now >= at)
    }

    fn again(&mut self) {
        self.phase = Phase::Idle;
        self.next_look = None;
        self.not_before = None;
        self.failures = 0;
    }

    fn back_off(&mut self, now: Timestamp) {
        self.phase = Phase::Idle;
        self.next_look = None;
        let factor = 1_i64 << self.failures.min(10);
        self.failures += 1;
        self.not_before = Some(now.plus_ms((BACKOFF_MS.0 * factor).min(BACKOFF_MS.1)));
    }

    fn rest(&mut self, now: Timestamp) {
        self.again();
        self.next_look = Some(now.plus_ms(IDLE_MS));
        self.first_accepted = None;
        self.waiting_for = None;
    }

    /// True when no first commit of ours can be on its way any more: neither an earlier one of this leader's nor one of
    /// a leader before it.
    fn first_is_answered(&self, now: Timestamp, led_since: Timestamp, table: &Table) -> bool {
        let of_others = table.begun.keys().any(|id| Some(*id) != self.snapshot);
        let before_us = (of_others || !self.first_answered).then_some(led_since);
        before_us.max(self.first_unanswered).is_none_or(|sent| now >= sent.plus_ms(REQUEST_MS))
    }
}

impl Core {
    /// Starts a round for every table that is due.
    pub(super) fn start_loops(&mut self, now: Timestamp, state: &State, effects: &mut Vec<Effect>) {
        for (id, table) in &state.tables {
            let answered = self.ticks.all_answered(*id);
            let rests = table.is_halted() && !self.resumes.contains_key(id);
            if rests || !self.table_loop(*id).is_due(now, answered) {
                continue;
            }
            self.ticks.close(*id);
            let effect = self.fresh();
            self.table_loop(*id).phase = Phase::Confirming(effect);
            effects.push(Effect::Confirm(effect));
        }
    }

    /// The end of an effect, if a loop waits for it.
    pub(super) fn step_loop(&mut self, now: Timestamp, state: &State, input: Input, effects: &mut Vec<Effect>) {
        let effect = match &input {
            Input::Confirmed(effect, _)
            | Input::Applied(effect, _)
            | Input::Loaded(effect, _, _)
            | Input::Checked(effect, _)
            | Input::Written(effect, _)
            | Input::Answered(effect, _) => *effect,
            _ => return,
        };
        let waiting = self.tables.iter().find(|(_, table)| table.awaits(effect)).map(|(id, _)| *id);
        let Some(id) = waiting else { return };
        let Some(table) = state.tables.get(&id) else { return };
        let phase = std::mem::take(&mut self.table_loop(id).phase);
        match (phase, input) {
            (Phase::Confirming(_), Input::Confirmed(_, true)) => {
                let effect = self.fresh();
                self.table_loop(id).phase = Phase::Loading(effect);
                effects.push(Effect::Load(effect, id));
            }
            (Phase::Loading(_), Input::Loaded(_, loaded, entropy)) => {
                self.decide(now, state, id, table, &loaded, entropy, effects);
            }
            (Phase::Checking(_, attempt), Input::Checked(_, Some(checks))) => {
                self.checked(id, table, attempt, &checks, effects);
            }
            (Phase::Writing(_, attempt), Input::Written(_, true)) => {
                let command = begin(id, table, &attempt);
                let effect = self.fresh();
                self.table_loop(id).phase = Phase::Beginning(effect, attempt);
                effects.push(Effect::Propose(effect, command));
            }
            // The process was stopped in between: what was validated then need not hold now.
            (Phase::Beginning(_, attempt), Input::Applied(_, true)) if now > attempt.decided.plus_ms(REQUEST_MS) => {
                self.table_loop(id).again();
            }
            (Phase::Beginning(_, attempt), Input::Applied(_, true)) => {
                let effect = self.fresh();
                let table_loop = self.table_loop(id);
                if attempt.plan.base.is_none() {
                    table_loop.first_sent = Some(now);
                    table_loop.first_answered = false;
                }
                table_loop.phase = Phase::Posting(effect);
                effects.push(Effect::Post(effect, id));
            }
            (Phase::Creating(_, plan), Input::Applied(_, true)) => {
                let effect = self.fresh();
                self.table_loop(id).phase = Phase::Posting(effect);
                effects.push(Effect::Create(effect, id, *plan));
            }
            (Phase::Posting(_), Input::Answered(_, outcome)) => self.answered(now, id, &outcome),
            (Phase::Proposing(_, then), Input::Applied(_, true)) => match then {
                Then::Again => self.table_loop(id).again(),
                Then::Recorded => self.table_loop(id).recorded(now, table),
                Then::Rest if self.resumes.contains_key(&id) => self.table_loop(id).back_off(now),
                Then::Rest => self.table_loop(id).rest(now),
                Then::Resumed => {
                    self.end_resume(id, ResumeEnd::Done, effects);
                    self.table_loop(id).again();
                }
            },
            _ => self.table_loop(id).back_off(now),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call, and each argument is another kind of fact")]
    fn decide(
        &mut self,
        now: Timestamp,
        state: &State,
        id: TableId,
        table: &Table,
        loaded: &Loaded,
        entropy: u64,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(pending) = self.resumes.get_mut(&id) {
            pending.loaded(loaded);
        }
        let led_since = self.led_since.unwrap_or(now);
        let adopt_now = self.settings.adopt_now;
        let table_loop = self.tables.entry(id).or_default();
        let snapshot = *table_loop.snapshot.get_or_insert(SnapshotId((entropy >> 1).max(1).cast_signed()));
        let Some(instance) = state.instance else { return table_loop.back_off(now) };
        let context = Context {
            instance,
            cluster: &state.cluster,
            id,
            table,
            now,
            snapshot,
            still: table_loop.still.as_ref(),
            adopt_now,
            first_answered: table_loop.first_is_answered(now, led_since, table),
        };
        let verdict = decide(context, loaded);
        // While a stop is on its way the state does not tell yet; the loop is woken when it is logged.
        let changing = self.pending.values().any(|pending| *pending == Pending::Table(id));
        let weighed = match self.resumes.get(&id).filter(|_| !changing) {
            Some(pending) => resume::weigh(context, loaded, pending, verdict),
            None => Weighed::Act(verdict),
        };
        let verdict = match weighed {
            Weighed::Act(verdict) => verdict,
            Weighed::End(end, verdict) => {
                self.end_resume(id, end, effects);
                verdict
            }
        };
        let table_loop = self.table_loop(id);
        if !matches!(verdict, Verdict::Stale(_)) {
            table_loop.stale_since = None;
        }
        self.act(now, id, table, verdict, effects);
    }

    fn act(&mut self, now: Timestamp, id: TableId, table: &Table, verdict: Verdict, effects: &mut Vec<Effect>) {
        let effect = self.fresh();
        let table_loop = self.table_loop(id);
        match verdict {
            Verdict::Rest => table_loop.rest(now),
            Verdict::Wait(why) => {
                table_loop.waiting_for = Some(why);
                table_loop.back_off(now);
            }
            Verdict::Watch(property) => {
                let same = table_loop.still.as_ref().is_some_and(|still| still.property == property);
                if !same {
                    table_loop.still = Some(Still { property, since: now });
                }
                table_loop.again();
                table_loop.waiting_for = Some("another life's watermark has to stand still".into());
                table_loop.next_look = Some(now.plus_ms(WATCH_MS));
            }
            Verdict::Stale(stopped) => self.stale(now, id, stopped, effects),
            Verdict::Propose(command) => self.log(id, command, effects),
            Verdict::Commit(plan, upto, base_sequence) => {
                let attempt = Box::new(Attempt { plan, upto, base_sequence, decided: now });
                if attempt.plan.files.is_empty() {
                    return self.write(id, attempt, effects);
                }
                let files = attempt.plan.files.clone();
                table_loop.phase = Phase::Checking(effect, attempt);
                effects.push(Effect::CheckFiles(effect, id, files));
            }
            Verdict::Create(plan) => {
                let command = Command::BeginCommit {
                    table: id,
                    incarnation: table.incarnation,
                    snapshot: plan.snapshot,
                    base: None,
                    base_sequence: SequenceNumber(0),
                    upto: AcceptanceNumber(0),
                };
                table_loop.phase = Phase::Creating(effect, Box::new(plan));
                effects.push(Effect::Propose(effect, command));
            }
        }
    }

    /// A round that ends with a log entry. An id names one commit: the next one after such an entry is another commit.
    fn log(&mut self, id: TableId, command: Command, effects: &mut Vec<Effect>) {
        let then = match command {
            Command::RecordCommit { .. } => Then::Recorded,
            Command::StopTable { .. } => Then::Rest,
            Command::ResumeTable { .. } => Then::Resumed,
            _ => Then::Again,
        };
        let effect = self.fresh();
        let table_loop = self.table_loop(id);
        table_loop.phase = Phase::Proposing(effect, then);
        table_loop.snapshot = None;
        effects.push(Effect::Propose(effect, command));
    }

    fn write(&mut self, id: TableId, attempt: Box<Attempt>, effects: &mut Vec<Effect>) {
        let effect = self.fresh();
        effects.push(Effect::Write(effect, id, attempt.plan.clone()));
        self.table_loop(id).phase = Phase::Writing(effect, attempt);
    }

    /// Step 6, the diagnosis: a file that is not there as submitted takes its manifest, and all after it, with it.
    fn checked(
        &mut self,
        id: TableId,
        table: &Table,
        attempt: Box<Attempt>,
        checks: &[FileCheck],
        effects: &mut Vec<Effect>,
    ) {
        let vanished = checks.iter().position(|check| *check == FileCheck::Vanished);
        let Some(vanished) = vanished else { return self.write(id, attempt, effects) };
        let location = attempt.plan.files.get(vanished).map(|file| file.location.clone());
        let holder = table
            .accepted
            .iter()
            .find(|accepted| accepted.manifest.files.iter().any(|file| Some(&file.location) == location.as_ref()));
        // Realigned meanwhile: the next round sees what stayed.
        let Some(holder) = holder else { return self.table_loop(id).again() };
        let after = AcceptanceNumber(holder.number.0 - 1);
        let command = Command::Realign { table: id, after, reason: RealignReason::FilesVanished };
        self.log(id, command, effects);
    }

    /// Step 8: whatever the answer, the table is read again; the answer only says how soon.
    fn answered(&mut self, now: Timestamp, id: TableId, outcome: &Outcome) {
        let table_loop = self.table_loop(id);
        table_loop.waiting_for = match outcome {
            Outcome::Unknown(why) | Outcome::Rejected(why) => Some(why.clone()),
            Outcome::Committed | Outcome::Conflict | Outcome::TableGone => None,
        };
        match (table_loop.first_sent.take(), outcome) {
            (Some(sent), Outcome::Unknown(_)) => table_loop.first_unanswered = Some(sent),
            (Some(_), _) => table_loop.first_answered = true,
            (None, _) => {}
        }
        match outcome {
            // A catalog that keeps saying so without showing it is asked with growing pauses.
            Outcome::Committed if !table_loop.unseen => {
                table_loop.again();
                table_loop.unseen = true;
            }
            Outcome::Committed
            | Outcome::Conflict
            | Outcome::Unknown(_)
            | Outcome::Rejected(_)
            | Outcome::TableGone => table_loop.back_off(now),
        }
    }

    /// Loads again; when it has been like this for a minute, the table stops.
    fn stale(&mut self, now: Timestamp, id: TableId, stopped: Stopped, effects: &mut Vec<Effect>) {
        let table_loop = self.table_loop(id);
        let since = *table_loop.stale_since.get_or_insert(now);
        if now < since.plus_ms(STALE_MS) {
            return table_loop.back_off(now);
        }
        self.log(id, Command::StopTable { table: id, stopped }, effects);
    }
}

impl TableLoop {
    fn awaits(&self, effect: EffectId) -> bool {
        match &self.phase {
            Phase::Idle => false,
            Phase::Confirming(id) | Phase::Loading(id) | Phase::Posting(id) => *id == effect,
            Phase::Checking(id, _) | Phase::Writing(id, _) | Phase::Beginning(id, _) => *id == effect,
            Phase::Creating(id, _) => *id == effect,
            Phase::Proposing(id, _) => *id == effect,
        }
    }

    /// A commit was seen in the table: the next one has an id of its own, and what is staged beyond it waits its time.
    fn recorded(&mut self, now: Timestamp, table: &Table) {
        self.rest(now);
        self.unseen = false;
        self.still = None;
        self.last_commit = Some(now);
        self.first_accepted = (!table.accepted.is_empty()).then_some(now);
    }

    /// The state has changed in a way that the loop may have waited for.
    pub(super) fn wake(&mut self) {
        if self.phase == Phase::Idle {
            self.again();
        }
    }
}

fn begin(id: TableId, table: &Table, attempt: &Attempt) -> Command {
    Command::BeginCommit {
        table: id,
        incarnation: table.incarnation,
        snapshot: attempt.plan.snapshot,
        base: attempt.plan.base,
        base_sequence: attempt.base_sequence,
        upto: attempt.upto,
    }
}
