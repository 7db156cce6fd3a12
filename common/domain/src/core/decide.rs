//! What one fresh load of a table means: steps 2 to 7 of the commit loop, as one function of values.
//!
//! The loop runs [`decide`] on every load and does the one thing that it answers; any outcome of that leads to the
//! next load. So each step sees the table as it is and the state as it was agreed, never an assumption about the step
//! before (DESIGN section 5).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::ids::{
    AcceptanceNumber, ChainKey, Incarnation, Instance, SequenceNumber, SnapshotId, StreamId, TableId, Timestamp,
};
use crate::lake::{CommitKind, CommitPlan, CreatePlan, Facts, Loaded, SnapshotFact};
use crate::port::{StopReason, Stopped};
use crate::property::{self, Property};
use crate::range::Offset;
use crate::state::{Accepted, Command, IncarnationCause, Life, Mark, RealignReason, Table};

/// Files of one commit; what is staged beyond waits for the next.
const FILES_PER_COMMIT: usize = 1_000;
/// Files staged for longer are never committed as they are: orphan cleaners of others exist.
const STAGED_AT_MOST_MS: i64 = 24 * 3_600 * 1_000;
/// Longest text of the changed ranges in a snapshot summary.
const RANGES_TEXT: usize = 4_096;

/// What is known beside the load itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Our instance.
    pub instance: Instance,
    /// Our cluster name.
    pub cluster: &'a str,
    /// The table's id.
    pub id: TableId,
    /// What the state holds of it.
    pub table: &'a Table,
    /// The leader's clock.
    pub now: Timestamp,
    /// A snapshot id to use where a commit is made.
    pub snapshot: SnapshotId,
    /// When the foreign watermark that now stands on the table was first seen, with the text that was seen.
    pub still: Option<&'a Still>,
    /// Take a watermark over without waiting for it to stand still.
    pub adopt_now: bool,
    /// The first snapshot on an empty table of somebody else's may be believed (protocol details: some catalogs let
    /// two first appends win).
    pub first_answered: bool,
}

/// A watermark of another life, watched until it stands still.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Still {
    /// The property as it was seen.
    pub property: Property,
    /// When it was seen first.
    pub since: Timestamp,
}

/// The one thing to do after a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing; look again when something is accepted, or after the idle interval.
    Rest,
    /// Something outside is not there yet; the text says what.
    Wait(String),
    /// The load shows an older table than one seen before, or none: load again, and stop when that lasts.
    Stale(Stopped),
    /// Another life's watermark has to stand still first.
    Watch(Property),
    /// Log this, then load again.
    Propose(Command),
    /// Send this commit; `upto` is the last manifest in it.
    Commit(CommitPlan, AcceptanceNumber, SequenceNumber),
    /// Create the table.
    Create(CreatePlan),
}

/// Decides what to do about a table, from one fresh load.
#[must_use]
pub fn decide(context: Context<'_>, loaded: &Loaded) -> Verdict {
    let table = context.table;
    let facts = match loaded {
        Loaded::Found(facts) => facts,
        Loaded::Missing if table.life == Life::New => return create(context),
        Loaded::Missing => {
            let detail = "the catalog has had no such table for a minute: it was dropped or renamed".to_owned();
            return Verdict::Stale(Stopped { reason: StopReason::TableRecreated, detail });
        }
        Loaded::Failed(why) => return Verdict::Wait(why.clone()),
    };
    if let Some(verdict) = same_table(context, facts) {
        return verdict;
    }
    let property = match Property::parse(context.cluster, &facts.properties) {
        Ok(property) => property,
        Err(error) => return stop(context, StopReason::WatermarkMissing, &error.to_string()),
    };
    match (property, table.life) {
        (None, Life::New) => first_contact(context, facts),
        (None, _) => stop(context, StopReason::WatermarkMissing, "the table's k2i properties are gone"),
        (Some(property), Life::New) => adopt(context, facts, property),
        (Some(property), Life::Fencing { adopting }) => fence(context, facts, &property, adopting),
        (Some(property), Life::Owned) => owned(context, facts, &property),
    }
}

/// Step 2: is this the table that we know, and not an older picture of it?
fn same_table(context: Context<'_>, facts: &Facts) -> Option<Verdict> {
    let table = context.table;
    if facts.format_version < 2 {
        return Some(stop(context, StopReason::Schema, "format version 1 lacks sequence numbers; upgrade it to 2"));
    }
    if let Some(uuid) = table.uuid.filter(|uuid| *uuid != facts.uuid) {
        let detail = format!("its UUID was {uuid} and is {}: it was dropped and created anew", facts.uuid);
        return Some(stop(context, StopReason::TableRecreated, &detail));
    }
    let stale = table.recorded.is_some_and(|recorded| facts.last_sequence < recorded.sequence);
    stale.then(|| {
        let detail = "the catalog has shown an older state of it for a minute: was the catalog restored?".to_owned();
        Verdict::Stale(Stopped { reason: StopReason::CatalogWentBack, detail })
    })
}

