//! What must hold in every state, and what must be reached for a run to mean anything.

use k2i_domain::core::Effect;
use k2i_domain::invariants;
use k2i_domain::port::StopReason;
use k2i_domain::state::Life as Owning;

use super::life::Life;
use super::settle;
use super::table::Table;
use super::world::World;
use super::{PARTITIONS, Second, Setup};

/// A named condition on a state.
pub type Check = (&'static str, fn(&Setup, &World) -> bool);

/// What must hold in every state.
pub const SAFETY: &[Check] = &[
    ("no row twice", |_, world| world.table.as_deref().is_none_or(|table| no_row_twice(world, table))),
    ("rows are those below the watermark", |_, world| world.table.as_deref().is_none_or(|table| exact(world, table))),
    ("no snapshot id twice", |_, world| world.table.as_deref().is_none_or(ids_differ)),
    ("every file of the head is stored", |_, world| world.table.as_deref().is_none_or(|table| stored(world, table))),
    ("nothing is trimmed that is not in the table", |_, world| world.lives.iter().all(|life| trimmed(world, life))),
    ("invariants of the state", |_, world| {
        world.lives.iter().all(|life| invariants::violations(&life.state).is_empty())
    }),
    ("the rows get in once nothing more goes wrong", settle::sampled),
];

/// What a run may be asked to reach.
pub const EXAMPLES: &[Check] = &[
    ("every row is in the table", |setup, world| all_rows(setup, world)),
    ("a fence has landed", |_, world| kinds(world).any(|kind| kind == "fence")),
    ("a life stopped as replaced", |_, world| stopped(world, StopReason::Replaced)),
    ("a life stopped as rolled back", |_, world| stopped(world, StopReason::RolledBack)),
    ("a life stopped as unverifiable", |_, world| stopped(world, StopReason::LineageUnverifiable)),
    ("chains were realigned", |_, world| world.lives.iter().any(|life| realigned(life))),
    ("a request is about to lose", |_, world| world.lives.iter().any(|life| about_to_lose(world, life))),
    ("a deposed leader's request is about to win", |_, world| world.lives.iter().any(|life| deposed_wins(world, life))),
    ("an adopter has data in the table", |_, world| adopter_writes(world)),
    ("a table goes on after a decision", |setup, world| resumed(setup, world)),
    ("a session ended with a cut on its way", |_, world| world.lives.iter().any(|life| life.sessions > 1)),
];

fn no_row_twice(world: &World, table: &Table) -> bool {
    table.rows(&world.files).windows(2).all(|pair| pair[0] != pair[1])
}

fn ids_differ(table: &Table) -> bool {
    let mut ids: Vec<_> = table.snapshots.iter().map(|snapshot| snapshot.fact.id).collect();
    ids.sort_unstable();
    ids.windows(2).all(|pair| pair[0] != pair[1])
}

/// The head holds the rows below its watermark and no others. Where a person has decided to do without some, they may be
/// missing.
fn exact(world: &World, table: &Table) -> bool {
    let Some(ends) = table.watermark() else { return true };
    let rows = table.rows(&world.files);
    let expected = |number: usize| (0..ends[number]).all(|offset| rows.contains(&(number, offset)));
    (world.kept || (0..PARTITIONS).all(expected)) && rows.iter().all(|(number, offset)| *offset < ends[*number])
}

fn stored(world: &World, table: &Table) -> bool {
    table.head().files.iter().all(|file| world.files[*file].stored)
}

/// The life that the table names has recorded no more than the table says.
fn trimmed(world: &World, life: &Life) -> bool {
    let Some(property) = world.table.as_deref().and_then(Table::property) else { return true };
    let state = life.table();
    if Some(property.instance) != life.state.instance || property.incarnation != state.incarnation {
        return true;
    }
    let of_table = |key| property.watermark.get(key).map_or(0, |mark| mark.offset.0);
    state.life != Owning::Owned || state.chains.iter().all(|(key, chain)| chain.mark.offset.0 <= of_table(key))
}

/// True when the table holds every row there is, below its watermark.
#[must_use]
pub fn all_rows(setup: &Setup, world: &World) -> bool {
    world.table.as_deref().is_some_and(|table| table.watermark() == Some(setup.rows))
}

fn kinds(world: &World) -> impl Iterator<Item = &str> {
    let snapshots = world.table.iter().flat_map(|table| &table.snapshots);
    snapshots.filter_map(|snapshot| snapshot.fact.summary.get("k2i.kind").map(String::as_str))
}

fn stopped(world: &World, reason: StopReason) -> bool {
    let stops = world.lives.iter().filter_map(|life| life.table().stopped.as_ref());
    stops.into_iter().any(|stopped| stopped.reason == reason)
}

/// Every session is granted a chain once, so what an epoch has beyond that are realigns.
fn realigned(life: &Life) -> bool {
    life.table().chains.values().any(|chain| u64::from(chain.epoch.0) > life.sessions.max(1))
}

/// Without a second life, only a decision begins a second incarnation.
fn resumed(setup: &Setup, world: &World) -> bool {
    let goes_on = |life: &Life| life.table().life == Owning::Owned && life.table().incarnation.0 > 1;
    setup.second == Second::None && all_rows(setup, world) && world.lives.iter().any(|life| goes_on(life))
}

fn is_request(effect: &Effect) -> bool {
    matches!(effect, Effect::Post(..))
}

fn about_to_lose(world: &World, life: &Life) -> bool {
    let sequence = world.table.as_deref().map(Table::last_sequence);
    life.leader.effects.iter().any(is_request) && sequence != Some(life.leader.base())
}

fn deposed_wins(world: &World, life: &Life) -> bool {
    let Some(deposed) = &life.deposed else { return false };
    let sequence = world.table.as_deref().map(Table::last_sequence);
    deposed.effects.iter().any(is_request) && sequence == Some(deposed.base())
}

fn adopter_writes(world: &World) -> bool {
    let Some(property) = world.table.as_deref().and_then(Table::property) else { return false };
    property.incarnation.0 > 1 && kinds(world).last() == Some("append")
}
