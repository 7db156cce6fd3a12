//! The worker: Kafka records become sealed Parquet files and manifests.

pub mod decode;
pub mod kafka;
pub mod log;
pub mod parquet;
pub mod reader;
mod said;
mod shares;
pub mod table;
mod watcher;
mod worker;

pub use shares::{Shares, TooLittleMemory};
pub use watcher::metadata_columns;
pub use worker::{TableMemory, Worker, WorkerOptions, WorkerTable};
