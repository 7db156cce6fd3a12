//! A node's settings, with the reasons for the values.

use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use super::OpenError;

/// How a node behaves. [`NodeConfig::new`] gives the values for production; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// The cluster's name. A data folder of another cluster is refused.
    pub cluster: String,
    /// How often a leader shows that it lives.
    pub heartbeat: Duration,
    /// Shortest time after which a follower stands for election; at least ten times a sync of the log.
    pub election_min: Duration,
    /// Longest such time. Together with the leader's lease of the same length a failover takes up to twice as long.
    pub election_max: Duration,
    /// Entries after which a snapshot is taken.
    pub snapshot_every: u64,
    /// Entries that stay in the log although the snapshot covers them, for peers that lag a little.
    pub keep_entries: u64,
    /// Longest encoded command. Entries travel in messages of a few MiB, several in one; what is larger belongs into the
    /// object store, with a reference in the command.
    pub max_command_bytes: usize,
    /// How long a proposal or a confirmation of leadership may take before its caller is told that it is not known.
    pub patience: Duration,
}

impl NodeConfig {
    /// The settings for production.
    #[must_use]
    pub fn new(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(500),
            election_max: Duration::from_millis(1_000),
            snapshot_every: 5_000,
            keep_entries: 1_000,
            max_command_bytes: 256 << 10,
            patience: Duration::from_secs(10),
        }
    }

    pub(super) fn openraft(&self) -> Result<Config, OpenError> {
        let config = Config {
            cluster_name: self.cluster.clone(),
            heartbeat_interval: milliseconds(self.heartbeat),
            election_timeout_min: milliseconds(self.election_min),
            election_timeout_max: milliseconds(self.election_max),
            install_snapshot_timeout: 30_000,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every),
            max_in_snapshot_log_to_keep: self.keep_entries,
            // A follower that lags by less than a snapshot would gain nothing from being sent one.
            replication_lag_threshold: self.snapshot_every.saturating_mul(2),
            // At most this many entries in one write, so that a backlog is not copied as a whole.
            max_append_entries: Some(256),
            // Off by default, and then a node that was cut off deposes a healthy leader when it returns.
            enable_pre_vote: Some(true),
            // On by default: a restarted leader would go on without an election, perhaps on an older state.
            enable_leader_restore: Some(false),
            ..Config::default()
        };
        config.validate().map_err(|cause| OpenError::Config(cause.to_string()))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
