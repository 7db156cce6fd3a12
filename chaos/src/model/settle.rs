//! Liveness: from any state, once nothing more goes wrong, the rows get into the table.
//!
//! "Eventually" in a model checker needs a graph without cycles, and a loop that retries has cycles. So from a sample of
//! the states one fair schedule without faults is run to its fixpoint: requests are answered, proposals logged, workers
//! read and submit. It must end with every row in the table, or with a reason that a person has to look at.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use k2i_domain::core::Effect;
use k2i_domain::port::StopReason;
use k2i_domain::state::Life as Owning;

use super::actions::{Action, Answer, Budget, Who};
use super::life::Life;
use super::world::World;
use super::{Setup, checks};

/// Rounds of the schedule; far more than any state needs.
const ROUNDS: usize = 60;

/// The check, for one state in [`Setup::settle_every`].
#[must_use]
pub fn sampled(setup: &Setup, world: &World) -> bool {
    if setup.settle_every == 0 || !hash(world).is_multiple_of(setup.settle_every) {
        return true;
    }
    settles(setup, world)
}

/// Runs the schedule and judges where it ends.
#[must_use]
pub fn settles(setup: &Setup, world: &World) -> bool {
    let mut world = world.clone();
    world.left = Budget::default();
    world.flights.clear();
    world.lives.iter_mut().for_each(|life| Arc::make_mut(life).deposed = None);
    for _ in 0..ROUNDS {
        let before = hash(&world);
        for life in 0..world.lives.len() {
            turn(setup, &mut world, life);
        }
        if hash(&world) == before {
            return ends_well(setup, &world);
        }
    }
    false
}

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Everything that one life can do by itself.
fn turn(setup: &Setup, world: &mut World, number: usize) {
    if !world.lives[number].state.is_live(world.lives[number].session()) {
        world.perform(setup, &Action::Restart(number));
    }
    for _ in 0..ROUNDS {
        let waiting = |effect: &Effect| !matches!(effect, Effect::Confirm(_));
        let Some(index) = world.lives[number].leader.effects.iter().position(waiting) else { break };
        let action = match world.lives[number].leader.effects[index] {
            Effect::Propose(..) => Action::Log(number, Who::Leader, index, true),
            _ => Action::Send(number, Who::Leader, index, Answer::True),
        };
        world.perform(setup, &action);
    }
    let most = std::array::from_fn(|index| {
        world.lives[number].grants()[index].map_or(0, |(_, start)| (setup.rows[index] - start).max(0))
    });
    if most.iter().any(|rows| *rows > 0) {
        world.upload(number, most);
        world.submit(setup, world.flights.len() - 1, number, false);
    }
    world.perform(setup, &Action::Round(number));
}

/// Everything is in the table of a life that goes on; or somebody else's hand on the table's history is what all of them
/// stopped for. Copies of one state may both go on while they agree.
fn ends_well(setup: &Setup, world: &World) -> bool {
    let owns = |life: &Life| life.table().life == Owning::Owned && life.table().stopped.is_none();
    if world.lives.iter().any(|life| owns(life)) {
        return checks::all_rows(setup, world);
    }
    world.disturbed && world.lives.iter().any(|life| history_in_doubt(life))
}

fn history_in_doubt(life: &Life) -> bool {
    let reason = life.table().stopped.as_ref().map(|stopped| stopped.reason);
    matches!(reason, Some(StopReason::RolledBack | StopReason::LineageUnverifiable))
}
