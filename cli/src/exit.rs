//! With which code the program ends. Documented in `docs/reference/errors.md`, which is made from this.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked for.
    Done,
    /// Something failed while it ran.
    Failed,
    /// The configuration or the command line is wrong; nothing was started.
    Config,
}

impl Exit {
    /// The code, which scripts and service managers see.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            // That of clap for a command line that is wrong.
            Self::Config => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
