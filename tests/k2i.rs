//! All integration tests, in one binary: a server that several tests need is started once.
//!
//! - [`layering`]: who may know whom.
//! - [`tidy`]: what every file of the repository owes its reader.
//! - [`conformance`]: that the parts behind a port do what the port promises.
//! - [`e2e`]: real Kafka, `k2i ingest`, a real table, read back by somebody else's engine.

mod conformance;
mod e2e;
mod files;
mod layering;
mod tidy;
