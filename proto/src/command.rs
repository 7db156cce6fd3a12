//! Commands: one message each.

use k2i_domain::ids::{
    AcceptanceNumber, Epoch, Incarnation, Instance, Partition, SequenceNumber, SessionId, SnapshotId, TableId,
    Timestamp, WorkerId,
};
use k2i_domain::port::Decision;
use k2i_domain::range::Offset;
use k2i_domain::state::{Command, IncarnationCause, RealignReason, Resumption};

use crate::enums::Numbered;
use crate::error::{At, DecodeError};
use crate::fields::{list, map, required};
use crate::ids::table_uuid;
use crate::wire;
use crate::wire::command::Command as Wire;

/// The command's name in `command.proto`.
#[cfg(test)]
pub(crate) fn name(command: &Command) -> &'static str {
    match command {
        Command::Init { .. } => "init",
        Command::SetFeatureLevel { .. } => "set_feature_level",
        Command::RegisterWorker { .. } => "register_worker",
        Command::ExpireWorker { .. } => "expire_worker",
        Command::PutTable { .. } => "put_table",
        Command::DropTable { .. } => "drop_table",
        Command::PutStream { .. } => "put_stream",
        Command::AssignPartitions { .. } => "assign_partitions",
        Command::BeginRevoke { .. } => "begin_revoke",
        Command::FinishRevoke { .. } => "finish_revoke",
        Command::SubmitManifest { .. } => "submit_manifest",
        Command::BeginCommit { .. } => "begin_commit",
        Command::RecordCommit { .. } => "record_commit",
        Command::Realign { .. } => "realign",
        Command::StopTable { .. } => "stop_table",
        Command::LiftStop { .. } => "lift_stop",
        Command::NewIncarnation { .. } => "new_incarnation",
        Command::ResumeTable { .. } => "resume_table",
    }
}

impl From<&Command> for Wire {
    fn from(command: &Command) -> Self {
        match command {
            Command::Init { instance, cluster } => {
                Self::Init(wire::Init { instance: instance.0, cluster: cluster.clone() })
            }
            Command::SetFeatureLevel { level } => Self::SetFeatureLevel(wire::SetFeatureLevel { level: *level }),
            Command::RegisterWorker { worker, session } => {
                Self::RegisterWorker(wire::RegisterWorker { worker: worker.0.clone(), session: session.0 })
            }
            Command::ExpireWorker { session } => Self::ExpireWorker(wire::ExpireWorker { session: session.0 }),
            Command::PutTable { spec } => Self::PutTable(wire::PutTable { spec: Some(spec.into()) }),
            Command::DropTable { table } => Self::DropTable(wire::DropTable { table: table.0 }),
            Command::PutStream { table, identity, starts, schema } => Self::PutStream(wire::PutStream {
                table: table.0,
                identity: Some(identity.into()),
                starts: starts.iter().map(Into::into).collect(),
                schema: schema.clone(),
            }),
            Command::AssignPartitions { table, chains, session } => Self::AssignPartitions(wire::AssignPartitions {
                table: table.0,
                chains: chains.iter().map(Into::into).collect(),
                session: session.0,
            }),
            Command::BeginRevoke { table, chain, epoch } => {
                Self::BeginRevoke(wire::BeginRevoke { table: table.0, chain: Some(chain.into()), epoch: epoch.0 })
            }
            Command::FinishRevoke { table, chain, epoch } => {
                Self::FinishRevoke(wire::FinishRevoke { table: table.0, chain: Some(chain.into()), epoch: epoch.0 })
            }
            Command::SubmitManifest { manifest, at } => {
                Self::SubmitManifest(wire::SubmitManifest { manifest: Some(manifest.into()), at_ms: at.0 })
            }
            Command::BeginCommit { table, incarnation, snapshot, base, base_sequence, upto } => {
                Self::BeginCommit(wire::BeginCommit {
                    table: table.0,
                    incarnation: incarnation.0,
                    snapshot: snapshot.0,
                    base: base.map(|base| base.0),
                    base_sequence: base_sequence.0,
                    upto: upto.0,
                })
            }
            Command::RecordCommit { table, uuid, incarnation, snapshot, sequence, watermark } => {
                Self::RecordCommit(wire::RecordCommit {
                    table: table.0,
                    uuid: uuid.0.to_vec(),
                    incarnation: incarnation.0,
                    snapshot: snapshot.0,
                    sequence: sequence.0,
                    watermark: watermark.iter().map(Into::into).collect(),
                })
            }
            Command::Realign { table, after, reason } => {
                Self::Realign(wire::Realign { table: table.0, after: after.0, reason: reason.number() })
            }
            Command::StopTable { table, stopped } => {
                Self::StopTable(wire::StopTable { table: table.0, stopped: Some(stopped.into()) })
            }
            Command::LiftStop { table } => Self::LiftStop(wire::LiftStop { table: table.0 }),
            Command::NewIncarnation { table, uuid, incarnation, cause, streams, watermark } => {
                Self::NewIncarnation(wire::NewIncarnation {
                    table: table.0,
                    uuid: uuid.0.to_vec(),
                    incarnation: incarnation.0,
                    cause: cause.number(),
                    streams: streams.iter().map(Into::into).collect(),
                    watermark: watermark.iter().map(Into::into).collect(),
                })
            }
            Command::ResumeTable { table, resumption } => Self::ResumeTable(resume_table(*table, resumption)),
        }
    }
}

