//! [`State::apply`] by example: commands in, state and reply out.
//!
//! Every test starts from [`owned`], a table with two chains that was created, recorded and granted by real commands.

mod acceptance;
mod chains;
mod incarnation;
mod random;
mod record;
mod sessions;
mod stop;

use std::collections::BTreeMap;

use super::*;
use crate::ids::{
    AcceptanceNumber, ChainKey, Epoch, Incarnation, Partition, SchemaId, Sequence, SequenceNumber, SnapshotId, SpecId,
    StreamId, StreamIdentity, TableUuid, Timestamp,
};
use crate::invariants;
use crate::manifest::{Manifest, ManifestFile, ManifestRange};
use crate::port::{StopReason, Stopped, SubmitReply};
use crate::range::{LeaderEpoch, Offset, Range};

const TABLE: TableId = TableId(1);
const SESSION: SessionId = SessionId(0xa);
const UUID: TableUuid = TableUuid([7; 16]);
/// The snapshot that created the table.
const FIRST: SnapshotId = SnapshotId(100);

/// (topic partition, epoch, from, to).
type Part = (i32, u32, i64, i64);

fn key(partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(0), partition: Partition(partition) }
}

fn spec(name: &str) -> TableSpec {
    TableSpec {
        name: name.into(),
        tenant: "default".into(),
        namespace: vec!["db".into()],
        table: name.into(),
        topics: vec!["orders".into()],
        start: StartAt::Earliest,
        flush_interval_ms: 30_000,
    }
}

fn identity(topic: &str) -> StreamIdentity {
    StreamIdentity { kafka_cluster: "kafka".into(), topic_id: Some("id".into()), topic: topic.into() }
}

fn worker(name: &str) -> WorkerId {
    WorkerId(name.into())
}

/// A manifest with a row at every position, in one file.
fn manifest(session: SessionId, sequence: u64, parts: &[Part]) -> Manifest {
    let ranges: Vec<ManifestRange> = parts.iter().map(|part| range(*part)).collect();
    let rows = ranges.iter().map(|range| range.rows).sum();
    let file = ManifestFile {
        location: format!("file:///{session}-{sequence}.parquet"),
        bytes: 10 * rows,
        rows,
        sha256: [1; 32],
        schema: SchemaId(0),
        spec: SpecId(0),
        statistics: Vec::new(),
    };
    Manifest {
        table: TABLE,
        incarnation: Incarnation(1),
        session,
        sequence: Sequence(sequence),
        ranges,
        files: vec![file],
    }
}

fn range((partition, epoch, from, to): Part) -> ManifestRange {
    let range = Range::new(Offset(from), Offset(to)).expect("tests use ranges that are not empty");
    ManifestRange {
        chain: key(partition),
        epoch: Epoch(epoch),
        range,
        rows: range.positions().cast_unsigned(),
        newest: Some(Timestamp(to)),
        leader_epoch: LeaderEpoch(3),
    }
}

fn submit(manifest: Manifest) -> Command {
    Command::SubmitManifest { manifest, at: Timestamp(1_000) }
}

fn begin(snapshot: i64, base_sequence: i64) -> Command {
    Command::BeginCommit {
        table: TABLE,
        incarnation: Incarnation(1),
        snapshot: SnapshotId(snapshot),
        base: None,
        base_sequence: SequenceNumber(base_sequence),
        upto: AcceptanceNumber(0),
    }
}

/// A record of the first incarnation; the marks of the named chains, all rows in one range.
fn record(snapshot: i64, sequence: i64, ends: &[(i32, i64)]) -> Command {
    Command::RecordCommit {
        table: TABLE,
        uuid: UUID,
        incarnation: Incarnation(1),
        snapshot: SnapshotId(snapshot),
        sequence: SequenceNumber(sequence),
        watermark: ends.iter().map(|(partition, end)| (key(*partition), mark(*end))).collect(),
    }
}

fn mark(end: i64) -> Mark {
    if end == 0 {
        return Mark::start(Offset(0));
    }
    Mark { offset: Offset(end), leader_epoch: LeaderEpoch(3), last: (Offset(0), Offset(end), end.cast_unsigned()) }
}

fn stop(reason: StopReason) -> Command {
    Command::StopTable { table: TABLE, stopped: Stopped::new(reason, "because") }
}

fn assign(partitions: &[i32], session: SessionId) -> Command {
    Command::AssignPartitions { table: TABLE, chains: partitions.iter().map(|number| key(*number)).collect(), session }
}

fn put_stream(topic: &str, starts: &[(i32, i64)]) -> Command {
    Command::PutStream {
        table: TABLE,
        identity: identity(topic),
        starts: starts.iter().map(|(number, start)| (Partition(*number), Offset(*start))).collect(),
        schema: None,
    }
}

