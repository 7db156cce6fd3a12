//! What a table's pipeline uses of the outside, and the small things that it does with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k2i_domain::ids::{Partition, StreamId, StreamIdentity, TableId};
use k2i_domain::port::{SessionView, StopReason, Stopped};
use k2i_domain::range::Offset;
use k2i_lakehouse::with_sources;
use k2i_runtime::disk::room_for;
use k2i_runtime::port::CoordinatorPort;
use k2i_runtime::telemetry::metrics::WorkerMetrics;
use tokio::sync::watch;

use super::settings::TableSettings;
use crate::kafka::{ControlError, KafkaControl, KafkaView, TopicState};
use crate::log::{LoggedCut, TransactionLog};
use crate::reader::ReaderHandle;

/// How long Kafka may take to describe topics or to take group offsets.
pub(crate) const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Every file is in the store.
    Stored,
    /// A sealed file is not here any more.
    Gone,
}

/// The outside of one table's pipeline. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) port: Arc<dyn CoordinatorPort>,
    pub(crate) control: Arc<dyn KafkaControl>,
    pub(crate) reader: ReaderHandle,
    pub(crate) log: Arc<TransactionLog>,
    pub(crate) settings: Arc<TableSettings>,
    pub(crate) metrics: WorkerMetrics,
    /// Why group offsets could not be published the last time, as it was said.
    pub(crate) unpublished: Arc<Mutex<Option<String>>>,
}

impl Services {
    /// Writes a step of a cut that may be lost.
    pub(crate) fn note(&self, cut: &LoggedCut) {
        if let Err(error) = self.log.put(cut) {
            tracing::warn!(table = cut.table, %error, "a step could not be logged; a restart repeats it");
        }
    }

    /// Sends a cut's files to the store. Repeating it is safe.
    pub(crate) async fn upload(&self, cut: &LoggedCut) -> Result<Sent, String> {
        if cut.local.iter().any(|path| !path.exists()) {
            return Ok(Sent::Gone);
        }
        let lakehouse = self.settings.connection.get().await.map_err(|error| with_sources(&error))?;
        for (local, file) in cut.local.iter().zip(&cut.manifest.files) {
            let begun = |id: String| {
                let logged = LoggedCut { upload: Some(id), ..cut.clone() };
                let log = Arc::clone(&self.log);
                async move { Ok(log.put(&logged)?) }
            };
            if let Some(folder) = local_folder(&file.location) {
                room_for(folder, file.bytes).map_err(|error| with_sources(&error))?;
            }
            lakehouse.store().upload(local, &file.location, begun).await.map_err(|error| with_sources(&error))?;
        }
        Ok(Sent::Stored)
    }

    /// The cut is committed: its flush ends here.
    pub(crate) fn committed(&self, cut: &LoggedCut) {
        if let Some(took) = sealed_for(cut) {
            self.metrics.flushed(&cut.table, took);
        }
        self.abandon(cut);
    }

