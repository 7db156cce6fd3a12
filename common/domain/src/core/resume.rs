//! A person's decision on a stopped table: whether it may be carried out on the load at hand, and what it comes to.
//!
//! A decision names the head that the person looked at. It is carried out on that head only, once, and as one log
//! entry that begins a new life; the fence of that life is what the ordinary loop lands next. A decision that cannot be
//! carried out is refused with the reason, and changes nothing (protocol details, "Stopped tables").
//!
//! It must be the head that the first load shows: a decision that was left in a command line says nothing of a stop that
//! comes later, whatever has been committed on top of the head that it names.

use std::collections::BTreeMap;

use super::decide::{Context, Verdict, claimant};
use super::summary::{self, Positions};
use crate::ids::{ChainKey, Incarnation, SnapshotId, StreamId, StreamIdentity, Timestamp};
use crate::lake::{CommitKind, Facts, Loaded, SnapshotFact};
use crate::port::{Decision, Observation, StopReason, Stopped};
use crate::property::{Property, PropertyError};
use crate::range::Offset;
use crate::state::{Command, Life, Mark, Resuming, Resumption, StartAt};

/// How long a table that is well may wait for its topics to be seen before there is nothing to decide.
const PATIENCE_MS: i64 = 60_000;

/// A decision, and the head that it was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resume {
    /// What was decided.
    pub decision: Decision,
    /// The head that the person looked at; `None`: the table had no snapshot, or there was no table.
    pub expected: Option<SnapshotId>,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ResumeEnd {
    /// It was carried out: the table goes on.
    Done,
    /// The table is not stopped, so there was nothing to decide.
    NotStopped,
    /// It was refused; the text says why, and what to do.
    Refused(String),
}

/// A decision that is not carried out yet, with what was seen meanwhile of the table's topics.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PendingResume {
    resume: Resume,
    /// When it was put.
    since: Timestamp,
    /// The head that the first load showed.
    first: Option<Option<SnapshotId>>,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Seen {
    identity: StreamIdentity,
    /// Log end by topic partition.
    ends: BTreeMap<i32, Offset>,
}

/// What a decision makes of the loop's verdict.
pub(super) enum Weighed {
    /// It is still to be carried out; do this.
    Act(Verdict),
    /// It has ended; do this.
    End(ResumeEnd, Verdict),
}

/// Why a decision is not carried out now.
enum Not {
    /// Something outside is not there yet.
    Yet(String),
    /// It is refused.
    Ever(String),
}

impl PendingResume {
    pub(super) fn new(resume: Resume, now: Timestamp) -> Self {
        Self { resume, since: now, first: None, seen: BTreeMap::new() }
    }

    pub(super) fn loaded(&mut self, loaded: &Loaded) {
        if let Loaded::Found(facts) = loaded {
            self.first.get_or_insert(facts.head().map(|head| head.id));
        }
    }

    pub(super) fn saw(&mut self, observation: &Observation) {
        let ends = observation.partitions.iter().map(|(partition, _, end)| (partition.0, *end)).collect();
        let seen = Seen { identity: observation.identity.clone(), ends };
        self.seen.insert(seen.identity.topic.clone(), seen);
    }
}

