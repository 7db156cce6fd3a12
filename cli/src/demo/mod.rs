//! `k2i demo`: the whole of K2I on one machine with nothing from outside, killed once in the middle of its work.
//!
//! ```text
//! this process                                         its child, killed and started again
//!  orders ─▶ broker (librdkafka's mock cluster) ──────▶ k2i ingest ─▶ SQLite catalog + files
//!  ledger ◀─ acknowledgements                                                  │
//!     └───────────── compared, row by row ◀── DataFusion ◀── committed snapshot ┘
//! ```
//!
//! Nothing is staged: the child is the program that a user runs, with a configuration that a user could write. The kill
//! is a real one, at a moment that is sought by looking at the child's folders ([`moment`]) and judged by what it left
//! behind. What should be in the table is what the broker acknowledged ([`ledger`]); K2I is not asked.

mod broker;
mod check;
mod child;
mod config;
mod flow;
mod folder;
mod ledger;
mod moment;
mod orders;
mod query;
mod screen;
mod stage;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k2i_runtime::shutdown::Shutdown;

use crate::Failure;
use crate::args::DemoArgs;
use config::Places;
use folder::Folder;
use screen::Screen;
use stage::{Killed, PACE, SALE_PACE, Stage};
use summary::{Summary, Verdict};

/// Orders are the same in every run; how many there are depends on the machine.
const SEED: u64 = 20_260_701;
/// How long orders come before the kill is sought, and at least after the restart.
const BEFORE_KILL: Duration = Duration::from_secs(7);
const AFTER_KILL: Duration = Duration::from_secs(6);
/// Orders come at least so long in all.
const ORDERS_FOR: Duration = Duration::from_secs(20);
/// How often the process is killed before the demo gives up.
const MOST_KILLS: u32 = 4;
/// With `--keep`: orders a second, and for how long.
const KEEP_PACE: u64 = 200;
const KEEP_ORDERS_FOR: Duration = Duration::from_secs(1800);
/// Waits, each far longer than what it waits for takes.
const START_LIMIT: Duration = Duration::from_secs(30);
const MOMENT_LIMIT: Duration = Duration::from_secs(15);
const COMMIT_LIMIT: Duration = Duration::from_secs(30);
const DRAIN_LIMIT: Duration = Duration::from_secs(50);
/// Longer than anybody watches.
const LONG: Duration = Duration::from_secs(365 * 86_400);

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot start")?;
    Ok(runtime.block_on(demo(args, began))?)
}

async fn demo(args: &DemoArgs, began: Instant) -> Result<()> {
    let shutdown = Shutdown::new();
    shutdown.obey_signals().context("signals cannot be caught")?;
    let folder = match &args.data_dir {
        Some(path) => Folder::named(path)?,
        None => {
            let name = format!("{}-{}", chrono::Utc::now().format("%Y%m%d-%H%M%S"), std::process::id());
            Folder::fresh(&folder::demos(|name| std::env::var_os(name))?, &name)?
        }
    };
    let places = Places::below(folder.root());
    let stage = Stage::set(Screen::new(began), places, SEED, shutdown.drain().clone())?;
    let screen = &stage.screen;
    screen.say("k2i demo: orders go from a Kafka topic into an Iceberg table, with a kill on the way");
    screen.say(&format!("  broker  {} (librdkafka's mock cluster, in this process)", stage.broker.bootstrap()));
    screen.say(&format!("  files   {}", folder.root().display()));
    play(stage, args.keep, began, &shutdown).await
}

