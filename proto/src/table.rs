//! Tables: the definition, stops and watermarks that commands carry too, and a table's part of the state.

use k2i_domain::ids::{
    AcceptanceNumber, ChainKey, Epoch, Incarnation, Sequence, SequenceNumber, SessionId, SnapshotId, TableId,
    TableUuid, Timestamp,
};
use k2i_domain::port::{StopReason, Stopped};
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_domain::state::{Accepted, Begun, Chain, Life, Mark, Recorded, Resuming, StartAt, Table, TableSpec};

use crate::enums::{Numbered, life};
use crate::error::DecodeError;
use crate::fields::{list, map, optional, required};
use crate::ids::table_uuid;
use crate::wire;

impl From<&TableSpec> for wire::TableSpec {
    fn from(spec: &TableSpec) -> Self {
        Self {
            name: spec.name.clone(),
            tenant: spec.tenant.clone(),
            namespace: spec.namespace.clone(),
            table: spec.table.clone(),
            topics: spec.topics.clone(),
            start: spec.start.number(),
            flush_interval_ms: spec.flush_interval_ms,
        }
    }
}

impl TryFrom<wire::TableSpec> for TableSpec {
    type Error = DecodeError;

    fn try_from(spec: wire::TableSpec) -> Result<Self, DecodeError> {
        Ok(Self {
            name: spec.name,
            tenant: spec.tenant,
            namespace: spec.namespace,
            table: spec.table,
            topics: spec.topics,
            start: StartAt::from_number("start", spec.start)?,
            flush_interval_ms: spec.flush_interval_ms,
        })
    }
}

impl From<&Stopped> for wire::Stopped {
    fn from(stopped: &Stopped) -> Self {
        Self { reason: stopped.reason.number(), detail: stopped.detail.clone(), topic: stopped.topic.clone() }
    }
}

impl TryFrom<wire::Stopped> for Stopped {
    type Error = DecodeError;

    fn try_from(stopped: wire::Stopped) -> Result<Self, DecodeError> {
        let reason = StopReason::from_number("reason", stopped.reason)?;
        Ok(Self { reason, detail: stopped.detail, topic: stopped.topic })
    }
}

impl From<&Mark> for wire::Mark {
    fn from(mark: &Mark) -> Self {
        let (from, to, rows) = mark.last;
        Self {
            offset: mark.offset.0,
            leader_epoch: mark.leader_epoch.0,
            last_from: from.0,
            last_to: to.0,
            last_rows: rows,
        }
    }
}

impl From<wire::Mark> for Mark {
    fn from(mark: wire::Mark) -> Self {
        Self {
            offset: Offset(mark.offset),
            leader_epoch: LeaderEpoch(mark.leader_epoch),
            last: (Offset(mark.last_from), Offset(mark.last_to), mark.last_rows),
        }
    }
}

impl From<(&ChainKey, &Mark)> for wire::ChainMark {
    fn from((chain, mark): (&ChainKey, &Mark)) -> Self {
        Self { chain: Some(chain.into()), mark: Some(mark.into()) }
    }
}

impl TryFrom<wire::ChainMark> for (ChainKey, Mark) {
    type Error = DecodeError;

    fn try_from(entry: wire::ChainMark) -> Result<Self, DecodeError> {
        Ok((required("chain", entry.chain)?, required("mark", entry.mark)?))
    }
}

impl From<(&TableId, &Table)> for wire::Table {
    fn from((id, table): (&TableId, &Table)) -> Self {
        Self {
            id: id.0,
            spec: Some((&table.spec).into()),
            uuid: table.uuid.map(|uuid| uuid.0.to_vec()),
            incarnation: table.incarnation.0,
            life: wire::Life::from(&table.life) as i32,
            stopped: table.stopped.as_ref().map(Into::into),
            schema: table.schema.clone(),
            streams: table.streams.iter().map(Into::into).collect(),
            chains: table.chains.iter().map(Into::into).collect(),
            accepted: table.accepted.iter().map(Into::into).collect(),
            last_acceptance: table.last_acceptance.0,
            sequences: table.sequences.iter().map(Into::into).collect(),
            begun: table.begun.iter().map(Into::into).collect(),
            recorded: table.recorded.as_ref().map(Into::into),
            resuming: resuming(table.life).map(Into::into),
        }
    }
}

impl TryFrom<wire::Table> for (TableId, Table) {
    type Error = DecodeError;

