//! Records on their way from the reader to a table's writer: one buffer a batch, one copy a record.
//!
//! The bytes of all keys, values and headers stand one behind the other; an entry says where. So a batch of a thousand
//! records costs three allocations, which are reused while batches are sent on.

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use crate::kafka::{Record, Token};

/// Where a piece of a record stands in the buffer.
type Span = (u32, u32);

/// One record's place.
#[derive(Debug, Clone, Copy)]
struct Entry {
    token: Token,
    partition: Partition,
    offset: Offset,
    leader_epoch: LeaderEpoch,
    timestamp: Option<i64>,
    key: Option<Span>,
    value: Option<Span>,
    headers: (u32, u32),
}

/// Records of one table, in the order in which they came.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    headers: Vec<(Span, Option<Span>)>,
}

/// One record of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The assignment that it came under.
    pub token: Token,
    /// Topic partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: Offset,
    /// Leader epoch of its batch.
    pub leader_epoch: LeaderEpoch,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value.
    pub value: Option<&'a [u8]>,
    headers: (u32, u32),
}

impl Batch {
    /// Copies a record in. `false`: the batch cannot hold it (4 GiB), send it on first.
    pub fn push(&mut self, record: &Record<'_>, with_headers: bool) -> bool {
        let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        if self.bytes.len().saturating_add(size) > u32::MAX as usize {
            return false;
        }
        let key = record.key.map(|key| self.span(key));
        let value = record.value.map(|value| self.span(value));
        let first = index(self.headers.len());
        if with_headers {
            self.push_headers(record);
        }
        self.entries.push(Entry {
            token: record.token,
            partition: record.partition,
            offset: record.offset,
            leader_epoch: record.leader_epoch,
            timestamp: record.timestamp.map(|timestamp| timestamp.at.0),
            key,
            value,
            headers: (first, index(self.headers.len())),
        });
        true
    }

    /// Headers that cannot be parsed are left out; the record itself is whole.
    fn push_headers(&mut self, record: &Record<'_>) {
        let Ok(headers) = record.headers() else { return };
        for header in headers {
            let name = self.span(header.name);
            let value = header.value.map(|value| self.span(value));
            self.headers.push((name, value));
        }
    }

    fn span(&mut self, bytes: &[u8]) -> Span {
        let start = index(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        (start, index(self.bytes.len()))
    }

    fn slice(&self, (from, to): Span) -> &[u8] {
        &self.bytes[from as usize..to as usize]
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = Held<'_>> {
        self.entries.iter().map(|entry| Held {
            token: entry.token,
            partition: entry.partition,
            offset: entry.offset,
            leader_epoch: entry.leader_epoch,
            timestamp: entry.timestamp,
            key: entry.key.map(|span| self.slice(span)),
            value: entry.value.map(|span| self.slice(span)),
            headers: entry.headers,
        })
    }

    /// The headers of one of this batch's records: name and value, in the producer's order.
    pub fn headers(&self, held: &Held<'_>) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (from, to) = held.headers;
        let held = &self.headers[from as usize..to as usize];
        held.iter().map(|(name, value)| (self.slice(*name), value.map(|value| self.slice(value))))
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Records in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory that it holds, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.headers.capacity() * size_of::<(Span, Option<Span>)>()
    }
}

/// Positions fit 32 bits: `push` keeps the buffer below 4 GiB, and a header takes more than one byte of it or of the
/// record's own size limit.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
