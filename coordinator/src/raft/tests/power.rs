//! Power cuts at every point of many histories.
//!
//! Each operation of the log store is one write, and a power cut keeps a prefix of the writes. So whatever is kept must
//! read exactly like a plain model after as many operations, and what was reported must be among them.

use openraft::RaftLogReader;
use openraft::storage::{LogState, RaftLogStorage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use k2i_runtime::store::Store;

use super::*;
use crate::raft::open::Held;

#[derive(Debug, Clone)]
enum Step {
    Vote(Vote),
    Append(Vec<Entry>),
    Truncate(Option<LogId>),
    Purge(LogId),
    Commit(Option<LogId>),
}

/// What the log store is, in as few words as possible.
#[derive(Debug, Clone, PartialEq, Default)]
struct Model {
    vote: Option<Vote>,
    entries: Vec<Entry>,
    purged: Option<LogId>,
    committed: Option<LogId>,
}

impl Model {
    fn last(&self) -> Option<LogId> {
        self.entries.last().map(|entry| entry.log_id).or(self.purged)
    }

    fn make(&mut self, step: &Step) {
        match step {
            Step::Vote(vote) => self.vote = Some(*vote),
            Step::Append(entries) => self.entries.extend(entries.iter().cloned()),
            Step::Truncate(last) => self.entries.retain(|entry| Some(entry.log_id.index) <= last.map(|id| id.index)),
            Step::Purge(upto) => {
                self.purged = Some(*upto);
                self.entries.retain(|entry| entry.log_id.index > upto.index);
            }
            Step::Commit(id) => self.committed = *id,
        }
    }

    /// A step that openraft might ask for in this state.
    fn step(&self, random: &mut StdRng) -> Step {
        let term = self.vote.map_or(0, |vote| vote.leader_id.term);
        let next = self.last().map_or(0, |id| id.index + 1);
        let some_entry = |random: &mut StdRng| {
            (!self.entries.is_empty()).then(|| self.entries[random.random_range(0..self.entries.len())].log_id)
        };
        match random.random_range(0..8) {
            0 => Step::Vote(Vote::new(term + 1, random.random_range(1..4))),
            1 => Step::Vote(Vote::new_committed(term, self.vote.map_or(1, |vote| vote.leader_id.node_id))),
            2 => Step::Truncate(some_entry(random).or(self.purged)),
            3 => some_entry(random).map_or(Step::Commit(None), Step::Purge),
            4 => Step::Commit(some_entry(random)),
            _ => Step::Append((0..random.random_range(1..4)).map(|more| add(term, next + more, more)).collect()),
        }
    }
}

async fn carry_out<D: Disk>(log: &mut LogStore<Counter, Tokio, D>, step: &Step) {
    match step.clone() {
        Step::Vote(vote) => log.save_vote(&vote).await.unwrap(),
        Step::Append(entries) => log.blocking_append(entries).await.unwrap(),
        Step::Truncate(last) => log.truncate_after(last).await.unwrap(),
        Step::Purge(upto) => log.purge(upto).await.unwrap(),
        Step::Commit(id) => log.save_committed(id).await.unwrap(),
    }
}

async fn read<D: Disk>(log: &mut LogStore<Counter, Tokio, D>) -> Model {
    let mut reader = log.get_log_reader().await;
    let entries = RaftLogReader::<CounterTypes>::try_get_log_entries(&mut reader, ..).await.unwrap();
    let vote = RaftLogReader::<CounterTypes>::read_vote(&mut reader).await.unwrap();
    let LogState { last_purged_log_id: purged, last_log_id: last } = log.get_log_state().await.unwrap();
    let model = Model { vote, entries, purged, committed: log.read_committed().await.unwrap() };
    assert_eq!(last, model.last());
    model
}

#[tokio::test]
async fn a_power_cut_leaves_a_state_that_was_and_nothing_reported_is_missing() {
    let mut states = 0;
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = MemoryDisk::default();
        let mut log = MemoryLog::new(disk.clone()).unwrap();
        let mut history = vec![Model::default()];
        for _ in 0..25 {
            let mut now = history.last().unwrap().clone();
            let step = now.step(&mut random);
            carry_out(&mut log, &step).await;
            now.make(&step);
            history.push(now);
            assert_eq!(disk.writes(), history.len() - 1, "seed {seed}: {step:?} is one write");
            if !matches!(step, Step::Commit(_)) {
                assert_eq!(disk.synced(), disk.writes(), "seed {seed}: {step:?} was reported before its sync");
            }
            for (kept, state) in history.iter().enumerate().skip(disk.synced()) {
                let mut restarted = MemoryLog::new(disk.after_power_cut(kept)).unwrap();
                assert_eq!(read(&mut restarted).await, *state, "seed {seed}: {step:?}");
                states += 1;
            }
        }
    }
    assert!(states > 1_500);
}

#[tokio::test]
async fn the_same_history_reads_the_same_from_the_real_store() {
    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut now = Model::default();
        for _ in 0..15 {
            // Opened anew for each step.
            let (closing, closed) = std::sync::mpsc::channel::<()>();
            let held = Held::new(Store::open(folder.path(), &FAMILIES).unwrap(), closing);
            let mut log = LogStore::new(held).unwrap();
            assert_eq!(read(&mut log).await, now, "seed {seed}");
            let step = now.step(&mut random);
            now.make(&step);
            carry_out(&mut log, &step).await;
            drop(log);
            // The thread that syncs holds the store a moment longer.
            assert!(closed.recv().is_err());
        }
    }
}
