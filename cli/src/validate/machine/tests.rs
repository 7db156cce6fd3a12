//! What facts about a machine come to, and how its memory is found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::check::Status;
use super::look::{group_limits, machine_memory};
use super::*;

fn listen(key: &'static str, port: u16) -> Listen {
    Listen { address: ([127, 0, 0, 1], port).into(), key, insecure_bind: false }
}

fn plan() -> MachinePlan {
    MachinePlan {
        data_dir: PathBuf::from("/data"),
        memory_bytes: 500 * MIB,
        spool_bytes: 1024 * MIB,
        tables: 1,
        listeners: [listen("http.health_address", 8080), listen("http.metrics_address", 9090)],
    }
}

fn facts() -> MachineFacts {
    MachineFacts {
        data_dir: Ok(Standing::Free),
        writable: Ok(()),
        free_bytes: Ok(100 << 30),
        memory_bytes: Some(8 << 30),
        open_files: Some(1024),
        listeners: [Ok(()), Ok(())],
    }
}

fn of(facts: &MachineFacts, name: &str) -> Check {
    judge(&plan(), facts).into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[test]
fn a_machine_that_is_well() {
    let checks = judge(&plan(), &facts());
    assert!(checks.iter().all(|check| check.status == Status::Ok), "{checks:?}");
    assert_eq!(checks.len(), 7);
}

#[test]
fn a_disk_that_is_nearly_full() {
    let status = |mib: u64| of(&MachineFacts { free_bytes: Ok(mib * MIB), ..facts() }, "free disk").status;
    assert_eq!((status(127), status(128)), (Status::Failed, Status::Warning));
    assert_eq!((status(1151), status(1152)), (Status::Warning, Status::Ok));
    let unknown = MachineFacts { free_bytes: Err("no".to_owned()), ..facts() };
    assert_eq!(of(&unknown, "free disk").status, Status::Skipped);
}

#[test]
fn memory_below_the_budget() {
    let status = |mib: u64| of(&MachineFacts { memory_bytes: Some(mib * MIB), ..facts() }, "memory").status;
    assert_eq!((status(499), status(500)), (Status::Failed, Status::Warning));
    assert_eq!((status(649), status(650)), (Status::Warning, Status::Ok));
    assert_eq!(of(&MachineFacts { memory_bytes: None, ..facts() }, "memory").status, Status::Skipped);
}

#[test]
fn few_open_files_are_a_warning() {
    let status = |limit| of(&MachineFacts { open_files: limit, ..facts() }, "open files").status;
    assert_eq!((status(Some(271)), status(Some(272)), status(None)), (Status::Warning, Status::Ok, Status::Ok));
}

#[test]
fn a_taken_port_is_right_only_while_ingest_runs() {
    let taken = [Err(io::ErrorKind::AddrInUse), Ok(())];
    let port = of(&MachineFacts { listeners: taken, ..facts() }, "port");
    assert_eq!(port.status, Status::Failed);
    assert!(port.advice.contains("http.health_address"), "{port:?}");
    let runs = MachineFacts { listeners: taken, data_dir: Ok(Standing::InUse(Some(7))), ..facts() };
    assert_eq!(of(&runs, "port").status, Status::Ok);
    assert_eq!(of(&runs, "data folder").detail, "process 7 works on it: a second ingest would be refused");
    let closed = MachineFacts { listeners: [Err(io::ErrorKind::PermissionDenied), Ok(())], ..facts() };
    assert_eq!(of(&closed, "port").status, Status::Failed);
}

#[test]
fn a_folder_that_cannot_be_written_fails() {
    let closed = MachineFacts { writable: Err("Read-only file system".to_owned()), ..facts() };
    assert_eq!(of(&closed, "write").status, Status::Failed);
    let foreign = MachineFacts { data_dir: Err("it has layout 2".to_owned()), ..facts() };
    assert_eq!(of(&foreign, "data folder").status, Status::Failed);
}

#[test]
fn control_groups_are_walked_up() {
    let files = BTreeMap::from([
        ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
        ("/sys/fs/cgroup/a/memory.max", "1073741824\n"),
        ("/sys/fs/cgroup/memory.max", "2147483648\n"),
        ("/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
    ]);
    let read =
        |path: &str| files.get(path).map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into());
    assert_eq!(group_limits("0::/a/b\n", &read), [1 << 30, 2 << 30]);
    assert_eq!(group_limits("3:cpu:/docker/x\n4:memory,rdma:/docker/x\n", &read), [512 << 20]);
    assert_eq!(group_limits("nonsense", &read), Vec::<u64>::new());
    assert_eq!(machine_memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
    assert_eq!(machine_memory("MemTotal: lots\n"), None);
}

#[test]
fn a_look_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let plan = MachinePlan { data_dir: parent.path().join("not/there"), ..plan() };
    let facts = look(&plan);
    assert_eq!(facts.data_dir, Ok(Standing::Missing));
    assert_eq!(facts.writable, Ok(()));
    assert!(facts.free_bytes.is_ok() && facts.memory_bytes.is_some(), "{facts:?}");
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(can_write_at(&file.join("below")).is_err());
}
