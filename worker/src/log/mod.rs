//! The worker's transaction log: what became of each file, written before it is acted on.
//!
//! ```text
//! Sealed → (upload id)? → Uploaded → Accepted → (gone: Committed or Abandoned)
//! ```
//!
//! A file that is still open needs no entry: its name in the spool folder says session and sequence, and a start removes
//! every file there that no entry names.
//! `Sealed` is durable before anything else is done with the cut; every other step may be lost. Losing the whole log
//! costs re-reading, never correctness: what is in a table is decided by the table. An entry is removed once its cut is
//! committed or given up, so the log holds no more than what is on its way.
//!
//! A log that is damaged is set aside under another name, said so, and begun anew. One that failed to write (a full disk)
//! is opened anew when it is needed next: the cut in hand is given up, and whatever of it is found later has no file.

mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use k2i_domain::ids::{Sequence, SessionId, StreamId, StreamIdentity, TableUuid};
use k2i_domain::manifest::Manifest;
use k2i_runtime::store::{Durability, Family, Store, StoreError};

/// Cuts, by session and sequence within their table's name.
const CUTS: Family = Family("cuts");

/// How far a cut has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Its file is complete and durable here.
    Sealed,
    /// Its file is in the store.
    Uploaded,
    /// The coordinator accepted it.
    Accepted,
}

/// One cut as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCut {
    /// The table's configured key.
    pub table: String,
    /// The table's UUID when the cut was read.
    pub uuid: TableUuid,
    /// How far it has come.
    pub step: Step,
    /// Version of the decoding that made its rows.
    pub decode_version: u32,
    /// What its streams were: their numbers alone may mean others after a reset or an adoption.
    pub streams: BTreeMap<StreamId, StreamIdentity>,
    /// Ranges with epochs, files with names, sizes, checksums, schema and spec.
    pub manifest: Manifest,
    /// The sealed file of each of the manifest's files, in its order.
    pub local: Vec<PathBuf>,
    /// A multipart upload that was begun and not completed.
    pub upload: Option<String>,
}

impl LoggedCut {
    /// The cut's session and sequence.
    #[must_use]
    pub fn id(&self) -> (SessionId, Sequence) {
        (self.manifest.session, self.manifest.sequence)
    }
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store underneath.
    #[error("the transaction log: {0}")]
    Store(#[from] StoreError),
    /// A damaged log could not be set aside.
    #[error("the damaged transaction log {path} cannot be moved away: {source}")]
    SetAside {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The log. Cheap to share behind an `Arc`; calls block for the disk.
#[derive(Debug)]
pub struct TransactionLog {
    path: PathBuf,
    /// `None` after an attempt to open it anew that failed.
    store: RwLock<Option<Store>>,
}

impl TransactionLog {
    /// Opens the log at `path`, or begins one. A damaged one is set aside as `<path>.damaged-<time>`; the second value
    /// says where.
    ///
    /// # Errors
    /// [`LogError`]: another process has it open, or the disk refuses.
    pub fn open(path: &Path) -> Result<(Self, Option<PathBuf>), LogError> {
        let (store, aside) = open(path)?;
        Ok((Self { path: path.to_owned(), store: RwLock::new(Some(store)) }, aside))
    }

    /// Acts on the store; on one that is opened anew if the last was broken by a failed write.
    fn with<T>(&self, act: impl Fn(&Store) -> Result<T, StoreError>) -> Result<T, LogError> {
        {
            let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(store) = store.as_ref().filter(|store| !store.is_broken()) {
                return Ok(act(store)?);
            }
        }
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        if let Some(store) = store.as_ref().filter(|store| !store.is_broken()) {
            return Ok(act(store)?);
        }
        // The old one holds the folder's lock.
        *store = None;
        let (opened, aside) = open(&self.path)?;
        tracing::warn!(
            path = %self.path.display(),
            set_aside = aside.map(|aside| aside.display().to_string()),
            "the transaction log was opened anew after a failed write"
        );
        Ok(act(store.insert(opened))?)
    }

    /// Writes an entry, over an earlier step of the same cut. [`Step::Sealed`] is on disk when this returns.
    ///
    /// # Errors
    /// The disk refuses; the cut must then be given up.
    pub fn put(&self, cut: &LoggedCut) -> Result<(), LogError> {
        let durability = match cut.step {
            Step::Sealed => Durability::Synced,
            Step::Uploaded | Step::Accepted => Durability::Buffered,
        };
        self.with(|store| store.put(CUTS, &key(cut.id()), &wire::encode(cut), durability))
    }

    /// Removes an entry: its cut was committed or given up.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn remove(&self, id: (SessionId, Sequence)) -> Result<(), LogError> {
        self.with(|store| store.delete(CUTS, &key(id), Durability::Buffered))
    }

    /// Every entry of `table`, oldest session's and sequence's first within each session.
    ///
    /// # Errors
    /// The disk refuses, or an entry cannot be read.
    pub fn of_table(&self, table: &str) -> Result<Vec<LoggedCut>, LogError> {
        Ok(self.all()?.into_iter().filter(|cut| cut.table == table).collect())
    }

    /// Every entry.
    ///
    /// # Errors
    /// The disk refuses, or an entry cannot be read.
    pub fn all(&self) -> Result<Vec<LoggedCut>, LogError> {
        self.with(read)
    }
}

/// Opens the store at `path`; a damaged one is set aside before. The second value says where.
fn open(path: &Path) -> Result<(Store, Option<PathBuf>), LogError> {
    match open_and_read(path) {
        Ok(store) => Ok((store, None)),
        Err(StoreError::Damaged { .. }) => {
            let aside = aside(path);
            std::fs::rename(path, &aside).map_err(|source| LogError::SetAside { path: path.to_owned(), source })?;
            Ok((open_and_read(path)?, Some(aside)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads every entry once, so that damage shows now and not in the middle of the work.
fn open_and_read(path: &Path) -> Result<Store, StoreError> {
    let store = Store::open(path, &[CUTS])?;
    read(&store)?;
    Ok(store)
}

fn read(store: &Store) -> Result<Vec<LoggedCut>, StoreError> {
    let mut cuts = Vec::new();
    for entry in store.prefix(CUTS, &[]) {
        let (_, value) = entry?;
        let cut = wire::decode(&value).map_err(|why| StoreError::Damaged {
            path: store.path().to_owned(),
            detail: format!("an entry cannot be read: {why}"),
        })?;
        cuts.push(cut);
    }
    Ok(cuts)
}

fn key((session, sequence): (SessionId, Sequence)) -> Vec<u8> {
    [session.0.to_be_bytes(), sequence.0.to_be_bytes()].concat()
}

fn aside(path: &Path) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{seconds}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
