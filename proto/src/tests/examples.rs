//! One example of every command and one state that uses every message, as the golden files hold them.

use std::collections::{BTreeMap, VecDeque};

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

const TABLE: TableId = TableId(7);
const SESSION: SessionId = SessionId(0xa1b2_c3d4_e5f6_0718);
const SNAPSHOT: SnapshotId = SnapshotId(7_312_904_471_823_301_123);
const UUID: TableUuid =
    TableUuid([0x9c, 0x12, 0x3f, 0xe0, 0x55, 0x1a, 0x4b, 0x2d, 0x8e, 0x6f, 0x00, 0x11, 0x22, 0x33, 0x44, 0xff]);

/// A command without an example does not compile.
macro_rules! examples {
    ($($variant:ident => $example:expr),+ $(,)?) => {
        pub(super) fn commands() -> Vec<Command> {
            vec![$($example),+]
        }

        pub(super) fn variant(command: &Command) -> &'static str {
            match command {
                $(Command::$variant { .. } => stringify!($variant),)+
            }
        }

        pub(super) const VARIANTS: &[&str] = &[$(stringify!($variant)),+];
    };
}

examples! {
    Init => Command::Init { instance: Instance(0x9f2c_4be1_a07d_3356), cluster: "orders".into() },
    SetFeatureLevel => Command::SetFeatureLevel { level: 3 },
    RegisterWorker => Command::RegisterWorker { worker: WorkerId("worker-1".into()), session: SESSION },
    ExpireWorker => Command::ExpireWorker { session: SESSION },
    PutTable => Command::PutTable { spec: spec() },
    DropTable => Command::DropTable { table: TABLE },
    PutStream => Command::PutStream {
        table: TABLE,
        identity: identity(),
        starts: BTreeMap::from([(Partition(0), Offset(0)), (Partition(1), Offset(980)), (Partition(300), Offset(5))]),
        schema: Some(r#"{"type":"struct","schema-id":0,"fields":[]}"#.into()),
    },
    AssignPartitions => Command::AssignPartitions {
        table: TABLE,
        // In no order: the list is kept as it is proposed.
        chains: vec![chain(1, 12), chain(0, 0), chain(0, 1)],
        session: SESSION,
    },
    BeginRevoke => Command::BeginRevoke { table: TABLE, chain: chain(0, 1), epoch: Epoch(4) },
    FinishRevoke => Command::FinishRevoke { table: TABLE, chain: chain(1, 12), epoch: Epoch(5) },
    SubmitManifest => Command::SubmitManifest { manifest: manifest(19), at: Timestamp(1_764_072_000_123) },
    BeginCommit => Command::BeginCommit {
        table: TABLE,
        incarnation: Incarnation(2),
        snapshot: SNAPSHOT,
        base: Some(SnapshotId(42)),
        base_sequence: SequenceNumber(311),
        upto: AcceptanceNumber(88),
    },
    RecordCommit => Command::RecordCommit {
        table: TABLE,
        uuid: UUID,
        incarnation: Incarnation(2),
        snapshot: SNAPSHOT,
        sequence: SequenceNumber(312),
        watermark: watermark(),
    },
    Realign => Command::Realign { table: TABLE, after: AcceptanceNumber(86), reason: RealignReason::FilesVanished },
    StopTable => Command::StopTable { table: TABLE, stopped: stopped() },
    LiftStop => Command::LiftStop { table: TABLE },
    NewIncarnation => Command::NewIncarnation {
        table: TABLE,
        uuid: UUID,
        incarnation: Incarnation(3),
        cause: IncarnationCause::StaleState,
        streams: streams(),
        watermark: watermark(),
    },
    ResumeTable => Command::ResumeTable {
        table: TABLE,
        resumption: Resumption {
            decision: Decision::Reingest,
            uuid: Some(UUID),
            incarnation: Incarnation(3),
            on: resuming(),
            streams: streams(),
            watermark: watermark(),
        },
    },
}

fn resuming() -> Resuming {
    Resuming { head: Some(SnapshotId(40)), named: Some(SnapshotId(41)), sequence: SequenceNumber(311) }
}

fn chain(stream: u32, partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(stream), partition: Partition(partition) }
}

fn spec() -> TableSpec {
    TableSpec {
        name: "shop.orders".into(),
        tenant: "shop".into(),
        namespace: vec!["shop".into(), "eu".into()],
        table: "orders".into(),
        topics: vec!["orders".into(), "orders-retry".into()],
        start: StartAt::Latest,
        flush_interval_ms: 30_000,
    }
}

fn identity() -> StreamIdentity {
    StreamIdentity {
        kafka_cluster: "MkU3OEVBNTcwNTJENDM2Qk".into(),
        topic_id: Some("Zq0XnqH5T2y3Qm5j0k1w3A".into()),
        topic: "orders".into(),
    }
}

