//! A table's next life.

use super::*;

fn new_incarnation(number: u32, cause: IncarnationCause, ends: &[(i32, i64)]) -> Command {
    Command::NewIncarnation {
        table: TABLE,
        uuid: UUID,
        incarnation: Incarnation(number),
        cause,
        streams: BTreeMap::from([(StreamId(0), identity("orders"))]),
        watermark: ends.iter().map(|(partition, end)| (key(*partition), mark(*end))).collect(),
    }
}

fn unborn() -> State {
    let mut state = State::default();
    for command in [
        Command::Init { instance: Instance(1), cluster: "orders".into() },
        register("w", SESSION),
        Command::PutTable { spec: spec("db.orders") },
        put_stream("orders", &[(0, 0), (1, 0), (2, 0)]),
    ] {
        apply(&mut state, command);
    }
    state
}

#[test]
fn an_empty_state_adopts_the_watermark_that_it_finds() {
    let mut state = unborn();
    apply(&mut state, new_incarnation(4, IncarnationCause::Adopted, &[(0, 10), (1, 3)]));
    assert_eq!(table(&state).incarnation, Incarnation(4));
    assert_eq!(table(&state).life, Life::Fencing { adopting: true });
    assert_eq!(chains(&state), [(10, 10, 0, None), (3, 3, 0, None)], "the property's chains and no other");
    assert_eq!(refused(&mut state, assign(&[0], SESSION)), Refusal::Overtaken, "not before the fence is seen");

    apply(&mut state, put_stream("orders", &[(2, 0)]));
    assert_eq!(chains(&state)[2], (0, 0, 0, None), "its watcher reports the others again");
}

#[test]
fn a_stale_state_gives_up_everything_staged() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    apply(&mut state, new_incarnation(2, IncarnationCause::StaleState, &[(0, 25), (1, 3)]));
    assert_eq!(staged(&state), [0; 0]);
    assert_eq!(chains(&state), [(25, 25, 0, None), (3, 3, 0, None)]);
    assert_eq!(table(&state).life, Life::Fencing { adopting: false });
    assert!(table(&state).knows(FIRST), "what was begun may still be seen");

    let late = manifest(SESSION, 2, &[(0, 1, 25, 30)]);
    let reply = apply(&mut state, submit(late));
    assert!(matches!(reply, Reply::Submit(SubmitReply::Refused(_))), "of the incarnation before: {reply:?}");
}

#[test]
fn epochs_begin_at_one_and_acceptance_numbers_go_on() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    apply(&mut state, new_incarnation(2, IncarnationCause::StaleState, &[(0, 0), (1, 0)]));
    let fence = Command::BeginCommit {
        table: TABLE,
        incarnation: Incarnation(2),
        snapshot: SnapshotId(200),
        base: Some(FIRST),
        base_sequence: SequenceNumber(1),
        upto: AcceptanceNumber(0),
    };
    apply(&mut state, fence);
    let Command::RecordCommit { table: id, uuid, snapshot, sequence, watermark, .. } =
        record(200, 2, &[(0, 0), (1, 0)])
    else {
        unreachable!("record makes records")
    };
    let record = Command::RecordCommit { table: id, uuid, incarnation: Incarnation(2), snapshot, sequence, watermark };
    apply(&mut state, record);
    apply(&mut state, assign(&[0, 1], SESSION));
    assert_eq!(chains(&state)[0], (0, 0, 1, Some(SESSION)));

    let mut next = manifest(SESSION, 2, &[(0, 1, 0, 10)]);
    next.incarnation = Incarnation(2);
    assert_eq!(apply(&mut state, submit(next)), Reply::Submit(SubmitReply::Accepted));
    assert!(staged(&state)[0] > 1, "a late realign of the life before cannot name it");
}

#[test]
fn an_incarnation_never_goes_back() {
    let mut state = owned();
    for number in [0, 1] {
        let same = new_incarnation(number, IncarnationCause::StaleState, &[(0, 0)]);
        assert_eq!(refused(&mut state, same), Refusal::Overtaken, "owned, {number}");
    }
    apply(&mut state, new_incarnation(3, IncarnationCause::StaleState, &[(0, 5)]));
    assert_eq!(refused(&mut state, new_incarnation(2, IncarnationCause::StaleState, &[(0, 0)])), Refusal::Overtaken);
    apply(&mut state, new_incarnation(3, IncarnationCause::StaleState, &[(0, 9)]));
    assert_eq!(chains(&state), [(9, 9, 0, None)], "before its fence is seen, a newer watermark is taken over");
}

#[test]
fn a_life_that_had_a_record_does_not_become_an_adopter() {
    let mut state = owned();
    apply(&mut state, new_incarnation(2, IncarnationCause::StaleState, &[(0, 0)]));
    apply(&mut state, new_incarnation(3, IncarnationCause::Adopted, &[(0, 0)]));
    assert_eq!(table(&state).life, Life::Fencing { adopting: false });
}
