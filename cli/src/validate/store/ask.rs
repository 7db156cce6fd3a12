//! One object's life in a store, and the certainty that it ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k2i_lakehouse::storage::{StorageError, Store};
use k2i_lakehouse::with_sources;

use super::super::reach::within;
use super::{Step, Steps};

/// Said of a store that lets an object be written over.
pub(super) const OVERWRITTEN: &str = "an object that exists was written over";

/// Where the probe for a location is put: in it, or for a folder that is not there yet, in the nearest one above it that
/// is, so that no folder has to be made.
pub(in crate::validate) fn place(location: &str) -> String {
    let Some(path) = location.strip_prefix("file://") else { return location.trim_end_matches('/').to_owned() };
    let there = |path: &&Path| path.symlink_metadata().is_ok();
    let nearest = Path::new(path).ancestors().find(there).unwrap_or_else(|| Path::new("/"));
    format!("file://{}", nearest.display().to_string().trim_end_matches('/'))
}

/// Objects that were written and are to be deleted, whatever happens.
#[derive(Default)]
pub(in crate::validate) struct Leftovers(Mutex<BTreeMap<String, Store>>);

impl Leftovers {
    pub(super) fn add(&self, object: &str, store: &Store) {
        self.lock().insert(object.to_owned(), store.clone());
    }

    fn remove(&self, object: &str) {
        self.lock().remove(object);
    }

    /// Deletes what is left; answers what could not be.
    pub(in crate::validate) async fn sweep(&self, limit: Duration) -> Vec<String> {
        let left: Vec<(String, Store)> = std::mem::take(&mut *self.lock()).into_iter().collect();
        let deleted = left.iter().map(|(object, store)| async move {
            let gone = within(limit, async { store.delete(object).await.map_err(|error| with_sources(&error)) }).await;
            gone.err().map(|why| format!("{object}: {why}"))
        });
        futures::future::join_all(deleted).await.into_iter().flatten().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Store>> {
        // Each change is one insert or removal, so the map is whole even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates, reads, tries to overwrite and deletes an object `name` in `folder`.
pub(in crate::validate) async fn ask(
    store: &Store,
    folder: &str,
    name: &str,
    leftovers: &Leftovers,
    limit: Duration,
) -> Steps {
    let object = format!("{folder}/{name}");
    let mut steps = Steps::new();
    leftovers.add(&object, store);
    for step in [Step::Write, Step::Read, Step::CreateOnly] {
        let outcome = within(limit, take(step, store, &object)).await;
        let failed = outcome.is_err();
        steps.push((step, outcome));
        if failed {
            break;
        }
    }
    let written = matches!(steps.first(), Some((Step::Write, Ok(()))));
    let deleted = within(limit, take(Step::Delete, store, &object)).await;
    if deleted.is_ok() {
        leftovers.remove(&object);
    }
    // What was never written tells nothing by being gone.
    if written {
        steps.push((Step::Delete, deleted));
    }
    steps
}

async fn take(step: Step, store: &Store, object: &str) -> Result<(), String> {
    const CONTENT: &[u8] = b"k2i validate\n";
    const OTHER: &[u8] = b"k2i validate, another object\n";
    let said = |error: StorageError| with_sources(&error);
    match step {
        Step::Write => store.put(object, CONTENT.into()).await.map_err(said),
        Step::Read => match store.get(object).await.map_err(said)? {
            found if found == CONTENT => Ok(()),
            found => Err(format!("{} other bytes were read than written", found.len())),
        },
        Step::CreateOnly => match store.put(object, OTHER.into()).await {
            Err(StorageError::Exists { .. }) => Ok(()),
            Err(error) => Err(said(error)),
            Ok(()) => Err(OVERWRITTEN.to_owned()),
        },
        Step::Delete => {
            store.delete(object).await.map_err(said)?;
            match store.head(object).await.map_err(said)? {
                None => Ok(()),
                Some(_) => Err("it is still there after its deletion".to_owned()),
            }
        }
    }
}
