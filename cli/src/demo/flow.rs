//! The orders on their way in: a thread that produces them at a pace, and never far ahead of what is committed.
//!
//! The broker forgets what is older than its newest 5 MiB of a topic partition. What is committed never has to be read
//! again, what is not may have to be after a kill. So at most [`AHEAD_BYTES`] of a topic partition lie past the table's
//! own watermark, and whatever is read again is still there.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use chrono::Utc;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, ProducerContext};

use super::broker::{KEEPS_BYTES, TOPIC};
use super::ledger::Ledger;
use super::orders::Order;

/// Bytes of a topic partition past the watermark at which producing waits.
const AHEAD_BYTES: u64 = 3 << 20;
const _: () = assert!(AHEAD_BYTES < KEEPS_BYTES);
/// Bytes of a record in a batch besides key and value, and its share of the batch's own head: never more.
const RECORD_OVERHEAD: usize = 96;
/// Time that unused pace is kept for: after a wait, orders do not come all at once.
const CATCH_UP: Duration = Duration::from_millis(100);
/// Orders between two looks at anything else.
const BURST: u64 = 1_000;
const POLL: Duration = Duration::from_millis(5);

/// What the thread shares with the rest of the demo.
#[derive(Debug)]
struct Shared {
    seed: u64,
    /// Orders a second.
    pace: AtomicU64,
    stop: AtomicBool,
    /// Orders handed to the client.
    sent: AtomicU64,
    /// At a pace of 0, nothing more is on its way to the client.
    resting: AtomicBool,
    /// The next order waits for the watermark.
    full: AtomicBool,
    /// The table's watermark, by topic partition.
    committed: Vec<AtomicI64>,
    ledger: Mutex<Ledger>,
    /// What went wrong first.
    failed: OnceLock<String>,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each change is one push, so the ledger is whole even if a holder panicked.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, why: impl Into<String>) {
        // Only the first cause is of use.
        let _ = self.failed.set(why.into());
    }
}

/// Takes the delivery reports.
struct Reports(Arc<Shared>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, order: usize) {
        match result {
            Ok(message) => {
                let noted = self.0.ledger().acknowledge(message.partition(), message.offset(), order as u64);
                if let Err(error) = noted {
                    self.0.fail(error.to_string());
                }
            }
            Err((error, _)) => self.0.fail(format!("order {order} was not delivered: {error}")),
        }
    }
}

/// The running generator. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Flow {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Flow {
    /// Starts to produce orders of `seed`, `pace` a second.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn start(bootstrap: &str, partitions: usize, seed: u64, pace: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            seed,
            pace: AtomicU64::new(pace),
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            resting: AtomicBool::new(false),
            full: AtomicBool::new(false),
            committed: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
            ledger: Mutex::new(Ledger::new(partitions)),
            failed: OnceLock::new(),
        });
        let producer = producer(bootstrap, Arc::clone(&shared))?;
        let run = Run { shared: Arc::clone(&shared), producer, ahead: vec![Ahead::default(); partitions], next: 0 };
        let thread = std::thread::Builder::new().name("k2i-orders".to_owned()).spawn(move || run.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Changes the pace, in orders a second. At 0 no more come, and soon the flow [rests](Self::rests).
    pub(super) fn set_pace(&self, pace: u64) {
        self.shared.resting.store(false, Ordering::SeqCst);
        self.shared.pace.store(pace, Ordering::SeqCst);
    }

    /// True when no more orders come and every one is acknowledged.
    pub(super) fn rests(&self) -> bool {
        self.shared.resting.load(Ordering::SeqCst) && self.shared.sent.load(Ordering::SeqCst) == self.acknowledged()
    }

    /// True when the next order waits for the watermark and every one before it is acknowledged.
    #[cfg(test)]
    pub(super) fn waits(&self) -> bool {
        self.shared.full.load(Ordering::SeqCst) && self.shared.sent.load(Ordering::SeqCst) == self.acknowledged()
    }

    /// The table's watermark has moved.
    pub(super) fn committed(&self, partition: i32, offset: i64) {
        if let Some(committed) = usize::try_from(partition).ok().and_then(|at| self.shared.committed.get(at)) {
            committed.fetch_max(offset, Ordering::Relaxed);
        }
    }

    /// Orders acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.shared.ledger().count()
    }

    /// Fails if the generator has.
    ///
    /// # Errors
    /// A delivery failed, or an acknowledgement was out of order.
    pub(super) fn check(&self) -> Result<()> {
        match self.shared.failed.get() {
            Some(why) => Err(anyhow!("the generator failed: {why}")),
            None => Ok(()),
        }
    }

    /// Everything that was acknowledged so far.
    pub(super) fn ledger(&self) -> Ledger {
        self.shared.ledger().clone()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Given up: whatever it says, something else went wrong first.
            let _ = thread.join();
        }
    }
}

