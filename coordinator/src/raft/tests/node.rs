//! A whole node of one: proposals, reads, restarts, snapshots, failures.

use std::path::Path;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::storage::RaftLogStorage;

use super::counter::{Add, PANIC};
use super::*;
use crate::raft::open::wait_until_closed;

pub(super) fn config() -> NodeConfig {
    NodeConfig::new("orders")
}

/// A node on this folder that leads.
pub(super) async fn leading(folder: &Path, config: NodeConfig) -> RaftNode<Counter> {
    let node = RaftNode::open(folder, 1, config).await.unwrap();
    lead(&node).await;
    node
}

/// What a restarted node has once it leads; ends it again.
pub(super) async fn reopened(folder: &Path, config: NodeConfig) -> Counter {
    let node = leading(folder, config).await;
    node.confirm_leadership().await.unwrap();
    let counter = node.read(|counter| *counter);
    node.shutdown().await;
    counter
}

async fn lead<S: SnapshotStore>(node: &RaftNode<Counter, Tokio, S>) -> Leadership {
    let mut watch = node.leadership_watch();
    soon(async {
        loop {
            if let Some(leadership) = watch.changed().await.unwrap() {
                return leadership;
            }
        }
    })
    .await
}

impl RaftNode<Counter> {
    /// Entries between the newest purge and the end of the log.
    fn log_length(&self) -> u64 {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let purged = metrics.purged.map_or(0, |id| id.index + 1);
        metrics.last_log_index.map_or(0, |last| last + 1) - purged
    }
}

