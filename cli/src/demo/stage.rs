//! Everything that runs during the demo, and the one loop that looks after it all: broker, orders, `k2i ingest`, the
//! table's watermark.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, PARTITIONS};
use super::child::Ingest;
use super::config::{self, Places};
use super::flow::Flow;
use super::moment::{InFlight, Lookout};
use super::screen::Screen;
use super::table::{Table, Watermark, rows_below};
use crate::progress::{Meter, Sample};

/// How often the table's watermark is read, and with it the orders are let go on.
const WATERMARK_EVERY: Duration = Duration::from_millis(100);
/// How long the table may be unreadable.
const UNREADABLE_LIMIT: Duration = Duration::from_secs(10);
/// How often metrics are read.
const METRICS_EVERY: Duration = Duration::from_millis(500);
/// How often the folders are looked into while the moment of the kill is sought.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long one scrape may take.
const SCRAPE_LIMIT: Duration = Duration::from_secs(1);

/// Orders a second, as a rule and while a sale is on.
pub(super) const PACE: u64 = 25_000;
pub(super) const SALE_PACE: u64 = 200_000;

/// The running demo.
pub(super) struct Stage {
    pub(super) screen: Screen,
    pub(super) places: Places,
    pub(super) table: Table,
    pub(super) ingest: Ingest,
    pub(super) flow: Flow,
    pub(super) broker: Broker,
    http: reqwest::Client,
    meter: Meter,
    lives: u32,
    /// Rows read by the lives before this one, each as last seen.
    read_before: u64,
    /// Records before the place where this life began to read.
    start: u64,
    sample: Sample,
    /// Highest memory of the lives before this one, in MiB.
    peak_before: u64,
    watermark: Watermark,
    watermark_at: Instant,
    /// Since when the table cannot be read.
    unreadable_since: Option<Instant>,
    metrics_at: Instant,
    stop: CancellationToken,
}

impl Stage {
    /// Starts everything. `stop` is cancelled when somebody wants the demo to end.
    ///
    /// # Errors
    /// Something does not start.
    pub(super) fn set(screen: Screen, places: Places, seed: u64, stop: CancellationToken) -> Result<Self> {
        std::fs::create_dir_all(&places.logs).with_context(|| format!("cannot make {}", places.logs.display()))?;
        let broker = Broker::start()?;
        let text = config::text(&places, &broker.bootstrap());
        std::fs::write(&places.config, &text).with_context(|| format!("cannot write {}", places.config.display()))?;
        let (connection, ident) = config::table(&places, &text)?;
        let table = Table::new(connection, ident, &places.catalog);
        let ingest = Ingest::start(&places.config, log_of(&places, 1))?;
        let flow = Flow::start(&broker.bootstrap(), PARTITIONS, seed, PACE)?;
        let now = Instant::now();
        Ok(Self {
            screen,
            places,
            table,
            ingest,
            flow,
            broker,
            // A proxy has no business between two processes of one machine.
            http: reqwest::Client::builder().no_proxy().timeout(SCRAPE_LIMIT).build()?,
            meter: Meter::default(),
            lives: 1,
            read_before: 0,
            start: 0,
            sample: Sample::default(),
            peak_before: 0,
            watermark: Watermark::new(),
            watermark_at: now,
            unreadable_since: None,
            metrics_at: now,
            stop,
        })
    }

    /// Rows that are committed, as last read from the table.
    pub(super) fn committed(&self) -> u64 {
        rows_below(&self.watermark)
    }

    /// Rows that were read more than once: what all lives read together, less what there is. For a life that was killed,
    /// reading counts as last seen, so it may be more.
    pub(super) fn read_again(&self) -> u64 {
        (self.read_before + self.sample.read_rows).saturating_sub(self.committed())
    }

    /// Highest resident memory of all lives, in MiB.
    pub(super) fn peak_mb(&mut self) -> u64 {
        self.peak_before.max(self.ingest.note_peak())
    }

    /// From here on, another wish ends the demo.
    pub(super) fn obey(&mut self, stop: CancellationToken) {
        self.stop = stop;
    }

