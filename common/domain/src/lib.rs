//! The pure heart of K2I: every decision that must not be wrong, and nothing else.
//!
//! This crate holds the identifiers, offsets and ranges ([`ids`], [`range`]), what workers submit ([`manifest`]), the
//! replicated state machine ([`state`]), the commit loop ([`core`]), the watermark that a table carries
//! ([`property`]), why tables stop ([`stops`]) and the named invariants ([`invariants`]).
//!
//! It has no clock, no randomness, no I/O, no async and no map whose order is not defined, so that the very code that
//! ships can be model-checked, simulated and replayed.

pub mod core;
pub mod ids;
pub mod invariants;
pub mod lake;
pub mod manifest;
pub mod port;
pub mod property;
pub mod range;
pub mod state;
pub mod stops;
