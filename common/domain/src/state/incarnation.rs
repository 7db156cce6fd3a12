//! A table's next life: everything staged is given up, and reading goes on at the watermark that the table carries.

use std::collections::BTreeMap;

use super::command::{IncarnationCause, Refusal, Reply, Resumption};
use super::table::{Chain, Life, Mark, Table};
use crate::ids::{AcceptanceNumber, ChainKey, Epoch, Incarnation, StreamId, StreamIdentity, TableUuid};

impl Table {
    /// Starts `incarnation` at `watermark`. Files accepted under an earlier incarnation are never committed as they
    /// are, so they are dropped here; chains are unowned until the fence is seen in the table.
    pub(super) fn new_incarnation(
        &mut self,
        uuid: TableUuid,
        incarnation: Incarnation,
        cause: IncarnationCause,
        streams: BTreeMap<StreamId, StreamIdentity>,
        watermark: &BTreeMap<ChainKey, Mark>,
    ) -> Result<Reply, Refusal> {
        if let Life::Resuming(_) = self.life {
            return Err(Refusal::Overtaken);
        }
        let again = matches!(self.life, Life::Fencing { .. }) && incarnation >= self.incarnation;
        let first = self.life == Life::New;
        if !(again || first || incarnation > self.incarnation) {
            return Err(Refusal::Overtaken);
        }
        let adopting = match self.life {
            Life::Fencing { adopting } => adopting,
            Life::New | Life::Resuming(_) | Life::Owned => cause == IncarnationCause::Adopted,
        };
        self.uuid = Some(uuid);
        self.begin_life(incarnation, Life::Fencing { adopting }, streams, watermark);
        Ok(Reply::Done)
    }

    /// A person has decided: the stop is lifted, and the table begins the life that they decided on. What was accepted
    /// before a stop that concerns reading only is committed first: of a topic that is gone it could not be read again.
    pub(super) fn resume(&mut self, resumption: Resumption) -> Result<Reply, Refusal> {
        let Resumption { decision, uuid, incarnation, on, streams, watermark } = resumption;
        let reason = self.stopped.as_ref().map(|stopped| stopped.reason);
        if !reason.is_some_and(|reason| reason.decisions().contains(&decision)) {
            return Err(Refusal::NotLiftedBy(decision));
        }
        if incarnation <= self.incarnation {
            return Err(Refusal::Overtaken);
        }
        if !self.accepted.is_empty() {
            return Err(Refusal::Staged);
        }
        self.stopped = None;
        // What was read back before is no measure for the table that was decided on, and requests for another table
        // cannot land in it.
        self.recorded = None;
        if uuid != self.uuid {
            self.begun.clear();
        }
        self.uuid = uuid;
        let life = if uuid.is_some() { Life::Resuming(on) } else { Life::New };
        self.begin_life(incarnation, life, streams, &watermark);
        Ok(Reply::Done)
    }

    fn begin_life(
        &mut self,
        incarnation: Incarnation,
        life: Life,
        streams: BTreeMap<StreamId, StreamIdentity>,
        watermark: &BTreeMap<ChainKey, Mark>,
    ) {
        self.accepted.clear();
        self.last_acceptance = AcceptanceNumber(self.last_acceptance.0 + 1);
        self.incarnation = incarnation;
        self.life = life;
        self.adopt_chains(streams, watermark);
    }

    /// The property's streams keep their numbers; streams that only our state knows are seen again by their watcher.
    fn adopt_chains(&mut self, streams: BTreeMap<StreamId, StreamIdentity>, watermark: &BTreeMap<ChainKey, Mark>) {
        self.streams = streams;
        self.chains = watermark
            .iter()
            .map(|(key, mark)| {
                let mut chain = Chain::at(*mark);
                chain.epoch = Epoch(0);
                (*key, chain)
            })
            .collect();
    }
}
