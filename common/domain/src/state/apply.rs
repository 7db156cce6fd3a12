//! The one function that changes the replicated state.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{Command, Refusal, Reply, TableSpec};
use super::table::{Begun, Chain, Life, Mark, Recorded, Table};
use super::{Session, State, limits};
use crate::ids::{
    AcceptanceNumber, ChainKey, Epoch, Instance, Partition, SessionId, SnapshotId, StreamId, StreamIdentity, TableId,
    WorkerId,
};
use crate::port::Stopped;
use crate::range::{LeaderEpoch, Offset};

impl State {
    /// Applies one command. Deterministic: the same state and command give the same state and reply everywhere.
    pub fn apply(&mut self, command: Command) -> Reply {
        match self.try_apply(command) {
            Ok(reply) => reply,
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    fn try_apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::Init { instance, cluster } => self.init(instance, cluster),
            Command::SetFeatureLevel { level } => {
                self.feature_level = self.feature_level.max(level);
                Ok(Reply::Done)
            }
            Command::RegisterWorker { worker, session } => Ok(self.register(worker, session)),
            Command::ExpireWorker { session } => Ok(self.end_session(session)),
            Command::PutTable { spec } => Ok(self.put_table(spec)),
            Command::DropTable { table } => self.drop_table(table),
            Command::PutStream { table, identity, starts, schema } => {
                self.table_mut(table)?.put_stream(identity, starts, schema)
            }
            Command::AssignPartitions { table, chains, session } => self.assign(table, &chains, session),
            Command::BeginRevoke { table, chain, epoch } => self.table_mut(table)?.begin_revoke(chain, epoch),
            Command::FinishRevoke { table, chain, epoch } => self.table_mut(table)?.finish_revoke(chain, epoch),
            Command::SubmitManifest { manifest, at } => self.submit(manifest, at),
            Command::BeginCommit { table, incarnation, snapshot, base, base_sequence, upto } => {
                let table = self.table_mut(table)?;
                // What was given up since the commit was decided is not to be named by a later request.
                let given_up = upto > AcceptanceNumber(0) && !table.accepted.iter().any(|staged| staged.number == upto);
                if incarnation != table.incarnation || given_up {
                    return Err(Refusal::Overtaken);
                }
                Ok(table.begin_commit(snapshot, Begun { base, base_sequence, upto }))
            }
            Command::RecordCommit { table, uuid, incarnation, snapshot, sequence, watermark } => {
                let table = self.table_mut(table)?;
                if incarnation != table.incarnation || !table.knows(snapshot) {
                    return Err(Refusal::Overtaken);
                }
                let recorded = Recorded { snapshot, sequence };
                if table.recorded.is_some_and(|before| before.sequence > sequence) || table.is_past(&watermark) {
                    return Err(Refusal::Overtaken);
                }
                table.uuid = Some(uuid);
                Ok(table.record_commit(recorded, &watermark))
            }
            Command::Realign { table, after, reason: _ } => {
                self.table_mut(table)?.realign(after);
                Ok(Reply::Done)
            }
            Command::StopTable { table, stopped } => Ok(self.table_mut(table)?.stop(stopped)),
            Command::LiftStop { table } => Ok(self.table_mut(table)?.lift()),
            Command::NewIncarnation { table, uuid, incarnation, cause, streams, watermark } => {
                self.table_mut(table)?.new_incarnation(uuid, incarnation, cause, streams, &watermark)
            }
            Command::ResumeTable { table, resumption } => self.table_mut(table)?.resume(resumption),
        }
    }

    pub(super) fn table_mut(&mut self, table: TableId) -> Result<&mut Table, Refusal> {
        self.tables.get_mut(&table).ok_or(Refusal::NoSuchTable(table))
    }

    fn init(&mut self, instance: Instance, cluster: String) -> Result<Reply, Refusal> {
        if self.instance.is_some() {
            return Err(Refusal::AlreadyInitialised);
        }
        self.instance = Some(instance);
        self.cluster = cluster;
        Ok(Reply::Done)
    }

