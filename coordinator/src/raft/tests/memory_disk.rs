//! A disk that can be slow, fail, and lose power.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use k2i_runtime::store::{Batch, Change, Family, Order, StoreError};

use super::Disk;
use crate::raft::disk::Scanned;

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryDisk {
    state: Arc<Mutex<State>>,
    released: Arc<Condvar>,
}

#[derive(Debug, Default)]
struct State {
    content: BTreeMap<(Family, Vec<u8>), Vec<u8>>,
    /// Every write, in order.
    writes: Vec<Batch>,
    /// How many of them would survive a power cut.
    synced: usize,
    /// Syncs that were asked for.
    syncs: usize,
    /// Syncs wait while this is set.
    held: bool,
    failing: bool,
}

impl MemoryDisk {
    /// What a restart may find after a power cut that kept the first `kept` writes.
    pub(super) fn after_power_cut(&self, kept: usize) -> Self {
        let state = self.lock();
        assert!((state.synced..=state.writes.len()).contains(&kept), "such a power cut does not happen");
        let disk = Self::default();
        for batch in &state.writes[..kept] {
            disk.write(batch.clone()).unwrap();
        }
        disk.lock().synced = kept;
        disk
    }

    /// Makes syncs wait.
    pub(super) fn hold(&self) {
        self.lock().held = true;
    }

    /// Lets them go on.
    pub(super) fn release(&self) {
        self.lock().held = false;
        self.released.notify_all();
    }

    /// Makes the next sync fail, and everything after it.
    pub(super) fn fail(&self) {
        self.lock().failing = true;
    }

    pub(super) fn writes(&self) -> usize {
        self.lock().writes.len()
    }

    pub(super) fn synced(&self) -> usize {
        self.lock().synced
    }

    pub(super) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        if self.failing {
            return Err(StoreError::Fatal { path: PathBuf::from("memory"), detail: "told to fail".to_owned() });
        }
        Ok(())
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Put { family, key, value } => {
                self.content.insert((family, key), value);
            }
            Change::Delete { family, key } => {
                self.content.remove(&(family, key));
            }
            Change::DeleteRange { family, from, to } => {
                self.content.retain(|(in_family, key), _| *in_family != family || *key < from || *key >= to);
            }
        }
    }
}

impl Disk for MemoryDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().content.get(&(family, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
    ) -> impl Iterator<Item = Scanned> {
        use std::ops::RangeBounds;
        let inside = |key: &[u8]| RangeBounds::<[u8]>::contains(&(from, to), key);
        let mut found: Vec<Scanned> = self
            .lock()
            .content
            .iter()
            .filter(|((in_family, key), _)| *in_family == family && inside(key))
            .map(|((_, key), value)| Ok((key.clone().into(), value.clone().into())))
            .collect();
        if order == Order::Descending {
            found.reverse();
        }
        found.into_iter()
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.check()?;
        for change in batch.changes() {
            state.make(change.clone());
        }
        state.writes.push(batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.syncs += 1;
        // Only what was written before the call is promised.
        let upto = state.writes.len();
        while state.held {
            state = self.released.wait(state).unwrap();
        }
        state.check()?;
        state.synced = state.synced.max(upto);
        Ok(())
    }
}
