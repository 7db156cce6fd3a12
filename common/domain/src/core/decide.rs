//! What one fresh load of a table means: steps 2 to 7 of the commit loop, as one function of values.
//!
//! The loop runs [`decide`] on every load and does the one thing that it answers; any outcome of that leads to the
//! next load. So each step sees the table as it is and the state as it was agreed, never an assumption about the step
//! before (DESIGN section 5).

use std::collections::BTreeMap;

use super::summary;
use crate::ids::{AcceptanceNumber, ChainKey, Incarnation, Instance, SequenceNumber, SnapshotId, TableId, Timestamp};
use crate::lake::{CommitKind, CommitPlan, CreatePlan, Facts, Loaded};
use crate::port::{StopReason, Stopped};
use crate::property::{self, Property};
use crate::state::{Accepted, Command, IncarnationCause, Life, Mark, RealignReason, Resuming, Table};

/// Files of one commit; what is staged beyond waits for the next.
const FILES_PER_COMMIT: usize = 1_000;
/// Files staged for longer are never committed as they are: orphan cleaners of others exist.
const STAGED_AT_MOST_MS: i64 = 24 * 3_600 * 1_000;

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
            return Verdict::Stale(Stopped::new(StopReason::TableRecreated, detail));
        }
        Loaded::Failed(why) => return Verdict::Wait(why.clone()),
    };
    naming_head(decide_on(context, facts), facts)
}

fn decide_on(context: Context<'_>, facts: &Facts) -> Verdict {
    if let Some(verdict) = same_table(context, facts) {
        return verdict;
    }
    let property = match Property::parse(context.cluster, &facts.properties) {
        Ok(property) => property,
        Err(error) => return stop(context, StopReason::WatermarkMissing, &error.to_string()),
    };
    match (property, context.table.life) {
        (property, Life::Resuming(on)) => resuming(context, facts, property.as_ref(), on),
        (None, Life::New) => first_contact(context, facts),
        (None, _) => stop(context, StopReason::WatermarkMissing, "the table's k2i properties are gone"),
        (Some(property), Life::New) => adopt(context, facts, property),
        (Some(property), Life::Fencing { adopting }) => fence(context, facts, &property, adopting),
        (Some(property), Life::Owned) => owned(context, facts, &property),
    }
}

/// A person who is to decide is told the head that the decision will be about.
fn naming_head(mut verdict: Verdict, facts: &Facts) -> Verdict {
    let stopped = match &mut verdict {
        Verdict::Propose(Command::StopTable { stopped, .. }) | Verdict::Stale(stopped) => stopped,
        _ => return verdict,
    };
    if !stopped.reason.decisions().is_empty() {
        let head = facts.head().map_or_else(|| "none".to_owned(), |head| head.id.to_string());
        stopped.detail.push_str(&format!("; its head is snapshot {head}"));
    }
    verdict
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
    let seen = match table.life {
        Life::Resuming(on) => Some(on.sequence),
        Life::New | Life::Fencing { .. } | Life::Owned => table.recorded.map(|recorded| recorded.sequence),
    };
    let stale = seen.is_some_and(|sequence| facts.last_sequence < sequence);
    stale.then(|| {
        let detail = "the catalog has shown an older state of it for a minute: was the catalog restored?".to_owned();
        Verdict::Stale(Stopped::new(StopReason::CatalogWentBack, detail))
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
        summary: summary::summary(context.cluster, &property, CommitKind::Create, &[]),
    })
}

/// A table that exists and that no life under our name has touched.
fn first_contact(context: Context<'_>, facts: &Facts) -> Verdict {
    let table = context.table;
    if facts.ancestors.iter().any(|snapshot| summary::is_of(snapshot, context.cluster)) {
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
    let taken = claimant(context, facts)?;
    let detail = format!("cluster {taken} already writes this topic to the table");
    Some(stop(context, StopReason::StreamClaimed, &detail))
}

/// Another cluster name whose property on the table names one of our streams.
pub(super) fn claimant<'a>(context: Context<'_>, facts: &'a Facts) -> Option<&'a str> {
    let own = property::encoded_cluster(context.cluster);
    let mine: Vec<_> = context.table.streams.values().collect();
    property::clusters(&facts.properties)
        .filter(|cluster| *cluster != own)
        .find(|cluster| property::streams_of(cluster, &facts.properties).iter().any(|stream| mine.contains(&stream)))
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

/// Our first commit of a life has landed. As the first snapshot of a table that was there before, it is believed only
/// once its own request was answered, or can no longer be on its way.
fn first_record(context: Context<'_>, facts: &Facts, property: &Property) -> Verdict {
    let on_empty = facts
        .ancestors
        .iter()
        .find(|snapshot| snapshot.id == property.snapshot)
        .is_some_and(|first| first.parent.is_none() && !summary::is_kind(first, CommitKind::Create));
    if on_empty && !context.first_answered {
        return Verdict::Wait("waiting for the answer to the first commit on an empty table".into());
    }
    record(context, facts, property)
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

/// A person has accepted a head: the fence goes on top of it, or of what others made of it since. Whatever else has
/// happened meanwhile is for a person to look at: a late request of the life before, or `main` set to another snapshot of
/// ours, which holds other rows.
fn resuming(context: Context<'_>, facts: &Facts, property: Option<&Property>, on: Resuming) -> Verdict {
    let table = context.table;
    if let Some(property) = property {
        let same_instance = property.instance == context.instance;
        if same_instance && property.incarnation == table.incarnation && table.knows(property.snapshot) {
            return first_record(context, facts, property);
        }
        if property.incarnation >= table.incarnation {
            return replaced(context, property);
        }
    }
    let named = property.map(|property| property.snapshot);
    let since = facts.ancestors.iter().position(|snapshot| Some(snapshot.id) == on.head);
    let since = since.or_else(|| on.head.is_none().then_some(facts.ancestors.len()));
    let on_top = since.is_some_and(|since| {
        !facts.ancestors.iter().take(since).any(|snapshot| summary::is_of(snapshot, context.cluster))
    });
    if named != on.named || !on_top {
        let detail = "it was changed while a decision on it was carried out; look at it again";
        return stop(context, StopReason::LineageUnverifiable, detail);
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
        summary: summary::summary(context.cluster, &property, kind, staged),
    };
    let upto = staged.last().map_or(AcceptanceNumber(0), |last| last.number);
    Verdict::Commit(plan, upto, facts.last_sequence)
}

fn replaced(context: Context<'_>, property: &Property) -> Verdict {
    let detail = format!(
        "instance {} (incarnation {}) writes to it under this cluster's name; this one is instance {}",
        property.instance, property.incarnation, context.instance
    );
    stop(context, StopReason::Replaced, &detail)
}

fn stop(context: Context<'_>, reason: StopReason, detail: &str) -> Verdict {
    Verdict::Propose(Command::StopTable { table: context.id, stopped: Stopped::new(reason, detail) })
}
