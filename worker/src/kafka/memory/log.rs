//! One topic partition's log in memory.

use k2i_domain::range::{LeaderEpoch, Offset};

use crate::kafka::record::{RecordTimestamp, StoredHeader};

/// A record in the log.
pub(super) struct Stored {
    pub(super) offset: Offset,
    pub(super) epoch: LeaderEpoch,
    pub(super) timestamp: Option<RecordTimestamp>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<StoredHeader>,
}

/// Records by offset, with holes; epochs by their first offset.
pub(super) struct Log {
    pub(super) start: Offset,
    /// Next offset to append, which is the last stable one too.
    pub(super) end: Offset,
    records: Vec<Stored>,
    /// (epoch, first offset under it), both ascending; the last is the current one.
    epochs: Vec<(LeaderEpoch, Offset)>,
}

impl Default for Log {
    fn default() -> Self {
        Self { start: Offset(0), end: Offset(0), records: Vec::new(), epochs: vec![(LeaderEpoch(0), Offset(0))] }
    }
}

impl Log {
    pub(super) fn epoch(&self) -> LeaderEpoch {
        self.epochs.last().map_or(LeaderEpoch::UNKNOWN, |(epoch, _)| *epoch)
    }

    pub(super) fn append(&mut self, record: Stored) -> Offset {
        let offset = record.offset;
        self.end = Offset(offset.0 + 1);
        self.records.push(record);
        offset
    }

    /// The first record at or after `from`.
    pub(super) fn first_from(&self, from: Offset) -> Option<&Stored> {
        self.records.get(self.records.partition_point(|record| record.offset < from))
    }

    pub(super) fn delete_before(&mut self, offset: Offset) {
        self.start = self.start.max(offset.min(self.end));
        let start = self.start;
        self.records.retain(|record| record.offset >= start);
    }

    pub(super) fn elect(&mut self) {
        let next = LeaderEpoch(self.epoch().0 + 1);
        self.epochs.push((next, self.end));
    }

    pub(super) fn truncate(&mut self, end: Offset) {
        self.end = self.end.min(end.max(self.start));
        let end = self.end;
        self.records.retain(|record| record.offset < end);
        let next = LeaderEpoch(self.epoch().0 + 1);
        self.epochs.retain(|(_, first)| *first < end);
        self.epochs.push((next, end));
    }

    /// Why nothing can be read from here, if so: out of range, or `epoch` ended before `offset`.
    pub(super) fn lost(&self, offset: Offset, epoch: LeaderEpoch) -> Option<String> {
        if offset < self.start || offset > self.end {
            return Some(format!("offset {offset} is out of range [{}, {}]", self.start, self.end));
        }
        if epoch.0 < 0 {
            return None;
        }
        let end = self.epochs.iter().find(|(later, _)| *later > epoch).map_or(self.end, |(_, first)| *first);
        (end < offset).then(|| format!("leader epoch {} ends at {end}, before offset {offset}", epoch.0))
    }
}
