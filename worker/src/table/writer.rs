//! The writer's thread: records to rows, rows to a file, a cut to a sealed file and its ranges.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use k2i_domain::ids::{ChainKey, Sequence, SessionId, StreamId, StreamIdentity, TableId};
use k2i_domain::manifest::{Manifest, ManifestFile, ManifestRange};
use k2i_domain::port::{Cut, StopReason, Stopped};
use k2i_lakehouse::statistics::FileStatistics;
use k2i_lakehouse::with_sources;
use k2i_runtime::disk::room_for;
use k2i_runtime::failpoint::{Failpoint, reach};
use k2i_runtime::telemetry::metrics::WorkerMetrics;
use tokio::sync::{mpsc, oneshot};

use super::Generation;
use super::cut::{OpenCut, ReadChain};
use super::settings::TableSettings;
use super::size::{Expected, Open};
use super::submitter::{SealedCut, ToSubmit};
use super::target::Target;
use crate::decode::{DecodeError, Decoder, HeaderRef, Pushed, RecordRef};
use crate::kafka::{EndReason, SourceEvent, Token};
use crate::log::{LoggedCut, Step, TransactionLog};
use crate::parquet::{FileIdentity, FileOffsets, FileWriter, Sealed};
use crate::reader::{Batch, Fed, Held, Outlet};

/// Version of the decoding, logged with each cut: a cut made by another one is read again rather than offered again.
pub(crate) const DECODE_VERSION: u32 = 1;

/// What the writer is told.
pub(crate) enum ToWriter {
    /// From the reader.
    Fed(Fed),
    /// A new generation: whatever is unsealed is dropped.
    Begin(Box<Begin>),
    /// The table is read no more: whatever is unsealed is dropped.
    Stop,
    /// The coordinator's tick.
    Cut(Cut),
    /// End the cut, positions without rows included, and say when everything before has been handled.
    Drain,
    /// Say when everything before has been handled.
    Flush(oneshot::Sender<()>),
}

/// The start of a generation.
pub(crate) struct Begin {
    pub(crate) generation: Generation,
    pub(crate) target: Arc<Target>,
    pub(crate) chains: Vec<(ChainKey, ReadChain)>,
    /// What each stream is.
    pub(crate) streams: BTreeMap<StreamId, StreamIdentity>,
}

/// What the writer cannot settle by itself.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// An assignment ended.
    Ended(ChainKey, EndReason),
    /// The source is gone.
    Lost(String),
    /// A file could not be written.
    File(String),
}

/// The writer of one table.
pub(crate) struct Writer {
    pub(crate) table: TableId,
    pub(crate) session: SessionId,
    pub(crate) settings: Arc<TableSettings>,
    pub(crate) log: Arc<TransactionLog>,
    pub(crate) queued: Arc<AtomicUsize>,
    /// Manifest numbers of this (session, table); shared with whoever offers earlier cuts again.
    pub(crate) sequence: Arc<AtomicU64>,
    /// Bytes held by decoder and encoder, for the metrics.
    pub(crate) held: Arc<AtomicUsize>,
    pub(crate) metrics: WorkerMetrics,
    pub(crate) submit: mpsc::Sender<ToSubmit>,
    pub(crate) trouble: mpsc::UnboundedSender<(Generation, Trouble)>,
}

/// One generation's work in progress.
struct Active {
    generation: Generation,
    target: Arc<Target>,
    cut: OpenCut,
    streams: BTreeMap<StreamId, StreamIdentity>,
    topics: BTreeMap<StreamId, Arc<str>>,
    decoder: Decoder,
    file: Option<FileWriter>,
    /// What is known of how large files become.
    expected: Expected,
    /// Offsets of rows that are in the decoder or the open file, not yet noted in the file.
    offsets: BTreeMap<ChainKey, FileOffsets>,
    /// A record was refused: nothing more is taken until the next generation.
    failed: bool,
}

impl Writer {
    /// Runs until every sender is gone.
    pub(crate) fn run(self, inbox: &Receiver<ToWriter>) {
        let mut active: Option<Active> = None;
        while let Ok(message) = inbox.recv() {
            if self.handle(&mut active, message).is_err() {
                // The submitter is gone: the worker is going down.
                break;
            }
            let held = active.as_ref().map_or(0, Active::memory);
            self.held.store(held, Ordering::Relaxed);
        }
        drop_unsealed(active);
    }

