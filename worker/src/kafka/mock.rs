//! A Kafka for unit tests: librdkafka's mock cluster, and what the suite needs besides.
//!
//! The mock keeps 5 MiB a partition, has no transactions and no topic deletion. Its cluster id is an address.

use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::conformance::{Broker, Elections, Fixture};
use super::control::KafkaControl;
use super::kafka_source::KafkaSource;
use super::memory::MemoryRecord;
use super::source::RecordSource;

pub(super) use super::conformance::settings;

pub(super) struct MockKafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    broker: Broker,
}

impl MockKafka {
    pub(super) fn new() -> Self {
        let cluster = MockCluster::new(2).unwrap();
        let broker = Broker::new(&cluster.bootstrap_servers());
        Self { cluster, broker }
    }

    pub(super) fn kafka_source(&self) -> KafkaSource {
        KafkaSource::new(&self.broker.settings()).unwrap()
    }

    pub(super) fn cluster(&self) -> &MockCluster<'static, DefaultProducerContext> {
        &self.cluster
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
        self.broker.produce(topic, partition, records);
    }

    fn source(&self) -> Box<dyn RecordSource> {
        self.broker.source()
    }

    fn control(&self) -> Box<dyn KafkaControl> {
        self.broker.control()
    }

    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset> {
        self.broker.published(group_id, topic, partition)
    }
}

impl Elections for MockKafka {
    fn elect(&self, topic: &str, partition: Partition) {
        self.cluster.partition_leader(topic, partition.0, Some(2)).unwrap();
    }
}
