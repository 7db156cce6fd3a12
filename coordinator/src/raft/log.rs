//! The Raft log, the vote and the committed id, on a [`Disk`].
//!
//! Invariants, each of which openraft relies on:
//! - all writes go to one disk in the order in which openraft makes them, the vote included, and a crash keeps a prefix:
//!   an entry is never there without the vote under which it was written;
//! - an append can be read when it returns, and its callback comes after its sync, in order;
//! - vote, truncation and purge are synced before they return;
//! - the committed id is not synced by itself. Losing its last values costs a restarted node some replay after its
//!   election instead of before; leadership is never resumed without an election, so nobody reads in between.
//!
//! Keys are indexes in big-endian, so that their order is the log's.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use k2i_runtime::store::{Batch, Order, Store};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{AsyncRuntime, OptionalSend};

use super::codec::{self, CodecError};
use super::disk::{LOG, META};
use super::flusher::Flusher;
use super::types::{Entry, LogId, Types, Vote};
use super::{Application, Disk};

const VOTE: &[u8] = b"vote";
const COMMITTED: &[u8] = b"committed";
const PURGED: &[u8] = b"purged";

/// Past every index, and past nothing else.
const PAST_ALL: [u8; 9] = [0xFF; 9];

/// Most bytes of entries that are read for one message to a peer; a single larger entry is read nevertheless.
const READ_BYTES: usize = 2 << 20;

/// openraft's log storage. Cheap to read from in several places ([`LogReader`]), written to by openraft's core alone.
pub struct LogStore<A: Application, R: AsyncRuntime, D: Disk = Store> {
    disk: Arc<D>,
    flusher: Flusher<Types<A, R>>,
}

impl<A: Application, R: AsyncRuntime, D: Disk> LogStore<A, R, D> {
    /// A log on this disk, which must have been opened with [`FAMILIES`](super::FAMILIES). Starts the thread that syncs.
    pub fn new(disk: D) -> io::Result<Self> {
        let disk = Arc::new(disk);
        let flusher = Flusher::start(Arc::clone(&disk))?;
        Ok(Self { disk, flusher })
    }

    /// True if nothing was ever written here.
    pub(super) fn is_pristine(&self) -> io::Result<bool> {
        Ok(read_vote(&*self.disk)?.is_none()
            && edge(&*self.disk, Order::Ascending)?.is_none()
            && read_id(&*self.disk, PURGED)?.is_none())
    }

    /// Reads everything once, so that damage is found at the start and not when an entry is needed.
    pub(super) fn verify(&self) -> io::Result<()> {
        let disk = &*self.disk;
        read_vote(disk)?;
        read_id(disk, COMMITTED)?;
        read_id(disk, PURGED)?;
        let mut before = None;
        for stored in disk.scan(LOG, Bound::Unbounded, Bound::Unbounded, Order::Ascending) {
            let (key, value) = stored.map_err(io::Error::other)?;
            let id = decode(&key, &value)?.log_id;
            refuse_hole(before, id)?;
            before = Some(id);
        }
        Ok(())
    }

    fn write(&self, batch: Batch) -> io::Result<()> {
        self.disk.write(batch).map_err(io::Error::other)
    }
}

impl<A: Application, R: AsyncRuntime, D: Disk> RaftLogStorage<Types<A, R>> for LogStore<A, R, D> {
    type LogReader = LogReader<D>;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types<A, R>>> {
        let purged = read_id(&*self.disk, PURGED)?;
        let last = edge(&*self.disk, Order::Descending)?.map(|entry| entry.log_id);
        Ok(LogState { last_purged_log_id: purged, last_log_id: last.or(purged) })
    }