    fn handle(&self, active: &mut Option<Active>, message: ToWriter) -> Result<(), Gone> {
        match message {
            ToWriter::Fed(Fed::Batch(batch)) => {
                let memory = batch.memory();
                let taken = self.batch(active, &batch);
                Outlet::taken(&self.queued, memory);
                return taken;
            }
            ToWriter::Fed(Fed::Event(event)) => self.event(active, event),
            ToWriter::Fed(Fed::Lost(cause)) => self.report(active, Trouble::Lost(cause)),
            ToWriter::Begin(begin) => {
                drop_unsealed(active.take());
                *active = Some(Active::begin(*begin));
            }
            ToWriter::Stop => drop_unsealed(active.take()),
            ToWriter::Cut(tick) => return self.tick(active, tick),
            ToWriter::Drain => {
                if let Some(now) = active.as_mut().filter(|now| now.is_worth_closing(true)) {
                    self.close(now, None)?;
                }
                return self.send(ToSubmit::Drained);
            }
            ToWriter::Flush(done) => return self.send(ToSubmit::Flushed(done)),
        }
        Ok(())
    }

    fn tick(&self, active: &mut Option<Active>, tick: Cut) -> Result<(), Gone> {
        match active.as_mut().filter(|now| now.is_worth_closing(false)) {
            Some(active) => self.close(active, Some(tick)),
            None => self.send(ToSubmit::Nothing(tick)),
        }
    }

    fn event(&self, active: &mut Option<Active>, event: SourceEvent) {
        let Some(now) = active.as_mut() else { return };
        match event {
            SourceEvent::CaughtUp { token, position } => {
                if let (Some(chain), false) = (now.cut.chain_of(token), now.failed) {
                    now.cut.reached(chain, position.offset, position.leader_epoch, Instant::now());
                }
            }
            SourceEvent::Ended { token, reason, .. } => {
                if let Some(chain) = now.cut.chain_of(token) {
                    self.report(active, Trouble::Ended(chain, reason));
                }
            }
            SourceEvent::Trouble { .. } => {}
        }
    }

    fn report(&self, active: &Option<Active>, trouble: Trouble) {
        if let Some(active) = active {
            // The supervisor is gone only when the worker is going down.
            let _ = self.trouble.send((active.generation, trouble));
        }
    }

    fn batch(&self, active: &mut Option<Active>, batch: &Batch) -> Result<(), Gone> {
        let Some(now) = active.as_mut() else { return Ok(()) };
        let mut run = Run::default();
        let rows_before = now.cut.rows();
        for held in batch.records() {
            if now.failed {
                break;
            }
            let Some(chain) = run.chain(&now.cut, held.token) else { continue };
            if !now.cut.is_next(chain, held.offset) {
                continue;
            }
            match self.push(now, batch, &held, chain) {
                Ok(row) => now.took(&held, chain, row),
                Err(PushError::Record(error)) => {
                    self.refuse(now, &held, chain, &error)?;
                }
                Err(PushError::File(why)) => {
                    now.failed = true;
                    self.report(active, Trouble::File(why));
                    return Ok(());
                }
            }
        }
        self.metrics.rows_read(&self.settings.name, now.cut.rows().saturating_sub(rows_before));
        if let Err(why) = self.bound_memory(now) {
            now.failed = true;
            self.report(active, Trouble::File(why));
            return Ok(());
        }
        let limits = &self.settings.limits;
        let full = now.cut.rows() >= limits.records || now.file_bytes() >= now.target.files.file_bytes;
        if full && !now.failed { self.close(now, None) } else { Ok(()) }
    }

    fn push(&self, now: &mut Active, batch: &Batch, held: &Held<'_>, chain: ChainKey) -> Result<bool, PushError> {
        let headers: Vec<HeaderRef<'_>> = batch
            .headers(held)
            .filter_map(|(name, value)| Some(HeaderRef { key: std::str::from_utf8(name).ok()?, value }))
            .collect();
        let topic = now.topic(chain);
        let record = RecordRef {
            partition: held.partition,
            offset: held.offset,
            timestamp_ms: held.timestamp,
            topic: &topic,
            key: held.key,
            value: held.value,
            headers: &headers,
        };
        loop {
            match now.decoder.push(record).map_err(PushError::Record)? {
                Pushed::Row => return Ok(true),
                Pushed::Skipped => return Ok(false),
                Pushed::Full => self.encode(now).map_err(PushError::File)?,
            }
        }
    }