    /// The cut is committed or given up: its local files and its entry go. What was uploaded stays (the sweep's work).
    pub(crate) fn abandon(&self, cut: &LoggedCut) {
        for path in &cut.local {
            match std::fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(path = %path.display(), %error, "a sealed file could not be removed"),
            }
        }
        if let Err(error) = self.log.remove(cut.id()) {
            tracing::warn!(table = cut.table, %error, "a log entry could not be removed");
        }
    }

    /// What the brokers say of these topics now.
    pub(crate) async fn describe(&self, topics: Vec<String>) -> Result<KafkaView, String> {
        let control = Arc::clone(&self.control);
        let asked = tokio::task::spawn_blocking(move || {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            control.describe(&names, KAFKA_TIMEOUT)
        });
        asked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Publishes group offsets for lag tools; best effort.
    pub(crate) async fn publish(&self, topic: String, offsets: Vec<(Partition, Offset)>) {
        let control = Arc::clone(&self.control);
        let group = self.settings.kafka.group_id.clone();
        let published =
            tokio::task::spawn_blocking(move || control.publish(&group, &topic, &offsets, KAFKA_TIMEOUT)).await;
        match published {
            Ok(Ok(())) => *self.unpublished() = None,
            // A person has to do something about it; anything else passes, and the next commit publishes again.
            Ok(Err(error @ ControlError::Denied { .. })) => self.say_unpublished(error.to_string()),
            Ok(Err(error)) => tracing::debug!(%error, "group offsets were not published"),
            Err(error) => tracing::debug!(%error, "group offsets were not published"),
        }
    }

    /// Once per reason.
    fn say_unpublished(&self, why: String) {
        let mut said = self.unpublished();
        if said.as_ref() != Some(&why) {
            let table = &self.settings.name;
            tracing::warn!(table, why, "group offsets cannot be published, lag tools do not see this table's progress");
            *said = Some(why);
        }
    }

    fn unpublished(&self) -> MutexGuard<'_, Option<String>> {
        // One plain value: a panic elsewhere cannot have left it half changed.
        self.unpublished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder of a file on this machine's own disks.
fn local_folder(location: &str) -> Option<&Path> {
    Path::new(location.strip_prefix("file://")?).parent()
}

/// How long ago the cut's files were written to for the last time, which is their seal; `None` without files.
fn sealed_for(cut: &LoggedCut) -> Option<Duration> {
    let age = |path: &PathBuf| std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
    cut.local.iter().filter_map(age).max()
}

/// Why a cut may not be submitted now.
#[derive(Debug)]
pub(crate) enum Doubt {
    /// The table has to stop.
    Stop(Stopped),
    /// A topic of the cut is away.
    Away,
    /// Nobody could be asked.
    Unanswered,
}

impl From<Option<Stopped>> for Doubt {
    fn from(stopped: Option<Stopped>) -> Self {
        stopped.map_or(Self::Away, Self::Stop)
    }
}

/// Checks that topics are still the streams that the table knows.
#[derive(Clone)]
pub(crate) struct Topics {
    pub(crate) table: TableId,
    pub(crate) services: Services,
    pub(crate) view: watch::Receiver<SessionView>,
}

impl Topics {
    /// The streams of the table as the coordinator knows them.
    fn streams(&self) -> BTreeMap<StreamId, StreamIdentity> {
        self.view.borrow().tables.get(&self.table).map(|table| table.streams.clone()).unwrap_or_default()
    }

    /// After the last record of a cut and before it is submitted: every topic is the same one, and its log reaches as
    /// far as the cut.
    ///
    /// # Errors
    /// It is not so, or it cannot be told now.
    pub(crate) async fn check(&self, cut: &LoggedCut) -> Result<(), Doubt> {
        let streams = self.streams();
        let ends = cut.manifest.ranges.iter().map(|range| (range.chain, range.range.to()));
        let mut topics: Vec<String> = Vec::new();
        for (chain, _) in ends.clone() {
            let stream = streams.get(&chain.stream).ok_or(Doubt::Unanswered)?;
            if !topics.contains(&stream.topic) {
                topics.push(stream.topic.clone());
            }
        }
        let view = self.services.describe(topics).await.map_err(|cause| {
            tracing::warn!(cause, "kafka cannot be asked whether its topics are still the same");
            Doubt::Unanswered
        })?;
        for (chain, end) in ends {
            let stream = streams.get(&chain.stream).ok_or(Doubt::Unanswered)?;
            same_stream(&view, stream)?;
            let log_end = log_of(&view, stream, chain.partition).map(|log| log.1).ok_or(Doubt::Away)?;
            if log_end < end {
                return Err(Doubt::Stop(truncated(stream, chain.partition, log_end, end)));
            }
        }
        Ok(())
    }
}

/// # Errors
/// `Some`: it is another stream. `None`: it cannot be told now, or the topic is not there.
pub(crate) fn same_stream(view: &KafkaView, known: &StreamIdentity) -> Result<(), Option<Stopped>> {
    let seen = view.identity(&known.topic).ok_or(None)?;
    if !seen.contradicts(known) {
        return Ok(());
    }
    let recreated = seen.kafka_cluster == known.kafka_cluster;
    let (reason, detail) = if recreated {
        let id = |stream: &StreamIdentity| stream.topic_id.clone().unwrap_or_else(|| "none".to_owned());
        let (was, is) = (id(known), id(&seen));
        let detail = format!("topic {} had id {was} and has {is}: it was deleted and created anew", known.topic);
        (StopReason::TopicRecreated, detail)
    } else {
        let detail = format!(
            "topic {} was read from Kafka cluster {}; these brokers belong to {}",
            known.topic, known.kafka_cluster, seen.kafka_cluster
        );
        (StopReason::KafkaClusterChanged, detail)
    };
    Err(Some(Stopped::new(reason, detail).of_topic(&known.topic)))
}

/// Start and end of a topic partition's log.
pub(crate) fn log_of(view: &KafkaView, stream: &StreamIdentity, partition: Partition) -> Option<(Offset, Offset)> {
    match view.topics.get(&stream.topic)? {
        Ok(TopicState::Present(topic)) => {
            let found = topic.partitions.iter().find(|found| found.partition == partition)?;
            Some((found.log_start, found.log_end))
        }
        Ok(TopicState::Missing) | Err(_) => None,
    }
}

/// Reading cannot begin at `start`: the reason, or nothing when it can.
pub(crate) fn out_of_log(
    stream: &StreamIdentity,
    partition: Partition,
    (log_start, log_end): (Offset, Offset),
    start: Offset,
) -> Option<Stopped> {
    if start < log_start {
        let detail = format!(
            "topic {} partition {partition}: Kafka deleted offsets {start} to {log_start} before they were read",
            stream.topic
        );
        return Some(Stopped::new(StopReason::RetentionGap, detail).of_topic(&stream.topic));
    }
    (start > log_end).then(|| truncated(stream, partition, log_end, start))
}

fn truncated(stream: &StreamIdentity, partition: Partition, log_end: Offset, position: Offset) -> Stopped {
    let detail = format!(
        "topic {} partition {partition}: the log ends at {log_end}, but it was read up to {position}",
        stream.topic
    );
    Stopped::new(StopReason::LogTruncated, detail).of_topic(&stream.topic)
}

#[cfg(test)]
mod tests;
