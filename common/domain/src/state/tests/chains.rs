//! Streams, assignment, hand-over and realign.

use super::*;

const LATER: SessionId = SessionId(0xb);

fn realign(after: u64) -> Command {
    Command::Realign { table: TABLE, after: AcceptanceNumber(after), reason: RealignReason::FilesVanished }
}

#[test]
fn a_stream_is_put_once_and_its_starts_stand() {
    let mut state = owned();
    let before = state.clone();
    apply(&mut state, put_stream("orders", &[(0, 50), (1, 60)]));
    assert_eq!(state, before, "known topic partitions keep their start");

    apply(&mut state, put_stream("orders", &[(2, 7)]));
    assert_eq!(chains(&state)[2], (7, 7, 0, None), "a new one is unowned at its start");

    apply(&mut state, put_stream("refunds", &[(0, 3)]));
    let streams: Vec<_> = table(&state).streams.iter().map(|(id, identity)| (id.0, identity.topic.as_str())).collect();
    assert_eq!(streams, [(0, "orders"), (1, "refunds")]);
}

#[test]
fn the_same_name_with_another_topic_id_is_another_stream() {
    let mut state = owned();
    let recreated = StreamIdentity { topic_id: Some("other".into()), ..identity("orders") };
    let starts = BTreeMap::from([(Partition(0), Offset(0))]);
    apply(&mut state, Command::PutStream { table: TABLE, identity: recreated, starts, schema: None });
    assert_eq!(table(&state).streams.len(), 2);
}

#[test]
fn the_first_schema_stays() {
    let mut state = owned();
    for schema in ["first", "second"] {
        let identity = identity("orders");
        apply(
            &mut state,
            Command::PutStream { table: TABLE, identity, starts: BTreeMap::new(), schema: Some(schema.into()) },
        );
    }
    assert_eq!(table(&state).schema.as_deref(), Some("first"));
}

#[test]
fn the_number_of_streams_is_bounded() {
    let mut state = owned();
    for number in 1..limits::STREAMS {
        apply(&mut state, put_stream(&format!("topic{number}"), &[(0, 0)]));
    }
    assert_eq!(refused(&mut state, put_stream("one too many", &[(0, 0)])), Refusal::TooManyStreams);
    apply(&mut state, put_stream("orders", &[(9, 0)]));
}

#[test]
fn chains_are_granted_all_or_none() {
    let mut state = owned();
    for command in [put_stream("orders", &[(2, 0)]), register("v", LATER)] {
        apply(&mut state, command);
    }
    assert_eq!(refused(&mut state, assign(&[2, 0], LATER)), Refusal::Chain(key(0)), "0 has an owner");
    assert_eq!(refused(&mut state, assign(&[2, 8], LATER)), Refusal::Chain(key(8)), "8 does not exist");
    apply(&mut state, assign(&[2], LATER));
    assert_eq!(chains(&state)[2], (0, 0, 1, Some(LATER)));
}

#[test]
fn every_grant_raises_the_epoch() {
    let mut state = owned();
    for (session, epoch) in [(LATER, 2), (SessionId(0xc), 3)] {
        apply(&mut state, register("w", session));
        apply(&mut state, assign(&[0, 1], session));
        assert_eq!(chains(&state)[0], (0, 0, epoch, Some(session)));
    }
}

#[test]
fn nothing_is_granted_of_a_table_that_may_not_be_read() {
    let mut state = State::default();
    let unborn = [
        Command::Init { instance: Instance(1), cluster: "orders".into() },
        register("w", SESSION),
        Command::PutTable { spec: spec("db.orders") },
        put_stream("orders", &[(0, 0)]),
    ];
    for command in unborn {
        apply(&mut state, command);
    }
    assert_eq!(refused(&mut state, assign(&[0], SESSION)), Refusal::Overtaken, "never recorded");

    let mut state = owned();
    apply(&mut state, stop(StopReason::Record));
    assert_eq!(refused(&mut state, assign(&[0], SESSION)), Refusal::Overtaken, "stopped");
}

#[test]
fn a_chain_is_handed_over_under_its_epoch() {
    let begin = |epoch| Command::BeginRevoke { table: TABLE, chain: key(0), epoch: Epoch(epoch) };
    let finish = |epoch| Command::FinishRevoke { table: TABLE, chain: key(0), epoch: Epoch(epoch) };
    let mut state = owned();
    assert_eq!(refused(&mut state, begin(2)), Refusal::Overtaken);
    assert_eq!(refused(&mut state, finish(1)), Refusal::Overtaken, "nobody asked for it");
    apply(&mut state, begin(1));
    accept(&mut state, 1, &[(0, 1, 0, 5)]);
    assert_eq!(refused(&mut state, finish(2)), Refusal::Overtaken);
    apply(&mut state, finish(1));
    assert_eq!(chains(&state)[0], (0, 5, 1, None));
    assert_eq!(refused(&mut state, begin(1)), Refusal::Overtaken, "it has no owner");
    let unknown = Command::BeginRevoke { table: TABLE, chain: key(9), epoch: Epoch(1) };
    assert_eq!(refused(&mut state, unknown), Refusal::Chain(key(9)));
}

#[test]
fn realign_sets_back_the_chains_that_were_touched_and_no_other() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10), (1, 1, 0, 4)]);
    accept(&mut state, 2, &[(0, 1, 10, 20)]);
    accept(&mut state, 3, &[(0, 1, 20, 25)]);
    apply(&mut state, realign(1));
    assert_eq!(staged(&state), [1]);
    assert_eq!(chains(&state), [(0, 10, 2, Some(SESSION)), (0, 4, 1, Some(SESSION))]);

    apply(&mut state, realign(0));
    assert_eq!(chains(&state), [(0, 0, 3, Some(SESSION)), (0, 0, 2, Some(SESSION))], "else back to the watermark");
}

#[test]
fn realign_after_the_last_changes_nothing() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    let before = state.clone();
    apply(&mut state, realign(1));
    apply(&mut state, realign(99));
    assert_eq!(state, before);
}

#[test]
fn acceptance_numbers_are_not_given_twice() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    apply(&mut state, realign(0));
    accept(&mut state, 2, &[(0, 2, 0, 10)]);
    assert_eq!(staged(&state), [2]);
}

#[test]
fn a_chain_that_goes_back_has_the_leader_epoch_of_where_it_goes_back_to() {
    let with_epoch = |sequence, from, to, leader_epoch| {
        let mut manifest = manifest(SESSION, sequence, &[(0, 1, from, to)]);
        manifest.ranges[0].leader_epoch = LeaderEpoch(leader_epoch);
        submit(manifest)
    };
    let mut state = owned();
    for command in [with_epoch(1, 0, 10, 5), with_epoch(2, 10, 20, 6), realign(1)] {
        apply(&mut state, command);
    }
    assert_eq!(table(&state).chains[&key(0)].leader_epoch, LeaderEpoch(5), "that of what stays");
    apply(&mut state, realign(0));
    assert_eq!(table(&state).chains[&key(0)].leader_epoch, LeaderEpoch::UNKNOWN, "else the watermark's");
}
