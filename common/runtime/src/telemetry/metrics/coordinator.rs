//! What the coordinator counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k2i_domain::lake::Outcome;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Histogram, HistogramVec, IntCounterVec, Opts, Registry};

use super::registrar::{MetricDoc, Registrar};

/// Seconds since the Unix epoch; an argument, since nothing here reads a clock by itself.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

const FRESHNESS_BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];
const COMMIT_BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// What happened to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentChange {
    /// Given to a session.
    Granted,
    /// Taken from a session.
    Revoked,
    /// Set back to an earlier position under a new epoch.
    Realigned,
}

impl AssignmentChange {
    fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Realigned => "realigned",
        }
    }
}

/// The coordinator's metrics. Clones share the series.
#[derive(Debug, Clone)]
pub struct CoordinatorMetrics {
    committed_rows: IntCounterVec,
    freshness: HistogramVec,
    last_commit: LastCommit,
    commit_duration: Histogram,
    commits: IntCounterVec,
    fenced: IntCounterVec,
    assignment_changes: IntCounterVec,
    invariant_violations: IntCounterVec,
}

impl CoordinatorMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When the registry has one of these names already.
    pub fn new(registry: &Registry, clock: Clock) -> Result<Self, prometheus::Error> {
        Self::with_docs(registry, clock).map(|(metrics, _)| metrics)
    }

    pub(super) fn with_docs(registry: &Registry, clock: Clock) -> Result<(Self, Vec<MetricDoc>), prometheus::Error> {
        let mut r = Registrar::new(registry);
        let metrics = Self {
            committed_rows: r.counters(
                "k2i_coordinator_committed_rows_total",
                "Rows in committed snapshots.",
                &["table"],
            )?,
            freshness: r.histograms(
                "k2i_coordinator_freshness_seconds",
                "Time from a record's timestamp to the commit that made it visible, of each commit's newest record.",
                &["table"],
                &FRESHNESS_BUCKETS,
            )?,
            last_commit: r.register("gauge", LastCommit::new(clock)?)?,
            commit_duration: r.histogram(
                "k2i_coordinator_commit_duration_seconds",
                "Time of one commit request, from sending it to its answer or the loss of it.",
                &COMMIT_BUCKETS,
            )?,
            commits: r.counters(
                "k2i_coordinator_commits_total",
                "Commit requests by outcome: `committed`, `conflict`, `unknown`, `rejected`, `table_gone`.",
                &["table", "outcome"],
            )?,
            fenced: r.counters(
                "k2i_coordinator_fenced_manifests_total",
                "Manifests refused because a newer epoch exists.",
                &["table"],
            )?,
            assignment_changes: r.counters(
                "k2i_coordinator_assignment_changes_total",
                "Topic partitions `granted`, `revoked` and `realigned`.",
                &["change"],
            )?,
            invariant_violations: r.counters(
                "k2i_coordinator_invariant_violations_total",
                "Invariants found broken, by their name. Anything but 0 is a bug.",
                &["id"],
            )?,
        };
        Ok((metrics, r.into_docs()))
    }

    /// The table exists from now on: its commit age counts from here until its first commit.
    pub fn table_known(&self, table: &str) {
        self.last_commit.known(table);
    }

    /// The table is gone: its series end.
    pub fn table_forgotten(&self, table: &str) {
        // A series that was never made is no error here.
        let _ = self.committed_rows.remove_label_values(&[table]);
        let _ = self.freshness.remove_label_values(&[table]);
        let _ = self.fenced.remove_label_values(&[table]);
        for outcome in OUTCOMES {
            let _ = self.commits.remove_label_values(&[table, outcome]);
        }
        self.last_commit.forget(table);
    }

    /// A commit was read back from the table. `newest_age` is the age of its newest record, if it had any.
    pub fn committed(&self, table: &str, rows: u64, newest_age: Option<Duration>) {
        self.committed_rows.with_label_values(&[table]).inc_by(rows);
        if let Some(age) = newest_age {
            self.freshness.with_label_values(&[table]).observe(age.as_secs_f64());
        }
        self.last_commit.committed(table);
    }

    /// A commit request ended, whatever became of it.
    pub fn commit_answered(&self, table: &str, outcome: &Outcome, took: Duration) {
        self.commits.with_label_values(&[table, outcome_label(outcome)]).inc();
        self.commit_duration.observe(took.as_secs_f64());
    }

    /// A manifest was refused because of its epoch.
    pub fn fenced(&self, table: &str) {
        self.fenced.with_label_values(&[table]).inc();
    }

    /// A chain changed hands or was set back.
    pub fn assignment_changed(&self, change: AssignmentChange) {
        self.assignment_changes.with_label_values(&[change.as_str()]).inc();
    }

    /// An invariant was found broken.
    pub fn invariant_violated(&self, id: &'static str) {
        self.invariant_violations.with_label_values(&[id]).inc();
    }
}

const OUTCOMES: [&str; 5] = ["committed", "conflict", "unknown", "rejected", "table_gone"];

fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => OUTCOMES[0],
        Outcome::Conflict => OUTCOMES[1],
        Outcome::Unknown(_) => OUTCOMES[2],
        Outcome::Rejected(_) => OUTCOMES[3],
        Outcome::TableGone => OUTCOMES[4],
    }
}

/// Age of each table's last commit, computed when somebody looks: a gauge that is only set by commits would look best
/// when none happen.
#[derive(Clone)]
struct LastCommit {
    ages: GaugeVec,
    times: Arc<Mutex<BTreeMap<String, f64>>>,
    clock: Clock,
}

impl LastCommit {
    fn new(clock: Clock) -> Result<Self, prometheus::Error> {
        let options = Opts::new(
            "k2i_coordinator_last_commit_age_seconds",
            "Time since the table's last commit, or since it became known.",
        );
        Ok(Self { ages: GaugeVec::new(options, &["table"])?, times: Arc::default(), clock })
    }

    fn known(&self, table: &str) {
        let now = (self.clock)();
        self.lock().entry(table.to_owned()).or_insert(now);
    }

    fn committed(&self, table: &str) {
        let now = (self.clock)();
        self.lock().insert(table.to_owned(), now);
    }

    fn forget(&self, table: &str) {
        self.lock().remove(table);
        // A series that nobody has looked at yet does not exist.
        let _ = self.ages.remove_label_values(&[table]);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, f64>> {
        // Each change is one insert or removal, so the map is whole even if a holder panicked.
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for LastCommit {
    fn desc(&self) -> Vec<&Desc> {
        self.ages.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = (self.clock)();
        for (table, at) in self.lock().iter() {
            self.ages.with_label_values(&[table]).set((now - at).max(0.0));
        }
        self.ages.collect()
    }
}

impl fmt::Debug for LastCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastCommit").field("times", &self.times).finish_non_exhaustive()
    }
}
