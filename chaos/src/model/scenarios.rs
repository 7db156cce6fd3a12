//! The runs, with their bounds: how many cuts are uploaded, and how many faults of which kinds happen in all.

use super::actions::{Budget, Fault};
use super::mutation::Mutation;
use super::{Second, Setup};

/// What can go wrong between two lives.
const BETWEEN_LIVES: [Fault; 6] =
    [Fault::Depose, Fault::LoseAnswer, Fault::LoseEntry, Fault::Move, Fault::Compact, Fault::StaleLoad];

/// One life, in which anything may go wrong.
#[must_use]
pub fn one_life(uploads: u8, faults: u8) -> Setup {
    Setup {
        name: "one life",
        rows: [1, 1],
        second: Second::None,
        budget: Budget { uploads, faults },
        faults: &Fault::ALL,
        mutation: Mutation::None,
        settle_every: 8,
        reached: &[
            "every row is in the table",
            "a request is about to lose",
            "a deposed leader's request is about to win",
            "a session ended with a cut on its way",
            "a life stopped as rolled back",
            "a life stopped as unverifiable",
            "chains were realigned",
        ],
    }
}

/// A second cluster of the same name takes over while the first one lives on.
#[must_use]
pub fn adopter(uploads: u8, faults: u8) -> Setup {
    Setup {
        name: "adopter",
        second: Second::Adopter,
        faults: &BETWEEN_LIVES,
        reached: &[
            "every row is in the table",
            "a fence has landed",
            "a life stopped as replaced",
            "an adopter has data in the table",
            "a request is about to lose",
        ],
        ..one_life(uploads, faults)
    }
}

/// An old copy of the first cluster's state is started while the first one lives on.
#[must_use]
pub fn stale_copy(uploads: u8, faults: u8) -> Setup {
    Setup {
        name: "stale copy",
        second: Second::Copy,
        faults: &BETWEEN_LIVES,
        reached: &[
            "every row is in the table",
            "a fence has landed",
            "a life stopped as replaced",
            "a request is about to lose",
        ],
        ..one_life(uploads, faults)
    }
}

/// Somebody sets `main` to other snapshots, and somebody decides how the table goes on.
#[must_use]
pub fn resumed(uploads: u8, faults: u8) -> Setup {
    Setup {
        name: "resumed",
        faults: &[Fault::Move, Fault::Resume, Fault::LoseAnswer, Fault::Compact],
        reached: &["every row is in the table", "a life stopped as rolled back", "a table goes on after a decision"],
        ..one_life(uploads, faults)
    }
}

/// The runs of `cargo test`.
#[must_use]
pub fn short() -> Vec<Setup> {
    vec![
        one_life(2, 2),
        resumed(2, 3),
        adopter(1, 1),
        Setup { faults: &[Fault::LoseAnswer, Fault::StaleLoad], ..stale_copy(1, 1) },
    ]
}

/// The same with larger bounds: minutes, and some gigabytes.
#[must_use]
pub fn deep() -> Vec<Setup> {
    vec![
        one_life(2, 3),
        Setup { name: "one life, more rows", rows: [2, 1], reached: &["every row is in the table"], ..one_life(3, 1) },
        adopter(2, 1),
        Setup { name: "adopter, two faults", ..adopter(1, 2) },
        stale_copy(1, 1),
        Setup { name: "stale copy, two cuts", ..stale_copy(2, 0) },
    ]
}
