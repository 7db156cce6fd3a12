//! The log on a real disk: what is put is found again, also after a crash, and damage is set aside.

use k2i_domain::ids::{ChainKey, Epoch, Incarnation, Partition, SchemaId, SpecId, TableId, Timestamp};
use k2i_domain::manifest::{ManifestFile, ManifestRange};
use k2i_domain::range::{LeaderEpoch, Offset, Range};

use super::*;

fn cut(session: u64, sequence: u64, step: Step) -> LoggedCut {
    let range = ManifestRange {
        chain: ChainKey { stream: StreamId(0), partition: Partition(2) },
        epoch: Epoch(1),
        range: Range::new(Offset(5), Offset(9)).expect("5 is before 9"),
        rows: 4,
        newest: Some(Timestamp(77)),
        leader_epoch: LeaderEpoch(3),
    };
    let file = ManifestFile {
        location: "file:///w/data/a.parquet".into(),
        bytes: 10,
        rows: 4,
        sha256: [7; 32],
        schema: SchemaId(0),
        spec: SpecId(0),
        statistics: vec![1, 2, 3],
    };
    LoggedCut {
        table: "db.t".into(),
        uuid: TableUuid([9; 16]),
        step,
        decode_version: 1,
        streams: BTreeMap::from([(
            StreamId(0),
            StreamIdentity { kafka_cluster: "k".into(), topic_id: Some("i".into()), topic: "t".into() },
        )]),
        manifest: Manifest {
            table: TableId(1),
            incarnation: Incarnation(1),
            session: SessionId(session),
            sequence: Sequence(sequence),
            ranges: vec![range],
            files: vec![file],
        },
        local: vec![PathBuf::from("/spool/a.parquet")],
        upload: Some("id".into()),
    }
}

#[test]
fn entries_survive_and_are_listed_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    {
        let (log, aside) = TransactionLog::open(&path).expect("an empty folder");
        assert_eq!(aside, None);
        log.put(&cut(1, 2, Step::Sealed)).expect("put");
        log.put(&cut(1, 1, Step::Sealed)).expect("put");
        log.put(&cut(1, 1, Step::Accepted)).expect("put");
        let mut other = cut(2, 1, Step::Sealed);
        other.table = "db.other".into();
        log.put(&other).expect("put");
        log.put(&cut(3, 1, Step::Sealed)).expect("put");
        log.remove((SessionId(3), Sequence(1))).expect("remove");
    }
    let (log, _) = TransactionLog::open(&path).expect("reopen");
    assert_eq!(log.of_table("db.t").expect("read"), [cut(1, 1, Step::Accepted), cut(1, 2, Step::Sealed)]);
    assert_eq!(log.all().expect("read").len(), 3);
}

#[test]
fn a_damaged_log_is_set_aside_and_begun_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    {
        let (log, _) = TransactionLog::open(&path).expect("an empty folder");
        log.with(|store| store.put(CUTS, b"x", b"not an entry", Durability::Synced)).expect("put");
    }
    let (log, aside) = TransactionLog::open(&path).expect("set aside");
    assert!(aside.is_some_and(|aside| aside.is_dir()));
    assert!(log.all().expect("read").is_empty());
}

#[test]
fn a_log_in_use_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    let _open = TransactionLog::open(&path).expect("an empty folder");
    assert!(matches!(TransactionLog::open(&path), Err(LogError::Store(StoreError::InUse { .. }))));
}

/// Lets the next write to the store in `folder` find a full disk, as the kernel words it.
fn fill(folder: &Path) {
    use std::os::fd::{FromRawFd, OwnedFd};
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device that is always full");
    for entry in std::fs::read_dir("/proc/self/fd").expect("the open files") {
        let entry = entry.expect("an open file");
        let Ok(target) = std::fs::read_link(entry.path()) else { continue };
        if target.starts_with(folder) && target.extension().is_some_and(|extension| extension == "log") {
            let number = entry.file_name().to_string_lossy().parse().expect("a file's number");
            // SAFETY: the number is that of the store's open write-ahead log; it is not closed here.
            let mut log = unsafe { OwnedFd::from_raw_fd(number) };
            rustix::io::dup2(&full, &mut log).expect("the log becomes the full device");
            std::mem::forget(log);
        }
    }
}

#[test]
fn after_a_full_disk_the_log_is_opened_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    let (log, _) = TransactionLog::open(&path).expect("an empty folder");
    log.put(&cut(1, 1, Step::Sealed)).expect("put");
    fill(&path);
    let error = log.put(&cut(1, 2, Step::Sealed)).expect_err("the disk is full").to_string();
    assert!(error.contains("No space left on device"), "{error}");
    log.put(&cut(1, 3, Step::Sealed)).expect("there is room again");
    log.remove((SessionId(1), Sequence(1))).expect("remove");
    let left: Vec<_> = log.all().expect("all").iter().map(LoggedCut::id).collect();
    assert_eq!(left, [(SessionId(1), Sequence(3))], "what was put before is there, what failed is not");
    drop(log);
    let (log, aside) = TransactionLog::open(&path).expect("it was closed");
    assert_eq!((log.all().expect("all").len(), aside), (1, None));
}
