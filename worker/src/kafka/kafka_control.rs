//! [`KafkaControl`] on librdkafka's admin calls.
//!
//! It has a client of its own, so that a topic can be asked about while a source is paused or its thread is busy. Every
//! call asks the brokers anew: what librdkafka caches (the cluster id among it) would hide that the cluster is another.

mod ask;
mod owned;
mod rights;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::cause::worded;
use super::client::{KafkaClient, connect};
use super::code::KafkaCode;
use super::control::{ControlError, KafkaControl, KafkaView, PartitionView, TopicState, TopicView, is_topic_name};
use super::native::{NativeError, PartitionList};
use super::settings::{ConnectionSettings, Role, SettingsError};
use ask::{Ask, Described, End, Ends};

pub use rights::{Right, Rights};

/// A topic that is recreated between two questions is asked about again, so many times.
const ATTEMPTS: usize = 3;

/// No call takes longer, whatever time-out is given.
const LONGEST: Duration = Duration::from_secs(600);

const DESCRIBE: &str = "describe kafka topics";
const READ: &str = "read kafka topics";
const PUBLISH: &str = "publish group offsets";

/// Asks about topics and publishes group offsets.
pub struct ControlClient {
    client: KafkaClient,
}

impl ControlClient {
    /// Makes a client; it connects in the background.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: &ConnectionSettings) -> Result<Self, SettingsError> {
        Ok(Self { client: connect(settings, Role::Control)? })
    }

    /// What best explains that no broker answers, if anything does.
    #[must_use]
    pub fn last_cause(&self) -> Option<String> {
        self.client.context().causes().last().map(|cause| cause.text)
    }

    /// The error of a call that got no answer at all. What the client noted on the side explains it, unless it explains
    /// itself.
    fn unanswered(&self, what: &'static str, error: &NativeError) -> ControlError {
        let noted = self.client.context().causes().last().filter(|_| error.code.missing_right().is_none());
        let denied = error.code.is_denied() || noted.as_ref().is_some_and(|noted| noted.code.is_denied());
        let cause = match noted {
            Some(noted) => format!("{}: {}", error.text, noted.text),
            None => worded(error.code, &error.text),
        };
        if denied { ControlError::Denied { what, cause } } else { ControlError::Unavailable { what, cause } }
    }

    fn look(&self, ask: &Ask<'_>, topics: &[CString]) -> Result<Look, NativeError> {
        let before = ask.topics(topics)?;
        let present: Vec<_> = before.iter().filter_map(|(name, d)| d.as_ref().ok().map(|d| (name, d))).collect();
        let mut list = Vec::new();
        for (name, described) in &present {
            if let Ok(name) = CString::new(name.as_bytes()) {
                list.extend(described.partitions.iter().map(|partition| (name.clone(), *partition)));
            }
        }
        if list.is_empty() {
            return Ok(Look { topics: before, starts: BTreeMap::new(), ends: BTreeMap::new() });
        }
        let starts = ask.ends(&list, End::Start)?;
        let ends = ask.ends(&list, End::LastStable)?;
        let after = ask.topics(topics)?;
        let same = |name: &String, described: &Result<Described, NativeError>| match (described, after.get(name)) {
            (Ok(before), Some(Ok(after))) => before.topic_id == after.topic_id,
            (Err(_), _) => true,
            (Ok(_), _) => false,
        };
        let changed = before.iter().any(|(name, described)| !same(name, described));
        if changed {
            return Err(NativeError {
                code: KafkaCode::UNKNOWN_TOPIC_ID,
                text: "a topic changed meanwhile".to_owned(),
            });
        }
        Ok(Look { topics: before, starts, ends })
    }
}

/// What one look at some topics found; the ids were the same before and after.
struct Look {
    topics: BTreeMap<String, Result<Described, NativeError>>,
    starts: Ends,
    ends: Ends,
}

