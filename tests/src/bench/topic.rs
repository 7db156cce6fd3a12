//! A topic on the broker, filled by librdkafka's producer.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use tokio::runtime::Builder;

use super::shape::Shape;

/// Its topic partitions. Record `n` goes to partition `n % 4`, without a key.
pub const PARTITIONS: i32 = 4;
/// How its batches are compressed.
pub const COMPRESSION: &str = "lz4";

/// How long the broker may take for an answer, or for a record.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records between two looks at reports, and the wait where the producer's queue is full.
const BURST: u64 = 1_024;
const FULL: Duration = Duration::from_millis(5);
/// Steps of a paced production.
const STEP: Duration = Duration::from_millis(10);

/// Counts what the broker has acknowledged.
#[derive(Default)]
struct Reports {
    delivered: AtomicU64,
    failed: OnceLock<String>,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
            }
            // The first cause is kept.
            Err((error, _)) => drop(self.failed.set(error.to_string())),
        }
    }
}

/// Makes the topic. Nothing in it is ever deleted.
///
/// # Errors
/// It is there already, or the broker does not make it.
pub fn create(bootstrap: &str, topic: &str) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().context("no kafka client")?;
    let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let made = Builder::new_current_thread().build()?.block_on(admin.create_topics([&new], &options))?;
    for made in made {
        made.map_err(|(topic, code)| anyhow!("the broker does not make topic {topic}: {code}"))?;
    }
    Ok(())
}

/// Sends the records of these numbers, `per_second` of them or as fast as it goes, and waits until all are acknowledged.
/// Their timestamps are those of the sending. Answers the bytes of their values.
///
/// # Errors
/// One was not acknowledged.
pub fn fill(bootstrap: &str, topic: &str, shape: &Shape, numbers: Range<u64>, per_second: Option<u32>) -> Result<u64> {
    let records = numbers.end - numbers.start;
    let producer = producer(bootstrap, per_second.is_some())?;
    let (began, first) = (Instant::now(), numbers.start);
    let (mut value, mut bytes) = (Vec::with_capacity(512), 0);
    for number in numbers {
        shape.record(number, &mut value);
        bytes += value.len() as u64;
        send(&producer, topic, number, &value)?;
        let sent = number - first + 1;
        match per_second.map(f64::from) {
            Some(pace) => keep_pace(&producer, began, sent as f64 / pace),
            None if sent.is_multiple_of(BURST) => producer.poll(Duration::ZERO),
            None => {}
        }
    }
    producer.flush(PATIENCE).context("the broker does not acknowledge what was sent")?;
    let reports = producer.context();
    if let Some(cause) = reports.failed.get() {
        bail!("a record was not delivered: {cause}");
    }
    let delivered = reports.delivered.load(Ordering::Relaxed);
    ensure!(delivered == records, "{delivered} of {records} records are acknowledged");
    Ok(bytes)
}

fn producer(bootstrap: &str, paced: bool) -> Result<BaseProducer<Reports>> {
    let config = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "k2i-bench")
        .set("compression.codec", COMPRESSION)
        // No record twice: the count is checked.
        .set("enable.idempotence", "true")
        .set("linger.ms", if paced { "5" } else { "50" })
        .set("queue.buffering.max.messages", "200000")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string())
        .clone();
    config.create_with_context(Reports::default()).context("no kafka producer")
}

fn send(producer: &BaseProducer<Reports>, topic: &str, number: u64, value: &[u8]) -> Result<()> {
    let partition = i32::try_from(number % PARTITIONS as u64).context("a partition's number is small")?;
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            // Ends by itself: what is in the queue is delivered, or has failed after a minute.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                if let Some(cause) = producer.context().failed.get() {
                    bail!("a record was not delivered: {cause}");
                }
                producer.poll(FULL);
                record = same;
            }
            Err((error, _)) => return Err(error).context("a record cannot be sent"),
        }
    }
}

/// Waits where `due`, in seconds since the begin, is far enough ahead.
fn keep_pace(producer: &BaseProducer<Reports>, began: Instant, due: f64) {
    let ahead = Duration::from_secs_f64(due).saturating_sub(began.elapsed());
    if ahead >= STEP {
        producer.poll(Duration::ZERO);
        sleep(ahead);
    }
}
