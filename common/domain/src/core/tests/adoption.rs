//! Losing our own state, in whole or in part, and what becomes of the life that was taken over from.

use super::world::{INTERVAL, Request};
use super::*;
use crate::ids::Incarnation;
use crate::state::State;

/// The session of the second life.
const LATER: SessionId = SessionId(0xb);

fn settings(adopt_now: bool) -> Settings {
    Settings { adopt_now, ..Settings::default() }
}

/// A first life with ten rows in the table, and a second one of the same name with an empty state.
fn two_lives(adopt_now: bool) -> (World, usize) {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
    world.sent.clear();
    let second = world.cluster(0xbbbb, LATER, settings(adopt_now));
    world.put_table(second, "orders");
    (world, second)
}

/// A copy of the first life's state as it was before `later`, with a leader of its own.
fn restored(later: impl FnOnce(&mut World)) -> (World, usize) {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    let backup: State = world.states[0].clone();
    later(&mut world);
    world.sent.clear();
    world.states.push(backup);
    let node = world.node(1, settings(false));
    (world, node)
}

fn life(world: &World, node: usize) -> (Life, Incarnation) {
    (world.table(node).life, world.table(node).incarnation)
}

#[test]
fn a_foreign_watermark_is_taken_over_when_it_stood_still_for_two_intervals() {
    let (mut world, second) = two_lives(false);
    world.run(second);
    let seen = world.now;
    world.pass_alive(second, 2 * INTERVAL - 1);
    assert_eq!(life(&world, second), (Life::New, Incarnation(1)), "not yet");
    assert!(world.nodes[second].core.waiting_for(FIRST_TABLE).is_some_and(|why| why.contains("stand still")));
    world.pass_alive(second, 1_001);
    assert!(world.now >= seen.plus_ms(2 * INTERVAL));
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.lake().kinds(), ["create", "append", "fence"]);
    assert_eq!(world.property().instance, crate::ids::Instance(0xbbbb));
    world.ingest(second, LATER, &[(0, 5), (1, 5)]);
    world.pass(second, 2_000);
    assert_eq!(world.exact(), 20, "it goes on at the watermark");
}

#[test]
fn a_watermark_that_moves_starts_the_wait_anew() {
    let (mut world, second) = two_lives(false);
    world.pass_alive(second, 2 * INTERVAL - 5_000);
    world.heartbeat(0);
    world.run(0);
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 11);
    world.pass_alive(second, 2 * INTERVAL - 3_000);
    assert_eq!(life(&world, second).0, Life::New);
    world.pass_alive(second, 5_000);
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.exact(), 11);
}

#[test]
fn on_demand_it_is_taken_over_at_once() {
    let (mut world, second) = two_lives(true);
    world.run(second);
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.now, world::EPOCH.plus_ms(1_000));
}

#[test]
fn the_old_life_stops_as_replaced_and_its_late_request_cannot_win() {
    let (mut world, second) = two_lives(true);
    world.ingest(0, SESSION, &[(0, 7)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let (id, late) = world.run_to_request(0);

    world.run(second);
    assert_eq!(world.lake().kinds(), ["create", "append", "fence"]);
    assert_eq!(world.deliver(0, &late), Outcome::Conflict);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass_alive(0, INTERVAL);
    assert_eq!(world.stop_reason(0), Some(StopReason::Replaced));
    assert!(world.table(0).chains.values().all(|chain| chain.owner.is_none()), "nobody reads for it");
    assert_eq!(world.exact(), 10);

    let loads = world.loads.len();
    world.input(0, Input::Led);
    world.pass_alive(0, 2 * INTERVAL);
    assert_eq!((world.stop_reason(0), world.loads.len()), (Some(StopReason::Replaced), loads), "also after a restart");
}

#[test]
fn a_commit_of_the_old_life_before_the_fence_is_taken_over_too() {
    let (mut world, second) = two_lives(true);
    let (id, fence) = world.run_to_request(second);
    world.ingest(0, SESSION, &[(0, 7)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 17);

    assert_eq!(world.deliver(second, &fence), Outcome::Conflict);
    world.input(second, Input::Answered(id, Outcome::Conflict));
    world.pass(second, 2_000);
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.lake().kinds(), ["create", "append", "append", "fence"]);
    assert_eq!(world.exact(), 17);
    assert_eq!(world.table(second).chains[&world::key(0)].accepted_end.0, 17);
}

#[test]
fn a_fence_whose_reply_is_lost_is_recorded_and_not_repeated() {
    let (mut world, second) = two_lives(true);
    let (id, fence) = world.run_to_request(second);
    assert!(matches!(&fence, Request::Commit(_, plan, _) if plan.files.is_empty()));
    world.deliver(second, &fence);
    world.input(second, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass(second, 2_000);
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.lake().kinds(), ["create", "append", "fence"]);
}

#[test]
fn a_topic_partition_that_appears_while_fencing_is_kept_for_later() {
    let (mut world, second) = two_lives(true);
    let (id, fence) = world.run_to_request(second);
    let mut seen = world::observation(FIRST_TABLE);
    seen.partitions.push((crate::ids::Partition(2), crate::range::Offset(0), crate::range::Offset(5)));
    world.input(second, Input::Observed(seen.clone()));
    world.run(second);
    let outcome = world.deliver(second, &fence);
    world.input(second, Input::Answered(id, outcome));
    world.run(second);
    world.input(second, Input::Observed(seen));
    world.run(second);
    assert_eq!(life(&world, second), (Life::Owned, Incarnation(2)));
    assert_eq!(world.table(second).chains[&world::key(2)].owner, Some(LATER));
}

#[test]
fn a_second_adopter_makes_the_first_one_give_way() {
    let (mut world, second) = two_lives(true);
    world.run(second);
    let third = world.cluster(0xcccc, SessionId(0xc), settings(true));
    world.put_table(third, "orders");
    world.run(third);
    assert_eq!(life(&world, third), (Life::Owned, Incarnation(3)));
    world.heartbeat(second);
    world.run(second);
    world.ingest(second, LATER, &[(0, 1)]);
    world.pass(second, 1_000);
    assert_eq!(world.stop_reason(second), Some(StopReason::Replaced));
    assert_eq!(world.exact(), 10);
}

#[test]
fn an_old_copy_of_the_state_finds_an_unknown_snapshot_and_begins_anew() {
    let (mut world, copy) = restored(|world| {
        world.ingest(0, SESSION, &[(0, 7), (1, 2)]);
        world.pass(0, 2_000);
    });
    assert_eq!(world.exact(), 19);
    world.input(copy, Input::Led);
    world.register(copy, "w", LATER);
    world.input(copy, Input::Tick);
    world.run(copy);
    assert_eq!(life(&world, copy), (Life::Owned, Incarnation(2)));
    assert_eq!(world.lake().kinds(), ["create", "append", "append", "fence"]);
    world.ingest(copy, LATER, &[(0, 1)]);
    world.pass(copy, 2_000);
    assert_eq!(world.exact(), 20);

    world.heartbeat(0);
    world.run(0);
    world.ingest(0, SESSION, &[(0, 3)]);
    world.pass(0, 2_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::Replaced), "the original sees a higher incarnation");
    assert_eq!(world.exact(), 20);
}

#[test]
fn an_old_copy_gives_up_what_it_had_staged() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let backup = world.states[0].clone();
    world.pass(0, 1_000);
    world.ingest(0, SESSION, &[(0, 2)]);
    world.pass(0, 2_000);
    world.states.push(backup);
    let copy = world.node(1, settings(false));
    world.input(copy, Input::Led);
    world.run(copy);
    assert!(world.table(copy).accepted.is_empty());
    assert_eq!(life(&world, copy), (Life::Owned, Incarnation(2)));
    assert_eq!(world.exact(), 12);
}

