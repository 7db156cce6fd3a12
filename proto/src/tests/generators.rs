//! Random commands and states: every value that the domain types can hold, sensible or not.
//!
//! Proptest's tuples end at ten, so a table is made in two halves.

use std::collections::BTreeMap;

use k2i_domain::ids::{
    AcceptanceNumber, ChainKey, Epoch, Incarnation, Instance, Partition, SchemaId, Sequence, SequenceNumber, SessionId,
    SnapshotId, SpecId, StreamId, StreamIdentity, TableId, TableUuid, Timestamp, WorkerId,
};
use k2i_domain::manifest::{Manifest, ManifestFile, ManifestRange};
use k2i_domain::port::{Decision, StopReason, Stopped};
use k2i_domain::range::{LeaderEpoch, Offset, Range};
use k2i_domain::state::{
    Accepted, Begun, Chain, Command, IncarnationCause, Life, Mark, RealignReason, Recorded, Resuming, Resumption,
    Session, StartAt, State, Table, TableSpec,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// A newtype of a number: all values, the small and the extreme more often.
macro_rules! number {
    ($($name:ident: $type:ident($inner:ty)),+ $(,)?) => {
        $(fn $name() -> impl Strategy<Value = $type> + Clone {
            prop_oneof![0..3 as $inner, Just(<$inner>::MIN), Just(<$inner>::MAX), any::<$inner>()].prop_map($type)
        })+
    };
}

number! {
    table_id: TableId(u64),
    stream_id: StreamId(u32),
    partition: Partition(i32),
    session_id: SessionId(u64),
    instance: Instance(u64),
    incarnation: Incarnation(u32),
    epoch: Epoch(u32),
    sequence: Sequence(u64),
    acceptance: AcceptanceNumber(u64),
    snapshot: SnapshotId(i64),
    sequence_number: SequenceNumber(i64),
    schema_id: SchemaId(i32),
    spec_id: SpecId(i32),
    timestamp: Timestamp(i64),
    offset: Offset(i64),
    leader_epoch: LeaderEpoch(i32),
}

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), ".{0,12}"]
}

fn uuid() -> impl Strategy<Value = TableUuid> {
    any::<[u8; 16]>().prop_map(TableUuid)
}

fn worker() -> impl Strategy<Value = WorkerId> {
    text().prop_map(WorkerId)
}

fn chain_key() -> impl Strategy<Value = ChainKey> + Clone {
    (stream_id(), partition()).prop_map(|(stream, partition)| ChainKey { stream, partition })
}

fn identity() -> impl Strategy<Value = StreamIdentity> + Clone {
    let fields = (text(), option::of(text()), text());
    fields.prop_map(|(kafka_cluster, topic_id, topic)| StreamIdentity { kafka_cluster, topic_id, topic })
}

fn streams() -> impl Strategy<Value = BTreeMap<StreamId, StreamIdentity>> {
    btree_map(stream_id(), identity(), 0..4)
}

fn mark() -> impl Strategy<Value = Mark> {
    let fields = (offset(), leader_epoch(), offset(), offset(), any::<u64>());
    fields.prop_map(|(offset, leader_epoch, from, to, rows)| Mark { offset, leader_epoch, last: (from, to, rows) })
}

fn watermark() -> impl Strategy<Value = BTreeMap<ChainKey, Mark>> {
    btree_map(chain_key(), mark(), 0..5)
}

fn range() -> impl Strategy<Value = Range> {
    let ends =
        prop_oneof![Just((0, 1)), Just((0, i64::MAX)), (0..i64::MAX - 1000, 1..1000_i64).prop_map(|(a, n)| (a, a + n))];
    ends.prop_map(|(from, to)| Range::new(Offset(from), Offset(to)).unwrap())
}

fn manifest_range() -> impl Strategy<Value = ManifestRange> {
    let fields = (chain_key(), epoch(), range(), any::<u64>(), option::of(timestamp()), leader_epoch());
    fields.prop_map(|(chain, epoch, range, rows, newest, leader_epoch)| ManifestRange {
        chain,
        epoch,
        range,
        rows,
        newest,
        leader_epoch,
    })
}

