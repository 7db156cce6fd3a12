//! Tables that somebody else made, and streams that somebody else has claimed.

use super::lake::Lake;
use super::world::{INTERVAL, Request};
use super::*;

fn found(lake: Lake) -> World {
    let mut world = World::new();
    world.lakes.insert("orders".into(), lake);
    world.put_table(0, "orders");
    world
}

fn filled() -> Lake {
    let mut lake = Lake::empty();
    lake.foreign(50, Some("theirs.parquet"));
    lake
}

fn claim(world: &mut World) -> (EffectId, Request) {
    let (id, request) = world.run_to_request(0);
    assert!(matches!(&request, Request::Commit(_, plan, _) if plan.kind == crate::lake::CommitKind::Claim));
    (id, request)
}

#[test]
fn a_claim_comes_before_any_data() {
    for lake in [Lake::empty(), filled()] {
        let mut world = found(lake);
        world.run(0);
        assert_eq!(world.table(0).life, Life::Owned);
        world.ingest(0, SESSION, &[(0, 10)]);
        world.pass(0, 1_000);
        assert_eq!(world.lake().kinds().last().map(String::as_str), Some("append"));
        assert_eq!(world.exact(), 10);
    }
}

#[test]
fn a_claim_on_a_table_with_history_is_believed_when_it_is_seen() {
    let mut world = found(filled());
    let (id, request) = claim(&mut world);
    world.deliver(0, &request);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass(0, 1_000);
    assert_eq!(world.table(0).life, Life::Owned);
}

#[test]
fn a_claim_on_an_empty_table_waits_for_its_own_answer() {
    let mut world = found(Lake::empty());
    let (id, request) = claim(&mut world);
    world.deliver(0, &request);
    world.input(0, Input::Tick);
    assert_eq!(world.table(0).life, Life::New, "seen or not, it is not answered");
    world.input(0, Input::Answered(id, Outcome::Committed));
    world.run(0);
    assert_eq!(world.table(0).life, Life::Owned);
}

#[test]
fn an_unanswered_claim_on_an_empty_table_waits_until_it_can_no_longer_land() {
    let mut world = found(Lake::empty());
    let (id, request) = claim(&mut world);
    world.deliver(0, &request);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass_alive(0, 595_000);
    assert_eq!(world.table(0).life, Life::New);
    assert!(world.nodes[0].core.waiting_for(FIRST_TABLE).is_some_and(|why| why.contains("answer")));
    world.pass_alive(0, 40_000);
    assert_eq!(world.table(0).life, Life::Owned);
    assert_eq!(world.lake().kinds(), ["claim"]);
}

#[test]
fn a_second_claim_answers_for_itself_and_not_for_a_first_that_may_still_be_on_its_way() {
    let mut world = found(Lake::empty());
    let (id, _lost) = claim(&mut world);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass_alive(0, 300_000);
    assert_eq!(world.table(0).life, Life::New, "some catalogs let two first appends both win");
    world.pass_alive(0, 400_000);
    assert_eq!(world.table(0).life, Life::Owned);
}

#[test]
fn a_new_leader_waits_for_a_claim_whose_answer_it_did_not_get() {
    let mut world = found(Lake::empty());
    let (_, request) = claim(&mut world);
    world.deliver(0, &request);
    world.input(0, Input::Lost);
    let next = world.node(0, Settings::default());
    world.input(next, Input::Led);
    world.pass_alive(next, 590_000);
    assert_eq!(world.table(next).life, Life::New);
    world.pass_alive(next, 50_000);
    assert_eq!(world.table(next).life, Life::Owned);
}

#[test]
fn a_new_leaders_own_claim_answers_for_itself_only() {
    let mut world = found(Lake::empty());
    let _ = claim(&mut world);
    world.input(0, Input::Lost);
    let next = world.node(0, Settings::default());
    world.input(next, Input::Led);
    world.run(next);
    assert_eq!(world.lake().kinds(), ["claim"], "answered, and not believed");
    world.pass_alive(next, 590_000);
    assert_eq!(world.table(next).life, Life::New);
    world.pass_alive(next, 50_000);
    assert_eq!(world.table(next).life, Life::Owned);
}

#[test]
fn a_stream_has_one_cluster_name_per_table() {
    let mut other = World::running().property();
    other.instance = crate::ids::Instance(0xeeee);
    let mut lake = filled();
    lake.properties = other.render("another name");
    let mut world = found(lake);
    world.run(0);
    assert_eq!(world.stop_reason(0), Some(StopReason::StreamClaimed));
    assert!(world.sent.is_empty());
}

#[test]
fn another_cluster_name_with_another_stream_is_no_obstacle() {
    let mut other = World::running().property();
    other.streams.values_mut().for_each(|stream| stream.topic = "refunds".into());
    let mut lake = filled();
    lake.properties = other.render("another name");
    let mut world = found(lake);
    world.run(0);
    assert_eq!(world.table(0).life, Life::Owned);
    world.ingest(0, SESSION, &[(0, 3)]);
    world.pass_alive(0, INTERVAL);
    assert_eq!(world.exact(), 3);
    assert!(world.lake().properties.contains_key("k2i.another%20name.state"), "theirs is left alone");
}

#[test]
fn a_table_is_not_claimed_before_its_topic_is_seen() {
    let mut world = World::new();
    world.lakes.insert("orders".into(), filled());
    let table = world.put_table_without_topic(0, "orders");
    world.input(0, Input::Tick);
    world.pass_alive(0, 5_000);
    assert!(world.sent.is_empty());
    assert!(world.nodes[0].core.waiting_for(table).is_some_and(|why| why.contains("topic")));
}
