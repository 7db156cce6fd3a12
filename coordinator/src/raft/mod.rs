//! The coordinator's replicated state: an application behind Raft. No other module names openraft.
//!
//! An [`Application`] is a pure state and the commands that change it. [`RaftNode`] replicates it: a command is applied
//! on every member in the same order, and never lost once its proposer has seen the reply.
//!
//! ```text
//! propose ─▶ openraft ─▶ LogStore ─▶ Disk (RocksDB): entries, vote, committed
//!               │            └─ one thread syncs for many appends
//!               └─▶ StateMachine ─▶ Application::apply ─▶ reply, AppliedWatch
//!                        └─▶ SnapshotStore (one checksummed file)
//! ```
//!
//! The state lives in memory. What the disk holds is a snapshot of it now and then, and the log since; a restart loads
//! the one and applies the other up to the last entry known to be committed.
//!
//! Invariants:
//! - A vote, a truncation and a purge are on disk before they are reported; an entry before it counts as written.
//! - Everything goes through one write-ahead log in the order in which openraft asked for it.
//! - A snapshot holds exactly the entries up to the id that it names, whatever was applied while it was written.
//! - Being the leader permits nothing by itself: who is about to act outside asks [`RaftNode::confirm_leadership`].
//! - A failed write or sync ends the node ([`RaftNode::stopped`]). The process ends with it and starts from the disk.
//!
//! Nothing here spawns a task or reads a clock but through openraft's `AsyncRuntime`, so that a simulation can run this
//! code; tokio is named in `on_tokio.rs` alone. Threads and blocking calls are in the adapters for the disk: `flusher.rs`
//! and `snapshots/folder.rs`.
//!
//! One member for now: [`NoPeers`] reaches nobody. Peers come with the cluster, over gRPC.

mod application;
mod codec;
mod config;
mod disk;
mod error;
mod flusher;
mod identity;
mod log;
mod machine;
mod network;
mod node;
mod on_tokio;
mod open;
mod snapshots;
#[cfg(test)]
mod tests;
mod types;
mod watch;

pub use application::Application;
pub use config::NodeConfig;
pub use disk::{Disk, FAMILIES};
pub use error::{ConfirmError, OpenError, ProposeError, Stop};
pub use log::LogStore;
pub use machine::StateMachine;
pub use network::NoPeers;
pub use node::RaftNode;
pub use on_tokio::Tokio;
pub use snapshots::{FolderSnapshots, MemorySnapshots, SnapshotImage, SnapshotStore};
pub use types::{Leadership, NodeId, Types};
pub use watch::{AppliedWatch, Closed, LeadershipWatch};