impl TryFrom<Wire> for Command {
    type Error = DecodeError;

    fn try_from(command: Wire) -> Result<Self, DecodeError> {
        match command {
            Wire::Init(init) => Ok(Self::Init { instance: Instance(init.instance), cluster: init.cluster }),
            Wire::SetFeatureLevel(set) => Ok(Self::SetFeatureLevel { level: set.level }),
            Wire::RegisterWorker(register) => {
                Ok(Self::RegisterWorker { worker: WorkerId(register.worker), session: SessionId(register.session) })
            }
            Wire::ExpireWorker(expire) => Ok(Self::ExpireWorker { session: SessionId(expire.session) }),
            Wire::PutTable(put) => put_table(put).at("put_table"),
            Wire::DropTable(drop) => Ok(Self::DropTable { table: TableId(drop.table) }),
            Wire::PutStream(put) => put_stream(put).at("put_stream"),
            Wire::AssignPartitions(assign) => assign_partitions(assign).at("assign_partitions"),
            Wire::BeginRevoke(begin) => begin_revoke(begin).at("begin_revoke"),
            Wire::FinishRevoke(finish) => finish_revoke(finish).at("finish_revoke"),
            Wire::SubmitManifest(submit) => submit_manifest(submit).at("submit_manifest"),
            Wire::BeginCommit(begin) => Ok(begin_commit(&begin)),
            Wire::RecordCommit(record) => record_commit(record).at("record_commit"),
            Wire::Realign(realign) => self::realign(&realign).at("realign"),
            Wire::StopTable(stop) => stop_table(stop).at("stop_table"),
            Wire::LiftStop(lift) => Ok(Self::LiftStop { table: TableId(lift.table) }),
            Wire::NewIncarnation(new) => new_incarnation(new).at("new_incarnation"),
            Wire::ResumeTable(resume) => resumed(resume).at("resume_table"),
        }
    }
}

fn put_table(put: wire::PutTable) -> Result<Command, DecodeError> {
    Ok(Command::PutTable { spec: required("spec", put.spec)? })
}

fn put_stream(put: wire::PutStream) -> Result<Command, DecodeError> {
    Ok(Command::PutStream {
        table: TableId(put.table),
        identity: required("identity", put.identity)?,
        starts: map("starts", put.starts)?,
        schema: put.schema,
    })
}

fn assign_partitions(assign: wire::AssignPartitions) -> Result<Command, DecodeError> {
    Ok(Command::AssignPartitions {
        table: TableId(assign.table),
        chains: list("chains", assign.chains)?,
        session: SessionId(assign.session),
    })
}

