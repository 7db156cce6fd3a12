//! The watcher: reports a table's topics to the coordinator, at once and then every ten seconds.
//!
//! Where the table does not exist yet, it also proposes the schema: the configured one, or one inferred from a sample. A
//! sample that cannot give one stops the table.
//! Where somebody else made it and this version cannot write it, it asks for the stop instead, before the first report:
//! such a table is not even claimed.

mod sample;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k2i_domain::ids::{SessionId, TableId};
use k2i_domain::port::{Observation, SessionView, StopReason, Stopped};
use k2i_lakehouse::catalog::ProbeVerdict;
use k2i_lakehouse::{TargetTable, with_sources};
use k2i_runtime::port::PortError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::kafka::{KafkaView, TopicState};
use crate::reader::SourceFactory;
use crate::table::{Services, check_target, log_of};
use sample::NoSchema;

pub use sample::metadata as metadata_columns;

/// How often topics are reported.
const EVERY: Duration = Duration::from_secs(10);
/// How often while the table is waiting for its first topic or sample.
const EVERY_WAITING: Duration = Duration::from_secs(1);

/// Longest time of one look: Kafka, catalog and sample have limits of their own, far below it.
const REPORT_LIMIT: Duration = Duration::from_secs(60);

/// Of a catalog that rows cannot be entrusted to.
const TAKES_STALE: &str = "the catalog accepted a commit whose base had moved, so commits of two writers would overwrite \
                           each other without a word; use a catalog that checks what a commit asserts";

/// The watcher of one table in one session.
pub(crate) struct Watcher {
    pub(crate) table: TableId,
    pub(crate) session: SessionId,
    pub(crate) services: Services,
    pub(crate) view: watch::Receiver<SessionView>,
    /// Makes the source that a sample is read with.
    pub(crate) sources: SourceFactory,
    /// What was said and asked.
    pub(crate) seen: Seen,
}

/// What need not be said, or asked, again and again.
#[derive(Default)]
pub(crate) struct Seen {
    /// By topic, why it cannot be reported, as last said.
    away: BTreeMap<String, String>,
    /// Why Kafka could not be asked the last time.
    unreached: Option<String>,
    /// Topics of which it was said that they have no id.
    without_id: BTreeSet<String>,
    /// The catalog's last word on a new table, and when that was.
    standing: Option<(Instant, Standing)>,
    /// Why the catalog could not be tried out, as last said.
    trouble: Option<String>,
}

