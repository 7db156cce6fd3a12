//! The K2I entries of a snapshot summary: who made it and why, and the positions that it stands for.
//!
//! Properties say where the table is now; summaries stay with their snapshot, so that the positions of an earlier head
//! can be told when `main` was set back to it. A create, claim or fence carries every position (`k2i.positions`), an
//! append the ranges that it adds (`k2i.ranges`). A text over 4 KB is replaced by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{ChainKey, Incarnation, Partition, SnapshotId, StreamId, StreamIdentity, Timestamp};
use crate::lake::{CommitKind, SnapshotFact};
use crate::property::{Property, StreamText};
use crate::range::{LeaderEpoch, Offset};
use crate::state::{Accepted, Mark};

/// The longest text of positions or ranges.
const LONGEST: usize = 4_096;

const CLUSTER: &str = "k2i.cluster";
const INCARNATION: &str = "k2i.incarnation";
const KIND: &str = "k2i.kind";
const POSITIONS: &str = "k2i.positions";
const RANGES: &str = "k2i.ranges";

/// Streams, and where each of their chains stands.
pub(super) type Positions = (BTreeMap<StreamId, StreamIdentity>, BTreeMap<ChainKey, Mark>);

/// (stream, topic partition, from, to, rows, newest timestamp in milliseconds).
type RangeText = (u32, i32, i64, i64, u64, Option<i64>);

#[derive(Serialize, Deserialize)]
struct PositionsText {
    streams: Vec<StreamText>,
    /// (stream, topic partition, next offset).
    partitions: Vec<(u32, i32, i64)>,
}

/// The entries of a commit that makes `property` of the table.
pub(super) fn summary(
    cluster: &str,
    property: &Property,
    kind: CommitKind,
    staged: &[&Accepted],
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::from([
        (CLUSTER.to_owned(), cluster.to_owned()),
        ("k2i.instance".to_owned(), property.instance.to_string()),
        (INCARNATION.to_owned(), property.incarnation.to_string()),
        (KIND.to_owned(), kind.as_str().to_owned()),
    ]);
    if kind == CommitKind::Append {
        let changed = changed_ranges(staged);
        put(&mut out, RANGES, &changed, changed.len());
    } else {
        put(&mut out, POSITIONS, &positions_text(property), property.watermark.len());
    }
    out
}

/// The text, or its digest and how many entries it has.
fn put(out: &mut BTreeMap<String, String>, key: &str, value: &impl Serialize, count: usize) {
    // Plain structs and tuples: serde_json fails only on maps with keys that are no strings.
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.len() <= LONGEST {
        out.insert(key.to_owned(), text);
    } else {
        let digest = Sha256::digest(text.as_bytes());
        out.insert(format!("{key}.sha256"), digest.iter().map(|byte| format!("{byte:02x}")).collect());
        out.insert(format!("{key}.count"), count.to_string());
    }
}

/// What a commit adds, by chain.
fn changed_ranges(staged: &[&Accepted]) -> Vec<RangeText> {
    let mut changed: BTreeMap<ChainKey, (Offset, Offset, u64, Option<Timestamp>)> = BTreeMap::new();
    for range in staged.iter().flat_map(|accepted| &accepted.manifest.ranges) {
        let entry = changed.entry(range.chain).or_insert((range.range.from(), range.range.to(), 0, None));
        entry.1 = range.range.to();
        entry.2 += range.rows;
        entry.3 = entry.3.max(range.newest);
    }
    let text = |(key, (from, to, rows, newest)): (ChainKey, (Offset, Offset, u64, Option<Timestamp>))| {
        (key.stream.0, key.partition.0, from.0, to.0, rows, newest.map(|at| at.0))
    };
    changed.into_iter().map(text).collect()
}

fn positions_text(property: &Property) -> PositionsText {
    let partition = |(key, mark): (&ChainKey, &Mark)| (key.stream.0, key.partition.0, mark.offset.0);
    PositionsText {
        streams: property.streams.iter().map(StreamText::from).collect(),
        partitions: property.watermark.iter().map(partition).collect(),
    }
}

/// True for a snapshot that this cluster name made.
pub(super) fn is_of(snapshot: &SnapshotFact, cluster: &str) -> bool {
    snapshot.summary.get(CLUSTER).is_some_and(|name| name == cluster)
}

/// True for a snapshot of this kind.
pub(super) fn is_kind(snapshot: &SnapshotFact, kind: CommitKind) -> bool {
    snapshot.summary.get(KIND).is_some_and(|found| found == kind.as_str())
}

/// The incarnation that made it.
pub(super) fn incarnation(snapshot: &SnapshotFact) -> Option<Incarnation> {
    snapshot.summary.get(INCARNATION)?.parse().ok().map(Incarnation)
}

/// Where the newest own snapshot of a history (newest first) stands, by summaries alone: the positions of the newest
/// create, claim or fence, and the ranges of the appends after it. Streams that came since are named by a property of the
/// same incarnation only: another one may number them otherwise.
///
/// # Errors
/// Says which snapshot does not tell.
pub(super) fn positions(own: &[&SnapshotFact], property: Option<&Property>) -> Result<Positions, String> {
    let is_append = |snapshot: &&&SnapshotFact| is_kind(snapshot, CommitKind::Append);
    let appends = own.iter().take_while(is_append).count();
    let first = own.get(appends).ok_or("its history does not reach back to where this life began")?;
    let text: PositionsText = read(first, POSITIONS)?;
    let mut streams: BTreeMap<_, _> = text.streams.into_iter().map(StreamText::into_identity).collect();
    if let Some(property) = property.filter(|property| Some(property.incarnation) == incarnation(first)) {
        streams.extend(property.streams.clone());
    }
    let mark = |(stream, partition, offset): (u32, i32, i64)| (chain(stream, partition), Mark::start(Offset(offset)));
    let mut marks: BTreeMap<_, _> = text.partitions.into_iter().map(mark).collect();
    for append in own[..appends].iter().rev() {
        extend(&mut marks, read(append, RANGES)?, append.id)?;
    }
    match marks.keys().find(|key| !streams.contains_key(&key.stream)) {
        Some(key) => Err(format!("which topic stream {} was is not known any more", key.stream)),
        None => Ok((streams, marks)),
    }
}

/// A range starts where its chain ends; the first one of a chain that came later says where that began.
fn extend(marks: &mut BTreeMap<ChainKey, Mark>, ranges: Vec<RangeText>, by: SnapshotId) -> Result<(), String> {
    for (stream, partition, from, to, rows, _) in ranges {
        let mark = marks.entry(chain(stream, partition)).or_insert_with(|| Mark::start(Offset(from)));
        if mark.offset != Offset(from) {
            return Err(format!("snapshot {by} does not go on where the one before it ended"));
        }
        mark.offset = Offset(to);
        mark.leader_epoch = LeaderEpoch::UNKNOWN;
        if rows > 0 {
            mark.last = (Offset(from), Offset(to), rows);
        }
    }
    Ok(())
}

fn chain(stream: u32, partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(stream), partition: Partition(partition) }
}

fn read<T: for<'a> Deserialize<'a>>(snapshot: &SnapshotFact, key: &str) -> Result<T, String> {
    let id = snapshot.id;
    let text = snapshot.summary.get(key).ok_or_else(|| format!("snapshot {id} has no {key} in its summary"))?;
    serde_json::from_str(text).map_err(|error| format!("snapshot {id}: {key} is not readable: {error}"))
}