/// The show from the first order to the summary.
async fn play(mut stage: Stage, keep: bool, began: Instant, shutdown: &Shutdown) -> Result<()> {
    let orders_since = Instant::now();
    stage.until("the first commit", START_LIMIT, |stage| stage.committed() > 0).await?;
    let first_commit = began.elapsed();
    stage.screen.tell(&format!("first commit, {:.1} s after the start", first_commit.as_secs_f64()));
    stage.until("orders", LONG, |_| orders_since.elapsed() >= BEFORE_KILL).await?;

    let (kills, offered) = kill(&mut stage).await?;
    stage.flow.set_pace(PACE);
    let restarted = Instant::now();
    let over = |_: &Stage| restarted.elapsed() >= AFTER_KILL && orders_since.elapsed() >= ORDERS_FOR;
    stage.until("orders", LONG, over).await?;

    let verdict = settle(&mut stage).await?;
    let (read_again, peak_mb) = (stage.read_again(), stage.peak_mb());
    let summary = Summary { first_commit, kills, offered, read_again, peak_mb, verdict };
    if keep {
        stage.screen.say(&summary.text(&stage.places));
        stay_up(&mut stage, shutdown).await?;
        return leave(&mut stage).await;
    }
    leave(&mut stage).await?;
    stage.screen.say(&summary.text(&stage.places));
    Ok(())
}

/// Ends the orders, waits until all are committed, and compares the table with what was acknowledged.
async fn settle(stage: &mut Stage) -> Result<Verdict> {
    stage.screen.tell("no more orders; what was acknowledged is being committed");
    stage.flow.set_pace(0);
    let all = |stage: &Stage| stage.flow.rests() && stage.committed() == stage.flow.acknowledged();
    stage.until("every acknowledged order to be committed", COMMIT_LIMIT, all).await?;
    stage.refresh().await?;
    Verdict::of(&stage.table, &stage.flow.ledger(), SEED).await
}

/// Lets a few orders go on until somebody ends the demo, and checks the table once more.
async fn stay_up(stage: &mut Stage, shutdown: &Shutdown) -> Result<()> {
    let minutes = KEEP_ORDERS_FOR.as_secs() / 60;
    let metrics = stage.ingest.metrics().unwrap_or_default().to_owned();
    stage.screen.say(&format!(
        "\nstays up until Ctrl-C: {KEEP_PACE} orders a second for {minutes} minutes, then none; metrics at {metrics}"
    ));
    // From here on a first signal means: finish.
    stage.obey(shutdown.stop().clone());
    stage.flow.set_pace(KEEP_PACE);
    let (since, wanted) = (Instant::now(), shutdown.drain());
    let done = |_: &Stage| since.elapsed() >= KEEP_ORDERS_FOR || wanted.is_cancelled();
    stage.until("Ctrl-C", LONG, done).await?;
    stage.flow.set_pace(0);
    stage.until("Ctrl-C", LONG, |_| wanted.is_cancelled()).await?;
    let verdict = settle(stage).await?;
    stage.screen.tell(&verdict.exactly_once());
    Ok(())
}

async fn leave(stage: &mut Stage) -> Result<()> {
    stage.ingest.drain(DRAIN_LIMIT).await?;
    stage.screen.tell("k2i ingest has drained and left");
    stage.screen.finish();
    Ok(())
}

/// Kills the process in flight and starts it again, until a kill was at the moment that was wanted. Answers every kill,
/// the last of them that one, and the cuts that were offered again after it.
async fn kill(stage: &mut Stage) -> Result<(Vec<Killed>, Vec<u64>)> {
    let mut kills = Vec::new();
    stage.screen.tell("a sale begins: orders come as fast as they can be taken");
    while kills.len() < MOST_KILLS as usize {
        stage.flow.set_pace(SALE_PACE);
        let Some(killed) = stage.kill_in_flight(MOMENT_LIMIT).await? else { break };
        stage.screen.tell(&format!("SIGKILL, with {}", summary::in_flight(&killed)));
        stage.restart(&killed)?;
        stage.until("k2i ingest to read again", START_LIMIT, |stage| stage.offered_again().is_some()).await?;
        let offered = stage.offered_again().unwrap_or_default();
        let wanted = killed.left.is_wanted() && killed.open_rows > 0 && !offered.is_empty();
        let took = killed.at.elapsed().as_secs_f64();
        kills.push(killed);
        if wanted {
            stage.screen.tell(&format!("it reads again, {took:.1} s after the kill"));
            return Ok((kills, offered));
        }
        stage.screen.tell("that was not the moment: nothing was left to offer or to read again; once more");
    }
    bail!(
        "killed {} times, and never with rows in an open file and a sealed file that was not accepted; logs are in {}",
        kills.len(),
        stage.places.logs.display()
    )
}
