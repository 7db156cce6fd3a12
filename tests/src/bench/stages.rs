//! The stages of the pipeline, each alone: the very code that `k2i ingest` runs, with the settings that it has by
//! default, and nothing before or behind it.
//!
//! | stage | what runs | and then |
//! |---|---|---|
//! | consume | a reader with its thread, on librdkafka | batches are dropped |
//! | decode | the decoder, on the batches that a reader made | Arrow batches are dropped |
//! | encode | the file writer, on the Arrow batches that the decoder made; one file, sealed (fsync) | the file is removed |

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use k2i_domain::ids::{ChainKey, Incarnation, Instance, Partition, Sequence, SessionId, StreamId, TableId};
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_lakehouse::schema::{arrow_schema, schema_of};
use k2i_worker::Shares;
use k2i_worker::decode::{DecodeOptions, DecodePlan, Decoder, MetadataColumns, Pushed, RecordRef};
use k2i_worker::kafka::{ConnectionSettings, KafkaSource, RecordSource, SourceEvent, Start, Token};
use k2i_worker::parquet::{FileIdentity, FileOffsets, FileWriter};
use k2i_worker::reader::{Batch, Fed, Outlet, ReaderHandle, SourceFactory};
use tokio::runtime::Builder;

use super::machine::OwnCpu;
use super::shape::Shape;
use super::topic::PARTITIONS;

/// `buffer.max_size_mb` where nobody sets it.
pub const BUDGET_MB: u64 = 500;
/// How long nothing may come from the broker.
const SILENCE: Duration = Duration::from_secs(60);
/// The table of the stages; there is one.
const TABLE: TableId = TableId(1);

/// The pipeline of one topic, in pieces.
pub struct Stages {
    kafka: ConnectionSettings,
    topic: String,
    shares: Shares,
    plan: DecodePlan,
}

impl Stages {
    /// The stages of a topic with records of this shape.
    ///
    /// # Errors
    /// The shape gives no table.
    pub fn new(bootstrap: &str, topic: &str, shape: &Shape) -> Result<Self> {
        let metadata = MetadataColumns::default();
        let columns = [shape.table_columns()?, k2i_worker::metadata_columns(&metadata)].concat();
        let schema = arrow_schema(&schema_of(&columns)?)?;
        let shares = Shares::of(BUDGET_MB << 20, 1, 1)?;
        let kafka = ConnectionSettings {
            bootstrap_servers: bootstrap.to_owned(),
            group_id: "k2i-bench".to_owned(),
            client_id: "k2i-bench".to_owned(),
            properties: BTreeMap::new(),
            receive_memory_bytes: shares.receive,
        };
        let plan = DecodePlan::new(&schema, &metadata, DecodeOptions::default())?;
        Ok(Self { kafka, topic: topic.to_owned(), shares, plan })
    }

    /// The schema of the files.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.plan.schema()
    }

    /// Reads the topic's first `rows` records, and somewhat more where it has them, and hands each batch on. Answers the
    /// CPU-seconds that it took, those of `take` included.
    ///
    /// # Errors
    /// Kafka does not give them.
    pub fn consume(&self, rows: u64, mut take: impl FnMut(Batch)) -> Result<f64> {
        let settings = self.kafka.clone();
        let factory: SourceFactory = Arc::new(move || {
            let source = KafkaSource::new(&settings).map_err(|error| error.to_string())?;
            Ok(Box::new(source) as Box<dyn RecordSource>)
        });
        let (feed, fed) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let feed = Box::new(move |fed: Fed| {
            // Nobody takes any more when there was enough.
            let _ = feed.send(fed);
        });
        let outlet = Outlet { feed, queued: Arc::clone(&queued), share: self.shares.queue, with_headers: false };
        let cpu = OwnCpu::begin()?;
        let reader = ReaderHandle::start("bench-read".to_owned(), factory)?;
        reader.open(TABLE, outlet)?;
        Builder::new_current_thread().build()?.block_on(reader.assign(TABLE, self.starts()))?;
        let mut left = rows;
        while left > 0 {
            let batch = next(&fed)?;
            left = left.saturating_sub(batch.len() as u64);
            Outlet::taken(&queued, batch.memory());
            take(batch);
        }
        let spent = cpu.spent()?;
        drop(reader);
        // Until its thread and librdkafka's are gone, so that they do not run into the next measurement.
        while fed.recv_timeout(SILENCE).is_ok() {}
        Ok(spent)
    }

    fn starts(&self) -> Vec<Start> {
        let start = |partition: i32| Start {
            topic: self.topic.clone(),
            partition: Partition(partition),
            offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            token: Token(u64::from(partition.unsigned_abs()) + 1),
        };
        (0..PARTITIONS).map(start).collect()
    }

    /// Makes rows of a reader's batches and hands each Arrow batch on. Answers the CPU-seconds that it took, those of
    /// `take` included.
    ///
    /// # Errors
    /// A record is refused.
    pub fn decode(&self, batches: &[Batch], mut take: impl FnMut(RecordBatch)) -> Result<f64> {
        let cpu = OwnCpu::begin()?;
        let mut decoder = Decoder::new(&self.plan);
        for held in batches.iter().flat_map(Batch::records) {
            let record = RecordRef {
                partition: held.partition,
                offset: held.offset,
                timestamp_ms: held.timestamp,
                topic: &self.topic,
                key: held.key,
                value: held.value,
                headers: &[],
            };
            while decoder.push(record)? == Pushed::Full {
                take(decoder.finish());
            }
        }
        if decoder.rows() > 0 {
            take(decoder.finish());
        }
        cpu.spent()
    }

    /// Writes and seals a file at `path`, and removes it afterwards. Answers the CPU-seconds up to the seal.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn encode(&self, batches: &[RecordBatch], path: &Path) -> Result<f64> {
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let offsets = FileOffsets { first: Offset(0), last: Offset(rows.saturating_sub(1).cast_signed()), rows };
        let identity = FileIdentity {
            instance: Instance(1),
            incarnation: Incarnation(1),
            session: SessionId(1),
            sequence: Sequence(1),
            file: 0,
        };
        let cpu = OwnCpu::begin()?;
        let mut file = FileWriter::create(path, self.schema(), &self.shares.files())?;
        for batch in batches {
            file.write(batch)?;
        }
        file.note_offsets(ChainKey { stream: StreamId(1), partition: Partition(0) }, offsets);
        let sealed = file.seal(&identity)?;
        let spent = cpu.spent()?;
        ensure!(sealed.rows == rows, "the file has {} rows, not {rows}", sealed.rows);
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        Ok(spent)
    }
}

/// The next batch that the reader hands on.
fn next(fed: &Receiver<Fed>) -> Result<Batch> {
    loop {
        match fed.recv_timeout(SILENCE).context("nothing comes from kafka")? {
            Fed::Batch(batch) => return Ok(batch),
            Fed::Event(SourceEvent::Ended { reason, .. }) => bail!("reading ended: {reason}"),
            Fed::Event(_) => {}
            Fed::Lost(cause) => bail!("the source was lost: {cause}"),
        }
    }
}