    /// The good rows before the record are submitted; then the table stops.
    fn refuse(&self, now: &mut Active, held: &Held<'_>, chain: ChainKey, error: &DecodeError) -> Result<(), Gone> {
        let topic = now.topic(chain);
        let detail = format!("topic {topic} partition {} offset {}: {error}", held.partition, held.offset);
        let stopped = Stopped::new(StopReason::Record, detail).of_topic(&*topic);
        if now.is_worth_closing(true) {
            self.close(now, None)?;
        }
        now.failed = true;
        self.send(ToSubmit::Stop(now.generation, stopped))
    }

    /// What the decoder holds goes to the file.
    fn encode(&self, now: &mut Active) -> Result<(), String> {
        if now.decoder.rows() == 0 {
            return Ok(());
        }
        // As if nothing got smaller by encoding.
        room_for(&self.settings.spool, now.memory() as u64).map_err(|error| with_sources(&error))?;
        let batch = now.decoder.finish();
        if now.file.is_none() {
            now.file = Some(self.open_file(now)?);
        }
        let Some(file) = now.file.as_mut() else { return Ok(()) };
        file.write(&batch).map_err(|error| with_sources(&error))?;
        for (chain, offsets) in std::mem::take(&mut now.offsets) {
            file.note_offsets(chain, offsets);
        }
        Ok(())
    }

    fn open_file(&self, now: &Active) -> Result<FileWriter, String> {
        let path = self.spool_path(self.next_sequence());
        // Left over from a sequence that was given up before it was sealed.
        if path.exists() {
            std::fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
        }
        FileWriter::create(&path, &now.target.arrow, &now.target.files.options).map_err(|error| with_sources(&error))
    }

    fn spool_path(&self, sequence: Sequence) -> PathBuf {
        self.settings.spool.join(format!("{}-{sequence}.parquet", self.session))
    }

    fn next_sequence(&self) -> Sequence {
        Sequence(self.sequence.load(Ordering::Acquire) + 1)
    }

    /// A row group ends when the encoder holds its share.
    fn bound_memory(&self, now: &mut Active) -> Result<(), String> {
        let limit = self.settings.limits.encoder_bytes;
        if now.decoder.bytes() >= limit {
            self.encode(now)?;
        }
        match now.file.as_mut().filter(|file| file.memory_size() >= limit) {
            Some(file) => file.flush_row_group().map_err(|error| with_sources(&error)),
            None => Ok(()),
        }
    }

    /// Ends the cut: seals its file, logs it, hands it on.
    fn close(&self, now: &mut Active, tick: Option<Cut>) -> Result<(), Gone> {
        match self.seal(now) {
            Ok(cut) => self.send(ToSubmit::Cut(Box::new(SealedCut { generation: now.generation, cut, tick }))),
            Err(why) => {
                now.failed = true;
                let _ = self.trouble.send((now.generation, Trouble::File(why)));
                Ok(())
            }
        }
    }

    fn seal(&self, now: &mut Active) -> Result<LoggedCut, String> {
        self.encode(now)?;
        let rows = now.cut.rows();
        let ranges = now.cut.close();
        let sequence = Sequence(self.sequence.fetch_add(1, Ordering::AcqRel) + 1);
        let identity = FileIdentity {
            instance: now.target.instance,
            incarnation: now.target.incarnation,
            session: self.session,
            sequence,
            file: 0,
        };
        // The benchmark takes the begin of a flush from this line.
        tracing::debug!(table = self.settings.name, session = %self.session, %sequence, rows, "sealing a cut");
        let file = now.file.take();
        let path = file.as_ref().map(|file| file.path().to_owned());
        let open = file.as_ref().map(open);
        let sealed = self.seal_and_log(now, ranges, sequence, file, &identity);
        if let (Err(_), Some(path)) = (&sealed, path) {
            // Another attempt has another name; what cannot be removed now goes with the next start.
            let _ = std::fs::remove_file(path);
        }
        if let (Ok(cut), Some(open)) = (&sealed, open) {
            now.expected.learn(open, cut.manifest.files.iter().map(|file| file.bytes).sum());
        }
        sealed
    }

    fn seal_and_log(
        &self,
        now: &Active,
        ranges: Vec<ManifestRange>,
        sequence: Sequence,
        file: Option<FileWriter>,
        identity: &FileIdentity,
    ) -> Result<LoggedCut, String> {
        let sealed = match file {
            Some(file) => Some(file.seal(identity).map_err(|error| with_sources(&error))?),
            None => None,
        };
        reach(Failpoint::FileSealed);
        let cut = self.logged(now, ranges, sequence, sealed);
        self.log.put(&cut).map_err(|error| error.to_string())?;
        reach(Failpoint::CutLogged);
        Ok(cut)
    }