fn streams() -> BTreeMap<StreamId, StreamIdentity> {
    let old_broker = StreamIdentity { kafka_cluster: "other".into(), topic_id: None, topic: "orders-retry".into() };
    BTreeMap::from([(StreamId(0), identity()), (StreamId(1), old_broker)])
}

fn watermark() -> BTreeMap<ChainKey, Mark> {
    let mark = |offset, epoch, from, to, rows| Mark {
        offset: Offset(offset),
        leader_epoch: LeaderEpoch(epoch),
        last: (Offset(from), Offset(to), rows),
    };
    BTreeMap::from([
        (chain(0, 0), mark(1_207, 5, 1_100, 1_207, 107)),
        (chain(0, 1), mark(980, 5, 950, 980, 30)),
        (chain(1, 12), Mark::start(Offset(0))),
    ])
}

fn stopped() -> Stopped {
    let detail = "orders/1: offsets 980 to 1400 are gone; lift it with allow-gap or reset";
    Stopped::new(StopReason::RetentionGap, detail).of_topic("orders")
}

fn manifest(sequence: u64) -> Manifest {
    let rowless = ManifestRange {
        chain: chain(1, 12),
        epoch: Epoch(1),
        range: Range::new(Offset(0), Offset(3)).unwrap(),
        rows: 0,
        newest: None,
        leader_epoch: LeaderEpoch::UNKNOWN,
    };
    let range = ManifestRange {
        chain: chain(0, 0),
        epoch: Epoch(4),
        range: Range::new(Offset(1_207), Offset(1_300)).unwrap(),
        rows: 93,
        newest: Some(Timestamp(1_764_071_999_870)),
        leader_epoch: LeaderEpoch(5),
    };
    Manifest {
        table: TABLE,
        incarnation: Incarnation(2),
        session: SESSION,
        sequence: Sequence(sequence),
        ranges: vec![range, rowless],
        files: vec![file(0, 60), file(1, 33)],
    }
}

fn file(number: u8, rows: u64) -> ManifestFile {
    ManifestFile {
        location: format!("s3://lake/shop/orders/data/9f2c4be1a07d3356-2-a1b2c3d4e5f60718-19-{number}.parquet"),
        bytes: 18_211,
        rows,
        sha256: std::array::from_fn(|i| number.wrapping_add(u8::try_from(i).unwrap() * 7)),
        schema: SchemaId(1),
        spec: SpecId(0),
        statistics: vec![0, 1, 2, 255],
    }
}

/// Every message, every optional field present and absent, every life.
pub(super) fn state() -> State {
    let fencing = |adopting| Life::Fencing { adopting };
    let lives = [Life::New, fencing(false), fencing(true), Life::Resuming(resuming())];
    let empty = lives.into_iter().zip(1..).map(|(life, id)| (TableId(id), Table { life, ..Table::new(spec()) }));
    let worker = |name: &str, live| Session { worker: WorkerId(name.into()), live };
    State {
        instance: Some(Instance(0x9f2c_4be1_a07d_3356)),
        cluster: "orders".into(),
        feature_level: 3,
        sessions: BTreeMap::from([(SessionId(5), worker("worker-2", false)), (SESSION, worker("worker-1", true))]),
        tables: empty.chain([(TABLE, table())]).collect(),
        last_table: TableId(9),
    }
}

fn table() -> Table {
    let accepted = [(87, 18), (88, 19)].map(|(number, sequence)| Accepted {
        number: AcceptanceNumber(number),
        at: Timestamp(1_764_072_000_000),
        manifest: manifest(sequence),
    });
    let begun = |base| Begun { base, base_sequence: SequenceNumber(311), upto: AcceptanceNumber(88) };
    Table {
        spec: spec(),
        uuid: Some(UUID),
        incarnation: Incarnation(2),
        life: Life::Owned,
        stopped: Some(stopped()),
        schema: Some("{}".into()),
        streams: streams(),
        chains: chains(),
        accepted: VecDeque::from(accepted),
        last_acceptance: AcceptanceNumber(88),
        sequences: BTreeMap::from([(SessionId(5), Sequence(2)), (SESSION, Sequence(19))]),
        begun: BTreeMap::from([(SnapshotId(42), begun(None)), (SNAPSHOT, begun(Some(SnapshotId(41))))]),
        recorded: Some(Recorded { snapshot: SnapshotId(41), sequence: SequenceNumber(311) }),
    }
}

fn chains() -> BTreeMap<ChainKey, Chain> {
    let mut chains: BTreeMap<ChainKey, Chain> =
        watermark().into_iter().map(|(key, mark)| (key, Chain::at(mark))).collect();
    let owned = chains.get_mut(&chain(0, 0)).unwrap();
    owned.accepted_end = Offset(1_300);
    owned.epoch = Epoch(4);
    owned.owner = Some(SESSION);
    owned.revoking = true;
    chains
}