fn begin_revoke(begin: wire::BeginRevoke) -> Result<Command, DecodeError> {
    Ok(Command::BeginRevoke {
        table: TableId(begin.table),
        chain: required("chain", begin.chain)?,
        epoch: Epoch(begin.epoch),
    })
}

fn finish_revoke(finish: wire::FinishRevoke) -> Result<Command, DecodeError> {
    Ok(Command::FinishRevoke {
        table: TableId(finish.table),
        chain: required("chain", finish.chain)?,
        epoch: Epoch(finish.epoch),
    })
}

fn submit_manifest(submit: wire::SubmitManifest) -> Result<Command, DecodeError> {
    Ok(Command::SubmitManifest { manifest: required("manifest", submit.manifest)?, at: Timestamp(submit.at_ms) })
}

fn begin_commit(begin: &wire::BeginCommit) -> Command {
    Command::BeginCommit {
        table: TableId(begin.table),
        incarnation: Incarnation(begin.incarnation),
        snapshot: SnapshotId(begin.snapshot),
        base: begin.base.map(SnapshotId),
        base_sequence: SequenceNumber(begin.base_sequence),
        upto: AcceptanceNumber(begin.upto),
    }
}

fn record_commit(record: wire::RecordCommit) -> Result<Command, DecodeError> {
    Ok(Command::RecordCommit {
        table: TableId(record.table),
        uuid: table_uuid("uuid", &record.uuid)?,
        incarnation: Incarnation(record.incarnation),
        snapshot: SnapshotId(record.snapshot),
        sequence: SequenceNumber(record.sequence),
        watermark: map("watermark", record.watermark)?,
    })
}

fn realign(realign: &wire::Realign) -> Result<Command, DecodeError> {
    Ok(Command::Realign {
        table: TableId(realign.table),
        after: AcceptanceNumber(realign.after),
        reason: RealignReason::from_number("reason", realign.reason)?,
    })
}

fn stop_table(stop: wire::StopTable) -> Result<Command, DecodeError> {
    Ok(Command::StopTable { table: TableId(stop.table), stopped: required("stopped", stop.stopped)? })
}

fn new_incarnation(new: wire::NewIncarnation) -> Result<Command, DecodeError> {
    Ok(Command::NewIncarnation {
        table: TableId(new.table),
        uuid: table_uuid("uuid", &new.uuid)?,
        incarnation: Incarnation(new.incarnation),
        cause: IncarnationCause::from_number("cause", new.cause)?,
        streams: map("streams", new.streams)?,
        watermark: map("watermark", new.watermark)?,
    })
}

fn resume_table(table: TableId, resumption: &Resumption) -> wire::ResumeTable {
    let Resumption { decision, uuid, incarnation, on, streams, watermark } = resumption;
    wire::ResumeTable {
        table: table.0,
        decision: decision.number(),
        uuid: uuid.map(|uuid| uuid.0.to_vec()),
        incarnation: incarnation.0,
        on: Some((*on).into()),
        streams: streams.iter().map(Into::into).collect(),
        watermark: watermark.iter().map(Into::into).collect(),
    }
}

fn resumed(resume: wire::ResumeTable) -> Result<Command, DecodeError> {
    let resumption = Resumption {
        decision: Decision::from_number("decision", resume.decision)?,
        uuid: resume.uuid.map(|bytes| table_uuid("uuid", &bytes)).transpose()?,
        incarnation: Incarnation(resume.incarnation),
        on: required("on", resume.on)?,
        streams: map("streams", resume.streams)?,
        watermark: map("watermark", resume.watermark)?,
    };
    Ok(Command::ResumeTable { table: TableId(resume.table), resumption })
}

impl From<(&Partition, &Offset)> for wire::PartitionStart {
    fn from((partition, offset): (&Partition, &Offset)) -> Self {
        Self { partition: partition.0, offset: offset.0 }
    }
}

impl From<wire::PartitionStart> for (Partition, Offset) {
    fn from(start: wire::PartitionStart) -> Self {
        (Partition(start.partition), Offset(start.offset))
    }
}
