//! Logs and metrics.

mod logging;
pub mod metrics;
#[cfg(test)]
mod tests;

pub use logging::{LoggingError, init_logging};