fn create(context: Context<'_>) -> Verdict {
    let table = context.table;
    let Some(schema) = table.schema.clone() else {
        return Verdict::Wait("the table does not exist; waiting for records to infer its schema from".into());
    };
    if table.chains.is_empty() {
        return Verdict::Wait("waiting for its topic".into());
    }
    let property = Property {
        instance: context.instance,
        incarnation: table.incarnation,
        snapshot: context.snapshot,
        streams: table.streams.clone(),
        watermark: table.watermark(),
    };
    Verdict::Create(CreatePlan {
        snapshot: context.snapshot,
        at: context.now,
        schema,
        properties: property.render(context.cluster),
        summary: summary(context, table.incarnation, CommitKind::Create, &[]),
    })
}

/// A table that exists and that no life under our name has touched.
fn first_contact(context: Context<'_>, facts: &Facts) -> Verdict {
    let table = context.table;
    let ours =
        |snapshot: &SnapshotFact| snapshot.summary.get("k2i.cluster").is_some_and(|name| name == context.cluster);
    if facts.ancestors.iter().any(ours) {
        let detail = "its snapshots carry this cluster's name, but the watermark property is gone";
        return stop(context, StopReason::WatermarkMissing, detail);
    }
    if let Some(verdict) = claimed_by_another(context, facts) {
        return verdict;
    }
    if table.chains.is_empty() {
        return Verdict::Wait("waiting for its topic".into());
    }
    commit(context, facts, CommitKind::Claim, table.incarnation, table.watermark(), &[])
}

fn claimed_by_another(context: Context<'_>, facts: &Facts) -> Option<Verdict> {
    let own = property::encoded_cluster(context.cluster);
    let mine: Vec<_> = context.table.streams.values().collect();
    let taken = property::clusters(&facts.properties)
        .filter(|cluster| *cluster != own)
        .find(|cluster| property::streams_of(cluster, &facts.properties).iter().any(|stream| mine.contains(&stream)))?;
    let detail = format!("cluster {taken} already writes this topic to the table");
    Some(stop(context, StopReason::StreamClaimed, &detail))
}

/// A watermark under our name, and no record of our own behind it.
fn adopt(context: Context<'_>, facts: &Facts, property: Property) -> Verdict {
    if property.instance == context.instance && context.table.begun.contains_key(&property.snapshot) {
        return first_record(context, facts, &property);
    }
    let lost = property.instance == context.instance;
    let two_intervals = i64::try_from(context.table.spec.flush_interval_ms.saturating_mul(2)).unwrap_or(i64::MAX);
    let still = context
        .still
        .is_some_and(|still| still.property == property && context.now >= still.since.plus_ms(two_intervals));
    if !(lost || still || context.adopt_now) {
        return Verdict::Watch(property);
    }
    new_incarnation(context, facts, &property, IncarnationCause::Adopted)
}

/// Our create or claim has landed. On an empty table of somebody else's it is believed only once its own request was
/// answered, or can no longer be on its way.
fn first_record(context: Context<'_>, facts: &Facts, property: &Property) -> Verdict {
    let claimed_empty = facts
        .ancestors
        .iter()
        .find(|snapshot| snapshot.id == property.snapshot)
        .is_some_and(|first| first.parent.is_none() && is_kind(&first.summary, CommitKind::Claim));
    if claimed_empty && !context.first_answered {
        return Verdict::Wait("waiting for the answer to the first commit on an empty table".into());
    }
    record(context, facts, property)
}

fn is_kind(summary: &BTreeMap<String, String>, kind: CommitKind) -> bool {
    summary.get("k2i.kind").is_some_and(|found| found == kind.as_str())
}

/// A new incarnation lands an empty snapshot before any data, so that no request of the life before can win.
fn fence(context: Context<'_>, facts: &Facts, property: &Property, adopting: bool) -> Verdict {
    let table = context.table;
    let same_instance = property.instance == context.instance;
    if same_instance && property.incarnation == table.incarnation {
        return if table.knows(property.snapshot) {
            record(context, facts, property)
        } else {
            new_incarnation(context, facts, property, IncarnationCause::StaleState)
        };
    }
    if !(adopting || (same_instance && property.incarnation < table.incarnation)) {
        return replaced(context, property);
    }
    if let Some(verdict) = lineage(context, facts, property) {
        return verdict;
    }
    if property.incarnation >= table.incarnation || property.watermark != table.watermark() {
        let cause = if adopting { IncarnationCause::Adopted } else { IncarnationCause::StaleState };
        return new_incarnation(context, facts, property, cause);
    }
    commit(context, facts, CommitKind::Fence, table.incarnation, table.watermark(), &[])
}

