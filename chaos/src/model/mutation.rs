//! Deliberate mistakes, made outside the shipped code by showing it something else than what is there.
//!
//! Each stands for a design that was considered and is wrong, or that another system shipped. A model that finds nothing
//! under one of them is not looking.

use k2i_domain::ids::{SnapshotId, Timestamp};
use k2i_domain::lake::{Facts, SnapshotFact};
use k2i_domain::manifest::Manifest;
use k2i_domain::property::Property;
use k2i_domain::range::{Offset, Range};
use k2i_domain::state::{Life, State, Table};

use super::life::IDS;
use super::{CLUSTER, TABLE};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing.
    None,
    /// The loop believes its own record instead of the watermark that the table carries.
    OwnRecord,
    /// "Committed" is recorded without reading the table.
    BelieveReply,
    /// A file that the store still has may be committed, however old it is.
    HeadIsPermission,
    /// That the table was set back is not noticed.
    NoLineage,
    /// A manifest needs the current epoch only, and may start anywhere.
    EpochOnly,
    /// A leader's random numbers repeat themselves.
    RepeatedRandom,
    /// The fence of a decision is landed whatever has happened since.
    BlindFence,
}

impl Mutation {
    /// The snapshot id that a leader's randomness gives it, where it should be `next`.
    #[must_use]
    pub fn snapshot(self, next: SnapshotId) -> SnapshotId {
        if self == Self::RepeatedRandom { SnapshotId(next.0 - next.0 % IDS) } else { next }
    }

    /// The facts as the loop is shown them.
    #[must_use]
    pub fn facts(self, state: &State, mut facts: Facts) -> Facts {
        let Some(table) = state.tables.get(&TABLE) else { return facts };
        match self {
            Self::OwnRecord => own_record(state, table, &mut facts),
            Self::NoLineage => always_an_ancestor(&mut facts),
            Self::BlindFence => as_it_was_decided_on(table, &mut facts),
            _ => {}
        }
        facts
    }

    /// The state as the loop is shown it; `None`: as it is.
    #[must_use]
    pub fn state(self, state: &State, now: Timestamp) -> Option<State> {
        if self != Self::HeadIsPermission {
            return None;
        }
        let mut shown = state.clone();
        let tables = shown.tables.values_mut();
        tables.flat_map(|table| &mut table.accepted).for_each(|accepted| accepted.at = now);
        Some(shown)
    }

    /// The manifest as the state machine is shown it.
    #[must_use]
    pub fn manifest(self, state: &State, mut manifest: Manifest) -> Manifest {
        let Some(table) = state.tables.get(&TABLE).filter(|_| self == Self::EpochOnly) else { return manifest };
        for range in &mut manifest.ranges {
            let Some(chain) = table.chains.get(&range.chain) else { continue };
            let end = range.range.to().max(Offset(chain.accepted_end.0 + 1));
            range.range = Range::new(chain.accepted_end, end).unwrap_or(range.range);
        }
        let rows = manifest.rows();
        manifest.files.iter_mut().for_each(|file| file.rows = rows);
        manifest
    }
}

/// Shows the property's snapshot in the head's history, where it is not.
fn always_an_ancestor(facts: &mut Facts) {
    let Ok(Some(property)) = Property::parse(CLUSTER, &facts.properties) else { return };
    if facts.ancestors.iter().any(|snapshot| snapshot.id == property.snapshot) {
        return;
    }
    let Some(head) = facts.ancestors.first().cloned() else { return };
    facts.ancestors.push(SnapshotFact { id: property.snapshot, ..head });
}

/// Shows the property that a decision was made on, and whatever came on top of the head as somebody else's.
fn as_it_was_decided_on(table: &Table, facts: &mut Facts) {
    let Life::Resuming(on) = table.life else { return };
    let since = facts.ancestors.iter_mut().take_while(|snapshot| Some(snapshot.id) != on.head);
    since.for_each(|snapshot| snapshot.summary.clear());
    let Ok(Some(mut property)) = Property::parse(CLUSTER, &facts.properties) else { return };
    if property.incarnation < table.incarnation {
        property.snapshot = on.named.unwrap_or(property.snapshot);
        facts.properties.extend(property.render(CLUSTER));
    }
}

/// Shows the property as our own record has it.
fn own_record(state: &State, table: &Table, facts: &mut Facts) {
    let recorded = table.recorded.filter(|_| table.life == Life::Owned);
    let (Some(instance), Some(recorded)) = (state.instance, recorded) else { return };
    let property = Property {
        instance,
        incarnation: table.incarnation,
        snapshot: recorded.snapshot,
        streams: table.streams.clone(),
        watermark: table.watermark(),
    };
    facts.properties.extend(property.render(CLUSTER));
}