    fn register(&mut self, worker: WorkerId, session: SessionId) -> Reply {
        let earlier: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(id, known)| **id != session && known.live && known.worker == worker)
            .map(|(id, _)| *id)
            .collect();
        for id in earlier {
            self.end_session(id);
        }
        self.sessions.entry(session).or_insert(Session { worker, live: true });
        Reply::Done
    }

    /// Ends a session: its chains are free. It is kept while a table knows a sequence of it, so that a late manifest
    /// of it is still answered `AlreadyAccepted`.
    fn end_session(&mut self, session: SessionId) -> Reply {
        let Some(known) = self.sessions.get_mut(&session) else { return Reply::Done };
        known.live = false;
        for table in self.tables.values_mut() {
            table.release(session);
        }
        if !self.tables.values().any(|table| table.sequences.contains_key(&session)) {
            self.sessions.remove(&session);
        }
        Reply::Done
    }

    fn put_table(&mut self, spec: TableSpec) -> Reply {
        let known = self.tables.iter_mut().find(|(_, table)| table.spec.name == spec.name);
        if let Some((id, table)) = known {
            table.spec = spec;
            return Reply::Table(*id);
        }
        self.last_table = TableId(self.last_table.0 + 1);
        self.tables.insert(self.last_table, Table::new(spec));
        Reply::Table(self.last_table)
    }

    fn drop_table(&mut self, table: TableId) -> Result<Reply, Refusal> {
        self.tables.remove(&table).map(|_| Reply::Done).ok_or(Refusal::NoSuchTable(table))
    }

    fn assign(&mut self, table: TableId, chains: &[ChainKey], session: SessionId) -> Result<Reply, Refusal> {
        if !self.is_live(session) {
            return Err(Refusal::SessionEnded(session));
        }
        let table = self.table_mut(table)?;
        if !table.is_readable() {
            return Err(Refusal::Overtaken);
        }
        for key in chains {
            match table.chains.get(key) {
                Some(chain) if chain.owner.is_none() => {}
                _ => return Err(Refusal::Chain(*key)),
            }
        }
        for key in chains {
            if let Some(chain) = table.chains.get_mut(key) {
                chain.grant(session);
            }
        }
        Ok(Reply::Done)
    }
}

impl Chain {
    fn grant(&mut self, session: SessionId) {
        self.epoch = Epoch(self.epoch.0 + 1);
        self.owner = Some(session);
        self.revoking = false;
    }

    fn free(&mut self) {
        self.owner = None;
        self.revoking = false;
    }

    /// Back to `end`: what was read past it is read again, under a new epoch.
    fn set_back(&mut self, (end, leader_epoch): (Offset, LeaderEpoch)) {
        self.accepted_end = end;
        self.leader_epoch = leader_epoch;
        self.epoch = Epoch(self.epoch.0 + 1);
    }
}

impl Table {
    fn release(&mut self, session: SessionId) {
        self.chains.values_mut().filter(|chain| chain.owner == Some(session)).for_each(Chain::free);
    }

    fn put_stream(
        &mut self,
        identity: StreamIdentity,
        starts: BTreeMap<Partition, Offset>,
        schema: Option<String>,
    ) -> Result<Reply, Refusal> {
        let known = self.streams.iter().find(|(_, known)| **known == identity).map(|(id, _)| *id);
        let stream = match known {
            Some(stream) => stream,
            None if self.streams.len() >= limits::STREAMS => return Err(Refusal::TooManyStreams),
            None => {
                let next = self.streams.keys().next_back().map_or(0, |last| last.0 + 1);
                self.streams.insert(StreamId(next), identity);
                StreamId(next)
            }
        };
        for (partition, start) in starts {
            let key = ChainKey { stream, partition };
            self.chains.entry(key).or_insert_with(|| Chain::at(Mark::start(start)));
        }
        if self.schema.is_none() {
            self.schema = schema;
        }
        Ok(Reply::Done)
    }

    fn begin_revoke(&mut self, key: ChainKey, epoch: Epoch) -> Result<Reply, Refusal> {
        let chain = self.chains.get_mut(&key).ok_or(Refusal::Chain(key))?;
        if chain.epoch != epoch || chain.owner.is_none() {
            return Err(Refusal::Overtaken);
        }
        chain.revoking = true;
        Ok(Reply::Done)
    }

    fn finish_revoke(&mut self, key: ChainKey, epoch: Epoch) -> Result<Reply, Refusal> {
        let chain = self.chains.get_mut(&key).ok_or(Refusal::Chain(key))?;
        if chain.epoch != epoch || !chain.revoking {
            return Err(Refusal::Overtaken);
        }
        chain.free();
        Ok(Reply::Done)
    }

