//! The raft module from outside and below: openraft's own suite, power cuts, order and durability of writes, restarts.

mod counter;
mod folder;
mod format;
mod kill;
mod memory_disk;
mod node;
mod order;
mod power;
mod snapshots;
mod suite;

use std::time::Duration;

use openraft::BasicNode;
use openraft::storage::RaftLogStorageExt;

use super::types::{CommandBytes, Entry, LeaderId, LogId, Membership, Payload, Vote};
use super::*;
use counter::Counter;
use memory_disk::MemoryDisk;

type CounterTypes = Types<Counter, Tokio>;
type MemoryLog = LogStore<Counter, Tokio, MemoryDisk>;

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderId { term, node_id: 1 }, index)
}

fn blank(term: u64, index: u64) -> Entry {
    Entry { log_id: log_id(term, index), payload: Payload::Blank }
}

fn command(term: u64, index: u64, bytes: &'static [u8]) -> Entry {
    Entry { log_id: log_id(term, index), payload: Payload::Normal(CommandBytes(bytes.into())) }
}

fn add(term: u64, index: u64, amount: u64) -> Entry {
    let bytes = Counter::encode(&counter::Add(amount));
    Entry { log_id: log_id(term, index), payload: Payload::Normal(CommandBytes(bytes.into())) }
}

fn membership(nodes: &[NodeId]) -> Membership {
    let node = |id: &NodeId| (*id, BasicNode { addr: format!("node-{id}:7000") });
    let nodes = nodes.iter().map(node).collect::<std::collections::BTreeMap<_, _>>();
    Membership::new(vec![nodes.keys().copied().collect()], nodes).unwrap()
}

async fn append(log: &mut MemoryLog, entries: impl IntoIterator<Item = Entry>) {
    log.blocking_append(entries.into_iter().collect::<Vec<_>>()).await.unwrap();
}

/// Waits for what should come soon, and says so if it does not.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it did not happen within 20 s")
}
