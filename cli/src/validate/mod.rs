//! `k2i validate`: the configuration file with every error at once, then every outside system that it leads to.
//!
//! Facts are collected at the rim (`ask`, `look`), each question with a time limit; what they mean is decided by
//! functions of the facts alone (`judge`). Systems are asked at the same time, each distinct one once.
//!
//! Nothing is made but one small object a store, which is deleted, also after Ctrl-C, and one file for an instant in the
//! data folder. No offset is published, no group joined, no table or namespace made.

mod advice;
mod catalog;
mod check;
mod clock;
mod kafka;
mod machine;
mod plan;
mod reach;
mod show;
mod store;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use k2i_runtime::config::{Config, ConfigErrors, Sources};
use k2i_runtime::telemetry::init_logging;

use self::check::{Check, Report, Status, System};
use self::plan::Plan;
use self::reach::reach;
use crate::args::{ReportFormat, ValidateArgs};
use crate::{Failure, bindings};

/// How long threads that still wait for a broker may hold the end up.
const END: Duration = Duration::from_secs(2);
/// The width of a terminal that does not tell.
const USUAL_WIDTH: u16 = 120;

pub(crate) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    let name = args.config.display().to_string();
    let (config, plan) = match load(args) {
        Ok(loaded) => loaded,
        Err(wrong) => {
            if args.format == ReportFormat::Json {
                print(&wrong.json(&name))?;
            }
            return Err(wrong.failure());
        }
    };
    if args.offline && args.format == ReportFormat::Table {
        return right(&config, &name);
    }
    let mut checks = of_file(&config, &name);
    let mut interrupted = false;
    if !args.offline {
        if let Ok(filter) = std::env::var("RUST_LOG") {
            init_logging(config.log, Some(&filter)).map_err(anyhow::Error::from)?;
        }
        let runtime = tokio::runtime::Runtime::new().context("the runtime cannot start")?;
        let (found, broken_off) = runtime.block_on(reach(&plan, Duration::from_secs(args.timeout)))?;
        checks.extend(found);
        interrupted = broken_off;
        runtime.shutdown_timeout(END);
    }
    conclude(&Report::new(name, checks), args.format, interrupted)
}

/// Prints the report, and says by the exit code how it came out.
fn conclude(report: &Report, format: ReportFormat, interrupted: bool) -> Result<(), Failure> {
    let text = match (format, terminal_width()) {
        (ReportFormat::Json, _) => show::json(report),
        (ReportFormat::Table, Some(width)) => show::table(report, width),
        (ReportFormat::Table, None) => show::plain(report),
    };
    print(&text)?;
    match report.count(Status::Failed) {
        _ if interrupted => Err(Failure::failed("interrupted: not everything was checked")),
        0 => Ok(()),
        1 => Err(Failure::failed("1 check failed")),
        failed => Err(Failure::failed(format!("{failed} checks failed"))),
    }
}

/// What is wrong with the configuration.
enum Wrong {
    File(ConfigErrors),
    Parts(anyhow::Error),
}

impl Wrong {
    fn failure(self) -> Failure {
        match self {
            Self::File(errors) => Failure::config(errors),
            Self::Parts(error) => Failure::config(error),
        }
    }

    fn json(&self, name: &str) -> String {
        match self {
            Self::File(errors) => show::json_of_problems(name, errors),
            Self::Parts(error) => show::json_of_problems(name, &ConfigErrors::whole(error.to_string())),
        }
    }
}

fn load(args: &ValidateArgs) -> Result<(Config, Plan), Wrong> {
    let sources = Sources::of_process(&args.config, Vec::new()).map_err(Wrong::File)?;
    let config = Config::load(&sources).map_err(Wrong::File)?;
    bindings::check(&config).map_err(Wrong::Parts)?;
    let plan = Plan::of(&config).map_err(Wrong::Parts)?;
    Ok((config, plan))
}

/// `--offline`, for people.
fn right(config: &Config, name: &str) -> Result<(), Failure> {
    let warnings: String = config.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    print(&format!("{warnings}{name} is right: {}\n", tables(config)))
}

fn tables(config: &Config) -> String {
    config.tables.iter().map(|table| table.key.as_str()).collect::<Vec<_>>().join(", ")
}

fn of_file(config: &Config, name: &str) -> Vec<Check> {
    let keys = Check::ok(System::File, name, "keys", format!("it is right: {}", tables(config)));
    let warning =
        |text: &String| Check::warning(System::File, name, "keys", text, "see docs/reference/configuration.md");
    std::iter::once(keys).chain(config.warnings.iter().map(warning)).collect()
}

fn terminal_width() -> Option<u16> {
    let out = console::Term::stdout();
    out.is_term().then(|| out.size_checked().map_or(USUAL_WIDTH, |(_, columns)| columns))
}

/// Writes to standard output. A reader that has gone away is not our failure.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the report: {error}")))
        }
        _ => Ok(()),
    }
}
