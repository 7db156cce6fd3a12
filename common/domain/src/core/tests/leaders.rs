//! Changes of leader with a commit at every point of its way.

use super::world::Request;
use super::*;
use crate::port::SubmitReply;

/// Fifteen rows accepted, the request of the first leader on its way, and a second coordinator.
fn sent() -> (World, usize, Request) {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10), (1, 5)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let (_, request) = world.run_to_request(0);
    let next = world.node(0, Settings::default());
    world.input(0, Input::Lost);
    (world, next, request)
}

#[test]
fn a_follower_does_nothing() {
    let mut world = World::running();
    let follower = world.node(0, Settings::default());
    for input in [Input::Tick, Input::Heartbeat(SESSION), Input::Accepted(FIRST_TABLE, SESSION)] {
        world.input(follower, input);
    }
    assert!(world.nodes[follower].effects.is_empty());
    assert_eq!(world.deadline(follower), None);
}

#[test]
fn a_request_that_lands_before_the_new_leader_looks_is_recorded() {
    let (mut world, next, request) = sent();
    assert_eq!(world.deliver(0, &request), Outcome::Committed);
    world.input(next, Input::Led);
    world.run(next);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.exact(), 15);
    assert!(world.table(next).accepted.is_empty());
}

#[test]
fn a_request_that_lands_after_the_new_leader_looked_makes_its_own_lose() {
    let (mut world, next, old) = sent();
    world.input(next, Input::Led);
    let (id, new) = world.run_to_request(next);
    assert_ne!(old.snapshot(), new.snapshot(), "a new leader begins under a new id");
    assert_eq!(world.deliver(0, &old), Outcome::Committed);
    let outcome = world.deliver(next, &new);
    assert_eq!(outcome, Outcome::Conflict);
    world.input(next, Input::Answered(id, outcome));
    world.run(next);
    assert_eq!(world.sent.len(), 2, "what the old one committed is recorded, and nothing is left to commit");
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_request_that_lands_after_the_new_leaders_loses() {
    let (mut world, next, old) = sent();
    world.input(next, Input::Led);
    world.run(next);
    assert_eq!(world.exact(), 15);
    assert_eq!(world.deliver(0, &old), Outcome::Conflict);
    assert_eq!(world.exact(), 15);
}

#[test]
fn the_end_of_an_effect_of_an_earlier_leadership_is_dropped() {
    let (mut world, _, request) = sent();
    world.input(0, Input::Led);
    let confirm = world.nodes[0].effects.front().cloned().expect("it looks at once");
    for stale in 1..world::effect_id(&confirm).expect("it has an id").0 {
        for input in [
            Input::Confirmed(EffectId(stale), true),
            Input::Applied(EffectId(stale), true),
            Input::Answered(EffectId(stale), Outcome::Committed),
        ] {
            world.input(0, input);
        }
    }
    assert_eq!(world.nodes[0].effects.len(), 1, "nothing was caused by them");
    world.run(0);
    assert_eq!(world.exact(), 15);
    assert_eq!(world.deliver(0, &request), Outcome::Conflict);
}

#[test]
fn a_leader_that_is_not_confirmed_sends_nothing() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let Effect::Confirm(id) = world.run_to(0, |effect| matches!(effect, Effect::Confirm(_))) else {
        unreachable!("run_to answers what it was asked for")
    };
    world.input(0, Input::Confirmed(id, false));
    world.run(0);
    assert!(world.sent.is_empty() && world.loads.is_empty());
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
}

#[test]
fn a_begin_that_is_not_known_to_be_logged_is_not_sent() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let effect = world.run_to(0, |effect| matches!(effect, Effect::Propose(_, Command::BeginCommit { .. })));
    world.input(0, Input::Applied(world::effect_id(&effect).expect("it has an id"), false));
    world.run(0);
    assert!(world.sent.is_empty());
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
}

#[test]
fn a_new_leader_commits_what_is_staged_without_waiting() {
    let mut world = World::running();
    world.dead.insert("orders".into());
    world.ingest(0, SESSION, &[(0, 10)]);
    world.dead.clear();
    let next = world.node(0, Settings::default());
    world.input(next, Input::Led);
    world.run(next);
    assert_eq!(world.exact(), 10);
}

#[test]
fn a_create_of_the_leader_before_is_recorded() {
    let mut world = World::new();
    world.put_table(0, "orders");
    let (_, old) = world.run_to_request(0);
    world.input(0, Input::Lost);
    let next = world.node(0, Settings::default());
    world.input(next, Input::Led);
    let (id, new) = world.run_to_request(next);
    assert_eq!(world.deliver(0, &old), Outcome::Committed);
    let outcome = world.deliver(next, &new);
    assert_eq!(outcome, Outcome::Conflict);
    world.input(next, Input::Answered(id, outcome));
    world.pass(next, 1_000);
    assert_eq!(world.table(next).recorded.map(|recorded| recorded.snapshot), Some(old.snapshot()));
    world.ingest(next, SESSION, &[(0, 10)]);
    world.pass(next, 1_000);
    assert_eq!(world.exact(), 10);
}

#[test]
fn a_late_manifest_of_an_ended_session_is_answered_and_changes_nothing() {
    let mut world = World::running();
    let manifest = world.cut(0, SESSION, &[(0, 10)]);
    assert_eq!(world.submit(0, manifest.clone()), SubmitReply::Accepted);
    world.register(0, "w", SessionId(0xb));
    world.input(0, Input::Tick);
    world.run(0);
    assert_eq!(world.submit(0, manifest), SubmitReply::AlreadyAccepted);
    world.ingest(0, SessionId(0xb), &[(0, 2)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 12);
}
