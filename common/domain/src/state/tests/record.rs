//! Commits begun, and what the table's own property says taken over.

use super::*;

#[test]
fn a_record_trims_what_it_covers() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10), (1, 1, 0, 4)]);
    accept(&mut state, 2, &[(0, 1, 10, 20)]);
    apply(&mut state, begin(101, 1));
    apply(&mut state, record(101, 2, &[(0, 10), (1, 4)]));
    assert_eq!(staged(&state), [2]);
    assert_eq!(chains(&state), [(10, 20, 1, Some(SESSION)), (4, 4, 1, Some(SESSION))], "readers go on undisturbed");
    assert_eq!(table(&state).recorded, Some(Recorded { snapshot: SnapshotId(101), sequence: SequenceNumber(2) }));
    assert_eq!(table(&state).chains[&key(0)].mark, mark(10));
}

#[test]
fn a_record_makes_the_table_ours() {
    let mut state = State::default();
    for command in [
        Command::Init { instance: Instance(1), cluster: "orders".into() },
        Command::PutTable { spec: spec("db.orders") },
        put_stream("orders", &[(0, 0)]),
        begin(FIRST.0, 0),
    ] {
        apply(&mut state, command);
    }
    assert_eq!((table(&state).life, table(&state).uuid), (Life::New, None));
    apply(&mut state, record(FIRST.0, 1, &[(0, 0)]));
    assert_eq!((table(&state).life, table(&state).uuid), (Life::Owned, Some(UUID)));
}

#[test]
fn a_record_forgets_commits_that_cannot_land_any_more() {
    let mut state = owned();
    for (snapshot, base) in [(101, 1), (102, 1), (103, 2), (104, 3)] {
        apply(&mut state, begin(snapshot, base));
    }
    apply(&mut state, record(102, 3, &[(0, 0), (1, 0)]));
    let begun: Vec<i64> = table(&state).begun.keys().map(|id| id.0).collect();
    assert_eq!(begun, [104], "their base is older than the table now is");
    assert!(table(&state).knows(SnapshotId(102)), "the recorded one is known");
    assert!(!table(&state).knows(FIRST), "and no earlier one");
}

#[test]
fn only_a_snapshot_of_our_own_log_is_recorded() {
    let mut state = owned();
    let unknown = record(999, 5, &[(0, 10), (1, 0)]);
    assert_eq!(refused(&mut state, unknown), Refusal::Overtaken);
    apply(&mut state, begin(101, 1));
    let Command::RecordCommit { table, uuid, snapshot, sequence, watermark, .. } = record(101, 2, &[(0, 10)]) else {
        unreachable!("record makes records")
    };
    let later = Command::RecordCommit { table, uuid, incarnation: Incarnation(2), snapshot, sequence, watermark };
    assert_eq!(refused(&mut state, later), Refusal::Overtaken);
}

#[test]
fn records_are_monotone() {
    let mut state = owned();
    apply(&mut state, begin(101, 1));
    apply(&mut state, begin(102, 2));
    apply(&mut state, record(102, 3, &[(0, 10), (1, 0)]));
    assert_eq!(refused(&mut state, record(102, 2, &[(0, 10), (1, 0)])), Refusal::Overtaken, "an older load");
    let before = state.clone();
    apply(&mut state, record(102, 3, &[(0, 10), (1, 0)]));
    assert_eq!(state, before, "again is the same");
    assert_eq!(refused(&mut state, record(102, 4, &[(0, 9), (1, 0)])), Refusal::Overtaken, "a lower watermark");
}

#[test]
fn a_record_at_a_later_sequence_number_is_taken_over() {
    let mut state = owned();
    apply(&mut state, record(FIRST.0, 4, &[(0, 0), (1, 0)]));
    assert_eq!(table(&state).recorded.map(|recorded| recorded.sequence), Some(SequenceNumber(4)));
}

#[test]
fn a_watermark_past_everything_staged_sets_the_chain_on() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    apply(&mut state, begin(101, 1));
    apply(&mut state, record(101, 2, &[(0, 15), (1, 0)]));
    assert_eq!(staged(&state), [0; 0]);
    assert_eq!(chains(&state)[0], (15, 15, 2, Some(SESSION)), "read on from there, under a new epoch");
    assert_eq!(table(&state).chains[&key(0)].leader_epoch, LeaderEpoch(3));
}

#[test]
fn a_watermark_inside_a_manifest_leaves_it_to_the_prefix_rule() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10), (1, 1, 0, 4)]);
    apply(&mut state, begin(101, 1));
    apply(&mut state, record(101, 2, &[(0, 5), (1, 4)]));
    assert_eq!(staged(&state), [1]);
    assert_eq!(chains(&state), [(5, 10, 1, Some(SESSION)), (4, 4, 1, Some(SESSION))]);
    apply(&mut state, Command::Realign { table: TABLE, after: AcceptanceNumber(0), reason: RealignReason::NotAPrefix });
    assert_eq!(chains(&state), [(5, 5, 2, Some(SESSION)), (4, 4, 2, Some(SESSION))]);
}

#[test]
fn a_realign_that_keeps_an_overtaken_manifest_goes_back_to_the_watermark_only() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 3), (1, 1, 0, 1)]);
    accept(&mut state, 2, &[(1, 1, 1, 5)]);
    apply(&mut state, begin(101, 1));
    apply(&mut state, record(101, 2, &[(0, 0), (1, 2)]));
    assert_eq!(chains(&state), [(0, 3, 1, Some(SESSION)), (2, 5, 1, Some(SESSION))]);
    apply(
        &mut state,
        Command::Realign { table: TABLE, after: AcceptanceNumber(1), reason: RealignReason::FilesVanished },
    );
    assert_eq!(chains(&state), [(0, 3, 1, Some(SESSION)), (2, 2, 2, Some(SESSION))]);
}

#[test]
fn a_chain_that_only_the_property_knows_is_taken_over() {
    let mut state = owned();
    apply(&mut state, record(FIRST.0, 1, &[(0, 0), (1, 0), (5, 8)]));
    assert_eq!(chains(&state)[2], (8, 8, 0, None));
}

#[test]
fn a_commit_is_begun_only_in_its_incarnation() {
    let mut state = owned();
    let Command::BeginCommit { table, snapshot, base, base_sequence, upto, .. } = begin(101, 1) else {
        unreachable!("begin makes begins")
    };
    let early = Command::BeginCommit { table, incarnation: Incarnation(2), snapshot, base, base_sequence, upto };
    assert_eq!(refused(&mut state, early), Refusal::Overtaken);
}

#[test]
fn begun_commits_are_bounded_and_the_oldest_go_first() {
    let mut state = owned();
    let count = i64::try_from(limits::BEGUN).expect("a small number");
    for number in 0..count + 3 {
        apply(&mut state, begin(1_000 - number, 10 + number));
    }
    let kept = &table(&state).begun;
    assert_eq!(kept.len(), limits::BEGUN);
    assert_eq!(kept.values().map(|begun| begun.base_sequence.0).min(), Some(13));
}
