//! Named points at which a test may end the process, as a power cut would.
//!
//! One stands between any two steps of a file's life and of a commit, so that "killed at any moment" is shown at the
//! moments that matter. `K2I_FAILPOINT=<name>` arms one. They exist where debug assertions do: in the build that tests
//! use, and in no release.

/// Every point, in the order of a cut's way from the worker to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failpoint {
    /// A table's create request was answered, and nobody knows.
    CreateAnswered,
    /// A file is sealed, and the log does not know.
    FileSealed,
    /// A cut is in the transaction log, and nothing was done with it.
    CutLogged,
    /// A cut's files are in the store, and the log does not know.
    FilesUploaded,
    /// The coordinator accepted a cut, and the worker does not know.
    CutSubmitted,
    /// A cut is accepted, and the log knows.
    CutAccepted,
    /// Iceberg manifests and list are in the store, and the commit is not begun.
    ManifestsWritten,
    /// A commit is begun in the replicated log, and its request is not sent.
    CommitBegun,
    /// A commit request was answered, and the table was not read back.
    CommitAnswered,
    /// A commit is recorded, and the worker does not know.
    CommitRecorded,
    /// The worker knows of a commit, and has not cleaned up.
    CommitSeen,
}

impl Failpoint {
    /// Every point.
    pub const ALL: [Self; 11] = [
        Self::CreateAnswered,
        Self::FileSealed,
        Self::CutLogged,
        Self::FilesUploaded,
        Self::CutSubmitted,
        Self::CutAccepted,
        Self::ManifestsWritten,
        Self::CommitBegun,
        Self::CommitAnswered,
        Self::CommitRecorded,
        Self::CommitSeen,
    ];

    /// The name that arms it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateAnswered => "create_answered",
            Self::FileSealed => "file_sealed",
            Self::CutLogged => "cut_logged",
            Self::FilesUploaded => "files_uploaded",
            Self::CutSubmitted => "cut_submitted",
            Self::CutAccepted => "cut_accepted",
            Self::ManifestsWritten => "manifests_written",
            Self::CommitBegun => "commit_begun",
            Self::CommitAnswered => "commit_answered",
            Self::CommitRecorded => "commit_recorded",
            Self::CommitSeen => "commit_seen",
        }
    }
}

/// The variable that arms a point.
pub const VARIABLE: &str = "K2I_FAILPOINT";

/// Ends the process at once, without any clean-up, if this point is armed.
#[cfg(debug_assertions)]
pub fn reach(point: Failpoint) {
    static ARMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok());
    if armed.as_deref() == Some(point.as_str()) {
        tracing::warn!(point = point.as_str(), "ending at a failpoint");
        std::process::abort();
    }
}

/// Nothing: a release has no failpoints.
#[cfg(not(debug_assertions))]
pub fn reach(_: Failpoint) {}
