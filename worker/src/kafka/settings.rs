//! How to reach one Kafka cluster, checked before anything connects.
//!
//! What the exactly-once protocol rests on (offsets, isolation, CRCs, end-of-partition reports) and what bounds memory
//! is set here and cannot be overridden; nor can what [`refused_kafka_property`] lists. Everything else of librdkafka may
//! be.

use std::collections::BTreeMap;
use std::fmt;

use k2i_runtime::config::refused_kafka_property;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;

/// The least memory for receiving: below it one fetch would not hold a batch of Kafka's default size.
pub const MIN_RECEIVE_MEMORY_BYTES: u64 = 8 << 20;

const MIB: u64 = 1 << 20;

/// One Kafka cluster and how to read from it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Comma-separated `host:port` list.
    pub bootstrap_servers: String,
    /// Group under which offsets are published. No group is ever joined.
    pub group_id: String,
    /// Name under which the brokers see this client.
    pub client_id: String,
    /// More settings of librdkafka, such as `security.protocol` or `sasl.password`. Values are never printed.
    pub properties: BTreeMap<String, String>,
    /// What a source may hold of records that were fetched but not polled, in bytes ([`Sizes`]).
    pub receive_memory_bytes: u64,
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("group_id", &self.group_id)
            .field("client_id", &self.client_id)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .field("receive_memory_bytes", &self.receive_memory_bytes)
            .finish()
    }
}

/// A setting that cannot be used. Never shows a property's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A required setting is empty.
    #[error("`{key}` of kafka is empty; set it")]
    Empty {
        /// Its name.
        key: &'static str,
    },
    /// Too little memory to receive anything.
    #[error("{bytes} bytes to receive from kafka are too few; at least {MIN_RECEIVE_MEMORY_BYTES} are needed")]
    TooLittleMemory {
        /// What was given.
        bytes: u64,
    },
    /// A property that k2i sets.
    #[error("kafka property `{key}` cannot be set: {why}")]
    Refused {
        /// Its name.
        key: String,
        /// What holds instead.
        why: &'static str,
    },
    /// A property that librdkafka does not have.
    #[error("kafka property `{key}` is not known to librdkafka")]
    Unknown {
        /// Its name.
        key: String,
    },
    /// A value that librdkafka does not take.
    #[error("kafka property `{key}` has a value that librdkafka does not take")]
    InvalidValue {
        /// Its name.
        key: String,
    },
    /// Settings that do not go together, or a file that they name cannot be used.
    #[error("the kafka client cannot be made from its settings: {cause}")]
    Unusable {
        /// What librdkafka says.
        cause: String,
    },
}

/// What a client is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Fetching records; needs a group id only because librdkafka wants one for an assignment.
    Source,
    /// Describing topics and publishing offsets; fetches nothing.
    Control,
}

/// How [`ConnectionSettings::receive_memory_bytes`] is divided.
///
/// Half is for messages that wait in the receive queue, counted decompressed, and a quarter for one answer on the wire
/// per broker, so that two brokers fill the limit. The queue's count of messages is bounded too, because librdkafka
/// needs some 500 bytes for each besides its key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// `queued.max.messages.kbytes`.
    pub queued_kib: u64,
    /// `queued.min.messages`: fetching stops above it.
    pub queued_messages: u64,
    /// `fetch.max.bytes`: one answer of one broker.
    pub fetch_bytes: u64,
    /// `fetch.message.max.bytes`: one topic partition's share of an answer.
    pub partition_bytes: u64,
}

impl Sizes {
    /// The division of `bytes`.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let half = bytes / 2;
        Self {
            queued_kib: (half / 1024).clamp(1, 2_097_151),
            queued_messages: (half / 512).clamp(1_000, 100_000),
            fetch_bytes: (bytes / 4).clamp(MIB, 50 * MIB),
            partition_bytes: (bytes / 16).clamp(64 << 10, MIB),
        }
    }
}

impl ConnectionSettings {
    /// Everything that is wrong, found without connecting; empty if the settings can be tried.
    #[must_use]
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut found = Vec::new();
        for (key, value) in [
            ("bootstrap_servers", &self.bootstrap_servers),
            ("group_id", &self.group_id),
            ("client_id", &self.client_id),
        ] {
            if value.trim().is_empty() {
                found.push(SettingsError::Empty { key });
            }
        }
        if self.receive_memory_bytes < MIN_RECEIVE_MEMORY_BYTES {
            found.push(SettingsError::TooLittleMemory { bytes: self.receive_memory_bytes });
        }
        found.extend(self.properties.iter().filter_map(|(key, value)| property_problem(key, value)));
        found
    }

    /// The properties of a client in its role.
    pub(super) fn client_config(&self, role: Role) -> Result<ClientConfig, SettingsError> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        // The user's first: what is ours wins, whatever the list of refused keys forgot.
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", &self.client_id)
            .set("allow.auto.create.topics", "false");
        if role == Role::Source {
            self.set_source(&mut config);
        }
        Ok(config)
    }

    fn set_source(&self, config: &mut ClientConfig) {
        let sizes = Sizes::of(self.receive_memory_bytes);
        config
            .set("group.id", &self.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", sizes.queued_kib.to_string())
            .set("queued.min.messages", sizes.queued_messages.to_string())
            .set("fetch.max.bytes", sizes.fetch_bytes.to_string())
            .set("fetch.message.max.bytes", sizes.partition_bytes.to_string());
        // How soon a full queue is looked at again: librdkafka's second would leave the pipeline empty.
        if !self.properties.contains_key("fetch.queue.backoff.ms") {
            config.set("fetch.queue.backoff.ms", "5");
        }
        // How long a topic may look missing before that is believed; the watcher decides about missing topics.
        if !self.properties.contains_key("topic.metadata.propagation.max.ms") {
            config.set("topic.metadata.propagation.max.ms", "5000");
        }
    }
}

fn property_problem(key: &str, value: &str) -> Option<SettingsError> {
    if let Some(why) = refused_kafka_property(key) {
        return Some(SettingsError::Refused { key: key.to_owned(), why });
    }
    let mut one = ClientConfig::new();
    one.set(key, value);
    one.create_native_config().err().map(|error| settings_error(key, &error))
}

/// Says what librdkafka has against a property, without the value that its own message may contain.
fn settings_error(key: &str, error: &KafkaError) -> SettingsError {
    use rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
    match error {
        KafkaError::ClientConfig(RD_KAFKA_CONF_UNKNOWN, ..) => SettingsError::Unknown { key: key.to_owned() },
        _ => SettingsError::InvalidValue { key: key.to_owned() },
    }
}

/// Says why a client cannot be made.
pub(super) fn creation_error(error: &KafkaError) -> SettingsError {
    match error {
        KafkaError::ClientConfig(_, _, key, _) => settings_error(key, error),
        KafkaError::ClientCreation(cause) => SettingsError::Unusable { cause: cause.clone() },
        other => SettingsError::Unusable { cause: other.to_string() },
    }
}

#[cfg(test)]
mod tests;
