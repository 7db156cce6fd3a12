//! The store against real folders: what is read back, what is refused, and what a killed process leaves.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

const CARS: Family = Family("cars");
const SHIPS: Family = Family("ships");
const FAMILIES: [Family; 2] = [CARS, SHIPS];

/// Names the folder to work on in a test that runs itself again as a child process.
const CHILD_FOLDER: &str = "K2I_STORE_TEST_FOLDER";

fn open(path: &Path) -> Store {
    Store::open(path, &FAMILIES).unwrap()
}

fn entries(scan: Scan<'_>) -> Vec<(String, String)> {
    let text = |bytes: Box<[u8]>| String::from_utf8(bytes.into_vec()).unwrap();
    scan.map(|entry| entry.map(|(key, value)| (text(key), text(value))).unwrap()).collect()
}

fn keys(scan: Scan<'_>) -> Vec<String> {
    entries(scan).into_iter().map(|(key, _)| key).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    found.sort();
    found
}

/// The one file of this kind that holds data.
fn only_file(folder: &Path, extension: &str) -> PathBuf {
    let mut found = files(folder, extension);
    found.retain(|path| path.metadata().unwrap().len() > 0);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn flip_byte(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[!byte[0]], at).unwrap();
}

/// Runs the calling test again in a process of its own, which sees [`CHILD_FOLDER`].
fn child(test: &str, folder: &Path, shell: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put(CARS, b"a", b"1", Durability::Buffered).unwrap();
    store.put(CARS, b"b", b"2", Durability::Synced).unwrap();
    store.put(SHIPS, b"a", b"3", Durability::Buffered).unwrap();
    store.delete(CARS, b"b", Durability::Buffered).unwrap();
    store.delete(CARS, b"never there", Durability::Buffered).unwrap();
    store.sync().unwrap();
    assert_eq!(store.get(CARS, b"a").unwrap().unwrap(), b"1");
    assert_eq!(store.get(CARS, b"b").unwrap(), None);
    assert_eq!(store.get(SHIPS, b"a").unwrap().unwrap(), b"3");
}

#[test]
fn a_batch_takes_effect_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for key in ["a", "b", "c", "d"] {
        store.put(CARS, key.as_bytes(), b"old", Durability::Buffered).unwrap();
    }
    let mut batch = Batch::new();
    assert!(batch.is_empty());
    batch.delete_range(CARS, "b", "d");
    batch.put(CARS, "c", "new");
    batch.delete(CARS, "a");
    batch.put(SHIPS, "x", "y");
    assert_eq!(batch.changes().len(), 4);
    store.write(batch, Durability::Synced).unwrap();
    let all = |family| entries(store.range(family, Unbounded, Unbounded, Order::Ascending));
    assert_eq!(all(CARS), [("c".into(), "new".into()), ("d".into(), "old".into())]);
    assert_eq!(all(SHIPS), [("x".into(), "y".into())]);
}

#[test]
fn a_range_keeps_to_its_bounds_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for key in ["a", "b", "b\0", "c", "d"] {
        store.put(CARS, key.as_bytes(), b"", Durability::Buffered).unwrap();
    }
    let (b, d) = (b"b".as_slice(), b"d".as_slice());
    let up = |from, to| keys(store.range(CARS, from, to, Order::Ascending));
    let down = |from, to| keys(store.range(CARS, from, to, Order::Descending));
    assert_eq!(up(Unbounded, Unbounded), ["a", "b", "b\0", "c", "d"]);
    assert_eq!(up(Included(b), Excluded(d)), ["b", "b\0", "c"]);
    assert_eq!(up(Excluded(b), Included(d)), ["b\0", "c", "d"]);
    assert_eq!(up(Included(d), Excluded(b)), [""; 0]);
    assert_eq!(down(Unbounded, Unbounded), ["d", "c", "b\0", "b", "a"]);
    assert_eq!(down(Included(b), Excluded(d)), ["c", "b\0", "b"]);
    assert_eq!(down(Unbounded, Included(b)), ["b", "a"]);
}

#[test]
fn a_prefix_ends_where_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let all: [&[u8]; 6] = [b"a", b"ab", b"ab\xff", b"ac", b"\xff", b"\xff\xff\x01"];
    for key in all {
        store.put(CARS, key, b"", Durability::Buffered).unwrap();
    }
    let found = |prefix: &[u8]| -> Vec<Vec<u8>> {
        store.prefix(CARS, prefix).map(|entry| entry.unwrap().0.into_vec()).collect()
    };
    assert_eq!(found(b"ab"), [b"ab".to_vec(), b"ab\xff".to_vec()]);
    assert_eq!(found(b"ab\xff"), [b"ab\xff".to_vec()]);
    assert_eq!(found(b"\xff"), [b"\xff".to_vec(), b"\xff\xff\x01".to_vec()]);
    assert_eq!(found(b"").len(), all.len());
    assert_eq!(found(b"b").len(), 0);
}

