//! The door: a format version around each command and state.
//!
//! The version is read before anything else, since a newer version may have changed the rest. Bytes that are read must
//! be what this version would write, byte for byte: this is how a field that it does not know is noticed.

use std::iter;

use k2i_domain::state::{Command, State};
use prost::Message;

use crate::error::{At, DecodeError, Kind};
use crate::fields::required;
use crate::wire;

/// The version that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// The lowest field number of a command in `command.proto`.
const FIRST_COMMAND: usize = 10;

/// The bytes of a log entry. Equal commands give equal bytes. Whoever replicates them bounds their length.
#[must_use]
pub fn encode_command(command: &Command) -> Vec<u8> {
    wire::Command { version: FORMAT_VERSION, command: Some(command.into()) }.encode_to_vec()
}

/// Reads a log entry.
///
/// # Errors
/// Says what was written by a newer version, and which field is damaged.
pub fn decode_command(bytes: &[u8]) -> Result<Command, DecodeError> {
    let message: wire::Command = parse(Kind::Command, bytes)?;
    let known = check_known(Kind::Command, &message, bytes);
    // Before `known`: the number of an unknown command says more than its place.
    let command = message.command.ok_or_else(|| unknown_command(bytes))?;
    known?;
    Command::try_from(command).at("command")
}

/// The bytes of a snapshot. Equal states give equal bytes. Takes about twice their size in memory while it runs.
#[must_use]
pub fn encode_state(state: &State) -> Vec<u8> {
    wire::Snapshot { version: FORMAT_VERSION, state: Some(state.into()) }.encode_to_vec()
}

/// Reads a snapshot. Takes about twice the size of `bytes` in memory, besides the state, while it runs.
///
/// # Errors
/// Says what was written by a newer version, and which field is damaged.
pub fn decode_state(bytes: &[u8]) -> Result<State, DecodeError> {
    let message: wire::Snapshot = parse(Kind::State, bytes)?;
    check_known(Kind::State, &message, bytes)?;
    required("state", message.state)
}

fn parse<M: Message + Default>(kind: Kind, bytes: &[u8]) -> Result<M, DecodeError> {
    let malformed = |source| DecodeError::Malformed { kind, source };
    match wire::Header::decode(bytes).map_err(malformed)?.version {
        FORMAT_VERSION => M::decode(bytes).map_err(malformed),
        0 => Err(DecodeError::NoVersion(kind)),
        found => Err(DecodeError::TooNew { kind, found }),
    }
}

/// Protobuf passes over fields that it does not know; here they are an error, and so is another way to write the same.
fn check_known(kind: Kind, message: &impl Message, bytes: &[u8]) -> Result<(), DecodeError> {
    let known = message.encode_to_vec();
    if known == bytes {
        return Ok(());
    }
    let at = iter::zip(&known, bytes).take_while(|(known, found)| known == found).count();
    Err(DecodeError::UnknownField { kind, at })
}

/// Protobuf read no command: there is none, or its number is not ours.
fn unknown_command(bytes: &[u8]) -> DecodeError {
    match field_numbers(bytes).find(|number| *number >= FIRST_COMMAND) {
        Some(number) => DecodeError::UnknownCommand { number },
        None => DecodeError::invalid("is missing").under("command"),
    }
}

/// The field numbers at a message's outermost level, as far as they can be followed.
fn field_numbers(mut bytes: &[u8]) -> impl Iterator<Item = usize> {
    iter::from_fn(move || {
        let key = varint(&mut bytes)?;
        let length = match key & 7 {
            0 => varint(&mut bytes).map(|_| 0)?,
            1 => 8,
            2 => varint(&mut bytes)?,
            5 => 4,
            _ => return None,
        };
        bytes = bytes.get(length..)?;
        Some(key >> 3)
    })
}

/// A key or number: encoded as a length is.
fn varint(bytes: &mut &[u8]) -> Option<usize> {
    prost::decode_length_delimiter(bytes).ok()
}
