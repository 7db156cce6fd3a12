//! The model: the shipped [`State::apply`] and [`Core::handle`] under [`stateright`], with everything around them that can
//! go wrong as actions of their own.
//!
//! **What is modelled.** One table fed by two topic partitions. A *life* is one cluster's replicated state with its leader;
//! a deposed leader goes on with what it had begun ([`actions::Who::Deposed`]). A second life may start at any time: an
//! adopter (same name, empty state) or a copy of the first one's state taken at any earlier moment. Workers upload cuts
//! and submit them late, twice or never, also after their session's end. A commit request lands at once, later or never,
//! and its answer may be lost. Somebody else compacts the table, sets `main` to another snapshot, expires snapshots, or
//! deletes files that nobody names and that are older than a day. A catalog may say "committed" without having done it.
//!
//! **What is not.** Time is one instant, a wake-up that is later than every pause of the loop, and one day that may pass;
//! Raft is the state itself, so a state is never behind; snapshot ids are counted. Several tables, schemas and cut ticks
//! are left to the unit tests of `k2i-domain`.
//!
//! **What must hold** in every state is in [`checks`]; [`settle`] adds that from anywhere, once nothing more goes wrong,
//! the rows get into the table. Bounds are in [`scenarios`]. That the checks can fail is shown by [`mutation`]s.
//!
//! [`State::apply`]: k2i_domain::state::State::apply
//! [`Core::handle`]: k2i_domain::core::Core::handle

pub mod actions;
pub mod checks;
pub mod life;
pub mod mutation;
pub mod scenarios;
pub mod settle;
pub mod table;
#[cfg(test)]
mod tests;
pub mod world;

use k2i_domain::ids::TableId;
use stateright::{Model, Property};

use actions::{Action, Budget, Fault};
use mutation::Mutation;
use world::World;

/// Topic partitions of the one stream.
pub const PARTITIONS: usize = 2;
/// The cluster name of every life.
pub const CLUSTER: &str = "c";
/// How many incarnations are followed.
const INCARNATIONS: u32 = 3;
/// The one table, by the same number in every state.
pub const TABLE: TableId = TableId(1);

/// What the second life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// There is none.
    None,
    /// A cluster of the same name with an empty state.
    Adopter,
    /// A copy of the first one's state as it once was.
    Copy,
}

/// One run: its bounds, and what is deliberately broken.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name in reports.
    pub name: &'static str,
    /// Rows that each topic partition has.
    pub rows: [i64; PARTITIONS],
    /// The second life.
    pub second: Second,
    /// How much may happen.
    pub budget: Budget,
    /// What may go wrong.
    pub faults: &'static [Fault],
    /// What is broken.
    pub mutation: Mutation,
    /// From one state in so many the way to the end is tried; 0 tries none.
    pub settle_every: u64,
    /// What must be reached for the run to mean anything.
    pub reached: &'static [&'static str],
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(self, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.perform(self, &action).then_some(next)
    }

    /// Two copies of one state may outbid each other without end, each before the other has seen its own fence.
    fn within_boundary(&self, world: &World) -> bool {
        world.lives.iter().all(|life| life.table().incarnation.0 <= INCARNATIONS)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let examples = checks::EXAMPLES.iter().filter(|(name, _)| self.reached.contains(name));
        let examples = examples.map(|(name, holds)| Property::sometimes(name, *holds));
        checks::SAFETY.iter().map(|(name, holds)| Property::always(name, *holds)).chain(examples).collect()
    }
}
