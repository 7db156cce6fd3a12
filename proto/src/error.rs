//! Why bytes are not read, or a command not written.
//!
//! No caller may skip an entry that does not decode: the state after it would differ from the other members'. A member
//! that meets a [`DecodeError`] stops, and is upgraded or restored.

use std::convert::Infallible;
use std::fmt;

use crate::envelope::FORMAT_VERSION;

/// Which of the two formats is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An entry of the log.
    Command,
    /// A snapshot.
    State,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "command",
            Self::State => "state",
        })
    }
}

/// Why bytes are not a command or a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or of other types than the format's. The source names message and field.
    #[error("the replicated {kind} is damaged")]
    Malformed {
        /// What was read.
        kind: Kind,
        /// What protobuf says.
        source: prost::DecodeError,
    },
    /// The version field is missing: not ours, or damaged.
    #[error("the replicated {0} has no format version, so it is damaged or was not written by k2i")]
    NoVersion(Kind),
    /// Another format version.
    #[error("the replicated {kind} has format version {found} and this program reads {FORMAT_VERSION}: {NEWER}")]
    TooNew {
        /// What was read.
        kind: Kind,
        /// Its version.
        found: u32,
    },
    /// A command that this version does not have.
    #[error("the replicated command is number {number}, which this program does not know: {NEWER}")]
    UnknownCommand {
        /// Its field number in `command.proto`.
        number: usize,
    },
    /// A field that this version does not have, or an encoding that it would not write.
    #[error("the replicated {kind} holds from byte {at} on what this program does not know: {NEWER}, or it is damaged")]
    UnknownField {
        /// What was read.
        kind: Kind,
        /// Where it first differs from what this version would write.
        at: usize,
    },
    /// A field's value says nothing that the domain can hold.
    #[error("the replicated {path} {problem}")]
    Invalid {
        /// The field, for example `command.submit_manifest.manifest.files[0].sha256`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The likely cause of what is not known, and what to do.
pub(crate) const NEWER: &str = "a newer version of k2i wrote it (upgrade this one)";

impl DecodeError {
    pub(crate) fn invalid(problem: impl Into<String>) -> Self {
        Self::Invalid { path: String::new(), problem: problem.into() }
    }

    /// The same error, seen from the message that holds it as `outer`.
    pub(crate) fn under(self, outer: &str) -> Self {
        match self {
            Self::Invalid { path, problem } => {
                let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
                Self::Invalid { path: format!("{outer}{dot}{path}"), problem }
            }
            whole => whole,
        }
    }
}

/// Lets conversions that cannot fail stand where others can.
impl From<Infallible> for DecodeError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Says where an error was found.
pub(crate) trait At<T> {
    fn at(self, field: &str) -> Result<T, DecodeError>;
}

impl<T, E> At<T> for Result<T, E>
where
    DecodeError: From<E>,
{
    fn at(self, field: &str) -> Result<T, DecodeError> {
        self.map_err(|error| DecodeError::from(error).under(field))
    }
}
