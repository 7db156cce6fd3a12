//! Finding what breaks K2I before its users do.
//!
//! [`model`] explores, exhaustively within stated bounds, what the shipped state machine and commit loop do when
//! messages, leaders, state and other people's hands on the table go wrong.

pub mod model;