#[test]
fn a_copy_that_is_not_behind_goes_on_in_the_same_incarnation() {
    let (mut world, copy) = restored(|_| {});
    world.input(copy, Input::Led);
    world.run(copy);
    assert_eq!(life(&world, copy), (Life::Owned, Incarnation(1)));
    assert!(world.sent.is_empty());
}

#[test]
fn two_copies_of_one_state_never_both_commit() {
    let (mut world, copy) = restored(|_| {});
    world.input(copy, Input::Led);
    world.run(copy);
    world.ingest(0, SESSION, &[(0, 4)]);
    let twin = world.cut(copy, SESSION, &[(0, 6)]);
    world.submit(copy, twin);
    world.pass(0, 2_000);
    world.pass(copy, 2_000);
    assert_eq!(world.exact(), 14);
    assert_eq!(life(&world, copy).1, Incarnation(2), "the slower one sees a snapshot that it does not know");
    world.pass_alive(0, 700_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::Replaced));
}

#[test]
fn a_table_that_was_forgotten_and_put_again_is_taken_over_at_once() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    world.apply(0, Command::DropTable { table: FIRST_TABLE });
    let table = world.put_table(0, "orders");
    world.run(0);
    let table = &world.states[0].tables[&table];
    assert_eq!((table.life, table.incarnation), (Life::Owned, Incarnation(2)));
    assert_eq!(world.lake().kinds(), ["create", "append", "fence"]);
}

#[test]
fn an_old_copy_does_not_take_a_fence_for_the_commit_that_it_had_begun() {
    let mut world = World::new();
    world.put_table(0, "orders");
    let (id, create) = world.run_to_request(0);
    let backup = world.states[0].clone();
    world.states.push(backup);
    let copy = world.node(1, settings(false));
    world.input(copy, Input::Led);
    let (_, other) = world.run_to_request(copy);
    assert_eq!(world.deliver(copy, &other), Outcome::Committed);
    let outcome = world.deliver(0, &create);
    world.input(0, Input::Answered(id, outcome));
    world.pass(0, 2_000);
    assert_eq!(world.lake().kinds(), ["create", "fence"]);
    assert_ne!(world.lake().head, Some(create.snapshot()), "an id names one commit of one incarnation");
    world.input(copy, Input::Led);
    world.pass_alive(copy, 5_000);
    assert_eq!(life(&world, copy), (Life::Owned, Incarnation(3)));
}

#[test]
fn a_create_that_was_fenced_before_it_was_recorded_lends_its_id_to_no_fence() {
    let mut world = World::new();
    let backup = world.states[0].clone();
    world.states.push(backup);
    let copy = world.node(1, settings(false));
    world.input(copy, Input::Led);
    world.put_table(copy, "orders");
    let (id, create) = world.run_to_request(copy);
    let outcome = world.deliver(copy, &create);
    world.put_table(0, "orders");
    world.run(0);
    assert_eq!(world.lake().kinds(), ["create", "fence"], "the same instance, and a snapshot that it does not know");
    world.input(copy, Input::Answered(id, outcome));
    world.run(copy);
    assert_eq!(world.lake().kinds(), ["create", "fence", "fence"]);
    assert_eq!(world.lake().snapshots.len(), 3);
}

#[test]
fn a_rolled_back_table_is_not_taken_over() {
    let (mut world, second) = two_lives(true);
    world.lake_mut().roll_back();
    world.run(second);
    assert_eq!(world.stop_reason(second), Some(StopReason::RolledBack));
    assert!(world.sent.is_empty());
}
