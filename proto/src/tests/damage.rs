//! Bytes that are damaged, or from a newer version: refused with the place and the reason, and never with a panic.

use k2i_domain::state::{Command, State};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use proptest::sample::Index;
use prost::Message;

use super::{examples, generators};
use crate::wire::command::Command as Wire;
use crate::{DecodeError, Kind, command, decode_command, decode_state, encode_command, encode_state, wire};

/// The example of this name, as a message.
fn example(name: &str) -> Wire {
    let found = examples::commands().into_iter().find(|example| command::name(example) == name);
    (&found.unwrap()).into()
}

fn refused_command(command: Wire) -> String {
    let bytes = wire::Command { version: 1, command: Some(command) }.encode_to_vec();
    decode_command(&bytes).unwrap_err().to_string()
}

fn refused_state(state: wire::State) -> String {
    let bytes = wire::Snapshot { version: 1, state: Some(state) }.encode_to_vec();
    decode_state(&bytes).unwrap_err().to_string()
}

/// Takes the example of a command, spoils it, and gives the error.
macro_rules! spoiled {
    ($variant:ident, $name:literal, |$message:ident| $change:expr) => {{
        let Wire::$variant(mut $message) = example($name) else { panic!("{} is another message", $name) };
        $change;
        refused_command(Wire::$variant($message))
    }};
}

/// Takes the last table of the example state, spoils it, and gives the error.
fn spoiled_table(change: impl FnOnce(&mut wire::Table)) -> String {
    let mut state = wire::State::from(&examples::state());
    change(state.tables.last_mut().unwrap());
    refused_state(state)
}

#[test]
fn a_field_that_says_nothing_is_named() {
    let manifest = |change: fn(&mut wire::Manifest)| {
        spoiled!(SubmitManifest, "submit_manifest", |submit| change(submit.manifest.as_mut().unwrap()))
    };
    let manifest_path = "the replicated command.submit_manifest.manifest";
    assert_eq!(
        manifest(|m| m.files[1].sha256.truncate(31)),
        format!("{manifest_path}.files[1].sha256 has 31 bytes, not 32")
    );
    assert_eq!(
        manifest(|m| m.ranges[0].to = 1_207),
        format!("{manifest_path}.ranges[0] is [1207, 1207), which is no range")
    );
    assert_eq!(manifest(|m| m.ranges[1].from = -1), format!("{manifest_path}.ranges[1] is [-1, 3), which is no range"));
    assert_eq!(manifest(|m| m.ranges[1].chain = None), format!("{manifest_path}.ranges[1].chain is missing"));
    assert_eq!(
        spoiled!(SubmitManifest, "submit_manifest", |submit| submit.manifest = None),
        format!("{manifest_path} is missing")
    );
    assert_eq!(
        spoiled!(RecordCommit, "record_commit", |record| record.uuid.push(0)),
        "the replicated command.record_commit.uuid has 17 bytes, not 16"
    );
    assert_eq!(
        spoiled!(NewIncarnation, "new_incarnation", |new| new.watermark[2].mark = None),
        "the replicated command.new_incarnation.watermark[2].mark is missing"
    );
    assert_eq!(spoiled_table(|t| t.uuid = Some(vec![])), "the replicated state.tables[4].uuid has 0 bytes, not 16");
    assert_eq!(
        spoiled_table(|t| t.accepted[1].manifest.as_mut().unwrap().files[0].sha256.clear()),
        "the replicated state.tables[4].accepted[1].manifest.files[0].sha256 has 0 bytes, not 32"
    );
    assert_eq!(spoiled_table(|t| t.chains[0].key = None), "the replicated state.tables[4].chains[0].key is missing");
    assert_eq!(spoiled_table(|t| t.spec = None), "the replicated state.tables[4].spec is missing");
}

#[test]
fn an_enum_that_is_not_set_is_refused() {
    let realign = spoiled!(Realign, "realign", |realign| realign.reason = 0);
    assert_eq!(realign, "the replicated command.realign.reason is not set");
    let start = spoiled!(PutTable, "put_table", |put| put.spec.as_mut().unwrap().start = 0);
    assert_eq!(start, "the replicated command.put_table.spec.start is not set");
    let cause = spoiled!(NewIncarnation, "new_incarnation", |new| new.cause = 0);
    assert_eq!(cause, "the replicated command.new_incarnation.cause is not set");
    assert_eq!(spoiled_table(|t| t.life = 0), "the replicated state.tables[4].life is not set");
    assert_eq!(
        spoiled_table(|t| t.stopped.as_mut().unwrap().reason = 0),
        "the replicated state.tables[4].stopped.reason is not set"
    );
}

#[test]
fn an_enum_value_of_a_newer_version_is_named() {
    assert_eq!(
        spoiled!(StopTable, "stop_table", |stop| stop.stopped.as_mut().unwrap().reason = 16),
        "the replicated command.stop_table.stopped.reason is 16, which this program does not know: a newer version of \
         k2i wrote it (upgrade this one)"
    );
    assert!(spoiled_table(|t| t.life = -1).starts_with("the replicated state.tables[4].life is -1, which"));
}

