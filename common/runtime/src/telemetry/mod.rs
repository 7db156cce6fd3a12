//! Logs and metrics.

mod logging;
pub mod metrics;
#[cfg(test)]
mod tests;

pub use logging::{LoggingError, init_logging, init_terminal_logging, logs_to_terminal};
