//! What must hold of the replicated state after every command, by name.
//!
//! The same names are used by tests, the model and the production counter `k2i_invariant_violations_total{id}`.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, TableId};
use crate::range::Offset;
use crate::state::{State, Table};

/// A named invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// The staged ranges of a chain tile, without gap or overlap, from its watermark to its accepted end.
    ChainTiles,
    /// A staged manifest belongs to the table's incarnation.
    StagedIncarnation,
    /// Acceptance numbers rise.
    AcceptanceOrder,
    /// Only live sessions own chains, and only of tables that may be read.
    OwnerLives,
}

impl Invariant {
    /// Every invariant of the state.
    pub const ALL: [Self; 4] = [Self::ChainTiles, Self::StagedIncarnation, Self::AcceptanceOrder, Self::OwnerLives];

    /// Its name in metrics and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChainTiles => "chain_tiles",
            Self::StagedIncarnation => "staged_incarnation",
            Self::AcceptanceOrder => "acceptance_order",
            Self::OwnerLives => "owner_lives",
        }
    }
}

/// Every invariant that the state breaks, with the table.
#[must_use]
pub fn violations(state: &State) -> Vec<(Invariant, TableId)> {
    let mut broken = Vec::new();
    for (id, table) in &state.tables {
        let mut check = |holds: bool, invariant| {
            if !holds {
                broken.push((invariant, *id));
            }
        };
        check(chains_tile(table), Invariant::ChainTiles);
        check(
            table.accepted.iter().all(|accepted| accepted.manifest.incarnation == table.incarnation),
            Invariant::StagedIncarnation,
        );
        let numbers: Vec<_> = table.accepted.iter().map(|accepted| accepted.number).collect();
        check(numbers.windows(2).all(|pair| pair[0] < pair[1]), Invariant::AcceptanceOrder);
        let owners = table.chains.values().filter_map(|chain| chain.owner);
        let allowed = |owner| state.is_live(owner) && table.is_readable();
        check(owners.into_iter().all(allowed), Invariant::OwnerLives);
    }
    broken
}

fn chains_tile(table: &Table) -> bool {
    let mut ends: BTreeMap<ChainKey, Offset> =
        table.chains.iter().map(|(key, chain)| (*key, chain.mark.offset)).collect();
    for range in table.accepted.iter().flat_map(|accepted| &accepted.manifest.ranges) {
        let Some(end) = ends.get_mut(&range.chain) else { return false };
        // A manifest that a record has overtaken in part is realigned by the next round of the loop; until then its
        // ranges lie below the watermark or start at the end.
        if range.range.from() > *end {
            return false;
        }
        *end = range.range.to().max(*end);
    }
    table.chains.iter().all(|(key, chain)| ends.get(key) == Some(&chain.accepted_end))
}
