//! The cut tick: when each table's workers are asked to end their cuts, and who has answered.

use std::collections::{BTreeMap, BTreeSet};

use super::Effect;
use crate::ids::{SessionId, TableId, Timestamp};
use crate::port::Cut;
use crate::state::{State, Table};

/// Ticks of every table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Ticks {
    tables: BTreeMap<TableId, TableTicks>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct TableTicks {
    last: u64,
    next_at: Option<Timestamp>,
    /// Who has not answered, and since which tick.
    waiting: BTreeMap<SessionId, u64>,
    /// A tick was sent and no commit has followed it.
    open: bool,
}

impl Ticks {
    /// Sends the ticks that are due. A session that has not answered the one before is left out once.
    pub(super) fn advance(&mut self, now: Timestamp, state: &State, effects: &mut Vec<Effect>) {
        self.tables.retain(|id, _| state.tables.contains_key(id));
        for (id, table) in &state.tables {
            let owners = owners(table);
            let ticks = self.tables.entry(*id).or_default();
            ticks.waiting.retain(|session, _| owners.contains(session));
            if owners.is_empty() {
                ticks.next_at = None;
                continue;
            }
            let next = *ticks.next_at.get_or_insert_with(|| first_tick(now, *id, table));
            if now < next {
                continue;
            }
            ticks.next_at = Some(first_tick(now, *id, table));
            ticks.last += 1;
            ticks.open = true;
            for session in owners {
                // One tick of patience: a request that was lost is made again with the tick after.
                if ticks.waiting.get(&session).is_none_or(|since| since + 1 < ticks.last) {
                    ticks.waiting.insert(session, ticks.last);
                    effects.push(Effect::Cut(session, Cut { table: *id, tick: ticks.last }));
                }
            }
        }
    }

    pub(super) fn answered(&mut self, table: TableId, session: SessionId) {
        if let Some(ticks) = self.tables.get_mut(&table) {
            ticks.waiting.remove(&session);
        }
    }

    /// The session had nothing; an answer to an earlier tick than the one it was asked last says nothing.
    pub(super) fn had_nothing(&mut self, cut: Cut, session: SessionId) {
        let ticks = self.tables.get_mut(&cut.table);
        if let Some(ticks) = ticks.filter(|ticks| ticks.waiting.get(&session).is_some_and(|since| *since <= cut.tick)) {
            ticks.waiting.remove(&session);
        }
    }

    /// True when a tick was sent and every owner has answered it.
    pub(super) fn all_answered(&self, table: TableId) -> bool {
        self.tables.get(&table).is_some_and(|ticks| ticks.open && ticks.waiting.is_empty())
    }

    /// What the tick gathered is being committed.
    pub(super) fn close(&mut self, table: TableId) {
        if let Some(ticks) = self.tables.get_mut(&table) {
            ticks.open = false;
        }
    }

    pub(super) fn deadline(&self, state: &State) -> Option<Timestamp> {
        let known = self.tables.iter().filter(|(id, _)| state.tables.contains_key(id));
        known.filter_map(|(_, ticks)| ticks.next_at).min()
    }
}

fn owners(table: &Table) -> BTreeSet<SessionId> {
    if table.is_readable() { table.chains.values().filter_map(|chain| chain.owner).collect() } else { BTreeSet::new() }
}

/// The next instant after `now` that lies on the table's phase, so that a thousand tables do not tick at once.
fn first_tick(now: Timestamp, id: TableId, table: &Table) -> Timestamp {
    let interval = i64::try_from(table.spec.flush_interval_ms.max(1)).unwrap_or(i64::MAX);
    let spread = id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let phase = i64::try_from(spread).unwrap_or(0) % interval;
    let since = (now.0 - phase).rem_euclid(interval);
    now.plus_ms(interval - since)
}
