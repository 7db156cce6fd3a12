//! One table's way from records to accepted manifests.
//!
//! ```text
//! reader ─▶ writer (thread: decode, encode, seal) ─▶ submitter (task: upload, log, submit) ─▶ coordinator
//!              ▲                                              │
//!              └────────── supervisor (task) ◀────────────────┘
//! ```
//!
//! The supervisor reconciles the table with what the coordinator shows: it begins a *generation* with a set of chains and
//! their starts, and whenever that no longer holds (a newer epoch, a refusal, a lost source) it begins the next one.
//! Whatever still comes from an earlier generation is dropped. So there is one way to recover from anything: read again
//! from the accepted ends.

mod absent;
pub mod cut;
mod files;
mod reoffer;
mod services;
mod settings;
mod size;
mod submitter;
mod supervisor;
mod target;
mod writer;

pub use files::FILE_BYTES;
pub(crate) use services::{Services, log_of};
pub use settings::{TableSettings, WriterLimits};
pub(crate) use supervisor::{Parts, Supervisor, ToTable};
pub use target::check_target;

/// Counts the lives of a table's pipeline; what belongs to an earlier one is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);
