//! The runtime of real processes.

use std::path::Path;

use super::{Application, FolderSnapshots, NodeConfig, NodeId, OpenError, RaftNode, open};

/// tokio, as openraft sees it.
// openraft marks this path as deprecated in favour of a crate of its own, which is the same type.
#[allow(deprecated)]
pub type Tokio = openraft::impls::TokioRuntime;

impl<A: Application> RaftNode<A, Tokio, FolderSnapshots<Tokio>> {
    /// Opens the node whose data is in `folder`; an empty or missing folder becomes a new cluster of this one member.
    ///
    /// Returns before the node leads: wait on [`leadership_watch`](Self::leadership_watch). openraft has a sole
    /// member stand for election at its first tick, so that takes a few syncs of the disk and no timeout.
    pub async fn open(folder: &Path, node: NodeId, config: NodeConfig) -> Result<Self, OpenError> {
        open::open(folder, node, config).await
    }
}