/// Weighs a decision against the load: `verdict` is what the loop would do without it.
pub(super) fn weigh(context: Context<'_>, loaded: &Loaded, pending: &PendingResume, verdict: Verdict) -> Weighed {
    let table = context.table;
    let Some(stopped) = &table.stopped else {
        // A topic that was recreated stops the table only once it is seen.
        let seen = table.streams.values().all(|identity| pending.seen.contains_key(&identity.topic))
            || context.now >= pending.since.plus_ms(PATIENCE_MS);
        let well = seen && table.life == Life::Owned && matches!(verdict, Verdict::Rest | Verdict::Commit(..));
        return if well { Weighed::End(ResumeEnd::NotStopped, verdict) } else { Weighed::Act(verdict) };
    };
    if stopped.reason.lifts_itself() {
        let reason = stopped.reason.as_str();
        let why = format!("it is stopped as {reason}, which lifts itself once the cause is gone");
        return Weighed::End(ResumeEnd::Refused(why), verdict);
    }
    // Where only reading stopped, the loop goes on first: what was accepted before is committed, and a table that is
    // in doubt for another reason stops for that. One that was never recorded has nothing to go on with.
    let settled = table.is_halted() || table.life == Life::New || matches!(verdict, Verdict::Rest);
    if !settled {
        return Weighed::Act(verdict);
    }
    match resolve(context, stopped, loaded, pending) {
        Ok(resumption) => Weighed::Act(Verdict::Propose(Command::ResumeTable { table: context.id, resumption })),
        Err(Not::Yet(why)) => Weighed::Act(Verdict::Wait(why)),
        Err(Not::Ever(why)) => Weighed::End(ResumeEnd::Refused(why), Verdict::Rest),
    }
}

fn resolve(
    context: Context<'_>,
    stopped: &Stopped,
    loaded: &Loaded,
    pending: &PendingResume,
) -> Result<Resumption, Not> {
    let decision = pending.resume.decision;
    allowed(stopped, decision)?;
    let facts = match loaded {
        Loaded::Found(facts) => facts,
        Loaded::Failed(why) => return Err(Not::Yet(why.clone())),
        Loaded::Missing => return create_anew(context, stopped, pending.resume),
    };
    if facts.format_version < 2 {
        return Err(Not::Ever("it has format version 1, which lacks sequence numbers; upgrade it to 2".into()));
    }
    expected(context, facts, pending)?;
    let property = match Property::parse(context.cluster, &facts.properties) {
        Err(error @ PropertyError::TooNew { .. }) => return Err(Not::Ever(error.to_string())),
        // What cannot be read counts as gone, as for the stop.
        Err(_) => None,
        Ok(property) => property,
    };
    ours(context, property.as_ref())?;
    if let Some(cluster) = claimant(context, facts) {
        return Err(Not::Ever(format!("cluster {cluster} reads its topic into it too; only one may")));
    }
    let (streams, watermark) = match decision {
        Decision::Keep if stopped.reason.halts_commits() => keep(context, facts, property.as_ref())?,
        Decision::Keep => keep_topics(context, stopped, pending)?,
        Decision::Reingest => held(context, facts, property.as_ref())
            .map_err(|why| Not::Ever(format!("what the head holds cannot be established: {why}")))?,
        Decision::Reset => reset(context, stopped),
    };
    Ok(Resumption {
        decision,
        uuid: Some(facts.uuid),
        incarnation: next_incarnation(context, facts, property.as_ref()),
        on: Resuming {
            head: facts.head().map(|head| head.id),
            named: property.map(|property| property.snapshot),
            sequence: facts.last_sequence,
        },
        streams,
        watermark,
    })
}

fn allowed(stopped: &Stopped, decision: Decision) -> Result<(), Not> {
    let decisions = stopped.reason.decisions();
    if decisions.contains(&decision) {
        return Ok(());
    }
    let names: Vec<&str> = decisions.iter().map(|decision| decision.as_str()).collect();
    let instead =
        if names.is_empty() { "no decision lifts it".to_owned() } else { format!("use {}", names.join(" or ")) };
    let reason = stopped.reason.as_str();
    Err(Not::Ever(format!("it is stopped as {reason}, which {} does not lift; {instead}", decision.as_str())))
}

