//! Iceberg for K2I: storage, schemas, file statistics, catalogs and the one commit that exactly-once rests on.
//!
//! The `iceberg` crate is used for the format (schemas, table metadata, Iceberg manifests, scans). Its transactions are
//! not: they load and rebase before every attempt, so what was validated is not what is asserted, and they cannot say
//! "unknown". This crate owns a thin commit layer instead: [`commit::Lakehouse`] writes the Iceberg manifests of a
//! [`k2i_domain::lake::CommitPlan`] and posts it **once** against the very load that was validated; a
//! [`catalog::CatalogBackend`] per catalog product answers with a [`k2i_domain::lake::Outcome`].
//!
//! - [`storage`]: object stores behind Iceberg locations; nothing written is ever overwritten
//! - [`schema`]: column lists, Arrow, which tables this version can write
//! - [`properties`]: what a table's own properties ask of a writer
//! - [`statistics`]: Parquet footer → column statistics with correct bounds → Iceberg data file
//! - [`catalog`]: SQL on SQLite, REST, and an in-memory fake, with one conformance suite
//! - [`commit`]: the port that coordinator and workers use
//!
//! The vendor crates `iceberg`, `object_store` and `sqlx` are named here and nowhere else; what other crates need of
//! them is re-exported.

pub mod catalog;
pub mod commit;
mod connection;
mod error;
pub mod properties;
pub mod schema;
mod secret;
pub mod statistics;
pub mod storage;

pub use commit::{Base, Lakehouse, LakehouseSettings, LiveFile, LiveSnapshot, Staged, TargetTable};
pub use connection::Connection;
pub use error::{LakehouseError, Recovery, with_sources};
pub use iceberg::spec::{Schema, SchemaRef};
pub use iceberg::{NamespaceIdent, TableIdent};
pub use secret::Secret;
