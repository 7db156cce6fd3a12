//! Named points at which a test may end the process, as a power cut would.
//!
//! One stands between any two steps of a file's life and of a commit, so that "killed at any moment" is shown at the
//! moments that matter. `K2I_FAILPOINT=<name>` arms one. They exist where debug assertions do: in the build that tests
//! use, and in no release.

/// Makes the points, so that each has a name and stands in the list of all.
macro_rules! points {
    ($($(#[$doc:meta])+ $point:ident = $name:literal,)+) => {
        /// Every point, in the order of a cut's way from the worker to the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Failpoint {
            $($(#[$doc])+ $point,)+
        }

        impl Failpoint {
            /// Every point.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$point),+];

            /// The name that arms it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// A table's create request was answered, and nobody knows.
    CreateAnswered = "create_answered",
    /// A file is sealed, and the log does not know.
    FileSealed = "file_sealed",
    /// A cut is in the transaction log, and nothing was done with it.
    CutLogged = "cut_logged",
    /// A cut's files are in the store, and the log does not know.
    FilesUploaded = "files_uploaded",
    /// The coordinator accepted a cut, and the worker does not know.
    CutSubmitted = "cut_submitted",
    /// A cut is accepted, and the log knows.
    CutAccepted = "cut_accepted",
    /// Iceberg manifests and list are in the store, and the commit is not begun.
    ManifestsWritten = "manifests_written",
    /// A commit is begun in the replicated log, and its request is not sent.
    CommitBegun = "commit_begun",
    /// A commit request was answered, and the table was not read back.
    CommitAnswered = "commit_answered",
    /// A commit is recorded, and the worker does not know.
    CommitRecorded = "commit_recorded",
    /// The worker knows of a commit, and has not cleaned up.
    CommitSeen = "commit_seen",
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
