//! An application that notices a command that is lost, doubled or out of order.

use super::Application;

/// Adds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Add(pub(super) u64);

/// The command at which the application panics.
pub(super) const PANIC: Add = Add(u64::MAX);

/// What was added, and a digest of the order in which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counter {
    pub(super) commands: u64,
    pub(super) total: u64,
    pub(super) digest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a counter's bytes")]
pub(super) struct NotACounter;

impl Counter {
    /// The counter after these commands.
    pub(super) fn after(amounts: impl IntoIterator<Item = u64>) -> Self {
        let mut counter = Self::initial();
        for amount in amounts {
            counter.apply(Add(amount));
        }
        counter
    }
}

impl Application for Counter {
    type Command = Add;
    type Reply = u64;
    type DecodeError = NotACounter;

    fn initial() -> Self {
        Self::default()
    }

    fn apply(&mut self, command: Add) -> u64 {
        assert_ne!(command, PANIC, "told to panic");
        self.commands += 1;
        self.total = self.total.wrapping_add(command.0);
        self.digest = self.digest.wrapping_mul(31).wrapping_add(command.0 + 1);
        self.total
    }

    fn encode(command: &Add) -> Vec<u8> {
        command.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Add, NotACounter> {
        bytes.try_into().map(|bytes| Add(u64::from_be_bytes(bytes))).map_err(|_| NotACounter)
    }

    fn snapshot(&self) -> Vec<u8> {
        [self.commands, self.total, self.digest].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn restore(bytes: &[u8]) -> Result<Self, NotACounter> {
        let mut numbers = bytes.chunks(8).map(|chunk| chunk.try_into().map(u64::from_be_bytes));
        let mut next = || numbers.next().ok_or(NotACounter)?.map_err(|_| NotACounter);
        Ok(Self { commands: next()?, total: next()?, digest: next()? })
    }
}
