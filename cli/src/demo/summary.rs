//! The end of the show: the verdict on the table, and what happened on the way, in a few lines.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::HumanCount;

use super::check::{self, Found, REVENUE_SQL};
use super::config::{CLUSTER, Places, TABLE};
use super::ledger::Ledger;
use super::query::{Answer, Engine};
use super::stage::Killed;
use super::table::Table;

/// What was found in the committed snapshot. There is one only where it is exact.
#[derive(Debug)]
pub(super) struct Verdict {
    acknowledged: u64,
    found: Found,
    files: usize,
    revenue: Answer,
    /// The metadata file, as a path or location.
    metadata: String,
}

impl Verdict {
    /// Compares the committed snapshot with the ledger.
    ///
    /// # Errors
    /// It is not exact, or cannot be read.
    pub(super) async fn of(table: &Table, ledger: &Ledger, seed: u64) -> Result<Self> {
        let snapshot = table.snapshot().await?;
        let metadata = snapshot.metadata_location.context("the catalog names no metadata file")?;
        let files = snapshot.files.iter().map(|file| file.location.clone()).collect();
        let engine = Engine::over(files).await?;
        let (found, revenue) = check::exactly_once(&engine, ledger, seed).await?;
        let metadata = metadata.strip_prefix("file://").unwrap_or(&metadata).to_owned();
        Ok(Self { acknowledged: ledger.count(), found, files: snapshot.files.len(), revenue, metadata })
    }

    /// One line.
    pub(super) fn exactly_once(&self) -> String {
        format!(
            "exactly once   yes: {} orders acknowledged, {} rows, {} missing, {} doubled, {} foreign",
            HumanCount(self.acknowledged),
            HumanCount(self.found.rows),
            self.found.missing,
            self.found.doubled,
            self.found.foreign
        )
    }

    /// The command that gives the same answer by somebody else's engine.
    fn duckdb(&self) -> String {
        let table = format!("iceberg_scan('{}')", self.metadata.replace('\'', "''"));
        format!("duckdb -c {}", shell(&format!("INSTALL iceberg; LOAD iceberg; {}", check::over(REVENUE_SQL, &table))))
    }
}

/// Quoted for a shell.
pub(super) fn shell(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// What was on its way at a kill.
pub(super) fn in_flight(killed: &Killed) -> String {
    let left = &killed.left;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match left.open_files {
        0 => write!(out, "no open file"),
        _ => write!(out, "{} rows in an open file", HumanCount(killed.open_rows)),
    };
    let _ = write!(out, ", {} sealed and not accepted", cuts(&left.sealed));
    let _ = write!(out, ", {} accepted and not committed", cuts(&left.accepted));
    out
}

fn cuts(rows: &[u64]) -> String {
    match rows {
        [] => "none".to_owned(),
        [one] => format!("1 cut of {} rows", HumanCount(*one)),
        many => format!("{} cuts of {} rows", many.len(), HumanCount(many.iter().sum())),
    }
}

/// Everything that the summary says.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) first_commit: Duration,
    /// Every kill; the last one was at the moment that was wanted.
    pub(super) kills: Vec<Killed>,
    /// Cuts that were offered again after the last kill, by their rows.
    pub(super) offered: Vec<u64>,
    pub(super) read_again: u64,
    pub(super) peak_mb: u64,
    pub(super) verdict: Verdict,
}

impl Summary {
    /// The lines.
    pub(super) fn text(&self, places: &Places) -> String {
        let verdict = &self.verdict;
        let flight = self.kills.last().map(in_flight).unwrap_or_default();
        let killed = match self.kills.len() {
            1 => "once with SIGKILL".to_owned(),
            many => format!("{many} times with SIGKILL; the last was the moment that was sought"),
        };
        format!(
            "
{snapshot}
the same by DuckDB:
  {duckdb}

killed         {killed}
in flight      {flight}
offered again  {offered}
read again     {read_again} rows
{exactly_once}
first commit   {first_commit:.1} s after the start
peak memory    {peak} MiB, k2i ingest
table          {namespace}.{table}, {files} data files; its watermark is in the properties k2i.{CLUSTER}.*
catalog        {catalog}
warehouse      {warehouse}
logs           {logs}",
            snapshot = self.answer(),
            duckdb = verdict.duckdb(),
            offered = cuts(&self.offered),
            read_again = HumanCount(self.read_again),
            exactly_once = verdict.exactly_once(),
            first_commit = self.first_commit.as_secs_f64(),
            peak = self.peak_mb,
            namespace = TABLE.0,
            table = TABLE.1,
            files = verdict.files,
            catalog = places.catalog.display(),
            warehouse = places.warehouse.display(),
            logs = places.logs.display(),
        )
    }

    fn answer(&self) -> String {
        let sql = check::over(REVENUE_SQL, super::query::NAME);
        format!("the committed snapshot, by DataFusion:\n  {sql}\n{}", self.verdict.revenue.pretty)
    }
}
