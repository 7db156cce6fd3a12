//! Whether a manifest is accepted: the order of questions of the protocol details, "Acceptance".

use super::command::{Refusal, Reply};
use super::table::{Accepted, Table};
use super::{State, limits};
use crate::ids::{AcceptanceNumber, Timestamp};
use crate::manifest::{Manifest, ManifestRange};
use crate::port::{RangeReply, SubmitReply};

impl State {
    pub(super) fn submit(&mut self, manifest: Manifest, at: Timestamp) -> Result<Reply, Refusal> {
        let live = self.is_live(manifest.session);
        let table = self.table_mut(manifest.table)?;
        Ok(Reply::Submit(table.submit(manifest, at, live)))
    }
}

impl State {
    /// The answer of a table that takes nothing now, without replicating the manifest first. `None`: ask the log.
    #[must_use]
    pub fn preview(&self, manifest: &Manifest) -> Option<SubmitReply> {
        let table = self.tables.get(&manifest.table)?;
        let known = table.sequences.get(&manifest.session).is_some_and(|last| manifest.sequence <= *last);
        if known || !self.is_live(manifest.session) || manifest.incarnation != table.incarnation {
            return None;
        }
        if table.stopped.is_some() {
            return Some(SubmitReply::Stopped);
        }
        table.is_full(manifest).then_some(SubmitReply::Busy { retry_after_ms: limits::BUSY_RETRY_MS })
    }
}

impl Table {
    fn submit(&mut self, manifest: Manifest, at: Timestamp, live: bool) -> SubmitReply {
        // Before epochs: a manifest that was accepted stays accepted, also after its commit and its session's end.
        if self.sequences.get(&manifest.session).is_some_and(|last| manifest.sequence <= *last) {
            return SubmitReply::AlreadyAccepted;
        }
        if !live || manifest.incarnation != self.incarnation {
            return SubmitReply::Refused(manifest.ranges.iter().map(|range| self.fenced(range)).collect());
        }
        if self.stopped.is_some() {
            return SubmitReply::Stopped;
        }
        if self.is_full(&manifest) {
            return SubmitReply::Busy { retry_after_ms: limits::BUSY_RETRY_MS };
        }
        let replies: Vec<RangeReply> = manifest.ranges.iter().map(|range| self.judge(range, &manifest)).collect();
        if !well_formed(&manifest) || replies.iter().any(|reply| *reply != RangeReply::Ok) {
            return SubmitReply::Refused(replies);
        }
        self.accept(manifest, at);
        SubmitReply::Accepted
    }

    fn is_full(&self, manifest: &Manifest) -> bool {
        self.accepted.len() >= limits::STAGED_MANIFESTS
            || (!self.accepted.is_empty() && self.staged_files() + manifest.files.len() > limits::STAGED_FILES)
    }

    fn fenced(&self, range: &ManifestRange) -> RangeReply {
        let epoch = self.chains.get(&range.chain).map_or(range.epoch, |chain| chain.epoch);
        RangeReply::Fenced { epoch }
    }

    fn judge(&self, range: &ManifestRange, manifest: &Manifest) -> RangeReply {
        match self.chains.get(&range.chain) {
            Some(chain) if chain.epoch == range.epoch && chain.owner == Some(manifest.session) => {
                if range.range.from() == chain.accepted_end {
                    RangeReply::Ok
                } else {
                    RangeReply::Gap { expected: chain.accepted_end }
                }
            }
            _ => self.fenced(range),
        }
    }

    fn accept(&mut self, manifest: Manifest, at: Timestamp) {
        for range in &manifest.ranges {
            if let Some(chain) = self.chains.get_mut(&range.chain) {
                chain.accepted_end = range.range.to();
                chain.leader_epoch = range.leader_epoch;
            }
        }
        self.sequences.insert(manifest.session, manifest.sequence);
        self.last_acceptance = AcceptanceNumber(self.last_acceptance.0 + 1);
        self.accepted.push_back(Accepted { number: self.last_acceptance, at, manifest });
    }
}

/// Ranges in chain order, none twice, at least one; files only where there are rows.
fn well_formed(manifest: &Manifest) -> bool {
    let ordered = manifest.ranges.windows(2).all(|pair| pair[0].chain < pair[1].chain);
    let file_rows: u64 = manifest.files.iter().map(|file| file.rows).sum();
    ordered && !manifest.ranges.is_empty() && file_rows == manifest.rows()
}
