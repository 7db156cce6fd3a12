//! The runs and the mutations.

use stateright::{Checker, Model};

use super::*;

fn explore(setup: Setup) -> usize {
    let start = std::time::Instant::now();
    let name = setup.name;
    let checker = setup.checker().spawn_bfs().join();
    eprintln!(
        "{name}: {} states, depth {}, {:?}",
        checker.unique_state_count(),
        checker.max_depth(),
        start.elapsed()
    );
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn one_life() {
    explore(scenarios::one_life());
}

#[test]
fn foreign_hands() {
    explore(scenarios::foreign_hands());
}

#[test]
fn adopter() {
    explore(scenarios::adopter());
}

#[test]
fn stale_copy() {
    explore(scenarios::stale_copy());
}

#[test]
fn old_files() {
    explore(scenarios::old_files());
}

#[test]
fn debug() {
    use world::{Action::*, Answer::*, Who::*};
    let setup = scenarios::stale_copy();
    let mut world = World::new(&setup);
    for action in [
    Round(0),
    Log(0, Leader, 0, true),
    Send(0, Leader, 0, True),
    Round(0),
    Depose(0),
    Log(0, Deposed, 0, true),
    Log(0, Leader, 1, true),
    Upload(0, [0, 1]),
    Submit(0, 0, false),
    Upload(0, [1, 0]),
    Submit(0, 0, false),
    Round(0),
    Log(0, Leader, 0, true),
    Backup,
    Start,
    ] {
        world.perform(&setup, &action);
    }
    settle::settles(&setup, &world);
}