fn file() -> impl Strategy<Value = ManifestFile> {
    let statistics = vec(any::<u8>(), 0..20);
    let fields = (text(), any::<u64>(), any::<u64>(), any::<[u8; 32]>(), schema_id(), spec_id(), statistics);
    fields.prop_map(|(location, bytes, rows, sha256, schema, spec, statistics)| ManifestFile {
        location,
        bytes,
        rows,
        sha256,
        schema,
        spec,
        statistics,
    })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let lists = (vec(manifest_range(), 0..4), vec(file(), 0..4));
    let fields = (table_id(), incarnation(), session_id(), sequence(), lists);
    fields.prop_map(|(table, incarnation, session, sequence, (ranges, files))| Manifest {
        table,
        incarnation,
        session,
        sequence,
        ranges,
        files,
    })
}

fn spec() -> impl Strategy<Value = TableSpec> {
    let start = select(vec![StartAt::Earliest, StartAt::Latest]);
    let fields = (text(), text(), vec(text(), 0..3), text(), vec(text(), 0..3), start, any::<u64>());
    fields.prop_map(|(name, tenant, namespace, table, topics, start, flush_interval_ms)| TableSpec {
        name,
        tenant,
        namespace,
        table,
        topics,
        start,
        flush_interval_ms,
    })
}

fn stopped() -> impl Strategy<Value = Stopped> {
    let fields = (select(StopReason::ALL.to_vec()), text(), option::of(text()));
    fields.prop_map(|(reason, detail, topic)| Stopped { reason, detail, topic })
}

fn life() -> impl Strategy<Value = Life> {
    let plain = vec![Life::New, Life::Fencing { adopting: false }, Life::Fencing { adopting: true }, Life::Owned];
    prop_oneof![select(plain), resuming().prop_map(Life::Resuming)]
}

fn resuming() -> impl Strategy<Value = Resuming> {
    let fields = (option::of(snapshot()), option::of(snapshot()), sequence_number());
    fields.prop_map(|(head, named, sequence)| Resuming { head, named, sequence })
}

fn chain() -> impl Strategy<Value = Chain> {
    let fields = (mark(), offset(), leader_epoch(), epoch(), option::of(session_id()), any::<bool>());
    fields.prop_map(|(mark, accepted_end, leader_epoch, epoch, owner, revoking)| Chain {
        mark,
        accepted_end,
        leader_epoch,
        epoch,
        owner,
        revoking,
    })
}

fn accepted() -> impl Strategy<Value = Accepted> {
    (acceptance(), timestamp(), manifest()).prop_map(|(number, at, manifest)| Accepted { number, at, manifest })
}

fn begun() -> impl Strategy<Value = Begun> {
    let fields = (option::of(snapshot()), sequence_number(), acceptance());
    fields.prop_map(|(base, base_sequence, upto)| Begun { base, base_sequence, upto })
}

fn recorded() -> impl Strategy<Value = Recorded> {
    (snapshot(), sequence_number()).prop_map(|(snapshot, sequence)| Recorded { snapshot, sequence })
}

fn table() -> impl Strategy<Value = Table> {
    let identity = (spec(), option::of(uuid()), incarnation(), life(), option::of(stopped()), option::of(text()));
    let content = (
        streams(),
        btree_map(chain_key(), chain(), 0..4),
        vec(accepted(), 0..3),
        acceptance(),
        btree_map(session_id(), sequence(), 0..3),
        btree_map(snapshot(), begun(), 0..3),
        option::of(recorded()),
    );
    (identity, content).prop_map(|((spec, uuid, incarnation, life, stopped, schema), content)| {
        let (streams, chains, accepted, last_acceptance, sequences, begun, recorded) = content;
        let accepted = accepted.into();
        Table {
            spec,
            uuid,
            incarnation,
            life,
            stopped,
            schema,
            streams,
            chains,
            accepted,
            last_acceptance,
            sequences,
            begun,
            recorded,
        }
    })
}

