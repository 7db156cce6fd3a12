//! What is replicated.

use std::error::Error;
use std::fmt::Debug;

/// A state that changes by commands alone.
///
/// Every member applies the same commands in the same order and must reach the same state and replies, today or on a
/// replay years later. So [`apply`](Self::apply) reads no clock, no randomness, no configuration and no map whose order
/// is not defined; what depends on those is decided by the proposer and written into the command.
pub trait Application: Sized + Send + Sync + 'static {
    /// A change, as proposed.
    type Command: Debug + Send + 'static;
    /// What the proposer learns. It is not stored: after a restart nobody waits for it.
    type Reply: Debug + Send + Sync + 'static;
    /// Why stored bytes cannot be read.
    type DecodeError: Error + Send + Sync + 'static;

    /// The state before the first command: the same on every member and at every start, hence no argument. What is
    /// random or configured (an instance, a name) comes as a command.
    fn initial() -> Self;

    /// Makes the change.
    ///
    /// A panic ends the node, and at each restart again: that a command cannot be carried out is a reply.
    fn apply(&mut self, command: Self::Command) -> Self::Reply;

    /// A command as it is stored and sent. The bytes say their version themselves: they are read by later releases.
    fn encode(command: &Self::Command) -> Vec<u8>;

    /// The command of such bytes. An error ends the node, since a committed command cannot be skipped.
    fn decode(bytes: &[u8]) -> Result<Self::Command, Self::DecodeError>;

    /// The whole state as it is stored and sent, with its version as above.
    fn snapshot(&self) -> Vec<u8>;

    /// The state of such bytes.
    fn restore(bytes: &[u8]) -> Result<Self, Self::DecodeError>;
}
