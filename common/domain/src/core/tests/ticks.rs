//! The cut tick: when sessions are asked, and when what they answer is committed.

use super::world::INTERVAL;
use super::*;

const OTHER: SessionId = SessionId(0xb);

/// A table read by two sessions, one topic partition each, at the instant of a tick.
fn two_readers() -> World {
    let mut world = World::running();
    world.register(0, "v", OTHER);
    let chain = world::key(1);
    world.apply(0, Command::BeginRevoke { table: FIRST_TABLE, chain, epoch: crate::ids::Epoch(1) });
    world.apply(0, Command::FinishRevoke { table: FIRST_TABLE, chain, epoch: crate::ids::Epoch(1) });
    world.apply(0, Command::AssignPartitions { table: FIRST_TABLE, chains: vec![chain], session: OTHER });
    world.input(0, Input::Tick);
    world.run(0);
    to_tick(&mut world);
    world
}

/// Lets time pass until sessions are asked; answers whom.
fn to_tick(world: &mut World) -> Vec<SessionId> {
    world.cuts.clear();
    for _ in 0..10 * INTERVAL {
        if !world.cuts.is_empty() {
            return world.cuts.iter().map(|(session, _)| *session).collect();
        }
        world.heartbeat(0);
        let at = world.deadline(0).expect("a leader has a deadline");
        world.now = at.min(world.now.plus_ms(5_000));
        world.input(0, Input::Tick);
        world.run(0);
    }
    panic!("no session is asked")
}

fn nothing(world: &mut World, session: SessionId) {
    let (_, cut) = *world.cuts.iter().rfind(|(asked, _)| *asked == session).expect("the session was asked");
    world.input(0, Input::Nothing(session, cut));
    world.run(0);
}

#[test]
fn sessions_are_asked_once_per_interval() {
    let mut world = World::running();
    let mut at = Vec::new();
    for _ in 0..4 {
        assert_eq!(to_tick(&mut world), [SESSION]);
        at.push(world.now.0);
        nothing(&mut world, SESSION);
    }
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] == INTERVAL), "{at:?}");
    assert!(world.sent.is_empty() && world.loads.is_empty(), "nothing was accepted, nothing is looked at");
}

#[test]
fn tables_tick_at_different_phases() {
    let mut world = World::running();
    let mut at = std::collections::BTreeSet::new();
    for number in 0..20 {
        world.put_table(0, &format!("table{number}"));
        world.run(0);
    }
    let until = world.now.plus_ms(2 * INTERVAL);
    while world.now < until {
        world.heartbeat(0);
        world.cuts.clear();
        world.now = world.deadline(0).expect("a leader has a deadline").min(world.now.plus_ms(5_000));
        world.input(0, Input::Tick);
        world.run(0);
        at.extend(world.cuts.iter().map(|(_, cut)| (world.now.0 % INTERVAL, cut.table)));
    }
    let phases: std::collections::BTreeSet<i64> = at.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(at.len(), 21, "each table keeps its phase");
    assert!(phases.len() > 15, "{phases:?}");
}

#[test]
fn when_all_have_answered_there_is_one_commit_at_once() {
    let mut world = two_readers();
    let asked = world.now;
    world.ingest(0, SESSION, &[(0, 10)]);
    world.run(0);
    assert!(world.sent.is_empty(), "the other has not answered");
    world.ingest(0, OTHER, &[(1, 5)]);
    world.run(0);
    assert_eq!((world.sent.len(), world.now), (1, asked));
    assert_eq!(world.exact(), 15);
    to_tick(&mut world);
    assert_eq!(world.sent.len(), 1, "and no other in that interval");
}

#[test]
fn nothing_is_an_answer() {
    let mut world = two_readers();
    world.ingest(0, SESSION, &[(0, 10)]);
    nothing(&mut world, OTHER);
    assert_eq!(world.exact(), 10);
}

#[test]
fn one_that_does_not_answer_delays_by_a_second() {
    let mut world = two_readers();
    world.pass(0, 200);
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 999);
    assert!(world.sent.is_empty());
    world.pass(0, 1);
    assert_eq!(world.exact(), 10);
    world.ingest(0, OTHER, &[(1, 5)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 15, "what is accepted later is due a second later");
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn one_that_has_not_answered_is_not_asked_again_and_its_late_answer_counts() {
    let mut world = two_readers();
    nothing(&mut world, SESSION);
    let unanswered = world.cuts.clone();
    assert_eq!(to_tick(&mut world), [SESSION], "the other one still has a cut to end");
    nothing(&mut world, SESSION);
    let (_, cut) = unanswered.into_iter().find(|(session, _)| *session == OTHER).expect("it was asked");
    world.input(0, Input::Nothing(OTHER, cut));
    assert_eq!(to_tick(&mut world), [SESSION, OTHER], "it has answered, if late");
}

#[test]
fn a_request_that_was_lost_is_made_again_with_the_tick_after_next() {
    let mut world = two_readers();
    for expected in [vec![SESSION], vec![SESSION, OTHER], vec![SESSION]] {
        nothing(&mut world, SESSION);
        assert_eq!(to_tick(&mut world), expected);
    }
}

#[test]
fn an_answer_to_an_earlier_tick_does_not_answer_this_one() {
    let mut world = two_readers();
    let earlier = world.cuts.clone();
    nothing(&mut world, SESSION);
    nothing(&mut world, OTHER);
    to_tick(&mut world);
    for (session, cut) in earlier {
        world.input(0, Input::Nothing(session, cut));
    }
    world.ingest(0, SESSION, &[(0, 10)]);
    world.run(0);
    assert!(world.sent.is_empty());
}

#[test]
fn a_cut_by_size_is_committed_a_second_later_and_not_at_the_next_tick() {
    let mut world = two_readers();
    nothing(&mut world, SESSION);
    nothing(&mut world, OTHER);
    world.pass_alive(0, 3_000);
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
}

#[test]
fn many_cuts_by_size_make_at_most_one_commit_a_second() {
    let mut world = two_readers();
    nothing(&mut world, SESSION);
    nothing(&mut world, OTHER);
    for _ in 0..50 {
        world.ingest(0, SESSION, &[(0, 1)]);
        world.pass(0, 100);
    }
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 50);
    assert!((4..=6).contains(&world.sent.len()), "{} commits in five seconds", world.sent.len());
}

#[test]
fn a_session_that_is_gone_is_not_waited_for() {
    let mut world = two_readers();
    world.apply(0, Command::ExpireWorker { session: OTHER });
    world.input(0, Input::Tick);
    world.run(0);
    world.ingest(0, SESSION, &[(0, 10)]);
    world.run(0);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn nobody_is_asked_for_a_stopped_table() {
    let mut world = two_readers();
    let stopped = Stopped::new(StopReason::Operator, "by hand");
    world.input(0, Input::StopRequested(FIRST_TABLE, stopped));
    world.run(0);
    world.cuts.clear();
    world.pass_alive(0, 3 * INTERVAL);
    assert!(world.cuts.is_empty());
}