/// A node on a disk in memory that leads.
async fn in_memory(disk: &MemoryDisk, config: NodeConfig) -> RaftNode<Counter, Tokio, MemorySnapshots> {
    let machine = StateMachine::open(MemorySnapshots::default()).await.unwrap();
    let log = MemoryLog::new(disk.clone()).unwrap();
    let node = RaftNode::start(1, config, log, machine, NoPeers).await.unwrap();
    lead(&node).await;
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_applied_and_answered() {
    let folder = tempfile::tempdir().unwrap();
    let node = RaftNode::<Counter>::open(&folder.path().join("data"), 1, config()).await.unwrap();
    let leadership = lead(&node).await;
    assert_eq!((leadership.node(), node.leader()), (1, Some(1)));
    assert_eq!(node.confirm_leadership().await, Ok(leadership));
    let mut applied = node.applied_watch();
    let before = applied.get();
    for amount in 1..=10 {
        assert_eq!(node.propose(&Add(amount)).await, Ok((1..=amount).sum()));
        // The proposer sees its own change at once.
        assert_eq!(node.read(|counter| *counter), Counter::after(1..=amount));
    }
    assert_eq!(soon(applied.changed()).await, Ok(before + 10));
    assert_eq!(node.confirm_leadership().await, Ok(leadership));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sole_member_waits_for_no_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let patient =
        NodeConfig { election_min: Duration::from_secs(60), election_max: Duration::from_secs(90), ..config() };
    for start in ["first", "second"] {
        let began = std::time::Instant::now();
        leading(folder.path(), patient.clone()).await.shutdown().await;
        assert!(began.elapsed() < Duration::from_secs(5), "the {start} start took {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_at_any_point_goes_on_where_it_ended() {
    for clean in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut leaderships = Vec::new();
        for round in 0..8 {
            let node = RaftNode::<Counter>::open(folder.path(), 1, config()).await.unwrap();
            // Even before it leads: the committed id was written before each answer.
            assert_eq!(node.read(|counter| *counter), Counter::after(0..round), "clean: {clean}");
            leaderships.push(lead(&node).await);
            node.confirm_leadership().await.unwrap();
            assert_eq!(node.read(|counter| *counter), Counter::after(0..round), "clean: {clean}");
            assert_eq!(node.propose(&Add(round)).await, Ok((0..=round).sum()));
            if clean {
                node.shutdown().await;
            } else {
                let closed = node.closed.clone().unwrap();
                drop(node);
                assert!(wait_until_closed::<Counter, Tokio>(closed, Duration::from_secs(20)).await);
            }
        }
        assert!(leaderships.is_sorted_by(|earlier, later| earlier < later), "{leaderships:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_answered() {
    let disk = MemoryDisk::default();
    let node = in_memory(&disk, config()).await;
    for amount in 1..=20 {
        node.propose(&Add(amount)).await.unwrap();
        // Only what was synced is left.
        let restarted = in_memory(&disk.after_power_cut(disk.synced()), config()).await;
        restarted.confirm_leadership().await.unwrap();
        assert_eq!(restarted.read(|counter| *counter), Counter::after(1..=amount));
        restarted.shutdown().await;
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_shorten_the_log_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = NodeConfig { snapshot_every: 20, keep_entries: 5, ..config() };
    let node = leading(folder.path(), config.clone()).await;
    for amount in 0..200 {
        node.propose(&Add(amount)).await.unwrap();
    }
    assert!(node.log_length() < 200, "no snapshot was taken by itself");
    // One request may come while another snapshot is being written, and is then dropped.
    soon(async {
        while node.log_length() > config.keep_entries {
            node.take_snapshot().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    node.shutdown().await;
    assert_eq!(std::fs::read_dir(folder.path().join("snapshots")).unwrap().count(), 1);
    assert_eq!(reopened(folder.path(), config).await, Counter::after(0..200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_taken_while_commands_come_hold_one_moment_each() {
    let folder = tempfile::tempdir().unwrap();
    let config = NodeConfig { snapshot_every: 7, keep_entries: 0, ..config() };
    let node = leading(folder.path(), config.clone()).await;
    let mut tasks = Vec::new();
    for amount in 1..=4 {
        let node = node.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..60 {
                node.propose(&Add(amount)).await.unwrap();
            }
        }));
    }
    for _ in 0..50 {
        node.take_snapshot().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
    let live = node.read(|counter| *counter);
    assert_eq!((live.commands, live.total), (240, 60 * (1 + 2 + 3 + 4)));
    node.shutdown().await;
    assert_eq!(reopened(folder.path(), config).await, live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_too_long_is_refused() {
    let config = NodeConfig { max_command_bytes: 7, ..config() };
    let node = in_memory(&MemoryDisk::default(), config).await;
    let error = node.propose(&Add(1)).await.unwrap_err();
    assert_eq!(error, ProposeError::TooLarge { bytes: 8, limit: 7 });
    assert!(error.is_certainly_not_applied());
    assert_eq!(node.read(|counter| *counter), Counter::initial());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_peers_neither_leads_nor_appends() {
    // A log that says: this is one member of two.
    let disk = MemoryDisk::default();
    let mut log = MemoryLog::new(disk.clone()).unwrap();
    log.save_vote(&Vote::new_committed(1, 2)).await.unwrap();
    let founding = Entry { log_id: log_id(1, 0), payload: Payload::Membership(membership(&[1, 2])) };
    append(&mut log, [founding]).await;
    let machine = StateMachine::<Counter, Tokio, _>::open(MemorySnapshots::default()).await.unwrap();
    let node = RaftNode::start(1, config(), log, machine, NoPeers).await.unwrap();
    // Long enough for several elections.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(node.leadership_watch().get(), None);
    let error = node.propose(&Add(1)).await.unwrap_err();
    assert!(matches!(error, ProposeError::NotLeader { .. }) && error.is_certainly_not_applied(), "{error}");
    assert!(matches!(node.confirm_leadership().await, Err(ConfirmError::NotLeader { .. })));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_without_an_answer_may_be_applied_later() {
    let disk = MemoryDisk::default();
    let config = NodeConfig { patience: Duration::from_millis(100), ..config() };
    let node = in_memory(&disk, config).await;
    disk.hold();
    let error = node.propose(&Add(5)).await.unwrap_err();
    assert!(matches!(error, ProposeError::Unknown { .. }) && !error.is_certainly_not_applied(), "{error}");
    assert_eq!(node.read(|counter| *counter), Counter::initial());
    disk.release();
    let mut applied = node.applied_watch();
    soon(async {
        while node.read(|counter| counter.total) == 0 {
            applied.changed().await.unwrap();
        }
    })
    .await;
    assert_eq!(node.read(|counter| *counter), Counter::after([5]));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_the_node_and_nothing_unsynced_was_answered() {
    let disk = MemoryDisk::default();
    let node = in_memory(&disk, config()).await;
    let (mut leadership, mut applied) = (node.leadership_watch(), node.applied_watch());
    assert!(leadership.changed().await.unwrap().is_some());
    node.propose(&Add(1)).await.unwrap();
    disk.fail();
    let error = soon(node.propose(&Add(2))).await.unwrap_err();
    assert!(matches!(error, ProposeError::Stopped { .. }) && !error.is_certainly_not_applied(), "{error}");
    assert!(matches!(soon(node.stopped()).await, Stop::Failed(reason) if reason.contains("told to fail")));
    assert_eq!(soon(leadership.changed()).await, Ok(None));
    assert_eq!(soon(leadership.changed()).await, Err(Closed));
    assert_eq!(leadership.get(), None);
    soon(async { while applied.changed().await.is_ok() {} }).await;
    assert!(matches!(node.confirm_leadership().await, Err(ConfirmError::Stopped { .. })));
    assert_eq!(node.read(|counter| *counter), Counter::after([1]));

    let restarted = in_memory(&disk.after_power_cut(disk.synced()), config()).await;
    restarted.confirm_leadership().await.unwrap();
    assert_eq!(restarted.read(|counter| *counter), Counter::after([1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_is_told_from_a_failure() {
    let node = in_memory(&MemoryDisk::default(), config()).await;
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { node.stopped().await }
    });
    node.shutdown().await;
    assert_eq!(soon(waiting).await.unwrap(), Stop::Shutdown);
    assert!(matches!(node.propose(&Add(1)).await, Err(ProposeError::Stopped { .. })));
    // A second one has nothing to do.
    soon(node.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_application_ends_the_node() {
    let disk = MemoryDisk::default();
    let node = in_memory(&disk, config()).await;
    node.propose(&Add(1)).await.unwrap();
    let error = soon(node.propose(&PANIC)).await.unwrap_err();
    assert!(matches!(error, ProposeError::Stopped { .. }), "{error}");
    assert!(matches!(soon(node.stopped()).await, Stop::Failed(reason) if reason.contains("panicked")));
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| node.read(|counter| *counter)));
    assert!(read.is_err(), "half a change was shown");
    // The entry is committed: the next start meets it too.
    let machine = StateMachine::<Counter, Tokio, _>::open(MemorySnapshots::default()).await.unwrap();
    let log = MemoryLog::new(disk.after_power_cut(disk.writes())).unwrap();
    let started = RaftNode::start(1, config(), log, machine, NoPeers).await;
    assert!(matches!(started.err(), Some(OpenError::Start(_))));
}
