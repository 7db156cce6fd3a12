//! The disk format of what the coordinators replicate: commands in the log, and the state in a snapshot.
//!
//! Messages are defined in `proto/k2i/replicated/v1/`; the generated types stay private, and only domain types and
//! bytes pass through this crate's door. gRPC between processes comes with the cluster; until then there are no
//! services here.
//!
//! ```
//! use k2i_domain::{ids::TableId, state::Command};
//!
//! let command = Command::DropTable { table: TableId(7) };
//! let bytes = k2i_proto::encode_command(&command);
//! assert_eq!(k2i_proto::decode_command(&bytes)?, command);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! - **One value, one encoding.** Maps are lists in ascending order, and bytes that are not what [`encode_command`] or
//!   [`encode_state`] would write are refused. So replicas and backups can be compared byte by byte.
//! - **What is written can be read.** Decoding refuses only what a domain value cannot say. Whether a command makes
//!   sense is the state machine's question; a log entry that decoding refuses would stop every member for good.
//! - **Nothing unknown is skipped.** A version, command, field or enum value of a newer version is an error: a member
//!   that ignored it would compute another state than the others. The feature level keeps a cluster from writing such.
//! - **Nothing panics**, whatever the bytes.
//! - **Golden files** in `golden/` hold one encoding of every command and a state; they change only with the version.

mod command;
mod enums;
mod envelope;
mod error;
mod fields;
mod ids;
mod manifest;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod wire;

pub use envelope::{FORMAT_VERSION, decode_command, decode_state, encode_command, encode_state};
pub use error::{DecodeError, Kind};
