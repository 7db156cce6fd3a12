//! `k2i`: Kafka topics into Iceberg tables, from one command line.

mod args;
mod bindings;
mod demo;
mod exit;
mod ingest;
mod manual;
mod progress;
mod ready;
#[cfg(test)]
mod reference;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            eprintln!("{}", failure.text);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Ingest(args) => ingest::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}

/// Why the program ends, and how.
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// Something failed that was to be found out.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into() }
    }

    /// The configuration is wrong.
    pub(crate) fn config(error: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Config, text: error.to_string() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, text: format!("error: {error:#}") }
    }
}
