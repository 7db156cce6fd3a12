//! The runs, with their bounds.

use super::mutation::Mutation;
use super::world::Budget;
use super::{Second, Setup};

const NOTHING: Budget = Budget {
    uploads: 0,
    repeats: 0,
    restarts: 0,
    deposals: 0,
    lost_answers: 0,
    lost_entries: 0,
    lies: 0,
    compactions: 0,
    moves: 0,
    expiries: 0,
    vanishes: 0,
    days: 0,
};

const fn setup(name: &'static str, second: Second, budget: Budget, reached: &'static [&'static str]) -> Setup {
    Setup { name, rows: [1, 1], second, budget, mutation: Mutation::None, settle_every: 64, reached }
}

/// One life: leaders deposed in the middle, answers and entries lost, a worker that restarts.
#[must_use]
pub fn one_life() -> Setup {
    let budget = Budget { uploads: 2, repeats: 1, restarts: 1, deposals: 1, lost_answers: 1, lost_entries: 1, ..NOTHING };
    setup("one life", Second::None, budget, &[
        "every row is in the table",
        "a request is about to lose",
        "a deposed leader's request is about to win",
        "a session ended with a cut on its way",
    ])
}

/// One life whose table and files other people touch.
#[must_use]
pub fn foreign_hands() -> Setup {
    let budget = Budget {
        uploads: 2,
        deposals: 1,
        lost_answers: 1,
        lies: 1,
        compactions: 1,
        moves: 1,
        expiries: 1,
        vanishes: 1,
        ..NOTHING
    };
    setup("foreign hands", Second::None, budget, &[
        "every row is in the table",
        "a life stopped as rolled back",
        "a life stopped as unverifiable",
        "chains were realigned",
        "a request is about to lose",
    ])
}

/// A second cluster of the same name takes over while the first one lives on.
#[must_use]
pub fn adopter() -> Setup {
    let budget = Budget { uploads: 2, deposals: 1, lost_answers: 1, moves: 1, ..NOTHING };
    setup("adopter", Second::Adopter, budget, &[
        "every row is in the table",
        "a fence has landed",
        "a life stopped as replaced",
        "an adopter has data in the table",
        "a request is about to lose",
    ])
}

/// An old copy of the first cluster's state is started while the first one lives on.
#[must_use]
pub fn stale_copy() -> Setup {
    let budget = Budget { uploads: 2, deposals: 1, lost_answers: 1, ..NOTHING };
    setup("stale copy", Second::Copy, budget, &[
        "every row is in the table",
        "a fence has landed",
        "a life stopped as replaced",
        "a request is about to lose",
    ])
}

/// Files grow old before they are committed, and a foreign cleaner deletes what nobody names.
#[must_use]
pub fn old_files() -> Setup {
    let budget = Budget { uploads: 2, restarts: 1, deposals: 1, lost_answers: 1, days: 1, ..NOTHING };
    setup("old files", Second::None, budget, &["every row is in the table", "chains were realigned"])
}

/// The runs of `cargo test`.
#[must_use]
pub fn short() -> Vec<Setup> {
    vec![one_life(), foreign_hands(), adopter(), stale_copy(), old_files()]
}

/// The same with larger bounds.
#[must_use]
pub fn deep() -> Vec<Setup> {
    short()
}
