//! What a watcher's report makes of a table.

use std::collections::BTreeMap;

use super::*;
use crate::ids::{Partition, StreamIdentity};
use crate::range::Offset;
use crate::state::StartAt;

fn seen(partitions: &[(i32, i64, i64)]) -> Observation {
    let partitions =
        partitions.iter().map(|(number, start, end)| (Partition(*number), Offset(*start), Offset(*end))).collect();
    Observation { table: FIRST_TABLE, identity: world::identity(), partitions, schema: None }
}

fn judged(world: &World, observation: &Observation) -> Option<Command> {
    judge_observation(world.table(0), observation)
}

fn starts(command: Option<Command>) -> BTreeMap<i32, i64> {
    let Some(Command::PutStream { starts, .. }) = command else { panic!("not a stream: {command:?}") };
    starts.into_iter().map(|(partition, offset)| (partition.0, offset.0)).collect()
}

fn stopped(command: Option<Command>) -> StopReason {
    let Some(Command::StopTable { stopped, .. }) = command else { panic!("no stop: {command:?}") };
    stopped.reason
}

#[test]
fn a_new_topic_begins_where_the_table_is_configured_to() {
    for (start, expected) in [(StartAt::Earliest, [(0, 3), (1, 0)]), (StartAt::Latest, [(0, 70), (1, 0)])] {
        let mut world = World::new();
        world.put_table_without_topic(0, "orders");
        world.apply(0, Command::PutTable { spec: crate::state::TableSpec { start, ..world::spec("orders") } });
        assert_eq!(starts(judged(&world, &seen(&[(0, 3, 70), (1, 0, 0)]))), BTreeMap::from(expected));
    }
}

#[test]
fn what_is_known_already_asks_for_nothing() {
    let world = World::running();
    assert_eq!(judged(&world, &seen(&[(0, 0, 50), (1, 0, 60)])), None);
    assert_eq!(judged(&world, &world::observation(FIRST_TABLE)), None, "nor does a second schema");
    assert_eq!(judged(&world, &seen(&[])), None);
}

#[test]
fn a_topic_partition_that_is_added_later_begins_at_zero() {
    let world = World::running();
    assert_eq!(starts(judged(&world, &seen(&[(0, 0, 9), (1, 0, 9), (2, 4, 9)]))), BTreeMap::from([(2, 0)]));
}

#[test]
fn a_schema_alone_is_worth_a_command() {
    let mut world = World::new();
    let table = world.put_table_without_topic(0, "orders");
    world.input(0, Input::Observed(seen(&[(0, 0, 9)])));
    world.run(0);
    let with_schema = Observation { schema: Some("{}".into()), ..seen(&[(0, 0, 9)]) };
    assert!(matches!(judged(&world, &with_schema), Some(Command::PutStream { schema: Some(_), .. })));
    assert_eq!(with_schema.table, table);
}

#[test]
fn another_stream_under_the_same_name_stops_the_table() {
    let world = World::running();
    let recreated = StreamIdentity { topic_id: Some("another".into()), ..world::identity() };
    let elsewhere = StreamIdentity { kafka_cluster: "another".into(), ..world::identity() };
    let both = StreamIdentity { kafka_cluster: "another".into(), ..recreated.clone() };
    let cases = [
        (recreated, StopReason::TopicRecreated),
        (elsewhere, StopReason::KafkaClusterChanged),
        (both, StopReason::KafkaClusterChanged),
    ];
    for (identity, reason) in cases {
        let observation = Observation { identity, ..seen(&[(0, 0, 5_000)]) };
        assert_eq!(stopped(judged(&world, &observation)), reason, "also with more records than were read");
    }
}

#[test]
fn a_second_topic_is_another_stream_of_the_table() {
    let world = World::running();
    let identity = StreamIdentity { topic: "refunds".into(), topic_id: Some("r".into()), ..world::identity() };
    let observation = Observation { identity, ..seen(&[(0, 2, 9)]) };
    assert_eq!(starts(judged(&world, &observation)), BTreeMap::from([(0, 2)]));
}

#[test]
fn a_table_that_waits_for_a_person_is_left_alone() {
    for reason in StopReason::ALL {
        let mut world = World::running();
        world.apply(0, Command::StopTable { table: FIRST_TABLE, stopped: Stopped::new(reason, "") });
        let command = judged(&world, &seen(&[(2, 0, 9)]));
        assert_eq!(command.is_some(), reason.lifts_itself(), "{reason:?}");
    }
}

#[test]
fn a_report_older_than_what_was_read_since_stops_nothing() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 100)]);
    assert_eq!(judged(&world, &seen(&[(0, 0, 40), (1, 0, 0)])), None);
}

#[test]
fn reports_are_taken_one_at_a_time_and_forgotten_for_unknown_tables() {
    let mut world = World::new();
    let table = world.put_table_without_topic(0, "orders");
    for _ in 0..3 {
        world.input(0, Input::Observed(world::observation(table)));
    }
    world.input(0, Input::Observed(world::observation(TableId(77))));
    let proposals = world.nodes[0].effects.iter().filter(|effect| matches!(effect, Effect::Propose(..)));
    assert_eq!(proposals.count(), 1);
}

#[test]
fn an_added_topic_partition_is_read_and_its_end_committed() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    world.input(0, Input::Observed(seen(&[(0, 0, 50), (1, 0, 0), (2, 0, 9)])));
    world.run(0);
    world.ingest(0, SESSION, &[(2, 9)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 19);
}
