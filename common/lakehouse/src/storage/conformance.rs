//! What every store must do, run on memory, on a local folder and on S3.
//!
//! Each case uses names of its own below the given root, which must be new or empty, removes what it made, and panics
//! with the case's own words when the store fails it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::oneshot;

use super::{CallbackError, SINGLE_PUT_BYTES, StorageError, Store, Uploaded};
use crate::error::Recovery;

/// How many write one name at once.
const WRITERS: u8 = 8;

/// A store under test, and where its objects and the files to upload may go.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// The store. The less memory its uploads have, the smaller are the files that this needs.
    pub store: &'a Store,
    /// A location for the suite alone, without a slash at its end.
    pub root: &'a str,
    /// A local folder for the suite alone.
    pub folder: &'a Path,
    /// Whether large files go to it in parts. A local folder takes any file as it is.
    pub parts: bool,
}

impl Suite<'_> {
    /// Runs every case.
    ///
    /// # Panics
    /// When the store fails one.
    pub async fn run(&self) {
        self.an_object_is_created_once().await;
        self.what_is_not_there_is_said_to_be_missing().await;
        self.of_racing_creations_one_wins().await;
        self.names_are_taken_literally().await;
        self.iceberg_reads_and_writes_the_same_objects().await;
        self.an_upload_may_be_repeated_but_replaces_nothing().await;
        self.an_empty_file_is_an_object().await;
        self.a_missing_source_is_named().await;
        self.a_large_file_arrives_whole_and_replaces_nothing().await;
        if self.parts {
            self.the_id_of_an_upload_is_told_before_anything_is_seen().await;
            self.a_name_that_is_taken_meanwhile_is_left_alone().await;
            self.an_id_that_cannot_be_noted_ends_the_upload().await;
            self.an_upload_that_was_cut_off_can_be_ended().await;
        }
    }

    /// The same content again is a success, other content is refused.
    ///
    /// # Panics
    /// When it is otherwise.
    pub async fn an_object_is_created_once(&self) {
        let location = self.location("created.avro");
        assert_eq!(self.head(&location).await, None);
        for _ in 0..2 {
            self.store.put(&location, "first".into()).await.expect("the same content may be put twice");
        }
        let error = self.store.put(&location, "second".into()).await.expect_err("other content was put");
        assert!(matches!(error, StorageError::Exists { found: 5, expected: 6, .. }), "{error:?}");
        let error = self.store.put(&location, "other".into()).await.expect_err("content of the same size was put");
        assert!(matches!(error, StorageError::Exists { found: 5, expected: 5, .. }), "{error:?}");
        assert_eq!(error.recovery(), Recovery::Reject);
        assert_eq!(self.get(&location).await, "first");
        assert_eq!(self.head(&location).await, Some(5));
        self.delete(&location).await;
        assert_eq!(self.head(&location).await, None);
    }

    /// Reading, asking for and deleting what is not there.
    ///
    /// # Panics
    /// When one of them says otherwise.
    pub async fn what_is_not_there_is_said_to_be_missing(&self) {
        let location = self.location("never/was");
        assert_eq!(self.head(&location).await, None);
        let error = self.store.get(&location).await.expect_err("an object that never was is read");
        assert!(matches!(error, StorageError::Missing { .. }), "{error:?}");
        self.delete(&location).await;
    }

    /// The condition is looked at and acted upon in one step.
    ///
    /// # Panics
    /// When several writers are told that the name is theirs, or none.
    pub async fn of_racing_creations_one_wins(&self) {
        let location = self.location("contested");
        let writers = (0..WRITERS).map(|writer| self.store.put(&location, Bytes::from(vec![writer; 1 << 16])));
        let outcomes = join_all(writers).await;
        let winners: Vec<usize> = (0..outcomes.len()).filter(|writer| outcomes[*writer].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, StorageError::Exists { .. }), "{error:?}");
        }
        let found = self.get(&location).await;
        assert!(found.iter().all(|byte| usize::from(*byte) == winners[0]), "it holds what a loser wrote");
        self.delete(&location).await;
    }

    /// Nothing is encoded or decoded on the way: the two names are two objects.
    ///
    /// # Panics
    /// When they are one, or not found again.
    pub async fn names_are_taken_literally(&self) {
        let names =
            ["day=2024-01-01/a b%20+c.parquet", "day=2024-01-01/a b +c.parquet"].map(|name| self.location(name));
        for name in &names {
            self.store.put(name, name.clone().into()).await.expect("an odd name is a name");
        }
        for name in &names {
            assert_eq!(self.get(name).await, *name);
        }
        for name in &names {
            self.delete(name).await;
        }
    }

    /// The interface of the `iceberg` crate: written in pieces, read in ranges, never written twice, deleted by prefix.
    ///
    /// # Panics
    /// When it shows another object.
    pub async fn iceberg_reads_and_writes_the_same_objects(&self) {
        let (io, location) = (self.store.file_io(), self.location("metadata/v0.json"));
        let mut writer = io.new_output(&location).expect("a location").writer().await.expect("a writer");
        writer.write("hello ".into()).await.expect("written");
        writer.write("world".into()).await.expect("written");
        writer.close().await.expect("closed");
        assert!(writer.close().await.is_err(), "a writer is closed twice");
        assert_eq!(self.get(&location).await, "hello world");
        let input = io.new_input(&location).expect("a location");
        assert_eq!(input.metadata().await.expect("metadata").size, 11);
        let range = input.reader().await.expect("a reader").read(6..11).await.expect("a range");
        assert_eq!(range, "world");
        let error = io.new_output(&location).expect("a location").write("other".into()).await;
        assert!(!error.expect_err("an object was replaced").retryable());
        io.delete_prefix(&self.location("metadata")).await.expect("deleted by prefix");
        assert!(!io.exists(&location).await.expect("asked"), "it is still there");
    }

    /// One request; an attempt whose answer was lost may be repeated.
    ///
    /// # Panics
    /// When the repetition fails, or a file of another size replaces it.
    pub async fn an_upload_may_be_repeated_but_replaces_nothing(&self) {
        let (source, other) = (self.file("small", 10, 0), self.file("smaller", 5, 1));
        let location = self.location("data/small.parquet");
        for _ in 0..2 {
            let uploaded = self.store.upload(&source, &location, never).await.expect("an upload may be repeated");
            assert_eq!(uploaded, Uploaded { bytes: 10 });
        }
        let error = self.store.upload(&other, &location, never).await.expect_err("another file was uploaded");
        assert!(matches!(error, StorageError::Exists { found: 10, expected: 5, .. }), "{error:?}");
        assert_eq!(self.get(&location).await, content(10, 0));
        self.delete(&location).await;
    }

    /// Nothing at all is content too.
    ///
    /// # Panics
    /// When it is not there afterwards.
    pub async fn an_empty_file_is_an_object(&self) {
        let (source, location) = (self.file("empty", 0, 0), self.location("data/empty"));
        self.store.upload(&source, &location, never).await.expect("an empty file is uploaded");
        assert_eq!(self.head(&location).await, Some(0));
        assert_eq!(self.get(&location).await, "");
        self.delete(&location).await;
    }

    /// A file that is not there.
    ///
    /// # Panics
    /// When it is uploaded, or the error does not name it.
    pub async fn a_missing_source_is_named(&self) {
        let (source, location) = (self.folder.join("nowhere"), self.location("data/nowhere"));
        let error = self.store.upload(&source, &location, never).await.expect_err("nothing was uploaded");
        assert!(error.to_string().contains("nowhere"), "{error}");
        assert_eq!(self.head(&location).await, None);
    }

    /// A file that is too large for one request; then again, and then another one.
    ///
    /// # Panics
    /// When it arrives otherwise, the repetition fails, or the other replaces it.
    pub async fn a_large_file_arrives_whole_and_replaces_nothing(&self) {
        let (source, location) = (self.large("large", 0), self.location("data/large.parquet"));
        for _ in 0..2 {
            let uploaded = self.store.upload(&source, &location, noted).await.expect("an upload may be repeated");
            assert_eq!(uploaded, Uploaded { bytes: self.large_bytes() });
            assert!(self.get(&location).await == content(self.large_bytes(), 0), "other bytes arrived");
        }
        let other = self.file("larger", self.large_bytes() + 1, 1);
        let error = self.store.upload(&other, &location, noted).await.expect_err("another file was uploaded");
        assert!(matches!(error, StorageError::Exists { .. }), "{error:?}");
        assert!(self.get(&location).await == content(self.large_bytes(), 0), "it was replaced");
        self.delete(&location).await;
    }

    /// So that a crash at any later moment leaves an upload that can be found.
    ///
    /// # Panics
    /// When the id is told late, or not once.
    pub async fn the_id_of_an_upload_is_told_before_anything_is_seen(&self) {
        let (source, location) = (self.large("told", 0), self.location("data/told"));
        let told = Mutex::new(Vec::new());
        let note = |id: String| {
            told.lock().expect("nobody panics with it").push(id);
            async {
                assert_eq!(self.head(&location).await, None, "it is seen before it is complete");
                Ok::<(), CallbackError>(())
            }
        };
        self.store.upload(&source, &location, note).await.expect("a large file is uploaded");
        let told = told.into_inner().expect("nobody panics with it");
        assert!(told.len() == 1 && !told[0].is_empty(), "the ids that were told: {told:?}");
        // It is over: nothing of it can be ended, and ending it takes nothing away.
        self.store.abort_upload(&location, &told[0]).await.expect("ending an upload that is over is a success");
        assert_eq!(self.head(&location).await, Some(self.large_bytes()));
        self.delete(&location).await;
    }

    /// The completion is conditional: whoever took the name while the parts were sent keeps it.
    ///
    /// # Panics
    /// When it is replaced.
    pub async fn a_name_that_is_taken_meanwhile_is_left_alone(&self) {
        let (source, location) = (self.large("late", 0), self.location("data/late"));
        let told = Mutex::new(String::new());
        let take_the_name = |id: String| {
            *told.lock().expect("nobody panics with it") = id;
            async { self.store.put(&location, "mine".into()).await.map_err(CallbackError::from) }
        };
        let error = self.store.upload(&source, &location, take_the_name).await;
        let error = error.expect_err("an upload replaced what took its name");
        assert!(matches!(error, StorageError::Exists { found: 4, .. }), "{error:?}");
        assert_eq!(self.get(&location).await, "mine");
        let id = told.into_inner().expect("nobody panics with it");
        self.store.abort_upload(&location, &id).await.expect("what stays of it can be ended");
        assert_eq!(self.get(&location).await, "mine");
        self.delete(&location).await;
    }

    /// Without a note nobody could find it after a crash.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn an_id_that_cannot_be_noted_ends_the_upload(&self) {
        let (source, location) = (self.large("refused", 0), self.location("data/refused"));
        let refuse = |_id: String| async { Err::<(), _>(CallbackError::from("the log is full")) };
        let error = self.store.upload(&source, &location, refuse).await.expect_err("it went on without a note");
        assert!(matches!(error, StorageError::Callback { .. }), "{error:?}");
        assert_eq!(error.recovery(), Recovery::Retry);
        assert_eq!(self.head(&location).await, None);
    }

    /// As a crash leaves it. Its id is enough to end it, also twice, and the file can be uploaded anew.
    ///
    /// # Panics
    /// When one of these fails.
    pub async fn an_upload_that_was_cut_off_can_be_ended(&self) {
        let (source, location) = (self.large("cut", 0), self.location("data/cut"));
        let (tell, told) = oneshot::channel();
        let cut_off = |id: String| async move {
            tell.send(id).map_err(CallbackError::from)?;
            std::future::pending::<Result<(), CallbackError>>().await
        };
        let id = tokio::select! {
            id = told => id.expect("an upload in parts has an id"),
            done = self.store.upload(&source, &location, cut_off) => panic!("it was not cut off: {done:?}"),
        };
        assert_eq!(self.head(&location).await, None);
        for _ in 0..2 {
            self.store.abort_upload(&location, &id).await.expect("an upload can be ended by its id");
        }
        self.store.upload(&source, &location, noted).await.expect("the file can be uploaded anew");
        assert_eq!(self.head(&location).await, Some(self.large_bytes()));
        self.delete(&location).await;
    }

    fn location(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    /// Just too large for one request.
    fn large_bytes(&self) -> u64 {
        self.store.upload_memory().capacity().min(SINGLE_PUT_BYTES) + 5
    }

    fn large(&self, name: &str, seed: u8) -> PathBuf {
        self.file(name, self.large_bytes(), seed)
    }

    fn file(&self, name: &str, bytes: u64, seed: u8) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content(bytes, seed)).expect("the local folder can be written");
        path
    }

    async fn head(&self, location: &str) -> Option<u64> {
        self.store.head(location).await.expect("an object can be asked for")
    }

    async fn get(&self, location: &str) -> Bytes {
        self.store.get(location).await.expect("the object can be read")
    }

    /// Twice: one that is not there is a success.
    async fn delete(&self, location: &str) {
        for _ in 0..2 {
            self.store.delete(location).await.expect("an object can be deleted");
        }
    }
}

/// Bytes by which a part that is missing, doubled or in another's place shows: 251 divides no part's size.
fn content(bytes: u64, seed: u8) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ seed).collect()
}

async fn never(_id: String) -> Result<(), CallbackError> {
    panic!("a small file goes in parts")
}

async fn noted(_id: String) -> Result<(), CallbackError> {
    Ok(())
}
