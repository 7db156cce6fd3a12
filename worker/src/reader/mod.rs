//! Fetching: one thread per Kafka source, which hands batches to the writers of the tables that it reads for.
//!
//! A reader never waits for a writer. What a table has not taken yet is counted in bytes; at its share the table's topic
//! partitions are paused, at half of it they go on. So memory is bounded by the shares plus one poll, and a table whose
//! catalog is dead stops only itself.
//!
//! A source reads a topic partition once. Tables that read the same topic get readers of their own ([`group`]).

mod batch;
mod group;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

pub use batch::{Batch, Held};
pub use group::group;
use k2i_domain::ids::TableId;
use tokio::sync::oneshot;

use crate::kafka::{RecordSource, SourceError, SourceEvent, Start, Token};

/// Makes a source; called again when one has become unusable.
pub type SourceFactory = Arc<dyn Fn() -> Result<Box<dyn RecordSource>, String> + Send + Sync>;

/// What a reader hands to a table.
#[derive(Debug)]
pub enum Fed {
    /// Records; the queue's count is lowered by [`Outlet::taken`] once they are worked off.
    Batch(Batch),
    /// Anything else of one of the table's assignments.
    Event(SourceEvent),
    /// The source was lost with all its assignments.
    Lost(String),
}

/// Where a table takes its records from.
pub struct Outlet {
    /// Takes what is fed; called on the reader's thread, must not block.
    pub feed: Box<dyn Fn(Fed) + Send>,
    /// Bytes fed and not worked off.
    pub queued: Arc<AtomicUsize>,
    /// Bytes at which the table is paused.
    pub share: usize,
    /// The table wants headers.
    pub with_headers: bool,
}

impl Outlet {
    /// Lowers the count of queued bytes.
    pub fn taken(queued: &AtomicUsize, bytes: usize) {
        // Not below zero: the count was begun anew if an earlier session's writer is still at work.
        let lower = |now: usize| Some(now.saturating_sub(bytes));
        let _ = queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, lower);
    }
}

enum Command {
    Open(TableId, Outlet),
    Close(TableId),
    Assign(TableId, Vec<Start>, oneshot::Sender<Result<(), SourceError>>),
    Unassign(Vec<Token>, oneshot::Sender<()>),
}

/// One reader. Dropping the last handle ends its thread.
#[derive(Clone)]
pub struct ReaderHandle {
    commands: mpsc::Sender<Command>,
}

/// The reader's thread is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader has ended")]
pub struct ReaderGone;

impl ReaderHandle {
    /// Starts a reader.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: String, factory: SourceFactory) -> std::io::Result<Self> {
        let (commands, received) = mpsc::channel();
        std::thread::Builder::new().name(name).spawn(move || thread::run(&factory, &received))?;
        Ok(Self { commands })
    }

    /// Begins to feed a table; an earlier outlet of it is dropped.
    ///
    /// # Errors
    /// [`ReaderGone`].
    pub fn open(&self, table: TableId, outlet: Outlet) -> Result<(), ReaderGone> {
        self.commands.send(Command::Open(table, outlet)).map_err(|_| ReaderGone)
    }

    /// Ends a table's assignments and drops its outlet.
    pub fn close(&self, table: TableId) {
        // A reader that is gone feeds nobody.
        let _ = self.commands.send(Command::Close(table));
    }

    /// Begins to read; all of `starts` or none.
    ///
    /// # Errors
    /// What the source says, or that the reader is gone.
    pub async fn assign(&self, table: TableId, starts: Vec<Start>) -> Result<(), SourceError> {
        let (answer, answered) = oneshot::channel();
        let gone = || SourceError::Fatal { cause: ReaderGone.to_string() };
        self.commands.send(Command::Assign(table, starts, answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Ends assignments. Nothing is fed under them after this returns, but what was fed before may still be queued.
    pub async fn unassign(&self, tokens: Vec<Token>) {
        if tokens.is_empty() {
            return;
        }
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Command::Unassign(tokens, answer)).is_ok() {
            // Either it answered, or it is gone and feeds nobody.
            let _ = answered.await;
        }
    }
}
