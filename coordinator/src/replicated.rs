//! The domain's state as Raft replicates it.

use k2i_domain::state::{Command, Reply, State};
use k2i_proto::DecodeError;

use crate::raft::Application;

/// The replicated state.
#[derive(Debug, Default)]
pub struct Replicated {
    state: State,
}

impl Replicated {
    /// The applied state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Application for Replicated {
    type Command = Command;
    type Reply = Reply;
    type DecodeError = DecodeError;

    fn initial() -> Self {
        Self::default()
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.state.apply(command)
    }

    fn encode(command: &Command) -> Vec<u8> {
        k2i_proto::encode_command(command)
    }

    fn decode(bytes: &[u8]) -> Result<Command, DecodeError> {
        k2i_proto::decode_command(bytes)
    }

    fn snapshot(&self) -> Vec<u8> {
        k2i_proto::encode_state(&self.state)
    }

    fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { state: k2i_proto::decode_state(bytes)? })
    }
}
