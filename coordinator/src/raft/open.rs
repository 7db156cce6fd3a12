//! A node's data folder.
//!
//! ```text
//! identity.json   whose folder it is
//! log/            RocksDB: entries, vote, committed id; its lock is the folder's
//! snapshots/      one checksummed file
//! ```

use std::ops::Bound;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use k2i_runtime::store::{Batch, Family, Order, Store, StoreError};
use openraft::AsyncRuntime;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::{WatchReceiverOf, WatchSenderOf};

use super::disk::Scanned;
use super::identity::Identity;
use super::types::Types;
use super::{
    Application, Disk, FAMILIES, FolderSnapshots, LogStore, NoPeers, NodeConfig, NodeId, OpenError, RaftNode,
    StateMachine,
};

pub(super) async fn open<A: Application, R: AsyncRuntime>(
    data: &Path,
    node: NodeId,
    config: NodeConfig,
) -> Result<RaftNode<A, R, FolderSnapshots<R>>, OpenError> {
    config.openraft()?;
    let patience = config.patience;
    let (closing, closed) = Types::<A, R>::watch_channel(());
    match open_with(data, node, config, closing).await {
        Ok(mut node) => {
            node.closed = Some(closed);
            Ok(node)
        }
        Err(error) => {
            // Whoever sets the folder aside or tries again finds it closed.
            wait_until_closed::<A, R>(closed, patience).await;
            Err(error)
        }
    }
}

async fn open_with<A: Application, R: AsyncRuntime>(
    data: &Path,
    node: NodeId,
    config: NodeConfig,
    closing: WatchSenderOf<Types<A, R>, ()>,
) -> Result<RaftNode<A, R, FolderSnapshots<R>>, OpenError> {
    let failed = |cause| OpenError::io(data, cause);
    let identity = Identity { cluster: config.cluster.clone(), node };
    let path = data.join("log");
    // Checked before the lock is taken, for a clear word about a folder of another format, and again under it.
    if identity.check(data)? && !path.join("CURRENT").exists() {
        return Err(damaged(data, "identity.json is there, the log is not"));
    }
    let store = Store::open(&path, &FAMILIES)?;
    let log = LogStore::new(Held::new(store, closing)).map_err(failed)?;
    log.verify().map_err(failed)?;
    let (known, pristine) = (identity.check(data)?, log.is_pristine().map_err(failed)?);
    if !known && !pristine {
        return Err(damaged(data, "the log has content, identity.json is missing"));
    }
    let snapshots = FolderSnapshots::<R>::open(&data.join("snapshots")).map_err(failed)?;
    let machine = StateMachine::open(snapshots).await.map_err(failed)?;
    if pristine && machine.has_applied() {
        return Err(damaged(data, "a snapshot is there, the log is not"));
    }
    if !known {
        identity.write(data)?;
    }
    RaftNode::start(node, config, log, machine, NoPeers).await
}

/// Waits until the log's files are closed, for at most `patience`; `false` if they are not by then.
pub(super) async fn wait_until_closed<A: Application, R: AsyncRuntime>(
    mut closed: WatchReceiverOf<Types<A, R>, ()>,
    patience: Duration,
) -> bool {
    // It ends in an error, the only way to learn that the other side is gone.
    let wait = async move { while closed.changed().await.is_ok() {} };
    Types::<A, R>::timeout(patience, wait).await.is_ok()
}

fn damaged(data: &Path, detail: &str) -> OpenError {
    OpenError::Damaged { path: data.to_owned(), detail: detail.to_owned() }
}

/// The store, and a sign for those who wait until it is closed: fields are dropped in order.
pub(super) struct Held<W> {
    store: Store,
    /// Never locked; a mutex lets threads share what only one may use.
    _closing: Mutex<W>,
}

impl<W> Held<W> {
    /// Drops `closing` once `store` is closed.
    pub(super) fn new(store: Store, closing: W) -> Self {
        Self { store, _closing: Mutex::new(closing) }
    }
}

impl<W: Send + 'static> Disk for Held<W> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Disk::get(&self.store, family, key)
    }

    fn scan(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
    ) -> impl Iterator<Item = Scanned> {
        Disk::scan(&self.store, family, from, to, order)
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        Disk::write(&self.store, batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Disk::sync(&self.store)
    }
}
