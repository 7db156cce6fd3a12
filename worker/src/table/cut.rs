//! Positions and ranges of the cut that is being made, without I/O.
//!
//! A cut holds all rows between two position vectors. For each chain this keeps where the cut began, how far records
//! have been taken, and what they gave; [`OpenCut::close`] turns that into the manifest's ranges and begins the next cut
//! where this one ended.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k2i_domain::ids::{ChainKey, Epoch, Timestamp};
use k2i_domain::manifest::ManifestRange;
use k2i_domain::range::{LeaderEpoch, Offset, Range};

use crate::kafka::Token;

/// Positions without rows wait this long for rows to ride with.
const ROWLESS_WAIT: Duration = Duration::from_secs(600);

/// One chain as it is read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadChain {
    /// The assignment under which its records come.
    pub token: Token,
    /// Epoch to submit under.
    pub epoch: Epoch,
    /// Where the cut began.
    pub from: Offset,
    /// Next offset to take.
    pub position: Offset,
    /// Leader epoch of the record directly before `position`.
    pub leader_epoch: LeaderEpoch,
    /// Rows since `from`.
    pub rows: u64,
    /// Newest record timestamp since `from`.
    pub newest: Option<Timestamp>,
}

impl ReadChain {
    /// A chain that begins at `start`.
    #[must_use]
    pub fn at(token: Token, epoch: Epoch, start: Offset, leader_epoch: LeaderEpoch) -> Self {
        Self { token, epoch, from: start, position: start, leader_epoch, rows: 0, newest: None }
    }
}

/// The cut that is being made of one table.
#[derive(Debug, Default)]
pub struct OpenCut {
    chains: BTreeMap<ChainKey, ReadChain>,
    tokens: BTreeMap<Token, ChainKey>,
    rows: u64,
    /// Since when positions without rows wait.
    rowless_since: Option<Instant>,
}

impl OpenCut {
    /// Begins to read chains, beside those that are read already.
    pub fn add(&mut self, chains: impl IntoIterator<Item = (ChainKey, ReadChain)>) {
        for (key, chain) in chains {
            self.tokens.insert(chain.token, key);
            self.chains.insert(key, chain);
        }
    }

    /// The chain that reads under `token`.
    #[must_use]
    pub fn chain_of(&self, token: Token) -> Option<ChainKey> {
        self.tokens.get(&token).copied()
    }

    /// True when a record of the chain at `offset` is the next to take; an earlier one was taken before.
    #[must_use]
    pub fn is_next(&self, chain: ChainKey, offset: Offset) -> bool {
        self.chains.get(&chain).is_some_and(|chain| offset >= chain.position)
    }

    /// A record was taken.
    pub fn took(
        &mut self,
        chain: ChainKey,
        offset: Offset,
        leader_epoch: LeaderEpoch,
        timestamp: Option<i64>,
        row: bool,
    ) {
        let Some(chain) = self.chains.get_mut(&chain) else { return };
        chain.position = Offset(offset.0 + 1);
        chain.leader_epoch = leader_epoch;
        if row {
            chain.rows += 1;
            self.rows += 1;
            chain.newest = chain.newest.max(timestamp.map(Timestamp));
        } else {
            self.rowless_since.get_or_insert_with(Instant::now);
        }
    }

    /// Positions up to `position` are known to hold no further record.
    pub fn reached(&mut self, chain: ChainKey, position: Offset, leader_epoch: LeaderEpoch, now: Instant) {
        let Some(chain) = self.chains.get_mut(&chain) else { return };
        if position > chain.position {
            chain.position = position;
            chain.leader_epoch = leader_epoch;
            self.rowless_since.get_or_insert(now);
        }
    }

    /// Rows of the cut so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// True when closing it now would give something to submit. Positions without rows alone are worth a manifest only
    /// when they have waited long, or when `even_rowless` (a drain).
    #[must_use]
    pub fn is_worth_closing(&self, now: Instant, even_rowless: bool) -> bool {
        let waited = || self.rowless_since.is_some_and(|since| now.duration_since(since) >= ROWLESS_WAIT);
        self.rows > 0 || (self.has_positions() && (even_rowless || waited()))
    }

    fn has_positions(&self) -> bool {
        self.chains.values().any(|chain| chain.position > chain.from)
    }

    /// Ends the cut: its ranges in chain order. The next cut begins where this one ended.
    pub fn close(&mut self) -> Vec<ManifestRange> {
        let mut ranges = Vec::new();
        for (key, chain) in &mut self.chains {
            let Some(range) = Range::new(chain.from, chain.position) else { continue };
            ranges.push(ManifestRange {
                chain: *key,
                epoch: chain.epoch,
                range,
                rows: chain.rows,
                newest: chain.newest.take(),
                leader_epoch: chain.leader_epoch,
            });
            chain.from = chain.position;
            chain.rows = 0;
        }
        self.rows = 0;
        self.rowless_since = None;
        ranges
    }
}

#[cfg(test)]
mod tests;
