//! `k2i ingest`: coordinator and worker in one process.
//!
//! The two talk through the same port as they do between processes. The worker ends first (it drains through the
//! coordinator), the coordinator after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use k2i_coordinator::{Coordinator, CoordinatorOptions, ResumeOrder, StateObserver};
use k2i_domain::core::{Resume, Settings};
use k2i_domain::ids::WorkerId;
use k2i_lakehouse::storage::UploadMemory;
use k2i_runtime::config::{Config, LogConfig, Override, Sources};
use k2i_runtime::data_dir::DataDir;
use k2i_runtime::http::{self, Readiness};
use k2i_runtime::shutdown::{Shutdown, Tasks};
use k2i_runtime::telemetry::metrics::{CoordinatorMetrics, WorkerMetrics};
use k2i_runtime::telemetry::{LoggingError, init_logging, init_terminal_logging, logs_to_terminal};
use k2i_worker::kafka::{ConnectionSettings, ControlClient, KafkaControl, KafkaSource, RecordSource};
use k2i_worker::log::TransactionLog;
use k2i_worker::reader::{ReaderHandle, SourceFactory};
use k2i_worker::{TableMemory, Worker, WorkerOptions, WorkerTable};
use prometheus::{Registry, TextEncoder};
use tokio_util::sync::CancellationToken;

use crate::args::{ExpectedHead, IngestArgs};
use crate::bindings::{self, Bound};
use crate::progress::{Meter, Sample, Terminal};
use crate::{Failure, ready};

/// The sole worker's name: a restart ends the earlier session at once.
const WORKER: &str = "ingest";
/// How long a drain may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(45);
/// How often memory is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How often the terminal's progress line is drawn.
const SHOW_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &IngestArgs) -> Result<(), Failure> {
    let config = load(args)?;
    let terminal = start_logging(config.log).map_err(|error| Failure::from(anyhow::Error::from(error)))?;
    for warning in &config.warnings {
        tracing::warn!(warning, "configuration");
    }
    let resume = resume(args, &config)?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot start")?;
    Ok(runtime.block_on(ingest(config, args.adopt, resume, terminal))?)
}

/// Logs from here on; where they go to a terminal as text, it has a progress line too.
fn start_logging(config: LogConfig) -> Result<Option<Terminal>, LoggingError> {
    let rust_log = std::env::var("RUST_LOG").ok();
    if !logs_to_terminal(config) {
        return init_logging(config, rust_log.as_deref()).map(|()| None);
    }
    let terminal = Terminal::on_stderr();
    init_terminal_logging(config, rust_log.as_deref(), terminal.log_writer())?;
    Ok(Some(terminal))
}

fn load(args: &IngestArgs) -> Result<Config, Failure> {
    let insecure = args.insecure_bind.then(|| Override {
        flag: "--insecure-bind",
        key: "http.insecure_bind",
        value: "true".to_owned(),
    });
    let sources = Sources::of_process(&args.config, insecure.into_iter().collect()).map_err(Failure::config)?;
    let config = Config::load(&sources).map_err(Failure::config)?;
    bindings::check(&config).map_err(Failure::config)?;
    Ok(config)
}

/// The decision on a stopped table, which must be one of the configuration's.
fn resume(args: &IngestArgs, config: &Config) -> Result<Option<ResumeOrder>, Failure> {
    let (Some((table, decision)), Some(ExpectedHead(expected))) = (&args.resume, args.expect_snapshot) else {
        return Ok(None);
    };
    let known: Vec<&str> = config.tables.iter().map(|table| table.key.as_str()).collect();
    if !known.contains(&table.as_str()) {
        let known = known.join(", ");
        return Err(Failure::config(anyhow::anyhow!("--resume names {table}; the configuration has {known}")));
    }
    let resume = Resume { decision: *decision, expected };
    Ok(Some(ResumeOrder { table: table.clone(), resume }))
}

async fn ingest(
    config: Config,
    adopt: bool,
    resume: Option<ResumeOrder>,
    terminal: Option<Terminal>,
) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.obey_signals().context("signals cannot be caught")?;
    let data = DataDir::open(&config.data_dir)?;
    let registry = Registry::new();
    let readiness = Readiness::new(&ready::CHECKS);
    let health = http::serve_health(&config.http.health, readiness.clone()).await?;
    let metrics = http::serve_metrics(&config.http.metrics, registry.clone()).await?;

    let (bound, uploads) = bindings::bind(&config, &data.spool())?;
    let coordinator = coordinator(&config, &data, &registry, &bound, (adopt, resume)).await?;
    let observer = coordinator.observer();
    let (worker, memory) = worker(&data, &registry, bound, &coordinator)?;
    let probes = ready::Probes::new(&worker);

    let mut tasks = Tasks::new(shutdown.clone());
    let (drain, stop) = (shutdown.drain().clone(), shutdown.stop().clone());
    let worker_done = CancellationToken::new();
    tasks.critical("health", run_server(health, stop.clone()));
    tasks.critical("metrics", run_server(metrics, stop.clone()));
    tasks.critical("readiness", watch_readiness(readiness, observer, probes, stop.clone()));
    tasks
        .critical("memory", count_memory(worker.metrics.clone(), config.memory_bytes, (memory, uploads), stop.clone()));
    if let Some(terminal) = terminal {
        tasks.critical("progress", show_progress(terminal, registry, stop.clone()));
    }
    let coordinator_stop = worker_done.clone();
    tasks.critical("coordinator", async move { coordinator.run(coordinator_stop).await.map_err(Into::into) });
    tasks.critical("worker", async move {
        Worker::new(worker).run(drain, stop).await;
        worker_done.cancel();
        shutdown.request_stop();
        Ok(())
    });
    tasks.run().await?;
    tracing::info!("ended");
    drop(data);
    Ok(())
}