    fn try_from(table: wire::Table) -> Result<Self, DecodeError> {
        let uuid: Option<TableUuid> = table.uuid.map(|bytes| table_uuid("uuid", &bytes)).transpose()?;
        let decoded = Table {
            spec: required("spec", table.spec)?,
            uuid,
            incarnation: Incarnation(table.incarnation),
            life: life(table.life, table.resuming)?,
            stopped: optional("stopped", table.stopped)?,
            schema: table.schema,
            streams: map("streams", table.streams)?,
            chains: map("chains", table.chains)?,
            accepted: list("accepted", table.accepted)?,
            last_acceptance: AcceptanceNumber(table.last_acceptance),
            sequences: map("sequences", table.sequences)?,
            begun: map("begun", table.begun)?,
            recorded: optional("recorded", table.recorded)?,
        };
        Ok((TableId(table.id), decoded))
    }
}

impl From<(&ChainKey, &Chain)> for wire::Chain {
    fn from((key, chain): (&ChainKey, &Chain)) -> Self {
        Self {
            key: Some(key.into()),
            mark: Some((&chain.mark).into()),
            accepted_end: chain.accepted_end.0,
            leader_epoch: chain.leader_epoch.0,
            epoch: chain.epoch.0,
            owner: chain.owner.map(|owner| owner.0),
            revoking: chain.revoking,
        }
    }
}

impl TryFrom<wire::Chain> for (ChainKey, Chain) {
    type Error = DecodeError;

    fn try_from(chain: wire::Chain) -> Result<Self, DecodeError> {
        let decoded = Chain {
            mark: required("mark", chain.mark)?,
            accepted_end: Offset(chain.accepted_end),
            leader_epoch: LeaderEpoch(chain.leader_epoch),
            epoch: Epoch(chain.epoch),
            owner: chain.owner.map(SessionId),
            revoking: chain.revoking,
        };
        Ok((required("key", chain.key)?, decoded))
    }
}

impl From<&Accepted> for wire::Accepted {
    fn from(accepted: &Accepted) -> Self {
        Self { number: accepted.number.0, at_ms: accepted.at.0, manifest: Some((&accepted.manifest).into()) }
    }
}

impl TryFrom<wire::Accepted> for Accepted {
    type Error = DecodeError;

    fn try_from(accepted: wire::Accepted) -> Result<Self, DecodeError> {
        Ok(Self {
            number: AcceptanceNumber(accepted.number),
            at: Timestamp(accepted.at_ms),
            manifest: required("manifest", accepted.manifest)?,
        })
    }
}

impl From<(&SessionId, &Sequence)> for wire::SessionSequence {
    fn from((session, sequence): (&SessionId, &Sequence)) -> Self {
        Self { session: session.0, sequence: sequence.0 }
    }
}

impl From<wire::SessionSequence> for (SessionId, Sequence) {
    fn from(entry: wire::SessionSequence) -> Self {
        (SessionId(entry.session), Sequence(entry.sequence))
    }
}

impl From<(&SnapshotId, &Begun)> for wire::Begun {
    fn from((snapshot, begun): (&SnapshotId, &Begun)) -> Self {
        Self {
            snapshot: snapshot.0,
            base: begun.base.map(|base| base.0),
            base_sequence: begun.base_sequence.0,
            upto: begun.upto.0,
        }
    }
}

impl From<wire::Begun> for (SnapshotId, Begun) {
    fn from(begun: wire::Begun) -> Self {
        let decoded = Begun {
            base: begun.base.map(SnapshotId),
            base_sequence: SequenceNumber(begun.base_sequence),
            upto: AcceptanceNumber(begun.upto),
        };
        (SnapshotId(begun.snapshot), decoded)
    }
}

fn resuming(life: Life) -> Option<Resuming> {
    match life {
        Life::Resuming(on) => Some(on),
        Life::New | Life::Fencing { .. } | Life::Owned => None,
    }
}

impl From<Resuming> for wire::Resuming {
    fn from(on: Resuming) -> Self {
        Self { head: on.head.map(|head| head.0), named: on.named.map(|named| named.0), sequence: on.sequence.0 }
    }
}

impl From<wire::Resuming> for Resuming {
    fn from(on: wire::Resuming) -> Self {
        Self { head: on.head.map(SnapshotId), named: on.named.map(SnapshotId), sequence: SequenceNumber(on.sequence) }
    }
}

impl From<&Recorded> for wire::Recorded {
    fn from(recorded: &Recorded) -> Self {
        Self { snapshot: recorded.snapshot.0, sequence: recorded.sequence.0 }
    }
}

impl From<wire::Recorded> for Recorded {
    fn from(recorded: wire::Recorded) -> Self {
        Self { snapshot: SnapshotId(recorded.snapshot), sequence: SequenceNumber(recorded.sequence) }
    }
}
