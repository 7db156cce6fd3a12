//! openraft's own suite, on the real store and on the one that the other tests use.

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use super::*;
use k2i_runtime::store::Store;

type Machine<S> = StateMachine<Counter, Tokio, S>;

struct OnDisk;

impl StoreBuilder<CounterTypes, LogStore<Counter, Tokio>, Machine<FolderSnapshots<Tokio>>, TempDir> for OnDisk {
    async fn build(
        &self,
    ) -> Result<(TempDir, LogStore<Counter, Tokio>, Machine<FolderSnapshots<Tokio>>), StorageError<CounterTypes>> {
        let folder = tempfile::tempdir().unwrap();
        let log = LogStore::new(Store::open(&folder.path().join("log"), &FAMILIES).unwrap()).unwrap();
        let snapshots = FolderSnapshots::open(&folder.path().join("snapshots")).unwrap();
        Ok((folder, log, StateMachine::open(snapshots).await.unwrap()))
    }
}

struct InMemory;

impl StoreBuilder<CounterTypes, MemoryLog, Machine<MemorySnapshots>> for InMemory {
    async fn build(&self) -> Result<((), MemoryLog, Machine<MemorySnapshots>), StorageError<CounterTypes>> {
        let log = LogStore::new(MemoryDisk::default()).unwrap();
        Ok(((), log, StateMachine::open(MemorySnapshots::default()).await.unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_suite_passes_on_disk() {
    Suite::test_all(OnDisk).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_suite_passes_in_memory() {
    Suite::test_all(InMemory).await.unwrap();
}
