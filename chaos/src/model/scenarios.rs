//! The runs, with their bounds.

use super::mutation::Mutation;
use super::world::{Budget, Fault};
use super::{Second, Setup};

/// One row in each topic partition, two cuts, and so many faults of these kinds.
const fn setup(
    name: &'static str,
    second: Second,
    faults: u8,
    kinds: &'static [Fault],
    reached: &'static [&'static str],
) -> Setup {
    Setup {
        name,
        rows: [1, 1],
        second,
        budget: Budget { uploads: 2, faults },
        faults: kinds,
        mutation: Mutation::None,
        settle_every: 64,
        reached,
    }
}

/// One life, in which anything may go wrong.
#[must_use]
pub fn one_life(faults: u8) -> Setup {
    setup(
        "one life",
        Second::None,
        faults,
        &Fault::ALL,
        &[
            "every row is in the table",
            "a request is about to lose",
            "a deposed leader's request is about to win",
            "a session ended with a cut on its way",
            "a life stopped as rolled back",
            "a life stopped as unverifiable",
            "chains were realigned",
        ],
    )
}

/// A second cluster of the same name takes over while the first one lives on.
#[must_use]
pub fn adopter(faults: u8) -> Setup {
    setup(
        "adopter",
        Second::Adopter,
        faults,
        &[Fault::Depose, Fault::LoseAnswer, Fault::LoseEntry, Fault::Move, Fault::Compact],
        &[
            "every row is in the table",
            "a fence has landed",
            "a life stopped as replaced",
            "an adopter has data in the table",
            "a request is about to lose",
        ],
    )
}

/// An old copy of the first cluster's state is started while the first one lives on.
#[must_use]
pub fn stale_copy(faults: u8) -> Setup {
    setup(
        "stale copy",
        Second::Copy,
        faults,
        &[Fault::Depose, Fault::LoseAnswer, Fault::LoseEntry, Fault::Repeat, Fault::Move],
        &[
            "every row is in the table",
            "a fence has landed",
            "a life stopped as replaced",
            "a request is about to lose",
        ],
    )
}

/// The runs of `cargo test`.
#[must_use]
pub fn short() -> Vec<Setup> {
    vec![one_life(1), adopter(0), stale_copy(0)]
}

/// The same with larger bounds.
#[must_use]
pub fn deep() -> Vec<Setup> {
    vec![one_life(3), adopter(2), stale_copy(2)]
}
