//! The broker: librdkafka's mock cluster, in this process, behind the Kafka protocol on loopback.
//!
//! It keeps 5 MiB of each topic partition and forgets what is older, so whoever produces must not run ahead of what is
//! committed (`Flow`). It has no transactions, so none are shown. Its cluster id is new at each start.

use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// The topic.
pub(super) const TOPIC: &str = "orders";
/// Its topic partitions: enough that 3 MiB of each hold more than what is on its way at any time.
pub(super) const PARTITIONS: usize = 16;
/// What the broker keeps of a topic partition.
pub(super) const KEEPS_BYTES: u64 = 5 << 20;
const BROKERS: i32 = 2;
/// What an answer takes, as if the broker stood in another rack and not in this process.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// A running broker. Dropping it ends it.
pub(super) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Broker {
    /// Starts it with the topic.
    ///
    /// # Errors
    /// librdkafka cannot listen on loopback.
    pub(super) fn start() -> Result<Self> {
        let cluster = MockCluster::new(BROKERS).context("the mock broker cannot start")?;
        let partitions = i32::try_from(PARTITIONS).context("a few topic partitions")?;
        cluster.create_topic(TOPIC, partitions, 1).context("the mock broker makes no topic")?;
        cluster.broker_round_trip_time(-1, ROUND_TRIP).context("the mock broker takes no round trip time")?;
        Ok(Self { cluster })
    }

    /// Where clients begin.
    pub(super) fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
