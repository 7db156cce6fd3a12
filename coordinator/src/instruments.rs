//! What the shell counts and says while effects come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k2i_domain::core::{Effect, EffectId, Input};
use k2i_domain::ids::{ChainKey, TableId, Timestamp};
use k2i_domain::invariants::{Invariant, violations};
use k2i_domain::port::{StopReason, Stopped};
use k2i_domain::state::{Command, Mark, State, Table};
use k2i_runtime::telemetry::metrics::{AssignmentChange, CoordinatorMetrics};

/// Follows effects to their end.
pub(crate) struct Instruments {
    metrics: CoordinatorMetrics,
    /// Requests to catalogs on their way.
    posted: BTreeMap<EffectId, (String, Timestamp)>,
    /// Proposals whose success is counted.
    proposed: BTreeMap<EffectId, Counted>,
    tables: BTreeSet<String>,
    /// Why tables are stopped, as last said.
    stopped: BTreeMap<TableId, Stopped>,
    broken: BTreeSet<(Invariant, TableId)>,
}

enum Counted {
    Recorded { table: String, rows: u64, newest_age: Option<Duration> },
    Granted(usize),
    Realigned { table: String, reason: &'static str },
}

impl Instruments {
    pub(crate) fn new(metrics: CoordinatorMetrics) -> Self {
        Self {
            metrics,
            posted: BTreeMap::new(),
            proposed: BTreeMap::new(),
            tables: BTreeSet::new(),
            stopped: BTreeMap::new(),
            broken: BTreeSet::new(),
        }
    }

    /// An effect is about to start.
    pub(crate) fn started(&mut self, now: Timestamp, effect: &Effect, state: &State) {
        match effect {
            Effect::Post(id, table) | Effect::Create(id, table, _) => {
                self.posted.insert(*id, (name(state, *table), now));
            }
            Effect::Propose(id, command) => {
                if let Some(counted) = counted(now, command, state) {
                    self.proposed.insert(*id, counted);
                }
            }
            Effect::Confirm(_) | Effect::Load(..) | Effect::CheckFiles(..) | Effect::Write(..) | Effect::Cut(..) => {}
            Effect::ResumeEnded(..) => {}
        }
    }

    /// Something came back.
    pub(crate) fn came(&mut self, now: Timestamp, input: &Input) {
        match input {
            Input::Answered(id, outcome) => {
                if let Some((table, since)) = self.posted.remove(id) {
                    self.metrics.commit_answered(&table, outcome, age(now, since));
                    tracing::debug!(table, ?outcome, "a commit request was answered");
                }
            }
            Input::Applied(id, done) => {
                if let (Some(counted), true) = (self.proposed.remove(id), done) {
                    self.count(counted);
                }
            }
            _ => {}
        }
    }

    /// The applied state has changed.
    pub(crate) fn applied(&mut self, state: &State) {
        let names: BTreeSet<String> = state.tables.values().map(|table| table.spec.name.clone()).collect();
        for gone in self.tables.difference(&names) {
            self.metrics.table_forgotten(gone);
        }
        for new in names.difference(&self.tables) {
            self.metrics.table_known(new);
        }
        self.tables = names;
        self.say_stopped(state);
        let broken: BTreeSet<_> = violations(state).into_iter().collect();
        for (invariant, table) in broken.difference(&self.broken) {
            self.metrics.invariant_violated(invariant.as_str());
            tracing::error!(invariant = invariant.as_str(), table = name(state, *table), "an invariant is broken");
        }
        self.broken = broken;
    }

    /// Each stop is said once, by what the state says: one that changed nothing there was none.
    fn say_stopped(&mut self, state: &State) {
        let stopped = state.tables.iter().filter_map(|(id, table)| Some((*id, table.stopped.clone()?)));
        let stopped: BTreeMap<TableId, Stopped> = stopped.collect();
        for (id, now) in stopped.iter().filter(|(id, now)| self.stopped.get(id) != Some(now)) {
            self.metrics.assignment_changed(AssignmentChange::Revoked);
            let table = name(state, *id);
            let (reason, detail, lift) = (now.reason.as_str(), &now.detail, lift(&table, now.reason));
            tracing::error!(table, reason, detail, lift, "the table is stopped");
        }
        self.stopped = stopped;
    }

    /// Leadership has changed: nothing that was on its way is awaited any more.
    pub(crate) fn forget(&mut self) {
        self.posted.clear();
        self.proposed.clear();
    }

    fn count(&self, counted: Counted) {
        match counted {
            Counted::Recorded { table, rows, newest_age } => {
                tracing::info!(table, rows, "committed");
                self.metrics.committed(&table, rows, newest_age);
            }
            Counted::Granted(chains) => {
                for _ in 0..chains {
                    self.metrics.assignment_changed(AssignmentChange::Granted);
                }
            }
            Counted::Realigned { table, reason } => {
                self.metrics.assignment_changed(AssignmentChange::Realigned);
                tracing::warn!(table, reason, "what was accepted is given up and read again");
            }
        }
    }
}

fn counted(now: Timestamp, command: &Command, state: &State) -> Option<Counted> {
    match command {
        Command::RecordCommit { table, watermark, .. } => {
            let known = state.tables.get(table)?;
            let (rows, newest) = committed(known, watermark);
            let newest_age = newest.map(|newest| age(now, newest));
            Some(Counted::Recorded { table: known.spec.name.clone(), rows, newest_age })
        }
        Command::AssignPartitions { chains, .. } => Some(Counted::Granted(chains.len())),
        Command::Realign { table, reason, .. } => {
            Some(Counted::Realigned { table: name(state, *table), reason: reason.as_str() })
        }
        _ => None,
    }
}

/// What lifts a stop, for whoever reads the log.
fn lift(table: &str, reason: StopReason) -> String {
    let decisions: Vec<&str> = reason.decisions().iter().map(|decision| decision.as_str()).collect();
    if reason.lifts_itself() {
        "lifted once the cause is gone; looked at every minute".to_owned()
    } else if decisions.is_empty() {
        "nothing here lifts it".to_owned()
    } else {
        let decisions = decisions.join("|");
        format!("k2i ingest --resume {table}={decisions} --expect-snapshot ID, with the id of the table's head")
    }
}

/// Rows, and newest record timestamp, of the staged manifests that lie below the watermark.
fn committed(table: &Table, watermark: &BTreeMap<ChainKey, Mark>) -> (u64, Option<Timestamp>) {
    let below = |range: &k2i_domain::manifest::ManifestRange| {
        watermark.get(&range.chain).is_some_and(|mark| range.range.to() <= mark.offset)
    };
    let ranges: Vec<_> =
        table.accepted.iter().flat_map(|accepted| &accepted.manifest.ranges).filter(|range| below(range)).collect();
    (ranges.iter().map(|range| range.rows).sum(), ranges.iter().filter_map(|range| range.newest).max())
}

fn name(state: &State, table: TableId) -> String {
    state.tables.get(&table).map_or_else(|| table.to_string(), |table| table.spec.name.clone())
}

fn age(now: Timestamp, since: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.0 - since.0).unwrap_or(0))
}