fn producer(bootstrap: &str, shared: Arc<Shared>) -> Result<BaseProducer<Reports>> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "k2i-demo")
        // No record twice and none out of order, also when a request is repeated.
        .set("enable.idempotence", "true")
        .set("linger.ms", "100")
        .set("queue.buffering.max.messages", "20000")
        .create_with_context(Reports(shared))
        .context("the generator's kafka client cannot be made")
}

/// Sizes of the records of one topic partition that are past the watermark, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    from: i64,
    sizes: VecDeque<u32>,
    bytes: u64,
}

impl Ahead {
    pub(super) fn add(&mut self, size: usize) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.sizes.push_back(size);
        self.bytes += u64::from(size);
    }

    pub(super) fn committed(&mut self, offset: i64) {
        while self.from < offset
            && let Some(size) = self.sizes.pop_front()
        {
            self.from += 1;
            self.bytes -= u64::from(size);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= AHEAD_BYTES
    }
}

/// How many orders are due.
#[derive(Debug)]
pub(super) struct Pace {
    at: Instant,
    due: f64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { at: now, due: 0.0 }
    }

    pub(super) fn due(&mut self, now: Instant, per_second: u64) -> u64 {
        let per_second = per_second as f64;
        self.due += now.duration_since(self.at).as_secs_f64() * per_second;
        self.due = self.due.min(per_second * CATCH_UP.as_secs_f64());
        self.at = now;
        self.due as u64
    }

    pub(super) fn sent(&mut self, orders: u64) {
        self.due -= orders as f64;
    }
}

/// The thread's own.
struct Run {
    shared: Arc<Shared>,
    producer: BaseProducer<Reports>,
    ahead: Vec<Ahead>,
    next: u64,
}

impl Run {
    fn run(self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        self.produce().inspect_err(|error| shared.fail(format!("{error:#}")))
    }

    fn produce(mut self) -> Result<()> {
        let mut pace = Pace::new(Instant::now());
        let (mut value, mut key) = (String::with_capacity(512), String::new());
        while !self.shared.stop.load(Ordering::Relaxed) && self.shared.failed.get().is_none() {
            for (ahead, committed) in self.ahead.iter_mut().zip(&self.shared.committed) {
                ahead.committed(committed.load(Ordering::Relaxed));
            }
            let per_second = self.shared.pace.load(Ordering::SeqCst);
            if per_second == 0 {
                self.shared.resting.store(true, Ordering::SeqCst);
            }
            let due = pace.due(Instant::now(), per_second).min(BURST);
            let mut sent = 0;
            while sent < due && self.send(&mut key, &mut value)? {
                sent += 1;
            }
            pace.sent(sent);
            self.producer.poll(if sent == BURST { Duration::ZERO } else { POLL });
        }
        Ok(())
    }

    /// Sends the next order; `false` when it has to wait.
    fn send(&mut self, key: &mut String, value: &mut String) -> Result<bool> {
        let order = Order::of(self.shared.seed, self.next);
        // A customer's orders stay in their order: one customer, one topic partition.
        let partition = (order.customer % self.ahead.len() as u64) as usize;
        let full = self.ahead[partition].is_full();
        self.shared.full.store(full, Ordering::SeqCst);
        if full {
            return Ok(false);
        }
        key.clear();
        value.clear();
        key.push_str(&order.customer.to_string());
        order.write_json(Utc::now(), value);
        let opaque = usize::try_from(self.next).context("an order's number fits a pointer")?;
        let record = BaseRecord::with_opaque_to(TOPIC, opaque)
            .partition(partition as i32)
            .key(key.as_str())
            .payload(value.as_str());
        match self.producer.send(record) {
            Ok(()) => {}
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => return Ok(false),
            Err((error, _)) => return Err(error).context("an order cannot be sent"),
        }
        self.ahead[partition].add(key.len() + value.len() + RECORD_OVERHEAD);
        self.next += 1;
        self.shared.sent.store(self.next, Ordering::SeqCst);
        Ok(true)
    }
}
