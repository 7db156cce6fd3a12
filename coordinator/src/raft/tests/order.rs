//! What openraft's suite cannot see: that nothing is reported before it is synced, and in which order.

use std::sync::{Arc, Mutex};

use openraft::RaftLogReader;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use super::*;

type Flushed = <CounterTypesRuntime as openraft::AsyncRuntime>::Oneshot;
type CounterTypesRuntime = Tokio;
type Receiver = <Flushed as openraft::async_runtime::Oneshot>::Receiver<std::io::Result<()>>;

const BLINK: Duration = Duration::from_millis(50);

async fn start_append(log: &mut MemoryLog, entry: Entry) -> Receiver {
    let (sender, receiver) = CounterTypes::oneshot();
    log.append([entry], IOFlushed::signal(sender)).await.unwrap();
    receiver
}

#[tokio::test]
async fn an_append_can_be_read_at_once_and_is_reported_after_its_sync() {
    let disk = MemoryDisk::default();
    let mut log = MemoryLog::new(disk.clone()).unwrap();
    disk.hold();
    let mut flushed = start_append(&mut log, blank(1, 0)).await;
    let read: Vec<Entry> = log.get_log_reader().await.entries(0..10).await;
    assert_eq!(read, [blank(1, 0)]);
    assert!(tokio::time::timeout(BLINK, &mut flushed).await.is_err(), "reported before its sync");
    assert_eq!(disk.synced(), 0);
    disk.release();
    soon(flushed).await.unwrap().unwrap();
    assert_eq!(disk.synced(), 1);
}

#[tokio::test]
async fn vote_truncation_and_purge_are_synced_before_they_return() {
    for act in ["vote", "truncate", "purge"] {
        let disk = MemoryDisk::default();
        let mut log = MemoryLog::new(disk.clone()).unwrap();
        append(&mut log, (0..5).map(|index| blank(1, index))).await;
        disk.hold();
        let writes = disk.writes();
        let mut work = tokio::spawn(async move {
            match act {
                "vote" => log.save_vote(&Vote::new(2, 1)).await.unwrap(),
                "truncate" => log.truncate_after(Some(log_id(1, 2))).await.unwrap(),
                _ => log.purge(log_id(1, 2)).await.unwrap(),
            }
            log
        });
        assert!(tokio::time::timeout(BLINK, &mut work).await.is_err(), "{act} returned before its sync");
        assert_eq!((disk.writes(), disk.synced()), (writes + 1, writes), "{act} is one write");
        disk.release();
        soon(work).await.unwrap();
        assert_eq!(disk.synced(), writes + 1);
    }
}

#[tokio::test]
async fn the_committed_id_waits_for_no_sync() {
    let disk = MemoryDisk::default();
    let mut log = MemoryLog::new(disk.clone()).unwrap();
    disk.hold();
    soon(log.save_committed(Some(log_id(1, 7)))).await.unwrap();
    assert_eq!(soon(log.read_committed()).await.unwrap(), Some(log_id(1, 7)));
    assert_eq!(disk.syncs(), 0);
    disk.release();
}

#[tokio::test]
async fn appends_that_wait_share_a_sync_and_are_reported_in_order() {
    const APPENDS: u64 = 40;
    for _ in 0..20 {
        let disk = MemoryDisk::default();
        let mut log = MemoryLog::new(disk.clone()).unwrap();
        disk.hold();
        // One thread runs the tasks, in the order in which they are woken.
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for index in 0..APPENDS {
            let (flushed, order) = (start_append(&mut log, blank(1, index)).await, Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                flushed.await.unwrap().unwrap();
                order.lock().unwrap().push(index);
            }));
            if index == 0 {
                // The first one is alone in its sync.
                soon(async {
                    while disk.syncs() == 0 {
                        tokio::task::yield_now().await
                    }
                })
                .await;
            }
        }
        tokio::task::yield_now().await;
        assert_eq!(*order.lock().unwrap(), [0; 0]);
        disk.release();
        for task in tasks {
            soon(task).await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..APPENDS).collect::<Vec<_>>());
        assert_eq!(disk.syncs(), 2);
    }
}

#[tokio::test]
async fn a_failed_sync_is_reported_to_all_who_wait_and_to_all_who_come() {
    let disk = MemoryDisk::default();
    let mut log = MemoryLog::new(disk.clone()).unwrap();
    disk.hold();
    let waiting = [start_append(&mut log, blank(1, 0)).await, start_append(&mut log, blank(1, 1)).await];
    disk.fail();
    disk.release();
    for flushed in waiting {
        let error = soon(flushed).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("told to fail"), "{error}");
    }
    assert_eq!(disk.synced(), 0);
    assert!(soon(log.save_vote(&Vote::new(2, 1))).await.is_err());
    assert!(soon(log.save_committed(None)).await.is_err());
    let (sender, _receiver) = CounterTypes::oneshot();
    assert!(soon(log.append([blank(1, 2)], IOFlushed::signal(sender))).await.is_err());
}

#[tokio::test]
async fn a_hole_and_a_foreign_entry_are_errors() {
    let disk = MemoryDisk::default();
    let mut log = MemoryLog::new(disk.clone()).unwrap();
    append(&mut log, [blank(1, 0), blank(1, 1), blank(1, 3)]).await;
    let mut reader = log.get_log_reader().await;
    assert_eq!(reader.entries(0..2).await.len(), 2);
    let read = RaftLogReader::<CounterTypes>::try_get_log_entries(&mut reader, 0..9).await;
    assert!(read.unwrap_err().to_string().contains("nothing between"));

    let mut batch = k2i_runtime::store::Batch::new();
    batch.put(crate::raft::disk::LOG, 2_u64.to_be_bytes(), crate::raft::codec::encode_entry(blank(1, 7)));
    disk.write(batch).unwrap();
    let read = RaftLogReader::<CounterTypes>::try_get_log_entries(&mut reader, 2..3).await;
    assert!(read.unwrap_err().to_string().contains("under another index"));
}

#[tokio::test]
async fn a_limited_read_stops_at_its_size_but_never_returns_nothing() {
    static LARGE: [u8; 900 << 10] = [7; 900 << 10];
    static HUGE: [u8; 3 << 20] = [7; 3 << 20];
    let mut log = MemoryLog::new(MemoryDisk::default()).unwrap();
    append(&mut log, (0..5).map(|index| command(1, index, &LARGE))).await;
    append(&mut log, [command(1, 5, &HUGE), blank(1, 6)]).await;
    let mut reader = log.get_log_reader().await;
    let mut lengths = Vec::new();
    for start in [0, 4, 5, 6] {
        let read = RaftLogReader::<CounterTypes>::limited_get_log_entries(&mut reader, start, 7).await.unwrap();
        assert_eq!(read[0].log_id.index, start);
        lengths.push(read.len());
    }
    assert_eq!(lengths, [2, 1, 1, 1]);
}

/// Reading without naming the types each time.
trait Entries {
    async fn entries(&mut self, range: std::ops::Range<u64>) -> Vec<Entry>;
}

impl Entries for crate::raft::log::LogReader<MemoryDisk> {
    async fn entries(&mut self, range: std::ops::Range<u64>) -> Vec<Entry> {
        RaftLogReader::<CounterTypes>::try_get_log_entries(self, range).await.unwrap()
    }
}
