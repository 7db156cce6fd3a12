//! One thread that syncs the log for everybody who waits.
//!
//! An append writes its entries and leaves its callback here. The thread takes all callbacks that are waiting, syncs
//! once, and completes them in the order in which they came: while one sync runs, the next group gathers. openraft
//! tolerates callbacks out of order only in part, so there is one thread, never one per append.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use openraft::RaftTypeConfig;
use openraft::storage::IOFlushed;
use openraft::type_config::TypeConfigExt;

use super::Disk;

/// Callbacks that may wait. A full queue holds up openraft's core for the rest of the running sync.
const QUEUE: usize = 1024;

/// The way to the thread, which ends when this is dropped and the queue is empty.
pub(super) struct Flusher<C: RaftTypeConfig> {
    queue: SyncSender<IOFlushed<C>>,
}

impl<C: RaftTypeConfig> Flusher<C> {
    /// Starts the thread. It holds `disk` until it ends.
    pub(super) fn start<D: Disk>(disk: Arc<D>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        thread::Builder::new().name("raft-log-sync".to_owned()).spawn(move || run(&*disk, &waiting))?;
        Ok(Self { queue })
    }

    /// Completes `callback` once everything written before this call is synced, or has failed to be.
    pub(super) fn submit(&self, callback: IOFlushed<C>) -> io::Result<()> {
        self.queue.send(callback).map_err(|_| ended())
    }

    /// Waits until everything written before this call is synced.
    pub(super) async fn flushed(&self) -> io::Result<()> {
        let (sender, receiver) = C::oneshot();
        self.submit(IOFlushed::signal(sender))?;
        receiver.await.map_err(|_| ended())?
    }
}

fn run<C: RaftTypeConfig, D: Disk>(disk: &D, waiting: &Receiver<IOFlushed<C>>) {
    while let Ok(first) = waiting.recv() {
        // Whoever waits here has written already, so this sync is for all of them.
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(QUEUE));
        let outcome = disk.sync();
        if let Err(error) = &outcome {
            tracing::error!(%error, "the raft log cannot be synced");
        }
        for callback in group {
            callback.io_completed(outcome.clone().map_err(io::Error::other));
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that syncs the raft log has ended")
}