#[test]
fn a_map_has_one_order_and_no_key_twice() {
    let twice = spoiled!(PutStream, "put_stream", |put| put.starts[1].partition = 0);
    assert_eq!(twice, "the replicated command.put_stream.starts[1] does not come after the entry before it");
    let swapped = spoiled!(RecordCommit, "record_commit", |record| record.watermark.swap(1, 2));
    assert_eq!(swapped, "the replicated command.record_commit.watermark[2] does not come after the entry before it");
    let tables = |change: fn(&mut wire::State)| {
        let mut state = wire::State::from(&examples::state());
        change(&mut state);
        refused_state(state)
    };
    let after = "does not come after the entry before it";
    assert_eq!(tables(|s| s.tables[1].id = 1), format!("the replicated state.tables[1] {after}"));
    assert_eq!(tables(|s| s.sessions.reverse()), format!("the replicated state.sessions[1] {after}"));
    assert_eq!(spoiled_table(|t| t.begun.reverse()), format!("the replicated state.tables[4].begun[1] {after}"));
}

#[test]
fn another_format_version_is_named() {
    // Version 2, and a field that this version would read otherwise.
    let newer = [8, 2, 16, 1];
    let text = |kind| {
        format!(
            "the replicated {kind} has format version 2 and this program reads 1: a newer version of k2i wrote it \
             (upgrade this one)"
        )
    };
    assert_eq!(decode_command(&newer).unwrap_err().to_string(), text("command"));
    assert_eq!(decode_state(&newer).unwrap_err().to_string(), text("state"));
    assert_eq!(decode_command(&[]), Err(DecodeError::NoVersion(Kind::Command)));
    assert_eq!(decode_state(&[]), Err(DecodeError::NoVersion(Kind::State)));
}

#[test]
fn a_command_of_a_newer_version_is_named() {
    for number in (27_u8..=40).filter(|number| *number != 29) {
        // A key takes two bytes from number 16 on: its low four bits, the rest; then an empty message.
        let key = [(number & 0x0f) << 3 | 0x82, number >> 4];
        // Also behind a field of the envelope that we do not know (number 3).
        for mut bytes in [vec![8, 1], vec![8, 1, 24, 5]] {
            bytes.extend([key[0], key[1], 0]);
            assert_eq!(decode_command(&bytes), Err(DecodeError::UnknownCommand { number: usize::from(number) }));
        }
    }
    let error = DecodeError::UnknownCommand { number: 27 };
    assert!(error.to_string().starts_with("the replicated command is number 27, which this program does not know"));
}

#[test]
fn an_envelope_without_content_is_refused() {
    assert_eq!(decode_command(&[8, 1]).unwrap_err().to_string(), "the replicated command is missing");
    assert_eq!(decode_state(&[8, 1]).unwrap_err().to_string(), "the replicated state is missing");
}

#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    // drop_table (15) with table = 7; then the same with a field 2 inside, and behind it.
    let known = [8, 1, 122, 2, 8, 7];
    assert!(decode_command(&known).is_ok());
    let inside = DecodeError::UnknownField { kind: Kind::Command, at: 3 };
    assert_eq!(decode_command(&[8, 1, 122, 4, 8, 7, 16, 1]), Err(inside));
    let behind = DecodeError::UnknownField { kind: Kind::Command, at: 6 };
    assert_eq!(decode_command(&[8, 1, 122, 2, 8, 7, 16, 1]), Err(behind));
    let in_state = DecodeError::UnknownField { kind: Kind::State, at: 3 };
    assert_eq!(decode_state(&[8, 1, 18, 2, 120, 1]), Err(in_state));
}

#[test]
fn what_is_not_protobuf_names_message_and_field() {
    // drop_table whose table is a string.
    let error = decode_command(&[8, 1, 122, 2, 10, 0]).unwrap_err();
    assert_eq!(error.to_string(), "the replicated command is damaged");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("DropTable.table"), "{source}");
}

#[test]
fn what_was_cut_short_is_refused_at_every_length() {
    for command in examples::commands() {
        let bytes = encode_command(&command);
        (0..bytes.len()).for_each(|end| assert!(decode_command(&bytes[..end]).is_err(), "{command:?} up to {end}"));
    }
    let bytes = encode_state(&examples::state());
    (0..bytes.len()).for_each(|end| assert!(decode_state(&bytes[..end]).is_err(), "state up to {end}"));
}

/// Whatever was read is written as it stood: bytes are refused, or they are the value's one encoding.
fn read_as_written(bytes: &[u8]) -> (Option<Command>, Option<State>) {
    let command = decode_command(bytes).ok().filter(|command| encode_command(command) != bytes);
    let state = decode_state(bytes).ok().filter(|state| encode_state(state) != bytes);
    (command, state)
}

fn change(bytes: &mut [u8], changes: &[(Index, u8)]) {
    for (index, value) in changes {
        if !bytes.is_empty() {
            bytes[index.index(bytes.len())] = *value;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes(mut bytes in vec(any::<u8>(), 0..200), version in any::<bool>()) {
        if version {
            bytes.splice(0..0, [8, 1]);
        }
        prop_assert_eq!(read_as_written(&bytes), (None, None));
    }

    #[test]
    fn changed_commands(
        command in generators::command(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
    ) {
        let mut bytes = encode_command(&command);
        change(&mut bytes[2..], &changes);
        prop_assert_eq!(read_as_written(&bytes), (None, None));
        prop_assert_eq!(read_as_written(&bytes[..end.index(bytes.len())]), (None, None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn changed_states(
        state in generators::state(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
    ) {
        let mut bytes = encode_state(&state);
        change(&mut bytes[2..], &changes);
        prop_assert_eq!(read_as_written(&bytes), (None, None));
        prop_assert_eq!(read_as_written(&bytes[..end.index(bytes.len())]), (None, None));
    }
}
