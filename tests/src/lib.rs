//! What the tests stand on: real servers, `k2i` as a child process, and a place for each test's files.
//!
//! [`bench`] measures with the same servers.
//!
//! Invariants:
//! - Every child is ended by its own id, whether the test passes, fails, panics or is killed ([`process`]).
//! - Nothing is written into the clone; everything lives under [`cache::root`].
//! - A component that does not start is an error, never a reason to skip ([`components`]).
//! - Every wait has a limit, and what it ran into says what was last seen.

pub mod bench;
pub mod cache;
pub mod components;
pub mod front;
pub mod gate;
pub mod http;
pub mod k2i;
pub mod ports;
pub mod process;
pub mod scene;
pub mod wait;
