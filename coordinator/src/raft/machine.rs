//! The application as openraft's state machine: in memory, with snapshots on disk.
//!
//! Invariants:
//! - state, last applied id and membership change together, under one lock;
//! - entries are applied in increasing order, each once (a second time is an error, not a no-op);
//! - a snapshot is encoded when its builder is made, under that lock, and written later from those bytes.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::WatchSenderOf;
use openraft::{AsyncRuntime, OptionalSend, RaftSnapshotBuilder, WatchSender};

use super::types::{Entry, LogId, Payload, Snapshot, SnapshotMeta, StoredMembership, Types};
use super::watch::AppliedWatch;
use super::{Application, SnapshotImage, SnapshotStore};

/// A state and where in the log it stands.
struct Replica<A> {
    app: A,
    last: Option<LogId>,
    membership: StoredMembership,
}

impl<A: Application> Replica<A> {
    fn image(&self) -> SnapshotImage {
        let meta = SnapshotMeta { last_log_id: self.last, last_membership: self.membership.clone() };
        SnapshotImage { meta, state: Bytes::from(self.app.snapshot()) }
    }

    fn restore(image: &SnapshotImage) -> Result<Self, A::DecodeError> {
        let app = A::restore(&image.state)?;
        Ok(Self { app, last: image.meta.last_log_id, membership: image.meta.last_membership.clone() })
    }

    fn apply(&mut self, entry: Entry) -> io::Result<Option<A::Reply>> {
        if self.last.is_some_and(|last| entry.log_id.index <= last.index) {
            return Err(invalid(format!("entry {} was to be applied a second time", entry.log_id)));
        }
        let reply = match entry.payload {
            Payload::Blank => None,
            Payload::Normal(command) => {
                let command = A::decode(&command.0).map_err(|cause| {
                    invalid(format!("the command of entry {} is unreadable: {cause}", entry.log_id))
                })?;
                Some(self.app.apply(command))
            }
            Payload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                None
            }
        };
        self.last = Some(entry.log_id);
        Ok(reply)
    }
}

/// The applied state, for readers beside the state machine.
pub(super) struct Shared<A> {
    replica: RwLock<Replica<A>>,
}

impl<A: Application> Shared<A> {
    pub(super) fn read<T>(&self, look: impl FnOnce(&A) -> T) -> T {
        look(&self.replica().app)
    }

    /// A panic of the application becomes an error, which ends the node as a panic alone would not: openraft notices
    /// that its worker is gone only when it next needs it. The lock stays poisoned, so that nobody reads half a change.
    fn apply(&self, entry: Entry) -> io::Result<Option<A::Reply>> {
        let id = entry.log_id;
        panic::catch_unwind(AssertUnwindSafe(|| self.replica_mut().apply(entry)))
            .map_err(|_| io::Error::other(format!("the application panicked at entry {id}")))?
    }

    // What the state is after a panic, nobody knows, and no answer from it would be right.
    fn replica(&self) -> RwLockReadGuard<'_, Replica<A>> {
        self.replica.read().expect("the state panicked while a command was applied")
    }

    fn replica_mut(&self) -> RwLockWriteGuard<'_, Replica<A>> {
        self.replica.write().expect("the state panicked while a command was applied")
    }
}

/// openraft's state machine for an application.
pub struct StateMachine<A: Application, R: AsyncRuntime, S> {
    shared: Arc<Shared<A>>,
    snapshots: Arc<S>,
    /// Locked for the time of one call: a sender may belong to one thread only.
    applied: Mutex<WatchSenderOf<Types<A, R>, u64>>,
}

impl<A: Application, R: AsyncRuntime, S: SnapshotStore> StateMachine<A, R, S> {
    /// The state of the newest snapshot, or else the initial one.
    ///
    /// A damaged snapshot, and one that the application cannot read, is an error of the kind `InvalidData`.
    pub async fn open(snapshots: S) -> io::Result<Self> {
        let replica = match snapshots.load().await? {
            Some(image) => Replica::restore(&image).map_err(|cause| invalid(format!("unreadable state: {cause}")))?,
            None => Replica { app: A::initial(), last: None, membership: StoredMembership::default() },
        };
        let (applied, _) = Types::<A, R>::watch_channel(replica.last.map_or(0, |id| id.index));
        let shared = Shared { replica: RwLock::new(replica) };
        Ok(Self { shared: Arc::new(shared), snapshots: Arc::new(snapshots), applied: Mutex::new(applied) })
    }

    /// True if the state is not the initial one.
    pub(super) fn has_applied(&self) -> bool {
        self.shared.replica().last.is_some()
    }

    pub(super) fn shared(&self) -> Arc<Shared<A>> {
        Arc::clone(&self.shared)
    }

    pub(super) fn watch(&self) -> AppliedWatch<R> {
        AppliedWatch::new(self.applied().subscribe())
    }

    fn announce(&self, applied: u64) {
        self.applied().send_if_greater(applied);
    }

    fn applied(&self) -> MutexGuard<'_, WatchSenderOf<Types<A, R>, u64>> {
        // A panic cannot leave a channel half used.
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Application, R: AsyncRuntime, S: SnapshotStore> RaftStateMachine<Types<A, R>> for StateMachine<A, R, S> {
    type SnapshotData = Bytes;
    type SnapshotBuilder = SnapshotBuilder<S>;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let replica = self.shared.replica();
        Ok((replica.last, replica.membership.clone()))
    }

    async fn apply<Entries>(&mut self, mut entries: Entries) -> io::Result<()>
    where
        Entries: Stream<Item = io::Result<EntryResponder<Types<A, R>>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = entry.log_id.index;
            let reply = self.shared.apply(entry)?;
            self.announce(index);
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<S> {
        SnapshotBuilder { image: self.shared.replica().image(), snapshots: Arc::clone(&self.snapshots) }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Bytes) -> io::Result<()> {
        let image = SnapshotImage { meta: meta.clone(), state: snapshot };
        // Read before it is kept: a snapshot that cannot be read must not replace one that can.
        let replica = Replica::restore(&image).map_err(|cause| invalid(format!("unreadable state: {cause}")))?;
        self.snapshots.save(image).await?;
        *self.shared.replica_mut() = replica;
        self.announce(meta.last_log_id.map_or(0, |id| id.index));
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.snapshots.load().await?.map(SnapshotImage::into_openraft))
    }
}

/// A state that waits to be written, while later entries are applied to the original.
pub struct SnapshotBuilder<S> {
    image: SnapshotImage,
    snapshots: Arc<S>,
}

impl<A: Application, R: AsyncRuntime, S: SnapshotStore> RaftSnapshotBuilder<Types<A, R>> for SnapshotBuilder<S> {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        // Before the first entry there is nothing to keep: the initial state is in the code.
        if self.image.last().is_some() {
            self.snapshots.save(self.image.clone()).await?;
        }
        Ok(self.image.clone().into_openraft())
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