/// The table is gone, or was never made. It begins anew only where that was decided on.
fn create_anew(context: Context<'_>, stopped: &Stopped, resume: Resume) -> Result<Resumption, Not> {
    let gone = stopped.reason.halts_commits();
    let anew = if gone { Decision::Reingest } else { Decision::Reset };
    if resume.decision != anew || resume.expected.is_some() {
        let decision = anew.as_str();
        let why =
            format!("the catalog has no such table; bring it back, or let {decision} begin it anew, expecting none");
        return Err(Not::Ever(why));
    }
    Ok(Resumption {
        decision: resume.decision,
        uuid: None,
        incarnation: Incarnation(context.table.incarnation.0.saturating_add(1)),
        on: Resuming::default(),
        streams: BTreeMap::new(),
        watermark: BTreeMap::new(),
    })
}

/// The head is the one that the person looked at. Where only reading stopped, what was accepted before may have been
/// committed on top of it since the decision was put.
fn expected(context: Context<'_>, facts: &Facts, pending: &PendingResume) -> Result<(), Not> {
    let resume = pending.resume;
    let looked_at = pending.first.unwrap_or_default() == resume.expected;
    let ours_since = |snapshot: &&SnapshotFact| {
        let of_this_life = summary::incarnation(snapshot) == Some(context.table.incarnation);
        let append = summary::is_of(snapshot, context.cluster) && summary::is_kind(snapshot, CommitKind::Append);
        !context.table.is_halted() && of_this_life && append
    };
    let skipped = facts.ancestors.iter().take_while(ours_since).count();
    let mut candidates = facts.ancestors.iter().take(skipped + 1).map(|snapshot| Some(snapshot.id));
    let empty = facts.ancestors.is_empty() && resume.expected.is_none();
    if looked_at && (empty || candidates.any(|candidate| candidate == resume.expected)) {
        return Ok(());
    }
    let text = |id: Option<SnapshotId>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let head = text(facts.head().map(|head| head.id));
    let why = format!("its head is snapshot {head}, not {}; look at it, and decide on that", text(resume.expected));
    Err(Not::Ever(why))
}

/// Nobody else writes to it under our name.
fn ours(context: Context<'_>, property: Option<&Property>) -> Result<(), Not> {
    let table = context.table;
    let older = property.is_some_and(|property| property.incarnation < table.incarnation);
    let taking_over = match table.life {
        Life::New | Life::Fencing { adopting: true } => true,
        Life::Resuming(_) => older,
        Life::Fencing { adopting: false } | Life::Owned => false,
    };
    let Some(property) = property.filter(|_| !taking_over) else { return Ok(()) };
    if property.instance == context.instance && property.incarnation <= table.incarnation {
        return Ok(());
    }
    let (instance, incarnation) = (property.instance, property.incarnation);
    Err(Not::Ever(format!("instance {instance} (incarnation {incarnation}) has taken it over under this name")))
}

/// Above whatever the table says of a life under our name.
fn next_incarnation(context: Context<'_>, facts: &Facts, property: Option<&Property>) -> Incarnation {
    let own = facts.ancestors.iter().filter(|snapshot| summary::is_of(snapshot, context.cluster));
    let named = property.map(|property| property.incarnation);
    let last = own.filter_map(summary::incarnation).chain(named).max().unwrap_or_default();
    Incarnation(last.max(context.table.incarnation).0.saturating_add(1))
}

/// On at the recorded positions, or where nothing was recorded at those of the property. Never before what the property
/// or the head is known to hold: that would double it.
fn keep(context: Context<'_>, facts: &Facts, property: Option<&Property>) -> Result<Positions, Not> {
    let table = context.table;
    let recorded = (table.streams.clone(), table.watermark());
    let named = property.map(|property| (property.streams.clone(), property.watermark.clone()));
    let kept = if table.life == Life::New { named.clone() } else { Some(recorded) };
    let Some((streams, mut watermark)) = kept else {
        let why = "neither this process nor the table says where it was, so nothing can be kept; use reingest";
        return Err(Not::Ever(why.into()));
    };
    for (of, marks) in named.into_iter().chain(held(context, facts, property).ok()) {
        for (key, mark) in marks.into_iter().filter(|(key, _)| of.get(&key.stream) == streams.get(&key.stream)) {
            let kept = watermark.entry(key).or_insert(mark);
            if kept.offset < mark.offset {
                *kept = mark;
            }
        }
    }
    Ok((streams, watermark))
}

