//! The runs and the mutations.

use stateright::{Checker, Model};

use super::*;

fn explore(setup: Setup) -> usize {
    let start = std::time::Instant::now();
    let name = setup.name;
    let checker = setup.checker().spawn_bfs().join();
    eprintln!("{name}: {} states, depth {}, {:?}", checker.unique_state_count(), checker.max_depth(), start.elapsed());
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn one_life() {
    explore(scenarios::one_life(2));
}

#[test]
fn adopter() {
    explore(scenarios::adopter(1));
}

#[test]
fn stale_copy() {
    explore(scenarios::stale_copy(1));
}
#[test]
fn probe() {
    for (uploads, faults) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2)] {
        for setup in [scenarios::one_life(faults), scenarios::adopter(faults), scenarios::stale_copy(faults)] {
            let mut setup = setup;
            setup.budget.uploads = uploads;
            let name = setup.name;
            let checker = setup.checker().timeout(std::time::Duration::from_secs(20)).spawn_bfs().join();
            eprintln!(
                "{name} {uploads} {faults}: {} states, depth {}",
                checker.unique_state_count(),
                checker.max_depth()
            );
        }
    }
}
