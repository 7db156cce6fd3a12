//! The tracing subscriber: JSON for machines, text for a terminal, on standard error.
//!
//! `main` installs it once; it is the one global of the process.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Libraries that say at `info` what K2I would say at `debug`.
const QUIET: &str = "openraft=warn,sqlx=warn,hyper=warn,hyper_util=warn,reqwest=warn,h2=warn,rustls=warn";

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `RUST_LOG` makes no sense.
    #[error("RUST_LOG is {value:?}, which is not a list of directives such as info,k2i_worker=debug")]
    Filter {
        /// What it is.
        value: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A subscriber is installed already.
    #[error("logging was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Installs the subscriber. `rust_log` is the variable `RUST_LOG`, which has the last word on levels.
///
/// # Errors
/// See [`LoggingError`].
pub fn init_logging(config: LogConfig, rust_log: Option<&str>) -> Result<(), LoggingError> {
    let terminal = std::io::stderr().is_terminal();
    let filter = filter(config, rust_log)?;
    let json = is_json(config.format, terminal);
    subscriber(filter, json, terminal, std::io::stderr).try_init()?;
    Ok(())
}

/// True where log lines go to a terminal as text, so that something else may share it.
#[must_use]
pub fn logs_to_terminal(config: LogConfig) -> bool {
    let terminal = std::io::stderr().is_terminal();
    terminal && !is_json(config.format, terminal)
}

/// As [`init_logging`] where [`logs_to_terminal`], through writers of somebody who shares the terminal. Each log line
/// comes in one piece.
///
/// # Errors
/// See [`LoggingError`].
pub fn init_terminal_logging<W>(config: LogConfig, rust_log: Option<&str>, writer: W) -> Result<(), LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    subscriber(filter(config, rust_log)?, false, true, writer).try_init()?;
    Ok(())
}

pub(super) fn is_json(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    }
}

pub(super) fn filter(config: LogConfig, rust_log: Option<&str>) -> Result<EnvFilter, LoggingError> {
    let directives = match rust_log {
        Some(value) if !value.is_empty() => value.to_owned(),
        _ => format!("{},{QUIET}", config.level.as_str()),
    };
    EnvFilter::builder().parse(&directives).map_err(|source| LoggingError::Filter { value: directives, source })
}

pub(super) fn subscriber<W>(filter: EnvFilter, json: bool, colour: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = fmt().with_env_filter(filter).with_writer(writer);
    if json {
        Box::new(builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish())
    } else {
        Box::new(builder.with_ansi(colour).finish())
    }
}
