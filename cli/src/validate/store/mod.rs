//! The object store: whether what K2I does to it is allowed and works, shown on one small object.
//!
//! [`ask`] writes, reads, and deletes it; [`judge`] makes checks of how far that came.

mod ask;
#[cfg(test)]
mod tests;

use super::advice;
use super::check::{Check, System};
pub(super) use ask::{Leftovers, ask, place};

/// What is done to the object, in order; the first that fails is the last that is done, but for the deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// It is created.
    Write,
    /// It is read back.
    Read,
    /// Another object under its name is refused.
    CreateOnly,
    /// It is deleted.
    Delete,
}

impl Step {
    const ALL: [Self; 4] = [Self::Write, Self::Read, Self::CreateOnly, Self::Delete];

    fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::CreateOnly => "never overwrite",
            Self::Delete => "delete",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Write => "an object was written",
            Self::Read => "it was read back as it was written",
            Self::CreateOnly => "a second write under its name was refused",
            Self::Delete => "it was deleted",
        }
    }
}

/// How the steps came out, in their order; those that are missing were not tried.
pub(super) type Steps = Vec<(Step, Result<(), String>)>;

/// The checks of one place.
pub(super) fn judge(location: &str, steps: &Steps) -> Vec<Check> {
    let outcome = |step: Step| steps.iter().find(|(done, _)| *done == step).map(|(_, outcome)| outcome);
    Step::ALL
        .into_iter()
        .map(|step| match outcome(step) {
            Some(Ok(())) => Check::ok(System::Store, location, step.name(), step.done()),
            Some(Err(why)) => Check::failed(System::Store, location, step.name(), why, advice_on(step, why)),
            None => Check::skipped(System::Store, location, step.name(), "an earlier step failed"),
        })
        .collect()
}

fn advice_on(step: Step, why: &str) -> &'static str {
    match step {
        Step::CreateOnly if why == ask::OVERWRITTEN => {
            "the store ignores If-None-Match: use a version that honours it, or another store"
        }
        Step::Write | Step::Read | Step::CreateOnly | Step::Delete => advice::store(why),
    }
}
