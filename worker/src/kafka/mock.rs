//! A Kafka for unit tests: librdkafka's mock cluster with a producer, and what the suite needs besides.
//!
//! The mock keeps 5 MiB a partition, has no transactions and no topic deletion. Its cluster id is an address.

use std::collections::BTreeMap;
use std::time::Duration;

use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use super::conformance::Fixture;
use super::control::KafkaControl;
use super::kafka_control::ControlClient;
use super::kafka_source::KafkaSource;
use super::memory::MemoryRecord;
use super::settings::ConnectionSettings;
use super::source::RecordSource;

pub(super) struct MockKafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl MockKafka {
    pub(super) fn new() -> Self {
        let cluster = MockCluster::new(2).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .set("retry.backoff.ms", "10")
            .set("message.timeout.ms", "20000")
            .create()
            .unwrap();
        Self { cluster, producer }
    }

    pub(super) fn settings(&self) -> ConnectionSettings {
        settings(&self.cluster.bootstrap_servers())
    }

    pub(super) fn kafka_source(&self) -> KafkaSource {
        KafkaSource::new(&self.settings()).unwrap()
    }

    pub(super) fn cluster(&self) -> &MockCluster<'static, DefaultProducerContext> {
        &self.cluster
    }
}

/// Settings that suit a broker on this machine.
pub(super) fn settings(bootstrap_servers: &str) -> ConnectionSettings {
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

impl Fixture for MockKafka {
    fn create_topic(&self, name: &str, partitions: usize) {
        self.cluster.create_topic(name, i32::try_from(partitions).unwrap(), 2).unwrap();
        for partition in 0..i32::try_from(partitions).unwrap() {
            self.cluster.partition_leader(name, partition, Some(1)).unwrap();
        }
    }

    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]) {
        for record in records {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key: std::str::from_utf8(key).unwrap(), value: value.as_ref() });
            }
            let mut new = BaseRecord::<Vec<u8>, Vec<u8>>::to(topic).partition(partition.0).headers(headers);
            new.key = record.key.as_ref();
            new.payload = record.value.as_ref();
            new.timestamp = record.timestamp_ms;
            self.producer.send(new).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(Duration::from_secs(20)).unwrap();
        assert_eq!(self.producer.in_flight_count(), 0);
    }

    fn elect(&self, topic: &str, partition: Partition) {
        self.cluster.partition_leader(topic, partition.0, Some(2)).unwrap();
    }

    fn source(&self) -> Box<dyn RecordSource> {
        Box::new(self.kafka_source())
    }

    fn control(&self) -> Box<dyn KafkaControl> {
        Box::new(ControlClient::new(&self.settings()).unwrap())
    }

    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset> {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", group_id)
            .create()
            .unwrap();
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, partition.0);
        let found = reader.committed_offsets(wanted, Duration::from_secs(20)).unwrap();
        match found.elements()[0].offset() {
            rdkafka::Offset::Offset(offset) => Some(Offset(offset)),
            rdkafka::Offset::Invalid => None,
            other => panic!("a committed offset of {other:?}"),
        }
    }
}