#[test]
fn a_scan_does_not_see_later_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put(CARS, b"a", b"", Durability::Buffered).unwrap();
    let scan = store.range(CARS, Unbounded, Unbounded, Order::Ascending);
    store.put(CARS, b"b", b"", Durability::Buffered).unwrap();
    assert_eq!(keys(scan), ["a"]);
}

#[test]
fn content_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    // A folder that does not exist yet, with a parent that does not either.
    let path = folder.path().join("data").join("log");
    for round in 0_u8..3 {
        let store = open(&path);
        assert_eq!(store.path(), path);
        let before = store.range(CARS, Unbounded, Unbounded, Order::Ascending).count();
        assert_eq!(before, usize::from(round));
        store.put(CARS, &[round], &[round], Durability::Buffered).unwrap();
    }
}

#[test]
fn a_family_can_be_added_but_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path(), &[CARS]).unwrap());
    drop(open(folder.path()));
    let error = Store::open(folder.path(), &[CARS]).unwrap_err();
    assert!(matches!(&error, StoreError::Open { detail, .. } if detail.contains("ships")), "{error}");
}

#[test]
fn a_path_that_cannot_be_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "not a folder").unwrap();
    for path in [path.clone(), path.join("below")] {
        let error = Store::open(&path, &FAMILIES).unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_folder_in_use_within_the_process_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let held = open(folder.path());
    let error = Store::open(folder.path(), &FAMILIES).unwrap_err();
    assert_eq!(error, StoreError::InUse { path: folder.path().to_owned() });
    drop(held);
    open(folder.path());
}

#[test]
fn a_folder_in_use_by_another_process_is_said() {
    if let Some(folder) = env::var_os(CHILD_FOLDER) {
        let _held = open(Path::new(&folder));
        println!("\nheld");
        // Until the parent closes the pipe.
        let _ = std::io::stdin().lines().next();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = child("store::tests::a_folder_in_use_by_another_process_is_said", folder.path(), "");
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "held"), "the child ended early");
    let error = Store::open(folder.path(), &FAMILIES).unwrap_err();
    assert_eq!(error, StoreError::InUse { path: folder.path().to_owned() });
    drop(child.stdin.take());
    let rest: Vec<_> = output.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("1 passed")), "{rest:?}");
    assert!(child.wait().unwrap().success());
    open(folder.path());
}

#[test]
fn buffered_writes_survive_the_end_of_the_process() {
    if let Some(folder) = env::var_os(CHILD_FOLDER) {
        let store = open(Path::new(&folder));
        for number in 0_u32..1_000 {
            store.put(CARS, &number.to_be_bytes(), &[0; 100], Durability::Buffered).unwrap();
        }
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "store::tests::buffered_writes_survive_the_end_of_the_process";
    assert!(!child(test, folder.path(), "").wait().unwrap().success());
    assert_eq!(open(folder.path()).range(CARS, Unbounded, Unbounded, Order::Ascending).count(), 1_000);
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    if let Some(folder) = env::var_os(CHILD_FOLDER) {
        let store = open(Path::new(&folder));
        let write = |number: u32| store.put(CARS, &number.to_be_bytes(), &[7; 1_000], Durability::Synced);
        let (failed_at, error) = (0..10_000).find_map(|number| Some((number, write(number).err()?))).unwrap();
        assert!(matches!(&error, StoreError::Fatal { .. }), "{error}");
        assert!(failed_at > 0);
        assert_eq!(store.sync().unwrap_err(), error);
        assert_eq!(store.delete(CARS, b"", Durability::Buffered).unwrap_err(), error);
        assert_eq!(store.get(CARS, &0_u32.to_be_bytes()).unwrap().unwrap(), [7; 1_000]);
        println!("\nwrote {failed_at}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // No file may grow past a few hundred kilobytes: writes fail as on a full disk.
    let limit = "trap '' XFSZ; ulimit -f 600;";
    let test = "store::tests::after_a_failed_write_nothing_more_is_written";
    let output = child(test, folder.path(), limit).wait_with_output().unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output_text}");
    let wrote = output_text.lines().find_map(|line| line.strip_prefix("wrote ")).unwrap();
    let wrote: usize = wrote.parse().unwrap();
    // What was reported as synced is there; the write that failed is not, even though part of it is in the file.
    assert_eq!(open(folder.path()).range(CARS, Unbounded, Unbounded, Order::Ascending).count(), wrote);
}

#[test]
fn a_broken_store_refuses_even_what_rocksdb_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put(CARS, b"a", b"1", Durability::Synced).unwrap();
    store.broken.set("some time ago".to_owned()).unwrap();
    let fatal = StoreError::Fatal { path: folder.path().to_owned(), detail: "some time ago".to_owned() };
    assert_eq!(store.put(CARS, b"b", b"2", Durability::Buffered).unwrap_err(), fatal);
    assert_eq!(store.sync().unwrap_err(), fatal);
    assert_eq!(store.get(CARS, b"a").unwrap().unwrap(), b"1");
    drop(store);
    assert_eq!(open(folder.path()).get(CARS, b"b").unwrap(), None);
}

/// Leaves ten writes in the write-ahead log and nothing else.
fn ten_writes(folder: &Path) -> PathBuf {
    let store = open(folder);
    for number in 0_u8..10 {
        store.put(CARS, &[number], &[number; 100], Durability::Synced).unwrap();
    }
    drop(store);
    only_file(folder, "log")
}

#[test]
fn a_write_cut_short_is_dropped_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let log = ten_writes(folder.path());
    let length = log.metadata().unwrap().len();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 40).unwrap();
    let store = open(folder.path());
    let found: Vec<_> = store.range(CARS, Unbounded, Unbounded, Order::Ascending).map(|it| it.unwrap().0[0]).collect();
    assert_eq!(found, (0..9).collect::<Vec<_>>());
    store.put(CARS, &[9], b"again", Durability::Synced).unwrap();
    drop(store);
    assert_eq!(open(folder.path()).get(CARS, &[9]).unwrap().unwrap(), b"again");
}

