//! The handle to a running node.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::network::NetSnapshot;
use openraft::storage::RaftLogStorage;
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::WatchReceiverOf;
use openraft::{AsyncRuntime, BasicNode, Raft, RaftNetworkFactory, ReadPolicy};

use super::machine::Shared;
use super::open::wait_until_closed;
use super::types::{CommandBytes, Types};
use super::watch::{AppliedWatch, LeadershipWatch};
use super::{
    Application, ConfirmError, FolderSnapshots, Leadership, NodeConfig, NodeId, OpenError, ProposeError, SnapshotStore,
    StateMachine, Stop, Tokio,
};

type RaftOf<A, R, S> = Raft<Types<A, R>, StateMachine<A, R, S>>;

/// A running member. Clones are the same member; it ends with [`shutdown`](Self::shutdown), with a failure, or with the
/// last clone.
pub struct RaftNode<A: Application, R: AsyncRuntime = Tokio, S: SnapshotStore = FolderSnapshots<R>> {
    pub(super) raft: RaftOf<A, R, S>,
    shared: Arc<Shared<A>>,
    applied: AppliedWatch<R>,
    config: Arc<NodeConfig>,
    /// Ends when the log's files are closed; `None` where they are not this node's to wait for.
    pub(super) closed: Option<WatchReceiverOf<Types<A, R>, ()>>,
}

impl<A: Application, R: AsyncRuntime, S: SnapshotStore> RaftNode<A, R, S> {
    /// Starts a member on the given parts. An empty log becomes a cluster of this one member.
    pub async fn start<L, N>(
        node: NodeId,
        config: NodeConfig,
        log: L,
        machine: StateMachine<A, R, S>,
        network: N,
    ) -> Result<Self, OpenError>
    where
        L: RaftLogStorage<Types<A, R>>,
        N: RaftNetworkFactory<Types<A, R>>,
        N::Network: NetSnapshot<Types<A, R>, SnapshotData = Bytes>,
    {
        let openraft = Arc::new(config.openraft()?);
        let (shared, applied) = (machine.shared(), machine.watch());
        let raft = RaftOf::<A, R, S>::new(node, openraft, network, log, machine).await.map_err(start_error)?;
        found(&raft, node).await?;
        Ok(Self { raft, shared, applied, config: Arc::new(config), closed: None })
    }

    /// Has the command applied, and returns what the application replied, here at the leader.
    ///
    /// An error says whether it is certainly not applied ([`ProposeError::is_certainly_not_applied`]). Dropping the
    /// future does not take the command back.
    pub async fn propose(&self, command: &A::Command) -> Result<A::Reply, ProposeError> {
        let bytes = A::encode(command);
        let limit = self.config.max_command_bytes;
        if bytes.len() > limit {
            return Err(ProposeError::TooLarge { bytes: bytes.len(), limit });
        }
        let write = self.raft.client_write(CommandBytes(bytes.into()));
        let Ok(outcome) = Types::<A, R>::timeout(self.config.patience, write).await else {
            return Err(ProposeError::timed_out());
        };
        // The state machine replies to every command.
        Ok(outcome?.data.expect("a command without a reply"))
    }

    /// Makes sure that this node led at some moment after the call, and that its state holds everything committed
    /// before that moment.
    ///
    /// It costs a round to a majority, nothing where the node is alone.
    pub async fn confirm_leadership(&self) -> Result<Leadership, ConfirmError> {
        let confirm = self.raft.ensure_linearizable(ReadPolicy::ReadIndex);
        let Ok(outcome) = Types::<A, R>::timeout(self.config.patience, confirm).await else {
            return Err(ConfirmError::Unconfirmed { reason: "no answer in time".to_owned() });
        };
        // The id to read from belongs to the leader that answered: its own first entry, or one after it.
        Ok((*outcome?.committed_leader_id()).into())
    }

    /// Looks at the applied state. It may be older than what other members have applied, and right after a start older
    /// than what this one had applied before; after [`confirm_leadership`](Self::confirm_leadership) it is not.
    ///
    /// Commands wait while `look` runs: copy what is needed and return.
    ///
    /// Panics if the application panicked in a command: what the state is then, nobody knows.
    pub fn read<T>(&self, look: impl FnOnce(&A) -> T) -> T {
        self.shared.read(look)
    }

    /// Follows the applied state's index: after each change [`read`](Self::read) shows at least that state.
    #[must_use]
    pub fn applied_watch(&self) -> AppliedWatch<R> {
        self.applied.clone()
    }

    /// Follows whether this node leads.
    #[must_use]
    pub fn leadership_watch(&self) -> LeadershipWatch<A, R> {
        LeadershipWatch::new(self.raft.metrics())
    }

    /// The member that leads, as far as this one knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.raft.metrics().borrow_watched().current_leader
    }

    /// Asks for a snapshot now rather than after the configured number of entries. Returns before it is written.
    pub async fn take_snapshot(&self) -> Result<(), Stop> {
        self.raft.trigger().snapshot().await.map_err(Stop::from)
    }

    /// Waits until the node has ended. After [`Stop::Failed`] the process should end too.
    pub async fn stopped(&self) -> Stop {
        let mut metrics = self.raft.metrics();
        loop {
            let ended = metrics.borrow_watched().running_state.clone();
            if let Err(fatal) = ended {
                return fatal.into();
            }
            if metrics.changed().await.is_err() {
                // The core reports how it ends, unless it panics.
                let ended = metrics.borrow_watched().running_state.clone();
                return ended.err().map_or_else(|| Stop::Failed("the raft core panicked".to_owned()), Stop::from);
            }
        }
    }

    /// Ends the node and waits until its files are closed, so that the folder can be opened again. What was proposed
    /// and not answered may be applied or not.
    pub async fn shutdown(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::error!(%error, "the raft node did not end cleanly");
        }
        let Some(closed) = self.closed.clone() else { return };
        if !wait_until_closed::<A, R>(closed, self.config.patience).await {
            tracing::warn!("the raft log is still open after the node has ended");
        }
    }
}

impl<A: Application, R: AsyncRuntime, S: SnapshotStore> Clone for RaftNode<A, R, S> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            shared: Arc::clone(&self.shared),
            applied: self.applied.clone(),
            config: Arc::clone(&self.config),
            closed: self.closed.clone(),
        }
    }
}

/// Founds a cluster of this one member on an empty log.
async fn found<A, R, S>(raft: &RaftOf<A, R, S>, node: NodeId) -> Result<(), OpenError>
where
    A: Application,
    R: AsyncRuntime,
    S: SnapshotStore,
{
    if raft.is_initialized().await.map_err(start_error)? {
        return Ok(());
    }
    // Its address is unknown as long as nobody calls it.
    let sole = BTreeMap::from([(node, BasicNode { addr: String::new() })]);
    raft.initialize(sole).await.map_err(start_error)
}

fn start_error(error: impl std::fmt::Display) -> OpenError {
    OpenError::Start(error.to_string())
}