/// The topic as it is now takes the place of the one that was read. A position past a log's end becomes the end.
fn keep_topics(context: Context<'_>, stopped: &Stopped, pending: &PendingResume) -> Result<Positions, Not> {
    let table = context.table;
    if table.life == Life::New {
        return Err(Not::Ever("nothing of it was ever recorded, so nothing can be kept; use reset".into()));
    }
    let (mut streams, mut watermark) = (BTreeMap::new(), BTreeMap::new());
    let mut next = table.streams.keys().next_back().map_or(0, |last| last.0 + 1);
    for (id, identity) in &table.streams {
        let marks = table.chains.iter().filter(|(key, _)| key.stream == *id);
        if !concerns(stopped, identity) {
            streams.insert(*id, identity.clone());
            watermark.extend(marks.map(|(key, chain)| (*key, chain.mark)));
            continue;
        }
        let seen = pending.seen.get(&identity.topic);
        let seen = seen.ok_or_else(|| Not::Yet(format!("waiting for topic {} to be seen", identity.topic)))?;
        let mut stream = *id;
        if seen.identity.contradicts(identity) {
            // Its number is not given to another one: snapshots of before name it.
            stream = StreamId(next);
            next += 1;
        }
        streams.insert(stream, seen.identity.clone());
        watermark.extend(marks.filter_map(|(key, chain)| {
            let end = seen.ends.get(&key.partition.0)?;
            Some((ChainKey { stream, ..*key }, Mark::start(chain.mark.offset.min(*end))))
        }));
    }
    Ok((streams, watermark))
}

/// Without the streams that the stop is about: their watcher reports them anew, with the configured start.
fn reset(context: Context<'_>, stopped: &Stopped) -> Positions {
    let kept = |identity: &StreamIdentity| !concerns(stopped, identity);
    let streams: BTreeMap<_, _> =
        context.table.streams.iter().filter(|(_, identity)| kept(identity)).map(|(id, s)| (*id, s.clone())).collect();
    let mut watermark = context.table.watermark();
    watermark.retain(|key, _| streams.contains_key(&key.stream));
    (streams, watermark)
}

/// All topics of a table come from one Kafka cluster; the other reasons are about one topic.
fn concerns(stopped: &Stopped, identity: &StreamIdentity) -> bool {
    stopped.reason == StopReason::KafkaClusterChanged
        || stopped.topic.as_ref().is_none_or(|topic| *topic == identity.topic)
}

/// The positions that the head really holds. A table whose whole history has nothing of ours holds none. Topics that
/// came after the head begin at the configured start; where that is the end of the log, it is not known any more.
fn held(context: Context<'_>, facts: &Facts, property: Option<&Property>) -> Result<Positions, String> {
    let own: Vec<&SnapshotFact> =
        facts.ancestors.iter().filter(|snapshot| summary::is_of(snapshot, context.cluster)).collect();
    let Some(newest) = own.first() else {
        let gone = "the history of its head has expired before any snapshot of ours";
        return if facts.root_reached { Ok(Positions::default()) } else { Err(gone.into()) };
    };
    if let Some(property) = property.filter(|property| property.snapshot == newest.id) {
        return Ok((property.streams.clone(), property.watermark.clone()));
    }
    let (mut streams, marks) = summary::positions(&own, property)?;
    let came_later = |id: &StreamId| !marks.keys().any(|key| key.stream == *id);
    match streams.iter().find(|(id, _)| came_later(id)) {
        Some((_, stream)) if context.table.spec.start == StartAt::Latest => {
            Err(format!("where topic {} began is not known any more", stream.topic))
        }
        _ => {
            streams.retain(|id, _| !came_later(id));
            Ok((streams, marks))
        }
    }
}