pub(super) fn state() -> impl Strategy<Value = State> {
    let session = (worker(), any::<bool>()).prop_map(|(worker, live)| Session { worker, live });
    let sessions = btree_map(session_id(), session, 0..4);
    let fields =
        (option::of(instance()), text(), any::<u32>(), sessions, btree_map(table_id(), table(), 0..3), table_id());
    fields.prop_map(|(instance, cluster, feature_level, sessions, tables, last_table)| State {
        instance,
        cluster,
        feature_level,
        sessions,
        tables,
        last_table,
    })
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (instance(), text()).prop_map(|(instance, cluster)| Command::Init { instance, cluster }),
        any::<u32>().prop_map(|level| Command::SetFeatureLevel { level }),
        (worker(), session_id()).prop_map(|(worker, session)| Command::RegisterWorker { worker, session }),
        session_id().prop_map(|session| Command::ExpireWorker { session }),
        spec().prop_map(|spec| Command::PutTable { spec }),
        table_id().prop_map(|table| Command::DropTable { table }),
        put_stream(),
        (table_id(), vec(chain_key(), 0..5), session_id())
            .prop_map(|(table, chains, session)| Command::AssignPartitions { table, chains, session }),
        (table_id(), chain_key(), epoch()).prop_map(|(table, chain, epoch)| Command::BeginRevoke {
            table,
            chain,
            epoch
        }),
        (table_id(), chain_key(), epoch()).prop_map(|(table, chain, epoch)| Command::FinishRevoke {
            table,
            chain,
            epoch
        }),
        (manifest(), timestamp()).prop_map(|(manifest, at)| Command::SubmitManifest { manifest, at }),
        commit(),
        realign(),
        (table_id(), stopped()).prop_map(|(table, stopped)| Command::StopTable { table, stopped }),
        table_id().prop_map(|table| Command::LiftStop { table }),
        new_incarnation(),
        (table_id(), resumption()).prop_map(|(table, resumption)| Command::ResumeTable { table, resumption }),
    ]
}

fn resumption() -> impl Strategy<Value = Resumption> {
    let decision = select(Decision::ALL.to_vec());
    let fields = (decision, option::of(uuid()), incarnation(), resuming(), streams(), watermark());
    fields.prop_map(|(decision, uuid, incarnation, on, streams, watermark)| Resumption {
        decision,
        uuid,
        incarnation,
        on,
        streams,
        watermark,
    })
}

fn put_stream() -> impl Strategy<Value = Command> {
    let fields = (table_id(), identity(), btree_map(partition(), offset(), 0..4), option::of(text()));
    fields.prop_map(|(table, identity, starts, schema)| Command::PutStream { table, identity, starts, schema })
}

fn commit() -> impl Strategy<Value = Command> {
    let begin = (table_id(), incarnation(), snapshot(), begun()).prop_map(|(table, incarnation, snapshot, begun)| {
        let Begun { base, base_sequence, upto } = begun;
        Command::BeginCommit { table, incarnation, snapshot, base, base_sequence, upto }
    });
    let fields = (table_id(), uuid(), incarnation(), snapshot(), sequence_number(), watermark());
    let record = fields.prop_map(|(table, uuid, incarnation, snapshot, sequence, watermark)| Command::RecordCommit {
        table,
        uuid,
        incarnation,
        snapshot,
        sequence,
        watermark,
    });
    prop_oneof![begin, record]
}

fn realign() -> impl Strategy<Value = Command> {
    use RealignReason::{FilesTooOld, FilesVanished, NotAPrefix, SchemaGone};
    let reason = select(vec![NotAPrefix, FilesVanished, FilesTooOld, SchemaGone]);
    (table_id(), acceptance(), reason).prop_map(|(table, after, reason)| Command::Realign { table, after, reason })
}

fn new_incarnation() -> impl Strategy<Value = Command> {
    let cause = select(vec![IncarnationCause::Adopted, IncarnationCause::StaleState]);
    let fields = (table_id(), uuid(), incarnation(), cause, streams(), watermark());
    fields.prop_map(|(table, uuid, incarnation, cause, streams, watermark)| Command::NewIncarnation {
        table,
        uuid,
        incarnation,
        cause,
        streams,
        watermark,
    })
}
