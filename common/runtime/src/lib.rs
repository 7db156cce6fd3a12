//! What every K2I process needs around its work: configuration, telemetry, HTTP, shutdown, the data folder, retry, local
//! stores, and the port between worker and coordinator.
//!
//! Nothing here decides anything about tables or offsets (`k2i-domain` does). Clock, randomness and metrics registry are
//! arguments; nothing is global except the tracing subscriber, which `main` installs once.

pub mod config;
pub mod data_dir;
pub mod disk;
pub mod failpoint;
#[cfg(test)]
mod generated;
pub mod http;
pub mod port;
pub mod retry;
pub mod shutdown;
pub mod store;
pub mod telemetry;