fn register(name: &str, session: SessionId) -> Command {
    Command::RegisterWorker { worker: worker(name), session }
}

/// A state with one session and one table of two topic partitions, owned and granted under epoch 1.
fn owned() -> State {
    let mut state = State::default();
    let setup = [
        Command::Init { instance: Instance(0xc0ffee), cluster: "orders".into() },
        register("w", SESSION),
        Command::PutTable { spec: spec("db.orders") },
        put_stream("orders", &[(0, 0), (1, 0)]),
        begin(FIRST.0, 0),
        record(FIRST.0, 1, &[(0, 0), (1, 0)]),
        assign(&[0, 1], SESSION),
    ];
    for command in setup {
        apply(&mut state, command);
    }
    state
}

/// Applies a command that must not be refused, and checks the invariants.
fn apply(state: &mut State, command: Command) -> Reply {
    let shown = format!("{command:?}");
    let reply = state.apply(command);
    assert!(!matches!(reply, Reply::Refused(_)), "{shown} was refused: {reply:?}");
    assert_eq!(invariants::violations(state), [], "after {shown}");
    reply
}

/// Applies a command that must be refused and change nothing.
fn refused(state: &mut State, command: Command) -> Refusal {
    let before = state.clone();
    let shown = format!("{command:?}");
    let Reply::Refused(refusal) = state.apply(command) else { panic!("{shown} was not refused") };
    assert_eq!(*state, before, "a refused command changes nothing: {shown}");
    refusal
}

fn accept(state: &mut State, sequence: u64, parts: &[Part]) {
    let reply = apply(state, submit(manifest(SESSION, sequence, parts)));
    assert_eq!(reply, Reply::Submit(SubmitReply::Accepted));
}

fn table(state: &State) -> &Table {
    &state.tables[&TABLE]
}

/// Per chain: committed end, accepted end, epoch, owner.
fn chains(state: &State) -> Vec<(i64, i64, u32, Option<SessionId>)> {
    let chains = table(state).chains.values();
    chains.map(|chain| (chain.mark.offset.0, chain.accepted_end.0, chain.epoch.0, chain.owner)).collect()
}

fn staged(state: &State) -> Vec<u64> {
    table(state).accepted.iter().map(|accepted| accepted.number.0).collect()
}

#[test]
fn the_first_command_sets_instance_and_name_once() {
    let mut state = State::default();
    apply(&mut state, Command::Init { instance: Instance(5), cluster: "orders".into() });
    let again = Command::Init { instance: Instance(6), cluster: "other".into() };
    assert_eq!(refused(&mut state, again), Refusal::AlreadyInitialised);
    assert_eq!((state.instance, state.cluster.as_str()), (Some(Instance(5)), "orders"));
}

#[test]
fn the_feature_level_never_goes_down() {
    let mut state = State::default();
    for (level, expected) in [(2, 2), (1, 2), (3, 3)] {
        apply(&mut state, Command::SetFeatureLevel { level });
        assert_eq!(state.feature_level, expected);
    }
}

#[test]
fn a_table_is_known_by_its_name_and_an_id_is_never_given_twice() {
    let mut state = owned();
    let mut slower = spec("db.orders");
    slower.flush_interval_ms = 60_000;
    assert_eq!(apply(&mut state, Command::PutTable { spec: slower.clone() }), Reply::Table(TABLE));
    assert_eq!(table(&state).spec, slower);
    assert_eq!(
        chains(&state),
        [(0, 0, 1, Some(SESSION)), (0, 0, 1, Some(SESSION))],
        "a new definition changes no chain"
    );

    assert_eq!(apply(&mut state, Command::PutTable { spec: spec("db.other") }), Reply::Table(TableId(2)));
    apply(&mut state, Command::DropTable { table: TableId(2) });
    assert_eq!(apply(&mut state, Command::PutTable { spec: spec("db.other") }), Reply::Table(TableId(3)));
    assert_eq!(state.table_named("db.other").map(|(id, _)| id), Some(TableId(3)));
}

#[test]
fn commands_for_an_unknown_table_are_refused() {
    let mut state = owned();
    let unknown = TableId(9);
    let mut elsewhere = manifest(SESSION, 1, &[(0, 1, 0, 5)]);
    elsewhere.table = unknown;
    let commands = [
        Command::DropTable { table: unknown },
        submit(elsewhere),
        Command::Realign { table: unknown, after: AcceptanceNumber(0), reason: RealignReason::NotAPrefix },
        Command::LiftStop { table: unknown },
        Command::AssignPartitions { table: unknown, chains: vec![key(0)], session: SESSION },
    ];
    for command in commands {
        assert_eq!(refused(&mut state, command), Refusal::NoSuchTable(unknown));
    }
}
