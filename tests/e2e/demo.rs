//! `k2i demo` as a user runs it: it ends by itself, and what it says is so. With `--keep` it ends when it is asked to, and
//! checks again.
//!
//! That the table is exact is the demo's own verdict, from the broker's acknowledgements. Here somebody else's engine
//! runs the line that the demo prints, and must find the same.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::process::Process;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use k2i_tests::{http, k2i};
use rustix::process::Signal;
use serde_json::json;

use super::feed::text;

/// The demo's promise.
const LIMIT: Duration = Duration::from_secs(60);
/// Start to first commit, in seconds. It takes 1 to 3 on two busy cores, and must be below 5 on two that are free.
const FIRST_COMMIT_LIMIT: f64 = 15.0;
/// `buffer.max_size_mb` of the demo's configuration.
const MAX_SIZE_MB: u64 = 256;
const READ_ROWS: &str = "k2i_worker_read_rows_total";

#[test]
fn demo() {
    scene("demo", |scene| {
        let folder = scene.path("demo");
        let run = k2i::run(scene, "k2i-demo", &["demo", "--data-dir", text(&folder)?], LIMIT)?;
        run.expect(0, &["first commit", "SIGKILL", "the committed snapshot, by DataFusion"])?;
        let said = Said(&run.text);
        println!("{}", said.0);

        said.no_control_characters()?;
        let killed = said.line("killed")?;
        ensure!(killed == "once with SIGKILL", "the moment was missed, or there was none: killed {killed}");
        let flight = said.line("in flight")?;
        ensure!(first_number(flight)? > 0 && flight.contains("rows in an open file"), "nothing was open: {flight}");
        ensure!(!flight.contains("none sealed"), "nothing was sealed: {flight}");
        ensure!(first_number(said.line("offered again")?)? >= 1, "nothing was offered again");
        ensure!(first_number(said.line("read again")?)? >= 1, "nothing was read again");
        let exact = said.line("exactly once")?;
        ensure!(exact.starts_with("yes: ") && exact.contains(", 0 missing, 0 doubled, 0 foreign"), "{exact}");
        let first = said.line("first commit")?.split(' ').next().unwrap_or_default();
        ensure!(first.parse::<f64>()? < FIRST_COMMIT_LIMIT, "the first commit came after {first} s");
        let peak = first_number(said.line("peak memory")?)?;
        ensure!((1..=MAX_SIZE_MB + k2i::RSS_ALLOWANCE_MB).contains(&peak), "k2i ingest took {peak} MiB");

        let command =
            said.0.lines().find(|line| line.trim_start().starts_with("duckdb -c ")).context("no DuckDB line")?;
        let by_duckdb = Python::shared()?.ask(scene, "duckdb_query.py", &[command.trim()])?;
        let by_datafusion = said.cells()?;
        ensure!(by_duckdb == json!(by_datafusion), "DuckDB finds {by_duckdb}, DataFusion {by_datafusion:?}");
        let orders: u64 = by_datafusion.iter().map(|row| Ok(row[1].parse::<u64>()?)).sum::<Result<u64>>()?;
        ensure!(orders == first_number(exact)?, "{orders} orders by status, but {exact}");

        // Everything stands where it said, and another run into the same folder is refused.
        for name in ["catalog", "warehouse", "logs"] {
            ensure!(std::path::Path::new(said.line(name)?).exists(), "{name} is not there");
        }
        let again = k2i::run(scene, "k2i-demo-again", &["demo", "--data-dir", text(&folder)?], LIMIT)?;
        again.expect(1, &["is not empty"])?;
        stays_up_until_sigterm(scene)
    });
}

/// After the summary orders go on. SIGTERM ends them, and all of them are in the table once.
fn stays_up_until_sigterm(scene: &Scene) -> Result<()> {
    let folder = scene.path("kept");
    let command = k2i::command(&["demo", "--keep", "--data-dir", text(&folder)?])?;
    let mut demo = Process::spawn("k2i-demo-keep", &scene.logs(), command)?;
    let port: u16 = until("the demo to stay up", LIMIT, || {
        demo.expect_running()?;
        let output = demo.output();
        let metrics =
            output.split_once("; metrics at http://127.0.0.1:").and_then(|(_, rest)| rest.split_once("/metrics"));
        Ok(metrics.map_or_else(|| Look::NotYet("no summary".into()), |(port, _)| Look::Done(port.to_owned())))
    })?
    .parse()?;
    let summary = demo.output();
    let first = first_number(Said(&summary).line("exactly once")?)?;
    let read =
        || -> Result<f64> { http::metric(&http::get(port, "/metrics")?.body, READ_ROWS).context("rows are read") };
    let before = read()?;
    until("orders to go on", LIMIT, || {
        demo.expect_running()?;
        let now = read()?;
        Ok(if now > before { Look::Done(()) } else { Look::NotYet(format!("{now} rows read")) })
    })?;

    demo.signal(Signal::TERM)?;
    let status = demo.wait(LIMIT)?;
    ensure!(status.code() == Some(0), "ended with {status}:\n{}", demo.tail());
    let output = demo.output();
    let after = output.strip_prefix(&summary).context("what was written stays")?;
    let verdict = after.split_once("exactly once   yes: ").map(|(_, rest)| rest.lines().next().unwrap_or_default());
    let verdict = verdict.with_context(|| format!("no second verdict:\n{output}"))?;
    ensure!(verdict.contains(", 0 missing, 0 doubled, 0 foreign"), "{verdict}");
    let second = first_number(verdict)?;
    ensure!(second > first, "{second} orders at the end, after {first}: none came while it stayed up");
    Ok(())
}

/// What the demo printed.
struct Said<'a>(&'a str);

impl<'a> Said<'a> {
    /// The line of the summary that begins with this name, without it.
    fn line(&self, name: &str) -> Result<&'a str> {
        let named = |line: &'a str| line.strip_prefix(name)?.strip_prefix("  ").map(str::trim);
        self.0.lines().find_map(named).with_context(|| format!("the summary has no line {name:?}:\n{}", self.0))
    }

    /// The cells of the table that DataFusion printed, without its head.
    fn cells(&self) -> Result<Vec<Vec<&'a str>>> {
        let rows: Vec<Vec<&str>> = self
            .0
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let (head, rows) = rows.split_first().context("no table")?;
        ensure!(head == &["status", "orders", "revenue"], "the table's head is {head:?}");
        ensure!(!rows.is_empty(), "the table is empty");
        Ok(rows.to_vec())
    }

    fn no_control_characters(&self) -> Result<()> {
        let found = self.0.chars().find(|c| c.is_control() && *c != '\n');
        ensure!(found.is_none(), "{found:?} where no terminal is");
        Ok(())
    }
}

/// The first number of a text, its thousands separated by commas.
fn first_number(text: &str) -> Result<u64> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(digits.len());
    digits[..end].replace(',', "").parse().with_context(|| format!("no number in {text:?}"))
}
