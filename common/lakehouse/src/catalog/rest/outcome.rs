//! What the answer to a commit request says of the commit.
//!
//! | answer | outcome |
//! |---|---|
//! | 200, 204 | committed |
//! | 409 | the base has moved |
//! | 404 with the protocol's own error | the table is gone (a creation: its namespace is missing, rejected) |
//! | 400, 401, 403, 406, 419, 422, 429, other 4xx | not applied, for the reason given |
//! | no connection could be made, or no token be had | not sent |
//! | 5xx, a broken connection, a time-out, anything else | unknown |

use k2i_domain::lake::Outcome;

use super::client::{Answer, Failure};

pub(super) fn of_commit(answer: Result<Answer, Failure>) -> Outcome {
    match answer {
        Ok(answer) if answer.is_missing() => Outcome::TableGone,
        answer => of_any(answer),
    }
}

pub(super) fn of_creation(answer: Result<Answer, Failure>) -> Outcome {
    match answer {
        Ok(answer) if answer.is_missing() => Outcome::Rejected(answer.reason()),
        answer => of_any(answer),
    }
}

fn of_any(answer: Result<Answer, Failure>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) if failure.maybe_sent => return Outcome::Unknown(failure.text()),
        Err(failure) => return Outcome::Rejected(failure.text()),
    };
    match answer.status {
        200..=299 => Outcome::Committed,
        409 => Outcome::Conflict,
        // A 404 without the protocol's error, or a 408, may be a proxy's word on a request that went on.
        404 | 408 => Outcome::Unknown(answer.reason()),
        400..=499 => Outcome::Rejected(answer.reason()),
        _ => Outcome::Unknown(answer.reason()),
    }
}