impl KafkaControl for ControlClient {
    fn describe(&self, topics: &[&str], timeout: Duration) -> Result<KafkaView, ControlError> {
        let mut ask = Ask::new(&self.client, Instant::now() + timeout.min(LONGEST));
        let names: BTreeSet<&str> = topics.iter().copied().collect();
        let (valid, invalid): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| is_topic_name(name));
        let c_names: Vec<CString> = valid.iter().filter_map(|name| CString::new(*name).ok()).collect();
        let failed = |error| self.unanswered(DESCRIBE, &error);
        if let Some(topic) = valid.first() {
            ask.find_broker(topic).map_err(failed)?;
        }
        let cluster = ask.cluster_id().map_err(failed)?;
        let mut look = self.look(&ask, &c_names);
        for _ in 1..ATTEMPTS {
            match &look {
                Err(error) if error.code == KafkaCode::UNKNOWN_TOPIC_ID => look = self.look(&ask, &c_names),
                Ok(_) | Err(_) => break,
            }
        }
        let look = look.map_err(failed)?;
        self.client.context().causes().clear();
        let mut found = BTreeMap::new();
        for name in valid {
            found.insert(name.to_owned(), topic_state(name, &look));
        }
        for name in invalid {
            let cause = format!("`{}` is not a topic name", name.escape_default());
            found.insert(name.to_owned(), Err(ControlError::Denied { what: DESCRIBE, cause }));
        }
        Ok(KafkaView { cluster, topics: found })
    }

    fn publish(
        &self,
        group_id: &str,
        topic: &str,
        offsets: &[(Partition, Offset)],
        timeout: Duration,
    ) -> Result<(), ControlError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let denied = |cause: String| ControlError::Denied { what: PUBLISH, cause };
        let group = CString::new(group_id).map_err(|_| denied("the group id holds a zero byte".to_owned()))?;
        let name = CString::new(topic).map_err(|_| denied("the topic name holds a zero byte".to_owned()))?;
        if group_id.is_empty() || !is_topic_name(topic) {
            return Err(denied(format!("group `{group_id}` or topic `{topic}` is not a name")));
        }
        let mut list = PartitionList::new(offsets.len());
        for (partition, offset) in offsets {
            list.push(&name, partition.0, offset.0, LeaderEpoch::UNKNOWN.0);
        }
        let ask = Ask::new(&self.client, Instant::now() + timeout.min(LONGEST));
        let refused = ask.publish(&group, &list).map_err(|NativeError { code, text }| {
            let text = format!("group `{group_id}`, topic `{topic}`: {text}");
            self.unanswered(PUBLISH, &NativeError { code, text })
        })?;
        match refused.first() {
            None => Ok(()),
            Some((_, code)) => {
                if code.is_denied() {
                    return Err(denied(worded(*code, &format!("group `{group_id}`, topic `{topic}`"))));
                }
                let places: Vec<String> =
                    refused.iter().map(|(partition, code)| format!("[{partition}] {code}")).collect();
                let cause = format!("group `{group_id}`, topic `{topic}`: {}", places.join(", "));
                Err(ControlError::Unavailable { what: PUBLISH, cause })
            }
        }
    }
}

fn topic_state(name: &str, look: &Look) -> Result<TopicState, ControlError> {
    let described = match look.topics.get(name) {
        Some(Ok(described)) => described,
        Some(Err(error)) if error.code.is_unknown_topic() => return Ok(TopicState::Missing),
        Some(Err(error)) => return Err(topic_error(name, error)),
        None => return Err(unavailable(name, "the broker left the topic out".to_owned())),
    };
    if described.may_read == Some(false) {
        // Said before anything is fetched: a denied fetch comes late, and a topic without records never shows one.
        let cause = worded(KafkaCode::TOPIC_DENIED, &format!("topic `{name}`"));
        return Err(ControlError::Denied { what: READ, cause });
    }
    let mut partitions = Vec::with_capacity(described.partitions.len());
    for partition in &described.partitions {
        let place = (name.to_owned(), *partition);
        let of = |ends: &Ends| match ends.get(&place) {
            Some(Ok(end)) => Ok(*end),
            Some(Err(error)) => Err(topic_error(name, error)),
            None => Err(unavailable(name, format!("no offsets for partition {partition}"))),
        };
        let (start, end) = (of(&look.starts)?, of(&look.ends)?);
        partitions.push(PartitionView {
            partition: *partition,
            log_start: start.offset,
            log_end: end.offset,
            end_epoch: end.epoch,
        });
    }
    partitions.sort_by_key(|view| view.partition);
    Ok(TopicState::Present(TopicView { topic_id: described.topic_id.clone(), partitions }))
}

fn topic_error(name: &str, error: &NativeError) -> ControlError {
    let cause = worded(error.code, &format!("topic `{name}`: {}", error.text));
    if error.code.is_denied() || error.code == KafkaCode::INVALID_TOPIC {
        ControlError::Denied { what: DESCRIBE, cause }
    } else {
        ControlError::Unavailable { what: DESCRIBE, cause }
    }
}

fn unavailable(name: &str, why: String) -> ControlError {
    ControlError::Unavailable { what: DESCRIBE, cause: format!("topic `{name}`: {why}") }
}

#[cfg(test)]
mod tests;
