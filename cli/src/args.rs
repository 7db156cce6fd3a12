//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Check a configuration file.
    ///
    /// Exit codes: 0 when it is right, 2 when it is wrong.
    Validate(ValidateArgs),
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
    /// Allow listeners on addresses that other machines reach. There is no encryption and no login yet.
    #[arg(long)]
    pub(crate) insecure_bind: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The configuration file (TOML).
    #[arg(long, short)]
    pub(crate) config: PathBuf,
    /// Check the file only and reach nothing outside.
    #[arg(long)]
    pub(crate) offline: bool,
}
