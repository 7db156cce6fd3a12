//! What one session should be doing, computed from the whole state.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, SessionId, TableId};
use crate::port::{Grant, SessionView, TableView};
use crate::state::{Chain, State, Table};

/// The whole of what `session` should be doing now.
#[must_use]
pub fn view(state: &State, session: SessionId) -> SessionView {
    let alive = state.is_live(session);
    let live: Vec<SessionId> = state.live_sessions().collect();
    let tables = if alive {
        state.tables.iter().map(|(id, table)| (*id, table_view(*id, table, session, &live))).collect()
    } else {
        BTreeMap::new()
    };
    SessionView { alive, instance: state.instance.unwrap_or_default(), tables }
}

fn table_view(id: TableId, table: &Table, session: SessionId, live: &[SessionId]) -> TableView {
    TableView {
        name: table.spec.name.clone(),
        uuid: table.uuid,
        incarnation: table.incarnation,
        stopped: table.stopped.clone(),
        watch: watcher(id, live) == Some(session),
        streams: table.streams.clone(),
        watermark: table.chains.iter().map(|(key, chain)| (*key, chain.mark.offset)).collect(),
        grants: table
            .chains
            .iter()
            .filter(|(_, chain)| chain.owner == Some(session) && table.is_readable())
            .map(grant)
            .collect(),
    }
}

fn grant((key, chain): (&ChainKey, &Chain)) -> (ChainKey, Grant) {
    (*key, Grant { epoch: chain.epoch, start: chain.accepted_end, leader_epoch: chain.leader_epoch })
}

/// Each table has one watcher of its topics among the live sessions.
fn watcher(id: TableId, live: &[SessionId]) -> Option<SessionId> {
    let count = u64::try_from(live.len()).ok().filter(|count| *count > 0)?;
    live.get(usize::try_from(id.0 % count).ok()?).copied()
}
