//! The runs, and the mistakes that they must find.

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::actions::Fault;
use super::*;

fn states(setup: Setup) -> usize {
    let name = setup.name;
    let checker = setup.checker().spawn_bfs().join();
    let found = checker.discoveries();
    for property in checker.model().properties() {
        let path = found.get(property.name).map(|path| path.clone().into_actions());
        let expected = property.expectation == Expectation::Sometimes;
        assert_eq!(path.is_some(), expected, "{name}: {}: {path:#?}", property.name);
    }
    assert!(checker.is_done(), "{name}: every state was visited");
    checker.unique_state_count()
}

#[test]
fn nothing_breaks_within_the_bounds() {
    let counts: Vec<(&str, usize)> = scenarios::short().into_iter().map(|setup| (setup.name, states(setup))).collect();
    println!("{counts:?}");
    // Fewer would mean that something is not explored any more.
    assert!(counts.iter().map(|(_, states)| states).sum::<usize>() >= 400_000, "{counts:?}");
}

#[test]
fn the_state_space_is_the_same_each_time() {
    assert_eq!(states(small()), states(small()));
}

fn small() -> Setup {
    Setup { reached: &[], ..scenarios::one_life(1, 1) }
}

/// The safety checks that fail, in the order of their names, for a run with a mistake in it.
fn found(setup: Setup, mutation: Mutation) -> Vec<&'static str> {
    let setup = Setup { mutation, settle_every: 0, reached: &[], ..setup };
    let checker = setup.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut names: Vec<&str> = checker.discoveries().into_keys().collect();
    names.sort_unstable();
    names
}

/// A request whose answer was lost lands between a decision and its fence.
fn resumed_late() -> Setup {
    Setup { rows: [1, 0], faults: &[Fault::Move, Fault::Resume, Fault::LoseAnswer], ..scenarios::resumed(1, 4) }
}

/// Each mistake, where it is looked for, and what gives it away.
#[test]
fn every_mistake_is_found() {
    let one = |faults: &'static [Fault]| Setup { faults, ..scenarios::one_life(2, 2) };
    let cases = [
        (Mutation::OwnRecord, one(&[Fault::Depose, Fault::LoseAnswer]), "no row twice"),
        (Mutation::BelieveReply, one(&[Fault::Lie]), "nothing is trimmed that is not in the table"),
        (Mutation::HeadIsPermission, one(&[Fault::Day]), "every file of the head is stored"),
        (Mutation::NoLineage, one(&[Fault::Move]), "rows are those below the watermark"),
        (Mutation::EpochOnly, one(&[]), "no row twice"),
        (Mutation::BlindFence, resumed_late(), "rows are those below the watermark"),
        (Mutation::RepeatedRandom, one(&[]), "no snapshot id twice"),
    ];
    for (mutation, setup, expected) in cases {
        assert_eq!(found(setup.clone(), Mutation::None), [""; 0], "{mutation:?}: without the mistake nothing is found");
        let found = found(setup, mutation);
        assert!(found.contains(&expected), "{mutation:?}: {found:?}");
    }
}