fn new_incarnation(context: Context<'_>, facts: &Facts, property: &Property, cause: IncarnationCause) -> Verdict {
    if let Some(verdict) = lineage(context, facts, property) {
        return verdict;
    }
    Verdict::Propose(Command::NewIncarnation {
        table: context.id,
        uuid: facts.uuid,
        incarnation: Incarnation(property.incarnation.0.saturating_add(1).max(context.table.incarnation.0)),
        cause,
        streams: property.streams.clone(),
        watermark: property.watermark.clone(),
    })
}

/// Steps 3 to 7 for a table that is ours.
fn owned(context: Context<'_>, facts: &Facts, property: &Property) -> Verdict {
    let table = context.table;
    if property.instance != context.instance || property.incarnation > table.incarnation {
        return replaced(context, property);
    }
    if property.incarnation < table.incarnation {
        let detail = format!("its incarnation was {} and is {}", table.incarnation, property.incarnation);
        return stop(context, StopReason::CatalogWentBack, &detail);
    }
    if !table.knows(property.snapshot) {
        return new_incarnation(context, facts, property, IncarnationCause::StaleState);
    }
    if let Some(verdict) = lineage(context, facts, property) {
        return verdict;
    }
    if table.recorded.is_none_or(|recorded| recorded.snapshot != property.snapshot) {
        return record(context, facts, property);
    }
    match prefix(context, facts, property) {
        Prefix::Nothing => Verdict::Rest,
        Prefix::Broken { after, reason } => Verdict::Propose(Command::Realign { table: context.id, after, reason }),
        Prefix::Take { staged, watermark } => {
            commit(context, facts, CommitKind::Append, table.incarnation, watermark, &staged)
        }
    }
}

/// Step 4: the snapshot that the property names must be an ancestor of the head.
fn lineage(context: Context<'_>, facts: &Facts, property: &Property) -> Option<Verdict> {
    if facts.ancestors.iter().any(|snapshot| snapshot.id == property.snapshot) {
        return None;
    }
    let named = property.snapshot;
    Some(if facts.root_reached {
        let detail = format!("snapshot {named} is not in the history of main any more: main was set back");
        stop(context, StopReason::RolledBack, &detail)
    } else {
        let detail = format!("snapshots between the head and {named} have expired, so the two cannot be compared");
        stop(context, StopReason::LineageUnverifiable, &detail)
    })
}

enum Prefix<'a> {
    Nothing,
    Broken { after: AcceptanceNumber, reason: RealignReason },
    Take { staged: Vec<&'a Accepted>, watermark: BTreeMap<ChainKey, Mark> },
}

/// Steps 5 and 6: manifests in order of acceptance, each starting exactly where its chains end.
fn prefix<'a>(context: Context<'a>, facts: &Facts, property: &Property) -> Prefix<'a> {
    let mut watermark = context.table.watermark();
    watermark.extend(property.watermark.iter().map(|(key, mark)| (*key, *mark)));
    let mut staged = Vec::new();
    let mut files = 0;
    for accepted in &context.table.accepted {
        files += accepted.manifest.files.len();
        if files > FILES_PER_COMMIT && !staged.is_empty() {
            break;
        }
        if let Some(reason) = illegal(context, facts, accepted, &watermark) {
            return Prefix::Broken { after: AcceptanceNumber(accepted.number.0 - 1), reason };
        }
        advance(&mut watermark, accepted);
        staged.push(accepted);
    }
    if staged.is_empty() { Prefix::Nothing } else { Prefix::Take { staged, watermark } }
}

fn illegal(
    context: Context<'_>,
    facts: &Facts,
    accepted: &Accepted,
    watermark: &BTreeMap<ChainKey, Mark>,
) -> Option<RealignReason> {
    let manifest = &accepted.manifest;
    let starts = |range: &crate::manifest::ManifestRange| {
        watermark.get(&range.chain).is_some_and(|mark| mark.offset == range.range.from())
    };
    if !manifest.ranges.iter().all(starts) {
        return Some(RealignReason::NotAPrefix);
    }
    let too_old = context.now > accepted.at.plus_ms(STAGED_AT_MOST_MS);
    if too_old || manifest.incarnation != context.table.incarnation {
        return Some(RealignReason::FilesTooOld);
    }
    let known =
        manifest.files.iter().all(|file| facts.schemas.contains(&file.schema) && facts.specs.contains(&file.spec));
    (!known).then_some(RealignReason::SchemaGone)
}