    /// Keeps everything going until `done` says so.
    ///
    /// # Errors
    /// Something failed, somebody wants the demo to end, or it takes longer than `limit`.
    pub(super) async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !done(self) {
            if Instant::now() >= deadline {
                bail!("waited {} s for {what}; logs are in {}", limit.as_secs(), self.places.logs.display());
            }
            self.look_after().await?;
            tokio::time::sleep(LOOK_EVERY * 5).await;
        }
        Ok(())
    }

    /// One look at everything that is due.
    async fn look_after(&mut self) -> Result<()> {
        if self.stop.is_cancelled() {
            bail!("interrupted; what was committed stays in {}", self.places.warehouse.display());
        }
        self.ingest.check()?;
        self.flow.check()?;
        let now = Instant::now();
        if now.duration_since(self.watermark_at) >= WATERMARK_EVERY {
            self.watermark_at = now;
            match self.read_watermark().await {
                Ok(()) => self.unreadable_since = None,
                // The catalog may be busy. Orders wait meanwhile, so nothing gets lost by it.
                Err(error) => {
                    let since = *self.unreadable_since.get_or_insert(now);
                    if now.duration_since(since) >= UNREADABLE_LIMIT {
                        return Err(error);
                    }
                }
            }
        }
        if now.duration_since(self.metrics_at) >= METRICS_EVERY {
            self.metrics_at = now;
            // A process that starts has nothing to say yet.
            if self.scrape().await {
                let lag = self.flow.acknowledged().saturating_sub(self.committed());
                let line = self.meter.take(now, Sample { committed_rows: self.committed(), lag, ..self.sample });
                self.screen.progress(now, &line);
            }
        }
        Ok(())
    }

    async fn read_watermark(&mut self) -> Result<()> {
        self.watermark = self.table.watermark().await?;
        for (chain, offset) in &self.watermark {
            self.flow.committed(chain.partition.0, offset.0);
        }
        Ok(())
    }

    /// Reads the process's metrics; `false` when it does not answer (yet), and is asked again the next time.
    async fn scrape(&mut self) -> bool {
        let Some(address) = self.ingest.metrics() else { return false };
        let page = async { self.http.get(address).send().await?.text().await };
        let Ok(page) = page.await else { return false };
        self.sample = Sample::of_page(&page);
        true
    }

    /// Looks for the moment of the kill, kills, and answers what the dead process left behind; `None` when the moment
    /// did not come within `limit`.
    ///
    /// # Errors
    /// See [`Stage::until`].
    pub(super) async fn kill_in_flight(&mut self, limit: Duration) -> Result<Option<Killed>> {
        let lines = self.ingest.lines();
        let session = lines.iter().rev().find(|line| line.says("registered")).map(|line| line.text("session"));
        let mut lookout = Lookout::new(&self.places, session.context("k2i ingest has not registered")?)?;
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if lookout.is_now(Instant::now())? {
                // What it has read until now. Whether the moment has passed meanwhile is seen by looking again.
                self.scrape().await;
                if lookout.is_now(Instant::now())? {
                    return self.kill().await.map(Some);
                }
            }
            self.look_after().await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn kill(&mut self) -> Result<Killed> {
        self.ingest.note_peak();
        self.ingest.kill()?;
        let at = Instant::now();
        self.read_watermark().await?;
        let left = InFlight::of(&self.places, &self.watermark)?;
        let open_rows = (self.start + self.sample.read_rows).saturating_sub(left.cut_end());
        Ok(Killed { at, open_rows, left })
    }

    /// Starts the process again after a kill. It goes on after the newest cut that was sealed.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn restart(&mut self, killed: &Killed) -> Result<()> {
        self.lives += 1;
        self.start = killed.left.cut_end();
        self.peak_before = self.peak_mb();
        self.read_before += std::mem::take(&mut self.sample).read_rows;
        self.meter = Meter::default();
        self.ingest = Ingest::start(&self.places.config, log_of(&self.places, self.lives))?;
        Ok(())
    }

    /// The cuts that this life offered again, by their rows, once it reads; `None` before.
    pub(super) fn offered_again(&self) -> Option<Vec<u64>> {
        let lines = self.ingest.lines();
        let begun = lines.iter().any(|line| line.says("reading"));
        let offered = lines.iter().filter(|line| line.says("a sealed cut was offered again"));
        begun.then(|| offered.filter_map(|line| line.number("rows")).collect())
    }

    /// Reads watermark and metrics now, whenever they were read last.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        self.read_watermark().await?;
        self.scrape().await;
        Ok(())
    }
}

/// A kill.
#[derive(Debug, Clone)]
pub(super) struct Killed {
    pub(super) at: Instant,
    /// Rows that it had read and not sealed, as seen just before: it may have been more.
    pub(super) open_rows: u64,
    pub(super) left: InFlight,
}

fn log_of(places: &Places, life: u32) -> PathBuf {
    places.logs.join(format!("k2i-{life}.log"))
}
