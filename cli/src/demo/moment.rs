//! The moment of the kill: found by looking, and confirmed by what the dead process left behind.
//!
//! What is wanted is rows in an open file and, at the same time, a sealed cut that the coordinator has not accepted: the
//! one must be read again, the other offered again. Both are seen in folders, from outside:
//!
//! - a file of the spool folder without a Parquet footer is open;
//! - an earlier one of the same session is sealed. It is on its way until its object appears in the store, and a little
//!   longer until the topic was looked at once more and the coordinator answered.
//!
//! That is a guess about the second half, so the dead process's transaction log has the last word ([`InFlight::of`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_worker::log::{LoggedCut, Step, TransactionLog};

use super::config::Places;
use super::table::{Watermark, rows_below};

/// A cut whose object appeared this long ago is most likely not accepted yet: its topics are being looked at.
const JUST_STORED: Duration = Duration::from_millis(40);
const FOOTER: &[u8; 4] = b"PAR1";

/// Looks for the moment in one life of the process.
#[derive(Debug)]
pub(super) struct Lookout {
    spool: PathBuf,
    objects: PathBuf,
    session: String,
    /// Objects of the session, and when they were first seen; `None`: they were there before anybody looked.
    stored: BTreeMap<u64, Option<Instant>>,
}

impl Lookout {
    /// For the session that the process has registered.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub(super) fn new(places: &Places, session: &str) -> Result<Self> {
        let (spool, objects) = (places.spool(), places.data_files());
        let stored = sequences(&objects, |name| of_object(name, session))?;
        let stored = stored.into_iter().map(|sequence| (sequence, None)).collect();
        Ok(Self { spool, objects, session: session.to_owned(), stored })
    }

    /// True when there is an open file, and a sealed cut that is most likely not accepted.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub(super) fn is_now(&mut self, now: Instant) -> Result<bool> {
        let local = sequences(&self.spool, |name| of_spool(name, &self.session))?;
        for sequence in sequences(&self.objects, |name| of_object(name, &self.session))? {
            self.stored.entry(sequence).or_insert(Some(now));
        }
        let Some(newest) = local.last() else { return Ok(false) };
        let on_its_way = |sequence: &u64| match self.stored.get(sequence) {
            None => true,
            Some(since) => since.is_some_and(|since| now.duration_since(since) <= JUST_STORED),
        };
        let sealed = local.iter().rev().skip(1).any(on_its_way);
        Ok(sealed && is_open(&self.spool.join(format!("{}-{newest}.parquet", self.session)))?)
    }
}

/// The numbers of a folder's files, ascending; a folder that is not there has none.
fn sequences(folder: &Path, of: impl Fn(&str) -> Option<u64>) -> Result<BTreeSet<u64>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        found.extend(entry?.file_name().to_str().and_then(&of));
    }
    Ok(found)
}

/// `<session>-<sequence>.parquet`
pub(super) fn of_spool(name: &str, session: &str) -> Option<u64> {
    name.strip_prefix(session)?.strip_prefix('-')?.strip_suffix(".parquet")?.parse().ok()
}

/// `k2i-<instance>-<incarnation>-<session>-<sequence>-<file>.parquet`
pub(super) fn of_object(name: &str, session: &str) -> Option<u64> {
    let mut parts = name.strip_suffix(".parquet")?.rsplit('-');
    let (_file, sequence, of) = (parts.next()?, parts.next()?, parts.next()?);
    if of == session { sequence.parse().ok() } else { None }
}

/// A Parquet file ends with its footer; one that is being written has only its head, or pages.
fn is_open(path: &Path) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        // Committed and removed since the folder was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    if file.metadata()?.len() <= 2 * FOOTER.len() as u64 {
        return Ok(true);
    }
    let mut end = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut end)?;
    Ok(end != *FOOTER)
}

/// What was on its way when the process died.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InFlight {
    /// Rows that are committed.
    pub(super) committed: u64,
    /// Files without an entry in the log: open when it died.
    pub(super) open_files: usize,
    /// Rows of cuts that are sealed here and that, as far as the log knows, were not accepted.
    pub(super) sealed: Vec<u64>,
    /// Rows of cuts that were accepted and not committed.
    pub(super) accepted: Vec<u64>,
}

impl InFlight {
    /// Opens what a dead process left behind: its transaction log and its spool folder.
    ///
    /// # Errors
    /// They cannot be read, or the log was damaged, which a kill must never do.
    pub(super) fn of(places: &Places, watermark: &Watermark) -> Result<Self> {
        let (log, damaged) = TransactionLog::open(&places.log())?;
        ensure!(damaged.is_none(), "the kill damaged the transaction log");
        let cuts = log.all()?;
        let named: BTreeSet<&Path> = cuts.iter().flat_map(|cut| &cut.local).map(PathBuf::as_path).collect();
        let spool = places.spool();
        let listed = fs::read_dir(&spool).with_context(|| format!("cannot read {}", spool.display()))?;
        let files = listed.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        let waiting = |cut: &&LoggedCut| !is_committed(cut, watermark);
        let rows = |accepted: bool| {
            let cuts = cuts.iter().filter(waiting).filter(move |cut| (cut.step == Step::Accepted) == accepted);
            cuts.map(|cut| cut.manifest.rows()).collect()
        };
        Ok(Self {
            committed: rows_below(watermark),
            open_files: files.iter().filter(|file| !named.contains(file.as_path())).count(),
            sealed: rows(false),
            accepted: rows(true),
        })
    }

    /// True when it was the moment that was wanted.
    pub(super) fn is_wanted(&self) -> bool {
        self.open_files > 0 && !self.sealed.is_empty()
    }

    /// Rows up to the end of the newest cut.
    pub(super) fn cut_end(&self) -> u64 {
        self.committed + self.sealed.iter().chain(&self.accepted).sum::<u64>()
    }
}

fn is_committed(cut: &LoggedCut, watermark: &Watermark) -> bool {
    cut.manifest.ranges.iter().all(|range| watermark.get(&range.chain).is_some_and(|end| range.range.to() <= *end))
}
