//! The watcher: reports a table's topics to the coordinator, at once and then every ten seconds.
//!
//! Where the table does not exist yet, it also proposes the schema: the configured one, or one inferred from a sample.

mod sample;

use std::sync::Arc;
use std::time::Duration;

use k2i_domain::ids::{SessionId, TableId};
use k2i_domain::port::{Observation, SessionView};
use k2i_runtime::port::PortError;
use tokio::sync::watch;

use crate::kafka::{KafkaView, TopicState};
use crate::reader::SourceFactory;
use crate::table::{Services, log_of};

pub use sample::metadata as metadata_columns;

/// How often topics are reported.
const EVERY: Duration = Duration::from_secs(10);
/// How often while the table is waiting for its first topic or sample.
const EVERY_WAITING: Duration = Duration::from_secs(1);

/// The watcher of one table in one session.
pub(crate) struct Watcher {
    pub(crate) table: TableId,
    pub(crate) session: SessionId,
    pub(crate) services: Services,
    pub(crate) view: watch::Receiver<SessionView>,
    /// Makes the source that a sample is read with.
    pub(crate) sources: SourceFactory,
}

impl Watcher {
    /// Runs until the session's view is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let asked = {
                let view = self.view.borrow_and_update();
                if !view.alive {
                    return;
                }
                view.tables.get(&self.table).map(|table| (table.watch, table.uuid.is_none()))
            };
            let Some((watch, is_new)) = asked else { return };
            let mut waiting = is_new;
            if watch {
                match self.report(is_new).await {
                    Ok(complete) => waiting = !complete || is_new,
                    Err(PortError::SessionEnded(_)) => return,
                    Err(error) => tracing::debug!(%error, "a report was not taken"),
                }
            }
            let pause = if waiting { EVERY_WAITING } else { EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                closed = closed(&mut self.view, watch) => if closed { return },
            }
        }
    }

    /// Reports every topic that is there; `false` when one is missing.
    async fn report(&self, is_new: bool) -> Result<bool, PortError> {
        let topics = self.services.settings.topics.clone();
        let table = &self.services.settings.name;
        let seen = match self.services.describe(topics.clone()).await {
            Ok(seen) => seen,
            Err(cause) => {
                tracing::warn!(table, cause, "kafka cannot be reached");
                return Ok(false);
            }
        };
        self.count_lag(&seen);
        let mut complete = true;
        for topic in topics {
            let view = match seen.topics.get(&topic) {
                Some(Ok(TopicState::Present(view))) => view,
                Some(Ok(TopicState::Missing)) | None => {
                    tracing::warn!(table, topic, "the topic does not exist (yet)");
                    complete = false;
                    continue;
                }
                Some(Err(error)) => {
                    tracing::warn!(table, topic, %error, "the topic cannot be described");
                    complete = false;
                    continue;
                }
            };
            let Some(identity) = seen.identity(&topic) else { continue };
            let partitions: Vec<_> =
                view.partitions.iter().map(|log| (log.partition, log.log_start, log.log_end)).collect();
            let schema = if is_new { self.schema(&topic, &partitions).await } else { None };
            complete &= schema.is_some() || !is_new;
            let observation = Observation { table: self.table, identity, partitions, schema };
            self.services.port.observe(self.session, observation).await?;
        }
        Ok(complete)
    }

    /// How far the table is behind what the brokers have.
    fn count_lag(&self, seen: &KafkaView) {
        let view = self.view.borrow();
        let Some(table) = view.tables.get(&self.table) else { return };
        let behind = table.watermark.iter().filter_map(|(chain, committed)| {
            let stream = table.streams.get(&chain.stream)?;
            let (_, end) = log_of(seen, stream, chain.partition)?;
            u64::try_from(end.0 - committed.0).ok()
        });
        self.services.metrics.set_lag(&table.name, behind.sum());
    }

    /// The schema to create the table with; `None` while it is not known, or where the table exists.
    async fn schema(&self, topic: &str, partitions: &[sample::Log]) -> Option<String> {
        let settings = &self.services.settings;
        if let Some(schema) = &settings.schema {
            return Some(schema.clone());
        }
        match self.table_exists().await {
            Ok(false) => {}
            Ok(true) => return None,
            Err(cause) => {
                tracing::warn!(table = settings.name, cause, "the catalog cannot be asked for the table");
                return None;
            }
        }
        let sources = Arc::clone(&self.sources);
        let (topic, partitions) = (topic.to_owned(), partitions.to_vec());
        let columns = settings.metadata_columns.clone();
        let taken = tokio::task::spawn_blocking(move || sample::schema(&sources, &topic, &partitions, &columns)).await;
        match taken {
            Ok(Ok(schema)) => schema,
            Ok(Err(cause)) => {
                tracing::warn!(table = settings.name, cause, "no schema can be inferred");
                None
            }
            Err(error) => {
                tracing::error!(%error, "the sample's thread failed");
                None
            }
        }
    }

    async fn table_exists(&self) -> Result<bool, String> {
        let settings = &self.services.settings;
        let lakehouse = settings.connection.get().await.map_err(|error| error.to_string())?;
        let table = lakehouse.open_table(&settings.ident).await.map_err(|error| error.to_string())?;
        Ok(table.is_some())
    }
}

/// Ends when the session's view is gone (`true`), or when this session became the watcher (`false`).
async fn closed(view: &mut watch::Receiver<SessionView>, watching: bool) -> bool {
    loop {
        if view.changed().await.is_err() {
            return true;
        }
        let view = view.borrow_and_update();
        if !view.alive {
            return true;
        }
        if !watching {
            return false;
        }
    }
}
