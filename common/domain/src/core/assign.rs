//! Which session gets the chains that nobody reads.
//!
//! All free chains of a table go to one session, the one with the fewest chains: a table packed onto few workers makes
//! few files. Balancing by load, with as few moves as possible, comes with several workers.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, SessionId, TableId};
use crate::state::State;

/// The grants to make, by table. The same state gives the same answer.
#[must_use]
pub fn unowned(state: &State) -> Vec<(TableId, Vec<ChainKey>, SessionId)> {
    let mut load: BTreeMap<SessionId, usize> = state.live_sessions().map(|session| (session, 0)).collect();
    for owner in state.tables.values().flat_map(|table| table.chains.values()).filter_map(|chain| chain.owner) {
        if let Some(chains) = load.get_mut(&owner) {
            *chains += 1;
        }
    }
    let mut grants = Vec::new();
    for (id, table) in state.tables.iter().filter(|(_, table)| table.is_readable()) {
        let free: Vec<ChainKey> =
            table.chains.iter().filter(|(_, chain)| chain.owner.is_none()).map(|(key, _)| *key).collect();
        let least = load.iter().min_by_key(|(session, chains)| (**chains, **session)).map(|(session, _)| *session);
        if let (false, Some(session)) = (free.is_empty(), least) {
            *load.entry(session).or_default() += free.len();
            grants.push((*id, free, session));
        }
    }
    grants
}