/// The catalog's word on a table that the coordinator does not know yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Somebody has made it.
    Exists,
    /// Nobody has.
    Missing,
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
                let table = view.tables.get(&self.table);
                table.map(|table| (table.watch, table.uuid.is_none(), table.stopped.is_some()))
            };
            let Some((watch, is_new, stopped)) = asked else { return };
            let mut waiting = is_new;
            // A new table that is stopped waits for its next look, and must not be claimed before it.
            if watch && !(is_new && stopped) {
                match timeout(REPORT_LIMIT, self.report(is_new)).await {
                    Ok(Ok(complete)) => waiting = !complete || is_new,
                    Ok(Err(PortError::SessionEnded(_))) => return,
                    Ok(Err(error)) => tracing::debug!(%error, "a report was not taken"),
                    Err(_) => {
                        let table = &self.services.settings.name;
                        tracing::warn!(table, limit = ?REPORT_LIMIT, "a look at the topics took too long, looking again");
                        waiting = true;
                    }
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
    async fn report(&mut self, is_new: bool) -> Result<bool, PortError> {
        let topics = self.services.settings.topics.clone();
        let table = self.services.settings.name.clone();
        let seen = match self.services.describe(topics.clone()).await {
            Ok(seen) => {
                if self.seen.unreached.take().is_some() {
                    tracing::info!(table, "kafka answers again");
                }
                seen
            }
            Err(cause) => {
                self.unreached(cause);
                return Ok(false);
            }
        };
        self.count_lag(&seen);
        let (mut complete, mut told, mut unfit) = (true, false, None);
        for topic in topics {
            let view = match seen.topics.get(&topic) {
                Some(Ok(TopicState::Present(view))) => view,
                Some(Ok(TopicState::Missing)) | None => {
                    self.say(&topic, "the topic does not exist (yet)");
                    complete = false;
                    continue;
                }
                Some(Err(error)) => {
                    self.say(&topic, &error.to_string());
                    complete = false;
                    continue;
                }
            };
            self.seen.away.remove(&topic);
            let Some(identity) = seen.identity(&topic) else { continue };
            if identity.topic_id.is_none() && self.seen.without_id.insert(topic.clone()) {
                tracing::warn!(
                    table,
                    topic,
                    "the broker gives topics no id: one that is recreated is noticed by its offsets alone"
                );
            }
            // Nothing is reported of a table that may be one which this version cannot write: it would be claimed.
            let standing = match is_new {
                false => None,
                true => match self.standing().await {
                    Ok(Some(standing)) => Some(standing),
                    Ok(None) => return Ok(false),
                    Err(stopped) => {
                        self.services.port.stop_table(self.session, self.table, stopped).await?;
                        return Ok(false);
                    }
                },
            };
            let partitions: Vec<_> =
                view.partitions.iter().map(|log| (log.partition, log.log_start, log.log_end)).collect();
            let schema = match standing {
                Some(standing) => match self.schema(standing, &topic, &partitions).await {
                    Ok(schema) => schema,
                    Err(stopped) => {
                        unfit = unfit.or(Some(stopped));
                        None
                    }
                },
                None => None,
            };
            complete &= schema.is_some() || !is_new;
            told |= schema.is_some();
            let observation = Observation { table: self.table, identity, partitions, schema };
            self.services.port.observe(self.session, observation).await?;
        }
        // Where another topic tells the schema, the table stops at the very record that does not fit it.
        if let Some(stopped) = unfit.filter(|_| !told) {
            self.services.port.stop_table(self.session, self.table, stopped).await?;
        }
        Ok(complete)
    }

    /// Says why a topic is not reported, once per reason.
    fn say(&mut self, topic: &str, why: &str) {
        if self.seen.away.insert(topic.to_owned(), why.to_owned()).as_deref() != Some(why) {
            tracing::warn!(table = self.services.settings.name, topic, why, "the topic cannot be read, looking again");
        }
    }

    /// Says why Kafka does not answer, once per reason.
    fn unreached(&mut self, cause: String) {
        let table = &self.services.settings.name;
        if self.seen.unreached.as_ref() == Some(&cause) {
            tracing::debug!(table, cause, "kafka still cannot be reached");
        } else {
            tracing::warn!(table, cause, "kafka cannot be reached, trying again");
            self.seen.unreached = Some(cause);
        }
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

    /// Whether somebody has made the table, as seen within the last seconds; `None` when the catalog cannot be asked.
    ///
    /// # Errors
    /// The reason to stop with, where this version cannot write it.
    async fn standing(&mut self) -> Result<Option<Standing>, Stopped> {
        if let Some((_, standing)) = self.seen.standing.filter(|(at, _)| at.elapsed() < EVERY) {
            return Ok(Some(standing));
        }
        let settings = &self.services.settings;
        let standing = match self.open_table().await {
            Ok(Some(table)) => {
                // Only whether it can be written: no file is made for this target.
                check_target(settings, &table)?;
                Standing::Exists
            }
            Ok(None) => Standing::Missing,
            Err(cause) => {
                tracing::warn!(table = settings.name, cause, "the catalog cannot be asked for the table");
                return Ok(None);
            }
        };
        if !self.trusted().await? {
            return Ok(None);
        }
        self.seen.standing = Some((Instant::now(), standing));
        Ok(Some(standing))
    }

    /// Whether the catalog may be entrusted with a table that is new to us; `false` when it cannot be asked now.
    ///
    /// # Errors
    /// The reason to stop with, where it lets later commits overwrite earlier ones.
    async fn trusted(&mut self) -> Result<bool, Stopped> {
        let settings = Arc::clone(&self.services.settings);
        match settings.connection.first_contact(&settings.ident.namespace).await {
            Ok(ProbeVerdict::Refuses | ProbeVerdict::NotAllowed { .. }) => {
                self.seen.trouble = None;
                Ok(true)
            }
            Ok(ProbeVerdict::Accepts) => Err(Stopped::new(StopReason::Config, TAKES_STALE.to_owned())),
            Err(cause) => {
                let why = with_sources(&cause);
                if self.seen.trouble.as_ref() != Some(&why) {
                    let (table, step) = (&settings.name, "first contact");
                    tracing::warn!(table, step, why, "the catalog or its store is in trouble, trying again");
                    self.seen.trouble = Some(why);
                }
                Ok(false)
            }
        }
    }

    /// The schema to create the table with; `None` while it is not known, or where the table exists.
    ///
    /// # Errors
    /// The reason to stop with, where the topic's records cannot give one.
    async fn schema(
        &self,
        standing: Standing,
        topic: &str,
        partitions: &[sample::Log],
    ) -> Result<Option<String>, Stopped> {
        let settings = &self.services.settings;
        if let Some(schema) = &settings.schema {
            return Ok(Some(schema.clone()));
        }
        if standing == Standing::Exists {
            return Ok(None);
        }
        let sources = Arc::clone(&self.sources);
        let (topic, partitions) = (topic.to_owned(), partitions.to_vec());
        let columns = settings.metadata_columns.clone();
        let taken = tokio::task::spawn_blocking(move || sample::schema(&sources, &topic, &partitions, &columns)).await;
        match taken {
            Ok(Ok(schema)) => Ok(schema),
            Ok(Err(NoSchema::Stop(stopped))) => Err(stopped),
            Ok(Err(NoSchema::Later(cause))) => {
                tracing::warn!(table = settings.name, cause, "no schema can be inferred");
                Ok(None)
            }
            Err(error) => {
                tracing::error!(%error, "the sample's thread failed");
                Ok(None)
            }
        }
    }

    async fn open_table(&self) -> Result<Option<TargetTable>, String> {
        let settings = &self.services.settings;
        let lakehouse = settings.connection.get().await.map_err(|error| with_sources(&error))?;
        lakehouse.open_table(&settings.ident).await.map_err(|error| with_sources(&error))
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
