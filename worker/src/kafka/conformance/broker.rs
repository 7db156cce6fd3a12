//! Any broker that speaks Kafka's protocol, through librdkafka: topics, records, and what other clients see.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::Fixture;
use super::case::PATIENCE;
use crate::kafka::control::KafkaControl;
use crate::kafka::kafka_control::ControlClient;
use crate::kafka::kafka_source::KafkaSource;
use crate::kafka::memory::MemoryRecord;
use crate::kafka::settings::ConnectionSettings;
use crate::kafka::source::RecordSource;

/// How often a new topic is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// A running broker and a producer to it.
pub struct Broker {
    bootstrap_servers: String,
    producer: BaseProducer,
}

impl Broker {
    /// Connects in the background.
    ///
    /// # Panics
    /// When librdkafka makes no producer.
    #[must_use]
    pub fn new(bootstrap_servers: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("linger.ms", "0")
            .set("retry.backoff.ms", "10")
            .set("message.timeout.ms", "20000")
            .create()
            .expect("a producer can be made");
        Self { bootstrap_servers: bootstrap_servers.to_owned(), producer }
    }

    pub(in crate::kafka) fn settings(&self) -> ConnectionSettings {
        settings(&self.bootstrap_servers)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        config
    }

    /// Created is not yet led: a client would wait, and a case would see a topic that comes up.
    fn wait_led(&self, topic: &str, partitions: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metadata = self.producer.client().fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
            let led = |found: &rdkafka::metadata::MetadataTopic| {
                found.partitions().len() == partitions && found.partitions().iter().all(|one| one.leader() >= 0)
            };
            if metadata.topics().iter().any(|found| found.name() == topic && led(found)) {
                return;
            }
            assert!(Instant::now() < deadline, "topic {topic} has no leaders");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Settings that suit a broker on this machine.
pub(in crate::kafka) fn settings(bootstrap_servers: &str) -> ConnectionSettings {
    let quick = [
        ("fetch.wait.max.ms", "10"),
        ("topic.metadata.propagation.max.ms", "100"),
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "100"),
    ];
    ConnectionSettings {
        bootstrap_servers: bootstrap_servers.to_owned(),
        group_id: "k2i-test".to_owned(),
        client_id: "k2i-test".to_owned(),
        properties: BTreeMap::from(quick.map(|(key, value)| (key.to_owned(), value.to_owned()))),
        receive_memory_bytes: 16 << 20,
    }
}

impl Fixture for Broker {
    fn create_topic(&self, name: &str, partitions: usize) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin client can be made");
        let count = i32::try_from(partitions).expect("a case has few topic partitions");
        // Some cases write old timestamps, which retention would take away.
        let topic = NewTopic::new(name, count, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let made = block_on(admin.create_topics([&topic], &options)).expect("the broker answers");
        for topic in made {
            topic.expect("the topic is new");
        }
        self.wait_led(name, partitions);
    }

    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]) {
        for record in records {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                let key = std::str::from_utf8(key).expect("rdkafka's producer takes names that are text");
                headers = headers.insert(Header { key, value: value.as_ref() });
            }
            let mut new = BaseRecord::<Vec<u8>, Vec<u8>>::to(topic).partition(partition.0).headers(headers);
            new.key = record.key.as_ref();
            new.payload = record.value.as_ref();
            new.timestamp = record.timestamp_ms;
            self.producer.send(new).map_err(|(error, _)| error).expect("the producer's queue has room");
        }
        self.producer.flush(PATIENCE).expect("the records are acknowledged");
        assert_eq!(self.producer.in_flight_count(), 0);
    }

    fn source(&self) -> Box<dyn RecordSource> {
        Box::new(KafkaSource::new(&self.settings()).expect("a source can be made"))
    }

    fn control(&self) -> Box<dyn KafkaControl> {
        Box::new(ControlClient::new(&self.settings()).expect("a control client can be made"))
    }

    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset> {
        let reader: BaseConsumer = self.config().set("group.id", group_id).create().expect("a consumer can be made");
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, partition.0);
        let found = reader.committed_offsets(wanted, PATIENCE).expect("the group can be asked for");
        match found.elements()[0].offset() {
            rdkafka::Offset::Offset(offset) => Some(Offset(offset)),
            rdkafka::Offset::Invalid => None,
            other => panic!("a committed offset of {other:?}"),
        }
    }
}
