//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use k2i_domain::ids::SnapshotId;
use k2i_domain::port::Decision;

/// Kafka topics into Apache Iceberg tables, exactly once.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Move topics into tables, coordinator and worker in this one process.
    ///
    /// Exit codes: 0 after a drain (SIGTERM or Ctrl-C), 1 when something failed, 2 when the configuration is wrong.
    Ingest(IngestArgs),
    /// Show the whole of it on this machine, with nothing from outside, and end within a minute.
    ///
    /// A Kafka broker in this process, orders, `k2i ingest` as a child that is killed once in the middle of its work, a
    /// SQLite catalog, files in a folder. Then the table is queried, and compared with every order that the broker
    /// acknowledged.
    ///
    /// Exit codes: 0 when every order is in the table once, 1 when something failed.
    Demo(DemoArgs),
    /// Check a configuration file, and every outside system that it leads to.
    ///
    /// Kafka, its topics and the right to read them; the catalog, namespaces and tables; the object store, on one small
    /// object that is deleted again; clocks, disk, memory and ports of this machine. It may run while `k2i ingest` does,
    /// and leaves nothing behind.
    ///
    /// Exit codes: 0 when all is well (warnings allowed), 1 when a check failed, 2 when the configuration is wrong.
    Validate(ValidateArgs),
    /// Print the completions of a shell.
    ///
    /// bash: `k2i completions bash > /etc/bash_completion.d/k2i`. zsh: to a file `_k2i` in a folder of `$fpath`. fish: to
    /// `~/.config/fish/completions/k2i.fish`. `make install` puts them where packages do.
    Completions(CompletionsArgs),
    /// Print the manual page, or write it and one page for each command to a folder.
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// The configuration file (TOML).
    #[arg(long, short)]
    pub(crate) config: PathBuf,
    /// Take over a table's watermark at once, without waiting until it has stood still for two flush intervals.
    ///
    /// For a process that lost its data folder, when the process before it is known to be gone.
    #[arg(long)]
    pub(crate) adopt: bool,
    /// How a stopped table goes on: `keep` (the head as it is, reading on where it was), `reingest` (reading on where the
    /// head really ends) or `reset` (the topic anew from the configured start; rows may double).
    ///
    /// Which decisions lift which reason is in docs/reference/errors.md; the log names them. A decision that does not
    /// fit is refused, and changes nothing.
    #[arg(long, value_name = "TABLE=DECISION", value_parser = decision, requires = "expect_snapshot")]
    pub(crate) resume: Option<(String, Decision)>,
    /// The id of the head that the decision was made on, or `none`. On another head it is refused.
    #[arg(long, value_name = "ID", value_parser = snapshot, requires = "resume", allow_hyphen_values = true)]
    pub(crate) expect_snapshot: Option<ExpectedHead>,
    /// Allow listeners on addresses that other machines reach. There is no encryption and no login yet.
    #[arg(long)]
    pub(crate) insecure_bind: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Stay up after the summary until Ctrl-C or SIGTERM, with 200 orders a second for half an hour; then check again.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where everything goes: a folder that is empty or not there, and is never removed.
    ///
    /// By default a new folder in `demo` of `K2I_CACHE` (`~/.cache/k2i`), where the last three are kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The configuration file (TOML).
    #[arg(long, short)]
    pub(crate) config: PathBuf,
    /// Check the file only and reach nothing outside.
    #[arg(long)]
    pub(crate) offline: bool,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
    /// Longest time for everything; one question takes at most 15 seconds of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A table on a terminal, plain lines elsewhere.
    Table,
    /// One JSON object: `config`, `ok`, and `checks` with `system`, `subject`, `check`, `status`, `detail`, `advice`.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write `k2i.1`, `k2i-ingest.1` and so on to this folder. It is made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
}

/// The head of a table, if it has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExpectedHead(pub(crate) Option<SnapshotId>);

fn decision(text: &str) -> Result<(String, Decision), String> {
    let names = Decision::ALL.map(Decision::as_str).join(", ");
    let (table, name) = text.rsplit_once('=').ok_or_else(|| format!("write TABLE=DECISION, with one of {names}"))?;
    let decision = Decision::ALL.into_iter().find(|decision| decision.as_str() == name);
    let decision = decision.ok_or_else(|| format!("there is no decision {name:?}, only {names}"))?;
    Ok((table.to_owned(), decision))
}

fn snapshot(text: &str) -> Result<ExpectedHead, String> {
    match text {
        "none" => Ok(ExpectedHead(None)),
        id => {
            id.parse().map(|id| ExpectedHead(Some(SnapshotId(id)))).map_err(|error| format!("{error}; or write none"))
        }
    }
}
