//! Small HTTP servers: health for whoever runs the process, metrics for Prometheus.
//!
//! There is no encryption and no login yet, so they listen on loopback unless the user says otherwise.

mod listen;
mod server;
#[cfg(test)]
mod tests;

pub use listen::{HttpError, Listen};
pub use server::{CheckState, HttpServer, Readiness, serve_health, serve_metrics};
