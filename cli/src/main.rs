//! `k2i`: Kafka topics into Iceberg tables, from one command line.

mod args;
mod bindings;
mod demo;
mod ingest;
mod progress;
mod ready;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// The configuration is wrong; nothing was started.
const EXIT_CONFIG: u8 = 2;
/// Something failed while running.
const EXIT_FAILED: u8 = 1;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Ingest(args) => ingest::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Validate(args) => validate::run(&args),
    }
}

/// Why the program ends, and with which code.
pub(crate) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// The configuration is wrong.
    pub(crate) fn config(error: impl std::fmt::Display) -> Self {
        Self { code: EXIT_CONFIG, text: error.to_string() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: EXIT_FAILED, text: format!("error: {error:#}") }
    }
}
