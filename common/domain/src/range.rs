//! Offsets and half-open ranges over positions consumed.
//!
//! A range says which positions were read, not how many records there were: transactions and log compaction leave holes.

use std::fmt;

/// The next offset to read in a topic partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub i64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The Kafka leader epoch of a record (KIP-320), -1 where the broker does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(pub i32);

impl LeaderEpoch {
    /// The broker did not say.
    pub const UNKNOWN: Self = Self(-1);
}

/// `[from, to)` with `from < to`, built only by [`Range::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    from: Offset,
    to: Offset,
}

impl Range {
    /// `None` unless `0 <= from < to`: an empty range is never in a manifest.
    #[must_use]
    pub fn new(from: Offset, to: Offset) -> Option<Self> {
        (from.0 >= 0 && from < to).then_some(Self { from, to })
    }

    /// First position of the range.
    #[must_use]
    pub fn from(self) -> Offset {
        self.from
    }

    /// One past the last position.
    #[must_use]
    pub fn to(self) -> Offset {
        self.to
    }

    /// Number of positions, at least 1.
    #[must_use]
    pub fn positions(self) -> i64 {
        self.to.0 - self.from.0
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}