    async fn get_log_reader(&mut self) -> LogReader<D> {
        LogReader { disk: Arc::clone(&self.disk) }
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let mut batch = Batch::new();
        batch.put(META, VOTE, codec::encode_vote(vote));
        self.write(batch)?;
        self.flusher.flushed().await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let mut batch = Batch::new();
        match committed {
            Some(id) => batch.put(META, COMMITTED, codec::encode_log_id(id)),
            None => batch.delete(META, COMMITTED),
        }
        self.write(batch)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        read_id(&*self.disk, COMMITTED)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types<A, R>>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut batch = Batch::new();
        for entry in entries {
            batch.put(LOG, entry.log_id.index.to_be_bytes(), codec::encode_entry(entry));
        }
        self.write(batch)?;
        self.flusher.submit(callback)
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        // No index is u64::MAX: it could never have a successor.
        let first_to_go = last.map_or(0, |id| id.index + 1);
        let mut batch = Batch::new();
        batch.delete_range(LOG, first_to_go.to_be_bytes(), PAST_ALL);
        self.write(batch)?;
        self.flusher.flushed().await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let mut batch = Batch::new();
        batch.put(META, PURGED, codec::encode_log_id(upto));
        batch.delete_range(LOG, 0_u64.to_be_bytes(), (upto.index + 1).to_be_bytes());
        self.write(batch)?;
        self.flusher.flushed().await
    }
}

/// Reads the log and the vote beside the store that writes them.
pub struct LogReader<D> {
    disk: Arc<D>,
}

impl<A: Application, R: AsyncRuntime, D: Disk> RaftLogReader<Types<A, R>> for LogReader<D> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        read_entries(&*self.disk, range, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        read_entries(&*self.disk, start..end, READ_BYTES)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        read_vote(&*self.disk)
    }
}

/// The entries of `range` that the log has, without a hole, up to about `bytes` of them but at least one.
fn read_entries<D: Disk>(disk: &D, range: impl RangeBounds<u64>, bytes: usize) -> io::Result<Vec<Entry>> {
    let from = range.start_bound().map(|index| index.to_be_bytes());
    let to = range.end_bound().map(|index| index.to_be_bytes());
    let scan = disk.scan(LOG, as_key(&from), as_key(&to), Order::Ascending);
    let mut entries: Vec<Entry> = Vec::new();
    let mut read = 0;
    for stored in scan {
        let (key, value) = stored.map_err(io::Error::other)?;
        read += value.len();
        if read > bytes && !entries.is_empty() {
            break;
        }
        let entry = decode(&key, &value)?;
        refuse_hole(entries.last().map(|before| before.log_id), entry.log_id)?;
        entries.push(entry);
    }
    Ok(entries)
}

fn refuse_hole(before: Option<LogId>, next: LogId) -> io::Result<()> {
    match before {
        Some(before) if before.index + 1 != next.index => {
            let hole = format!("the raft log has nothing between {before} and {next}");
            Err(io::Error::new(io::ErrorKind::InvalidData, hole))
        }
        _ => Ok(()),
    }
}

/// The log's first or last entry.
fn edge<D: Disk>(disk: &D, order: Order) -> io::Result<Option<Entry>> {
    let first = disk.scan(LOG, Bound::Unbounded, Bound::Unbounded, order).next();
    let Some(stored) = first else { return Ok(None) };
    let (key, value) = stored.map_err(io::Error::other)?;
    decode(&key, &value).map(Some)
}

fn decode(key: &[u8], value: &[u8]) -> io::Result<Entry> {
    let entry = codec::decode_entry(value).map_err(|cause| unreadable("entry", &cause))?;
    if entry.log_id.index.to_be_bytes() != key {
        let moved = format!("the raft log holds the entry {} under another index", entry.log_id);
        return Err(io::Error::new(io::ErrorKind::InvalidData, moved));
    }
    Ok(entry)
}

fn read_vote<D: Disk>(disk: &D) -> io::Result<Option<Vote>> {
    let stored = disk.get(META, VOTE).map_err(io::Error::other)?;
    stored.map(|bytes| codec::decode_vote(&bytes).map_err(|cause| unreadable("vote", &cause))).transpose()
}

fn read_id<D: Disk>(disk: &D, key: &[u8]) -> io::Result<Option<LogId>> {
    let stored = disk.get(META, key).map_err(io::Error::other)?;
    stored.map(|bytes| codec::decode_log_id(&bytes).map_err(|cause| unreadable("log id", &cause))).transpose()
}

fn as_key(bound: &Bound<[u8; 8]>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| key.as_slice())
}

fn unreadable(what: &str, cause: &CodecError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the raft log has an unreadable {what}: {cause}"))
}
