//! The coordinator: one replicated state that assigns topic partitions, accepts manifests and serialises Iceberg commits.
//!
//! Deciding is `k2i-domain`'s ([`k2i_domain::core::Core`] and [`k2i_domain::state::State::apply`]); replicating is
//! [`raft`]'s; this crate's shell carries effects out (`service.rs`) and serves workers ([`LocalPort`]).
//!
//! A coordinator that does not lead does nothing outside, and one that leads asks Raft before every round of the loop.

mod clock;
mod instruments;
mod pace;
mod port;
pub mod raft;
mod replicated;
mod service;
mod sessions;
mod tables;

use std::path::PathBuf;
use std::sync::Arc;

use k2i_domain::core::{Resume, Settings};
use k2i_domain::state::State;
use k2i_runtime::telemetry::metrics::CoordinatorMetrics;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use pace::CatalogPace;
pub use port::LocalPort;
pub use replicated::Replicated;
pub use tables::TableBinding;

use instruments::Instruments;
use raft::{NodeConfig, NodeId, OpenError, RaftNode, Stop};
use service::Service;
use sessions::OpenSessions;

/// Calls of workers that may wait for the loop; a caller waits for room beyond that.
const INPUT_QUEUE: usize = 1024;
/// The id of a sole member.
const SOLE_NODE: NodeId = 1;

/// What a coordinator is made of.
pub struct CoordinatorOptions {
    /// The cluster's name.
    pub cluster: String,
    /// Its data folder.
    pub folder: PathBuf,
    /// What the core is told.
    pub settings: Settings,
    /// The tables of the configuration.
    pub tables: Vec<TableBinding>,
    /// A person's decision on a stopped table.
    pub resume: Option<ResumeOrder>,
    /// Where it counts.
    pub metrics: CoordinatorMetrics,
}

/// A person's decision on the table that goes by this name in the configuration.
#[derive(Debug, Clone)]
pub struct ResumeOrder {
    /// The table's name.
    pub table: String,
    /// What was decided, and on which head.
    pub resume: Resume,
}

/// A running coordinator.
pub struct Coordinator {
    raft: RaftNode<Replicated>,
    port: LocalPort,
    service: Service,
}

impl Coordinator {
    /// Opens the replicated state in its folder. An empty folder becomes a new cluster of one.
    ///
    /// # Errors
    /// The folder is in use, damaged, or another cluster's.
    pub async fn open(options: CoordinatorOptions) -> Result<Self, OpenError> {
        let raft = RaftNode::open(&options.folder, SOLE_NODE, NodeConfig::new(&options.cluster)).await?;
        let clock = Clock::start();
        let sessions = Arc::new(OpenSessions::default());
        let (sender, inputs) = mpsc::channel(INPUT_QUEUE);
        let port = LocalPort {
            raft: raft.clone(),
            clock,
            sessions: Arc::clone(&sessions),
            inputs: sender,
            metrics: options.metrics.clone(),
        };
        let service = Service {
            raft: raft.clone(),
            clock,
            cluster: options.cluster,
            settings: options.settings,
            tables: options.tables,
            resume: options.resume,
            sessions,
            instruments: Instruments::new(options.metrics),
            inputs,
        };
        Ok(Self { raft, port, service })
    }

    /// The port for workers in this process.
    #[must_use]
    pub fn port(&self) -> LocalPort {
        self.port.clone()
    }

    /// Looks at the applied state.
    #[must_use]
    pub fn observer(&self) -> StateObserver {
        StateObserver { raft: self.raft.clone() }
    }

    /// Leads and serves until `stop`, then closes the state's files.
    ///
    /// # Errors
    /// Why the replicated state ended by itself; the process should end and start from the disk.
    pub async fn run(self, stop: CancellationToken) -> Result<(), String> {
        let Self { raft, port, service } = self;
        drop(port);
        let result = tokio::select! {
            ended = raft.stopped() => match ended {
                Stop::Shutdown => Ok(()),
                Stop::Failed(why) => Err(why),
            },
            () = service.run(stop) => Ok(()),
        };
        raft.shutdown().await;
        result
    }
}

/// Looks at a running coordinator's state, for readiness, progress and people.
#[derive(Clone)]
pub struct StateObserver {
    raft: RaftNode<Replicated>,
}

impl StateObserver {
    /// Looks at the applied state. Commands wait meanwhile: copy what is needed and return.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.raft.read(|replicated| look(replicated.state()))
    }

    /// True while this process leads, as far as it knows.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.raft.leadership_watch().get().is_some()
    }
}