async fn coordinator(
    config: &Config,
    data: &DataDir,
    registry: &Registry,
    bound: &[Bound],
    (adopt, resume): (bool, Option<ResumeOrder>),
) -> anyhow::Result<Coordinator> {
    let options = CoordinatorOptions {
        cluster: config.cluster_name.clone(),
        folder: data.coordinator(),
        settings: Settings { adopt_now: adopt, ..Settings::default() },
        tables: bound.iter().map(|bound| bound.coordinator.clone()).collect(),
        resume,
        metrics: CoordinatorMetrics::new(registry, Arc::new(seconds))?,
    };
    Ok(Coordinator::open(options).await?)
}

fn worker(
    data: &DataDir,
    registry: &Registry,
    bound: Vec<Bound>,
    coordinator: &Coordinator,
) -> anyhow::Result<(WorkerOptions, Vec<TableMemory>)> {
    let (log, aside) = TransactionLog::open(&data.worker())?;
    if let Some(aside) = aside {
        tracing::warn!(path = %aside.display(), "the transaction log was damaged and set aside; what it held is read again");
    }
    sweep_spool(&data.spool(), &log)?;
    let mut readers: BTreeMap<usize, ReaderHandle> = BTreeMap::new();
    let mut tables = BTreeMap::new();
    let mut memory = BTreeMap::new();
    for Bound { worker: settings, reader, .. } in bound {
        std::fs::create_dir_all(&settings.spool)
            .with_context(|| format!("cannot create {}", settings.spool.display()))?;
        let sources = sources(settings.kafka.clone());
        let reader = match readers.get(&reader) {
            Some(handle) => handle.clone(),
            None => {
                let handle = ReaderHandle::start(format!("k2i-read-{reader}"), Arc::clone(&sources))?;
                readers.insert(reader, handle.clone());
                handle
            }
        };
        let control: Arc<dyn KafkaControl> = Arc::new(ControlClient::new(&settings.kafka)?);
        memory.insert(settings.name.clone(), TableMemory::default());
        let name = settings.name.clone();
        tables.insert(name, WorkerTable { settings: Arc::new(settings), reader, sources, control });
    }
    let counted = memory.values().cloned().collect();
    let options = WorkerOptions {
        worker: WorkerId(WORKER.to_owned()),
        tables,
        port: Arc::new(coordinator.port()),
        log: Arc::new(log),
        drain_timeout: DRAIN_TIMEOUT,
        memory,
        metrics: WorkerMetrics::new(registry)?,
    };
    Ok((options, counted))
}

/// Makes sources of one connection.
fn sources(settings: ConnectionSettings) -> SourceFactory {
    Arc::new(move || {
        let source = KafkaSource::new(&settings).map_err(|error| error.to_string())?;
        Ok(Box::new(source) as Box<dyn RecordSource>)
    })
}

/// Removes files that no log entry names: they were open when an earlier process ended.
fn sweep_spool(spool: &Path, log: &TransactionLog) -> anyhow::Result<()> {
    let known: Vec<_> = log.all()?.into_iter().flat_map(|cut| cut.local).collect();
    let folders = std::fs::read_dir(spool).with_context(|| format!("cannot read {}", spool.display()))?;
    for folder in folders {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&folder)? {
            let path = file?.path();
            if !known.contains(&path) {
                std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

async fn run_server(server: http::HttpServer, stop: CancellationToken) -> k2i_runtime::shutdown::TaskResult {
    Ok(server.run(stop).await?)
}

async fn watch_readiness(
    readiness: Readiness,
    observer: StateObserver,
    probes: ready::Probes,
    stop: CancellationToken,
) -> k2i_runtime::shutdown::TaskResult {
    tokio::select! {
        () = ready::watch(&readiness, &observer, &probes) => {}
        () = stop.cancelled() => {}
    }
    Ok(())
}

async fn count_memory(
    metrics: WorkerMetrics,
    budget: u64,
    (tables, uploads): (Vec<TableMemory>, UploadMemory),
    stop: CancellationToken,
) -> k2i_runtime::shutdown::TaskResult {
    metrics.set_buffer_limit(budget);
    let mut tick = tokio::time::interval(COUNT_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return Ok(()),
        }
        let bytes = |table: &TableMemory| table.queued.load(Ordering::Relaxed) + table.held.load(Ordering::Relaxed);
        metrics.set_buffered(tables.iter().map(bytes).sum::<usize>() as u64 + uploads.held());
    }
}

/// Keeps the terminal's line up to date, and takes it away at the end.
async fn show_progress(
    terminal: Terminal,
    registry: Registry,
    stop: CancellationToken,
) -> k2i_runtime::shutdown::TaskResult {
    let mut meter = Meter::default();
    let mut tick = tokio::time::interval(SHOW_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => break,
        }
        let page = TextEncoder::new().encode_to_string(&registry.gather())?;
        terminal.show(meter.take(Instant::now(), Sample::of_page(&page)).to_string());
    }
    terminal.finish();
    Ok(())
}

/// Seconds since the Unix epoch.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