#[test]
fn a_changed_byte_in_the_write_ahead_log_is_damage() {
    // Each tenth byte: headers, keys, values, the first record and the last.
    let folder = tempfile::tempdir().unwrap();
    let log = ten_writes(folder.path());
    let pristine = tempfile::tempdir().unwrap();
    copy(folder.path(), pristine.path());
    let length = log.metadata().unwrap().len();
    let mut damaged = 0;
    for at in (0..length).step_by(10) {
        let trial = tempfile::tempdir().unwrap();
        copy(pristine.path(), trial.path());
        flip_byte(&trial.path().join(log.file_name().unwrap()), at);
        match Store::open(trial.path(), &FAMILIES) {
            Err(StoreError::Damaged { path, .. }) => assert_eq!(path, trial.path()),
            // A changed length can look like a record that the file's end cuts short: only in the last record.
            Ok(store) => {
                let left = store.range(CARS, Unbounded, Unbounded, Order::Ascending).count();
                assert_eq!(left, 9, "byte {at}: opened with {left} of 10 writes");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
        damaged += 1;
    }
    assert!(damaged > 50);
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Moves everything into table files: opening does that with what is in the write-ahead log.
fn settled(folder: &Path) -> PathBuf {
    ten_writes(folder);
    drop(open(folder));
    only_file(folder, "sst")
}

#[test]
fn a_changed_byte_in_a_table_file_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path());
    flip_byte(&table, 200);
    // RocksDB looks at a table's blocks when they are needed.
    let error = match Store::open(folder.path(), &FAMILIES) {
        Err(error) => error,
        Ok(store) => store.range(CARS, Unbounded, Unbounded, Order::Ascending).find_map(Result::err).unwrap(),
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_missing_file_is_damage() {
    for missing in ["the table", "CURRENT", "CURRENT and the logs"] {
        let folder = tempfile::tempdir().unwrap();
        let table = settled(folder.path());
        if missing == "the table" {
            fs::remove_file(table).unwrap();
        } else {
            fs::remove_file(folder.path().join("CURRENT")).unwrap();
        }
        if missing.ends_with("logs") {
            files(folder.path(), "log").iter().for_each(|log| fs::remove_file(log).unwrap());
        }
        let error = Store::open(folder.path(), &FAMILIES).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{missing}: {error}");
    }
}

#[test]
fn a_first_start_that_crashed_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    // RocksDB makes `CURRENT` after the manifest and before its first log.
    for name in files(folder.path(), "log") {
        fs::remove_file(name).unwrap();
    }
    fs::remove_file(folder.path().join("CURRENT")).unwrap();
    open(folder.path()).put(CARS, b"a", b"1", Durability::Synced).unwrap();
    assert_eq!(open(folder.path()).get(CARS, b"a").unwrap().unwrap(), b"1");
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    for content in ["first, and longer", "second"] {
        fs::write(folder.path().join("identity.tmp"), "left by a crash").unwrap();
        folder::write_file(&path, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    let error = folder::write_file(&folder.path().join("no/such"), b"").unwrap_err();
    assert!(error.to_string().contains("no/such"), "{error}");
}
