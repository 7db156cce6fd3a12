//! What is written is read, whatever it is: sense is the state machine's question, not the format's.

use k2i_domain::ids::{
    ChainKey, Incarnation, Instance, Partition, SequenceNumber, SessionId, SnapshotId, StreamId, TableId, TableUuid,
};
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_domain::state::{Command, Mark, State};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::generators;
use crate::{decode_command, decode_state, encode_command, encode_state};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn commands(command in generators::command()) {
        let bytes = encode_command(&command);
        prop_assert_eq!(decode_command(&bytes).unwrap(), command);
    }

    #[test]
    fn equal_bytes_for_equal_commands_only(one in generators::command(), other in generators::command()) {
        let same_bytes = encode_command(&one) == encode_command(&other);
        prop_assert_eq!(same_bytes, one == other);
        prop_assert!(encode_command(&one) == encode_command(&one.clone()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn states(state in generators::state()) {
        let bytes = encode_state(&state);
        prop_assert_eq!(decode_state(&bytes).unwrap(), state);
    }
}

#[test]
fn an_empty_state_is_its_version_and_no_content() {
    let bytes = encode_state(&State::default());
    assert_eq!(bytes, [8, 1, 18, 0]);
    assert_eq!(decode_state(&bytes), Ok(State::default()));
}

#[test]
fn a_random_id_of_zero_and_an_absent_one_differ() {
    let zero = State { instance: Some(Instance(0)), ..State::default() };
    assert_eq!(decode_state(&encode_state(&zero)), Ok(zero));
}

#[test]
fn a_watermark_of_five_thousand_chains_fits() {
    let chains = (0..5_000).map(|n| {
        let chain = ChainKey { stream: StreamId(31), partition: Partition(n) };
        let (from, to) = (Offset(1_000_000_000_000), Offset(1_000_000_100_000));
        (chain, Mark { offset: to, leader_epoch: LeaderEpoch(1_000), last: (from, to, 100_000) })
    });
    let command = Command::RecordCommit {
        table: TableId(7),
        uuid: TableUuid([0xff; 16]),
        incarnation: Incarnation(2),
        snapshot: SnapshotId(i64::MAX),
        sequence: SequenceNumber(100_000),
        watermark: chains.collect(),
    };
    // The replicated log takes entries of up to 256 KiB.
    assert!(encode_command(&command).len() <= 256 * 1024);
}

#[test]
fn small_commands_stay_small() {
    let bytes = encode_command(&Command::ExpireWorker { session: SessionId(u64::MAX) });
    assert_eq!(bytes.len(), 13);
    assert_eq!(encode_command(&Command::LiftStop { table: TableId(7) }).len(), 7);
}
