//! The replicated state and how it is changed.
//!
//! [`State::apply`] is a deterministic function of (state, command): no clock, no randomness, no map order. Times and
//! random numbers are fields of the command, set by whoever proposes it. Raft replicates the commands; the state is
//! what every coordinator computes from them, and holds what is staged. Truth about what is committed lives in the
//! tables themselves (DESIGN section 5); [`Recorded`] is a cache of it.

mod acceptance;
mod apply;
mod command;
mod incarnation;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use command::{Command, IncarnationCause, RealignReason, Refusal, Reply, Resumption, TableSpec};
pub use table::{Accepted, Begun, Chain, Life, Mark, Recorded, Resuming, StartAt, Table};

use crate::ids::{Instance, SessionId, TableId, WorkerId};

/// Bounds of the state, so that nothing in it grows without end.
pub mod limits {
    /// Files staged per table before `Busy` is answered.
    pub const STAGED_FILES: usize = 2_000;
    /// Manifests staged per table before `Busy` is answered.
    pub const STAGED_MANIFESTS: usize = 1_000;
    /// Begun and unresolved commits remembered per table; forgetting one is safe (its snapshot is then unknown, which
    /// starts a new incarnation).
    pub const BEGUN: usize = 64;
    /// Streams per table.
    pub const STREAMS: usize = 32;
    /// How long a worker is told to wait when a table is full.
    pub const BUSY_RETRY_MS: u64 = 500;
}

/// One registration of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// The worker that registered.
    pub worker: WorkerId,
    /// False once it expired, left, or its worker registered anew.
    pub live: bool,
}

/// Everything that the coordinators agree on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// `None` until the first command of an empty state.
    pub instance: Option<Instance>,
    /// The cluster's name, as in the property keys.
    pub cluster: String,
    /// What every member is known to understand; new commands wait for it.
    pub feature_level: u32,
    /// Registrations: the live ones, and ended ones that a table still knows a sequence of.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Tables by id.
    pub tables: BTreeMap<TableId, Table>,
    /// The last table id given.
    pub last_table: TableId,
}

impl State {
    /// The live sessions, in order.
    pub fn live_sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions.iter().filter(|(_, session)| session.live).map(|(id, _)| *id)
    }

    /// True while `session` may own chains and submit.
    #[must_use]
    pub fn is_live(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.live)
    }

    /// The table that goes by `name`.
    #[must_use]
    pub fn table_named(&self, name: &str) -> Option<(TableId, &Table)> {
        self.tables.iter().find(|(_, table)| table.spec.name == name).map(|(id, table)| (*id, table))
    }
}
