//! Topics of a table that cannot be read now: deleted, not there yet, or without a leader.
//!
//! They hold back their own chains and nothing else: the generation begins without them. They are looked at again from
//! time to time, beside everything else, and once one is back the next generation reads it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k2i_domain::ids::{ChainKey, StreamId, StreamIdentity};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::services::Services;
use crate::kafka::{KafkaView, TopicState};

/// How often absent topics are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Which of `chains` cannot be read by what the brokers say, each with the reason.
pub(crate) fn absent<'a>(
    kafka: &KafkaView,
    streams: &BTreeMap<StreamId, StreamIdentity>,
    chains: impl Iterator<Item = &'a ChainKey>,
) -> BTreeMap<ChainKey, String> {
    chains.filter_map(|key| Some((*key, reason(kafka, streams.get(&key.stream)?, *key)?))).collect()
}

fn reason(kafka: &KafkaView, stream: &StreamIdentity, key: ChainKey) -> Option<String> {
    match kafka.topics.get(&stream.topic) {
        Some(Ok(TopicState::Present(topic))) => {
            let shown = topic.partitions.iter().any(|found| found.partition == key.partition);
            (!shown).then(|| format!("topic {} does not show partition {}", stream.topic, key.partition))
        }
        Some(Ok(TopicState::Missing)) | None => Some(format!("topic {} is not there", stream.topic)),
        Some(Err(error)) => Some(error.to_string()),
    }
}

/// The chains that a generation was begun without.
#[derive(Default)]
pub(crate) struct Absent {
    chains: BTreeSet<ChainKey>,
    /// The look that is under way, at most one; it says whether one of them is back.
    looks: JoinSet<bool>,
}

impl Absent {
    /// Every chain is read, or none is.
    pub(crate) fn clear(&mut self) {
        self.chains.clear();
        self.looks.abort_all();
    }

    /// These are left out from now on.
    pub(crate) fn leave_out(&mut self, table: &str, chains: BTreeMap<ChainKey, String>) {
        let reasons: BTreeSet<&String> = chains.values().collect();
        if !reasons.is_empty() {
            tracing::warn!(table, ?reasons, "a topic cannot be read now, the table's other topics go on");
        }
        self.chains = chains.into_keys().collect();
    }

    /// True for a chain that is left out.
    pub(crate) fn has(&self, chain: &ChainKey) -> bool {
        self.chains.contains(chain)
    }

    /// Begins a look at what is left out, unless one is under way.
    pub(crate) fn look(&mut self, services: &Services, streams: &BTreeMap<StreamId, StreamIdentity>) {
        if self.chains.is_empty() || !self.looks.is_empty() {
            return;
        }
        let (services, streams, chains) = (services.clone(), streams.clone(), self.chains.clone());
        self.looks.spawn(async move {
            sleep(EVERY).await;
            let of_chains = |(id, _): &(&StreamId, &StreamIdentity)| chains.iter().any(|chain| chain.stream == **id);
            let topics = streams.iter().filter(of_chains).map(|(_, stream)| stream.topic.clone()).collect();
            let Ok(kafka) = services.describe(topics).await else { return false };
            absent(&kafka, &streams, chains.iter()).len() < chains.len()
        });
    }

    /// Ends when one of them is back. Never while nothing is left out.
    pub(crate) async fn back(&mut self) -> bool {
        match self.looks.join_next().await {
            // Cut off by `clear`: whatever it would have said is not about now.
            Some(looked) => looked.unwrap_or(false),
            None => std::future::pending().await,
        }
    }
}

/// When a topic is not to be waited for any longer while a cut with rows of it holds up the cuts behind it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Since when a topic has been away, by one who looks again and again.
#[derive(Debug, Default)]
pub(crate) struct Away(Option<Instant>);

impl Away {
    /// One more look that did not show it; `true` when that has gone on for too long.
    pub(crate) fn still(&mut self, now: Instant) -> bool {
        now >= *self.0.get_or_insert(now) + PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use k2i_domain::ids::Partition;
    use k2i_domain::range::{LeaderEpoch, Offset};

    use super::*;
    use crate::kafka::{ControlError, PartitionView, TopicView};

    fn present(partitions: i32) -> Result<TopicState, ControlError> {
        let log = |partition| PartitionView {
            partition: Partition(partition),
            log_start: Offset(0),
            log_end: Offset(7),
            end_epoch: LeaderEpoch::UNKNOWN,
        };
        Ok(TopicState::Present(TopicView { topic_id: None, partitions: (0..partitions).map(log).collect() }))
    }

    #[test]
    fn a_topic_holds_back_its_own_chains_alone() {
        let leaderless = Err(ControlError::Unavailable { what: "ask", cause: "no leader".into() });
        let topics = [("here", present(2)), ("gone", Ok(TopicState::Missing)), ("leaderless", leaderless)];
        let names = ["here", "gone", "leaderless", "unasked"];
        let kafka = KafkaView {
            cluster: "k".into(),
            topics: topics.into_iter().map(|(name, state)| (name.to_owned(), state)).collect(),
        };
        let stream = |topic: &str| StreamIdentity { kafka_cluster: "k".into(), topic_id: None, topic: topic.into() };
        let streams: BTreeMap<_, _> = (0..).map(StreamId).zip(names.map(stream)).collect();
        let chain = |stream, partition| ChainKey { stream: StreamId(stream), partition: Partition(partition) };
        let chains = [chain(0, 0), chain(0, 1), chain(0, 2), chain(1, 0), chain(2, 0), chain(3, 0)];
        let absent = absent(&kafka, &streams, chains.iter());
        let found: Vec<_> = absent.iter().map(|(key, why)| (*key, why.as_str())).collect();
        let expected = [
            (chain(0, 2), "topic here does not show partition 2"),
            (chain(1, 0), "topic gone is not there"),
            (chain(2, 0), "cannot ask: no leader"),
            (chain(3, 0), "topic unasked is not there"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn patience_ends_once() {
        let (start, mut away) = (Instant::now(), Away::default());
        assert!(!away.still(start));
        assert!(!away.still(start + PATIENCE - Duration::from_millis(1)));
        assert!(away.still(start + PATIENCE));
    }
}