fn advance(watermark: &mut BTreeMap<ChainKey, Mark>, accepted: &Accepted) {
    for range in &accepted.manifest.ranges {
        let Some(mark) = watermark.get_mut(&range.chain) else { continue };
        mark.offset = range.range.to();
        mark.leader_epoch = range.leader_epoch;
        if range.rows > 0 {
            mark.last = (range.range.from(), range.range.to(), range.rows);
        }
    }
}

fn record(context: Context<'_>, facts: &Facts, property: &Property) -> Verdict {
    Verdict::Propose(Command::RecordCommit {
        table: context.id,
        uuid: facts.uuid,
        incarnation: property.incarnation,
        snapshot: property.snapshot,
        sequence: facts.last_sequence,
        watermark: property.watermark.clone(),
    })
}

fn commit(
    context: Context<'_>,
    facts: &Facts,
    kind: CommitKind,
    incarnation: Incarnation,
    watermark: BTreeMap<ChainKey, Mark>,
    staged: &[&Accepted],
) -> Verdict {
    let property = Property {
        instance: context.instance,
        incarnation,
        snapshot: context.snapshot,
        streams: context.table.streams.clone(),
        watermark,
    };
    let parent = facts.head().map_or(Timestamp(i64::MIN), |head| head.at.plus_ms(1));
    let plan = CommitPlan {
        kind,
        snapshot: context.snapshot,
        at: context.now.max(facts.last_updated.plus_ms(1)).max(parent),
        base: facts.head().map(|head| head.id),
        files: staged.iter().flat_map(|accepted| accepted.manifest.files.clone()).collect(),
        properties: property.changes(context.cluster, &facts.properties),
        summary: summary(context, incarnation, kind, staged),
    };
    let upto = staged.last().map_or(AcceptanceNumber(0), |last| last.number);
    Verdict::Commit(plan, upto, facts.last_sequence)
}

/// The K2I entries of a snapshot summary.
fn summary(
    context: Context<'_>,
    incarnation: Incarnation,
    kind: CommitKind,
    staged: &[&Accepted],
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::from([
        ("k2i.cluster".to_owned(), context.cluster.to_owned()),
        ("k2i.instance".to_owned(), context.instance.to_string()),
        ("k2i.incarnation".to_owned(), incarnation.to_string()),
        ("k2i.kind".to_owned(), kind.as_str().to_owned()),
    ]);
    let changed = changed_ranges(staged);
    if changed.is_empty() {
        return out;
    }
    let text = ranges_text(&changed);
    if text.len() <= RANGES_TEXT {
        out.insert("k2i.ranges".into(), text);
    } else {
        let digest = Sha256::digest(text.as_bytes());
        out.insert("k2i.ranges.sha256".into(), digest.iter().map(|byte| format!("{byte:02x}")).collect());
        out.insert("k2i.ranges.count".into(), changed.len().to_string());
    }
    out
}

/// Per chain: from, to, rows and newest timestamp of what a commit adds.
type Changed = BTreeMap<ChainKey, (Offset, Offset, u64, Option<Timestamp>)>;

fn changed_ranges(staged: &[&Accepted]) -> Changed {
    let mut changed = Changed::new();
    for range in staged.iter().flat_map(|accepted| &accepted.manifest.ranges) {
        let entry = changed.entry(range.chain).or_insert((range.range.from(), range.range.to(), 0, None));
        entry.1 = range.range.to();
        entry.2 += range.rows;
        entry.3 = entry.3.max(range.newest);
    }
    changed
}

fn ranges_text(changed: &Changed) -> String {
    let entries: Vec<String> = changed
        .iter()
        .map(|(ChainKey { stream: StreamId(stream), partition }, (from, to, rows, newest))| {
            let newest = newest.map_or_else(|| "null".to_owned(), |at| at.to_string());
            format!("[{stream},{partition},{from},{to},{rows},{newest}]")
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn replaced(context: Context<'_>, property: &Property) -> Verdict {
    let detail = format!(
        "instance {} (incarnation {}) writes to it under this cluster's name; this one is instance {}",
        property.instance, property.incarnation, context.instance
    );
    stop(context, StopReason::Replaced, &detail)
}

fn stop(context: Context<'_>, reason: StopReason, detail: &str) -> Verdict {
    let stopped = Stopped { reason, detail: detail.to_owned() };
    Verdict::Propose(Command::StopTable { table: context.id, stopped })
}
