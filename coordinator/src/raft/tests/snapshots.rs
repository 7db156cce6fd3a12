//! Snapshots: of one moment, kept whole, the newest one only.

use std::fs;

use bytes::Bytes;
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;

use super::*;
use crate::raft::types::{SnapshotMeta, StoredMembership};

type Machine = StateMachine<Counter, Tokio, MemorySnapshots>;

async fn apply(machine: &mut Machine, entries: impl IntoIterator<Item = Entry>) -> std::io::Result<()> {
    let entries: Vec<_> = entries.into_iter().map(|entry| Ok((entry, None))).collect();
    machine.apply(futures::stream::iter(entries)).await
}

async fn build<S: SnapshotStore>(mut builder: crate::raft::machine::SnapshotBuilder<S>) -> SnapshotImage {
    let built = RaftSnapshotBuilder::<CounterTypes>::build_snapshot(&mut builder).await.unwrap();
    SnapshotImage { meta: built.meta, state: built.snapshot }
}

fn image(index: u64, state: &'static [u8]) -> SnapshotImage {
    let last_membership = StoredMembership::new(Some(log_id(1, 0)), membership(&[1]));
    let meta = SnapshotMeta { last_log_id: Some(log_id(1, index)), last_membership };
    SnapshotImage { meta, state: Bytes::from_static(state) }
}

#[tokio::test]
async fn a_snapshot_holds_the_moment_of_its_builder() {
    let snapshots = MemorySnapshots::default();
    let mut machine = Machine::open(snapshots.clone()).await.unwrap();
    let founding = Entry { log_id: log_id(1, 0), payload: Payload::Membership(membership(&[1])) };
    apply(&mut machine, [founding]).await.unwrap();
    apply(&mut machine, (1..=10).map(|index| add(1, index, index))).await.unwrap();
    let builder = machine.get_snapshot_builder().await;

    // More is applied, another membership too, before the snapshot is written.
    apply(&mut machine, (11..=20).map(|index| add(1, index, index))).await.unwrap();
    let later = Entry { log_id: log_id(1, 21), payload: Payload::Membership(membership(&[1, 2])) };
    apply(&mut machine, [later]).await.unwrap();
    let built = build(builder).await;

    assert_eq!(built.meta.last_log_id, Some(log_id(1, 10)));
    assert_eq!(built.meta.last_membership, StoredMembership::new(Some(log_id(1, 0)), membership(&[1])));
    assert_eq!(Counter::restore(&built.state).unwrap(), Counter::after(1..=10));
    assert_eq!(snapshots.load().await.unwrap(), Some(built));

    // A restart from it, and the entries after it, give what the first machine has.
    let mut restarted = Machine::open(snapshots).await.unwrap();
    assert_eq!(restarted.shared().read(|counter| *counter), Counter::after(1..=10));
    assert_eq!(restarted.applied_state().await.unwrap().0, Some(log_id(1, 10)));
    apply(&mut restarted, (11..=20).map(|index| add(1, index, index))).await.unwrap();
    assert_eq!(restarted.shared().read(|counter| *counter), machine.shared().read(|counter| *counter));
}

#[tokio::test]
async fn an_entry_is_applied_once() {
    let mut machine = Machine::open(MemorySnapshots::default()).await.unwrap();
    apply(&mut machine, [add(1, 1, 5), add(1, 2, 5)]).await.unwrap();
    for again in [1, 2] {
        let error = apply(&mut machine, [add(2, again, 5)]).await.unwrap_err();
        assert!(error.to_string().contains("second time"), "{error}");
    }
    assert_eq!(machine.shared().read(|counter| *counter), Counter::after([5, 5]));
}

#[tokio::test]
async fn an_unreadable_command_is_not_skipped() {
    let mut machine = Machine::open(MemorySnapshots::default()).await.unwrap();
    let error = apply(&mut machine, [add(1, 1, 5), command(1, 2, b"junk"), add(1, 3, 5)]).await.unwrap_err();
    assert!(error.to_string().contains("unreadable"), "{error}");
    assert_eq!(machine.applied_state().await.unwrap().0, Some(log_id(1, 1)));
}

#[tokio::test]
async fn an_installed_snapshot_replaces_the_state_and_an_unreadable_one_does_not() {
    let snapshots = MemorySnapshots::default();
    let mut machine = Machine::open(snapshots.clone()).await.unwrap();
    let mut watch = machine.watch();
    apply(&mut machine, [add(1, 1, 5)]).await.unwrap();
    assert_eq!(soon(watch.changed()).await, Ok(1));

    let unreadable = image(7, b"junk");
    assert!(machine.install_snapshot(&unreadable.meta, unreadable.state).await.is_err());
    assert_eq!(snapshots.load().await.unwrap(), None);
    assert_eq!(machine.shared().read(|counter| *counter), Counter::after([5]));

    let other = Counter::after([1, 2, 3]);
    let meta = image(9, b"").meta;
    machine.install_snapshot(&meta, other.snapshot().into()).await.unwrap();
    assert_eq!(machine.shared().read(|counter| *counter), other);
    assert_eq!(machine.applied_state().await.unwrap(), (Some(log_id(1, 9)), meta.last_membership.clone()));
    assert_eq!(soon(watch.changed()).await, Ok(9));
    assert_eq!(machine.get_current_snapshot().await.unwrap().unwrap().meta, meta);
}

/// What both kinds of stores must do.
async fn keeps_the_newest(store: &impl SnapshotStore) {
    assert_eq!(store.load().await.unwrap(), None);
    for index in [5, 7] {
        store.save(image(index, b"state")).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some(image(index, b"state")));
    }
    // One that was built slowly, and the same one again.
    for index in [6, 7] {
        store.save(image(index, b"other")).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some(image(7, b"state")));
    }
    store.save(image(8, b"")).await.unwrap();
    assert_eq!(store.load().await.unwrap(), Some(image(8, b"")));
}

#[tokio::test]
async fn both_stores_keep_the_newest_snapshot() {
    keeps_the_newest(&MemorySnapshots::default()).await;
    let folder = tempfile::tempdir().unwrap();
    keeps_the_newest(&FolderSnapshots::<Tokio>::open(folder.path()).unwrap()).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let reopened = FolderSnapshots::<Tokio>::open(folder.path()).unwrap();
    assert_eq!(reopened.load().await.unwrap(), Some(image(8, b"")));
}

#[tokio::test]
async fn what_a_crash_leaves_in_the_folder_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let names = |folder: &std::path::Path| -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    };
    FolderSnapshots::<Tokio>::open(folder.path()).unwrap().save(image(5, b"old")).await.unwrap();
    let old = fs::read(folder.path().join("snapshot-00000000000000000005.k2i")).unwrap();
    FolderSnapshots::<Tokio>::open(folder.path()).unwrap().save(image(11, b"new")).await.unwrap();
    // Crashed after the new one was complete, before the old one went; and while a third was being written.
    fs::write(folder.path().join("snapshot-00000000000000000005.k2i"), old).unwrap();
    fs::write(folder.path().join("snapshot-00000000000000000020.k2i.tmp"), b"half").unwrap();

    let reopened = FolderSnapshots::<Tokio>::open(folder.path()).unwrap();
    assert_eq!(reopened.load().await.unwrap(), Some(image(11, b"new")));
    assert_eq!(names(folder.path()), ["snapshot-00000000000000000011.k2i"]);
}
