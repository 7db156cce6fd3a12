//! A table's next life: everything staged is given up, and reading goes on at the watermark that the table carries.

use std::collections::BTreeMap;

use super::command::{IncarnationCause, Refusal, Reply};
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
        let again = matches!(self.life, Life::Fencing { .. }) && incarnation >= self.incarnation;
        let first = self.life == Life::New;
        if !(again || first || incarnation > self.incarnation) {
            return Err(Refusal::Overtaken);
        }
        let adopting = match self.life {
            Life::Fencing { adopting } => adopting,
            Life::New | Life::Owned => cause == IncarnationCause::Adopted,
        };
        self.accepted.clear();
        self.last_acceptance = AcceptanceNumber(self.last_acceptance.0 + 1);
        self.uuid = Some(uuid);
        self.incarnation = incarnation;
        self.life = Life::Fencing { adopting };
        self.adopt_chains(streams, watermark);
        Ok(Reply::Done)
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