    fn begin_commit(&mut self, snapshot: SnapshotId, begun: Begun) -> Reply {
        self.begun.insert(snapshot, begun);
        while self.begun.len() > limits::BEGUN {
            let oldest = self.begun.iter().min_by_key(|(id, begun)| (begun.base_sequence, **id)).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                self.begun.remove(&oldest);
            }
        }
        Reply::Done
    }

    /// True when a chain is committed further than `watermark` says: records are monotone.
    fn is_past(&self, watermark: &BTreeMap<ChainKey, Mark>) -> bool {
        let before = |key| self.chains.get(key).map(|chain| chain.mark.offset);
        watermark.iter().any(|(key, mark)| before(key).is_some_and(|before| before > mark.offset))
    }

    /// Takes over what the table itself says. A begun commit whose base is older than this load can never land (the
    /// table's sequence number has passed it), so it is forgotten.
    fn record_commit(&mut self, recorded: Recorded, watermark: &BTreeMap<ChainKey, Mark>) -> Reply {
        self.recorded = Some(recorded);
        self.life = Life::Owned;
        self.begun.retain(|_, begun| begun.base_sequence >= recorded.sequence);
        for (key, mark) in watermark {
            let chain = self.chains.entry(*key).or_insert_with(|| Chain::at(*mark));
            chain.mark = *mark;
        }
        while self.accepted.front().is_some_and(|first| self.covers(first.number)) {
            self.accepted.pop_front();
        }
        self.repair_ends();
        Reply::Done
    }

    /// True when every range of the manifest lies below the watermark.
    fn covers(&self, number: AcceptanceNumber) -> bool {
        self.accepted.iter().find(|accepted| accepted.number == number).is_some_and(|accepted| {
            accepted
                .manifest
                .ranges
                .iter()
                .all(|range| self.chains.get(&range.chain).is_some_and(|chain| range.range.to() <= chain.mark.offset))
        })
    }

    /// A chain's accepted end is the end of its last staged range, else its watermark. Where a record moved the
    /// watermark so that this no longer holds, the chain is read again from there.
    fn repair_ends(&mut self) {
        for (key, end) in self.ends() {
            if let Some(chain) = self.chains.get_mut(&key).filter(|chain| chain.accepted_end != end.0) {
                chain.set_back(end);
            }
        }
    }

    /// Where each chain ends by what is committed and staged, with the leader epoch there. Never below the watermark:
    /// of a manifest that a record has overtaken in part, some ranges lie below it.
    fn ends(&self) -> BTreeMap<ChainKey, (Offset, LeaderEpoch)> {
        let marks = self.chains.iter().map(|(key, chain)| (*key, (chain.mark.offset, chain.mark.leader_epoch)));
        let mut ends: BTreeMap<_, _> = marks.collect();
        for range in self.accepted.iter().flat_map(|accepted| &accepted.manifest.ranges) {
            if let Some(end) = ends.get_mut(&range.chain).filter(|end| end.0 < range.range.to()) {
                *end = (range.range.to(), range.leader_epoch);
            }
        }
        ends
    }

    /// Drops what was accepted after `after`; every chain that it touched goes back to the end of what stays.
    pub(super) fn realign(&mut self, after: AcceptanceNumber) {
        let mut touched: BTreeSet<ChainKey> = BTreeSet::new();
        while self.accepted.back().is_some_and(|last| last.number > after) {
            if let Some(dropped) = self.accepted.pop_back() {
                touched.extend(dropped.manifest.ranges.iter().map(|range| range.chain));
            }
        }
        for (key, end) in self.ends() {
            if let Some(chain) = self.chains.get_mut(&key).filter(|_| touched.contains(&key)) {
                chain.set_back(end);
            }
        }
    }

    /// Stops reading. Where the table itself is in doubt, what was accepted is given up too: files accepted before
    /// such a stop are never committed as they are. The graver reason stands; of two equal ones the first, unless it
    /// lifts itself.
    fn stop(&mut self, stopped: Stopped) -> Reply {
        let graver = stopped.reason.halts_commits() && !self.is_halted();
        if !graver && self.stopped.as_ref().is_some_and(|now| !now.reason.lifts_itself()) {
            return Reply::Done;
        }
        if stopped.reason.halts_commits() {
            self.realign(AcceptanceNumber(0));
        }
        self.chains.values_mut().for_each(Chain::free);
        self.stopped = Some(stopped);
        Reply::Done
    }

    fn lift(&mut self) -> Reply {
        if self.stopped.as_ref().is_some_and(|stopped| stopped.reason.lifts_itself()) {
            self.stopped = None;
        }
        Reply::Done
    }
}