    fn logged(
        &self,
        now: &Active,
        ranges: Vec<ManifestRange>,
        sequence: Sequence,
        sealed: Option<Sealed>,
    ) -> LoggedCut {
        let of_cut = |(id, _): &(&StreamId, &StreamIdentity)| ranges.iter().any(|range| range.chain.stream == **id);
        let streams = now.streams.iter().filter(of_cut).map(|(id, stream)| (*id, stream.clone())).collect();
        let files = sealed.iter().map(|sealed| manifest_file(&now.target, self.session, sequence, sealed)).collect();
        LoggedCut {
            table: self.settings.name.clone(),
            uuid: now.target.uuid,
            step: Step::Sealed,
            decode_version: DECODE_VERSION,
            streams,
            manifest: Manifest {
                table: self.table,
                incarnation: now.target.incarnation,
                session: self.session,
                sequence,
                ranges,
                files,
            },
            local: sealed.into_iter().map(|sealed| sealed.path).collect(),
            upload: None,
        }
    }

    fn send(&self, message: ToSubmit) -> Result<(), Gone> {
        self.submit.blocking_send(message).map_err(|_| Gone)
    }
}

/// The submitter is gone.
struct Gone;

enum PushError {
    Record(DecodeError),
    File(String),
}

/// The chain of the last record: records of one assignment come in runs.
#[derive(Default)]
struct Run {
    last: Option<(Token, Option<ChainKey>)>,
}

impl Run {
    fn chain(&mut self, cut: &OpenCut, token: Token) -> Option<ChainKey> {
        match self.last {
            Some((last, chain)) if last == token => chain,
            _ => {
                let chain = cut.chain_of(token);
                self.last = Some((token, chain));
                chain
            }
        }
    }
}

impl Active {
    fn begin(begin: Begin) -> Self {
        let mut cut = OpenCut::default();
        cut.add(begin.chains);
        Self {
            generation: begin.generation,
            decoder: Decoder::new(&begin.target.plan),
            target: begin.target,
            cut,
            topics: begin.streams.iter().map(|(id, stream)| (*id, stream.topic.as_str().into())).collect(),
            streams: begin.streams,
            file: None,
            expected: Expected::default(),
            offsets: BTreeMap::new(),
            failed: false,
        }
    }

    fn took(&mut self, held: &Held<'_>, chain: ChainKey, row: bool) {
        self.cut.took(chain, held.offset, held.leader_epoch, held.timestamp, row);
        if row {
            let one = FileOffsets { first: held.offset, last: held.offset, rows: 1 };
            self.offsets
                .entry(chain)
                .and_modify(|offsets| {
                    offsets.last = held.offset;
                    offsets.rows += 1;
                })
                .or_insert(one);
        }
    }

    fn topic(&self, chain: ChainKey) -> Arc<str> {
        // Chains are granted with the streams that they belong to.
        self.topics.get(&chain.stream).cloned().unwrap_or_default()
    }

    /// True when closing the cut gives something to submit. After a failure its rows are incomplete.
    fn is_worth_closing(&self, even_rowless: bool) -> bool {
        !self.failed && self.cut.is_worth_closing(Instant::now(), even_rowless)
    }

    fn file_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| self.expected.bytes(open(file)))
    }

    fn memory(&self) -> usize {
        self.decoder.bytes() + self.file.as_ref().map_or(0, FileWriter::memory_size)
    }
}

fn open(file: &FileWriter) -> Open {
    Open { written: file.bytes_written(), in_progress: file.in_progress_bytes(), rows: file.rows() }
}

fn manifest_file(target: &Target, session: SessionId, sequence: Sequence, sealed: &Sealed) -> ManifestFile {
    let nans = sealed.nan_counts.iter().map(|(field, count)| (*field, *count)).collect();
    let statistics = FileStatistics::from_parquet(&target.schema, &sealed.metadata, &nans, &target.files.metrics);
    ManifestFile {
        location: target.location(session, sequence, 0),
        bytes: sealed.bytes,
        rows: sealed.rows,
        sha256: sealed.sha256,
        schema: target.schema_id,
        spec: target.spec_id,
        statistics: statistics.encode(),
    }
}

fn drop_unsealed(active: Option<Active>) {
    if let Some(file) = active.and_then(|active| active.file)
        && let Err(error) = file.abandon()
    {
        tracing::warn!(%error, "an unsealed file could not be removed");
    }
}
