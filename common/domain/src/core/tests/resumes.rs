//! People's decisions on stopped tables: what each makes of the table, and when it is refused.

use super::stops::{after, remove};
use super::world::{Request, identity, key, observation};
use super::*;
use crate::ids::{Instance, Partition, SnapshotId, StreamId, StreamIdentity, TableUuid};
use crate::lake::Outcome;
use crate::port::Decision;
use crate::range::Offset;

fn head(world: &World) -> Option<SnapshotId> {
    world.lake().head
}

/// Lets the stop come, then decides on the head as it is.
fn decide_on_head(world: &mut World, decision: Decision) -> Option<ResumeEnd> {
    world.pass_alive(0, 120_000);
    assert!(world.stop_reason(0).is_some(), "the table is stopped");
    let expected = world.lakes.get("orders").and_then(|lake| lake.head);
    decide(world, decision, expected)
}

fn decide(world: &mut World, decision: Decision, expected: Option<SnapshotId>) -> Option<ResumeEnd> {
    world.resumed.clear();
    world.input(0, Input::Resume(FIRST_TABLE, Resume { decision, expected }));
    world.run(0);
    world.pass_alive(0, 2_000);
    world.resumed.pop()
}

fn refused(end: Option<ResumeEnd>) -> String {
    match end {
        Some(ResumeEnd::Refused(why)) => why,
        other => panic!("it was to be refused: {other:?}"),
    }
}

/// Next offsets of the two topic partitions, where reading goes on.
fn positions(world: &World) -> Vec<i64> {
    world.table(0).chains.values().map(|chain| chain.accepted_end.0).collect()
}

fn rolled_back() -> World {
    after(|world| world.lake_mut().roll_back())
}

#[test]
fn reingest_goes_on_at_what_the_head_holds() {
    let mut world = rolled_back();
    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    assert_eq!((world.stop_reason(0), positions(&world)), (None, vec![0, 0]));
    assert_eq!(world.lake().kinds(), ["create", "fence"]);
    world.ingest(0, SESSION, &[(0, 15)]);
    world.pass(0, 1_000);
    assert_eq!((world.exact(), world.property().incarnation.0), (15, 2));
}

#[test]
fn keep_goes_on_at_the_recorded_positions() {
    let mut world = rolled_back();
    assert_eq!(decide_on_head(&mut world, Decision::Keep), Some(ResumeEnd::Done));
    assert_eq!(positions(&world), [10, 0]);
    world.ingest(0, SESSION, &[(0, 5)]);
    world.pass(0, 1_000);
    assert_eq!(world.property().watermark[&key(0)].offset, Offset(15));
    assert_eq!(world.lake().live().len(), 1, "what lies between is not read again");
}

#[test]
fn positions_are_found_behind_several_commits() {
    let mut world = World::running();
    for rows in [4, 3, 2] {
        world.ingest(0, SESSION, &[(0, rows), (1, 1)]);
        world.pass(0, 1_000);
    }
    world.lake_mut().roll_back();
    world.lake_mut().foreign(55, None);
    world.pass_alive(0, 600_000);
    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    assert_eq!(positions(&world), [7, 2]);
    world.ingest(0, SESSION, &[(0, 2), (1, 1)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 12);
}

/// Somebody goes back, we go on from there, and somebody goes to where it was before: keep does not double that.
#[test]
fn keep_does_not_read_again_what_the_head_holds() {
    let mut world = rolled_back();
    let branch = world.lake().snapshots.keys().copied().find(|id| Some(*id) != head(&world));
    decide_on_head(&mut world, Decision::Reingest);
    world.ingest(0, SESSION, &[(0, 4)]);
    world.pass(0, 1_000);
    world.lake_mut().head = branch;
    world.pass_alive(0, 600_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::RolledBack));
    assert_eq!(decide_on_head(&mut world, Decision::Keep), Some(ResumeEnd::Done));
    assert_eq!((positions(&world), world.exact()), (vec![10, 0], 10));
}

#[test]
fn another_head_than_the_one_that_was_looked_at_is_refused() {
    let mut world = rolled_back();
    world.pass_alive(0, 1_000);
    let before = (world.table(0).clone(), world.lake().clone());
    let why = refused(decide(&mut world, Decision::Reingest, Some(SnapshotId(42))));
    let expected = format!("its head is snapshot {}, not 42; look at it, and decide on that", head(&world).unwrap());
    assert_eq!(why, expected);
    let why = refused(decide(&mut world, Decision::Reingest, None));
    assert!(why.ends_with("not none; look at it, and decide on that"), "{why}");
    assert_eq!((world.table(0).clone(), world.lake().clone()), before);
}

#[test]
fn a_decision_lifts_only_the_reasons_that_it_is_for() {
    for reason in StopReason::ALL.into_iter().filter(|reason| !reason.lifts_itself()) {
        for decision in Decision::ALL {
            let mut world = World::running();
            world.apply(0, Command::StopTable { table: FIRST_TABLE, stopped: Stopped::new(reason, "because") });
            let expected = head(&world);
            world.input(0, Input::Resume(FIRST_TABLE, Resume { decision, expected }));
            world.input(0, Input::Observed(observation(FIRST_TABLE)));
            world.run(0);
            world.pass_alive(0, 2_000);
            let allowed = reason.decisions().contains(&decision);
            let name = format!("{} for {}", decision.as_str(), reason.as_str());
            assert_eq!(world.resumed.contains(&ResumeEnd::Done), allowed, "{name}: {:?}", world.resumed);
            assert_eq!(world.stop_reason(0), (!allowed).then_some(reason), "{name}");
            assert_eq!(world.lake().kinds().contains(&"fence".to_owned()), allowed, "{name}");
        }
    }
}

#[test]
fn positions_that_cannot_be_established_are_not_guessed() {
    let mut world = after(|world| {
        world.lake_mut().foreign(55, None);
        world.lake_mut().expire();
    });
    let why = refused(decide_on_head(&mut world, Decision::Reingest));
    assert!(why.contains("has expired before any snapshot of ours"), "{why}");
    assert_eq!(decide_on_head(&mut world, Decision::Keep), Some(ResumeEnd::Done));
    world.ingest(0, SESSION, &[(0, 5)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_digest_of_the_ranges_is_no_position() {
    let mut world = rolled_back();
    for (fact, _) in world.lake_mut().snapshots.values_mut() {
        fact.summary.remove("k2i.positions");
    }
    let why = refused(decide_on_head(&mut world, Decision::Reingest));
    assert!(why.contains("has no k2i.positions in its summary"), "{why}");
}

#[test]
fn a_watermark_that_is_gone_is_found_in_the_summaries() {
    for decision in [Decision::Reingest, Decision::Keep] {
        let mut world = after(|world| remove(world, |_| true));
        assert_eq!(decide_on_head(&mut world, decision), Some(ResumeEnd::Done), "{decision:?}");
        world.ingest(0, SESSION, &[(0, 5)]);
        world.pass(0, 1_000);
        assert_eq!(world.exact(), 15, "{decision:?}");
    }
}

/// State and property are both lost: only the summaries know.
#[test]
fn a_state_that_recorded_nothing_has_nothing_to_keep() {
    let mut world = after(|world| remove(world, |_| true));
    let second = world.cluster(0xbbbb, SessionId(0xb), Settings::default());
    world.put_table(second, "orders");
    world.run(second);
    let expected = head(&world);
    world.input(second, Input::Resume(FIRST_TABLE, Resume { decision: Decision::Keep, expected }));
    world.run(second);
    assert!(refused(world.resumed.pop()).contains("so nothing can be kept; use reingest"));
    world.input(second, Input::Resume(FIRST_TABLE, Resume { decision: Decision::Reingest, expected }));
    world.run(second);
    world.pass(second, 2_000);
    assert_eq!(world.resumed.pop(), Some(ResumeEnd::Done));
    world.ingest(second, SessionId(0xb), &[(0, 5)]);
    world.pass(second, 1_000);
    assert_eq!((world.exact(), world.property().instance), (15, Instance(0xbbbb)));
}

#[test]
fn a_table_made_anew_begins_at_the_configured_start() {
    let mut world = after(|world| {
        let anew = lake::Lake { uuid: TableUuid([1; 16]), ..lake::Lake::empty() };
        *world.lake_mut() = anew;
    });
    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    assert_eq!(world.lake().kinds(), ["fence"]);
    world.input(0, Input::Observed(observation(FIRST_TABLE)));
    world.run(0);
    world.ingest(0, SESSION, &[(0, 15)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_table_that_is_gone_is_created_anew_where_that_was_decided() {
    let gone = || {
        after(|world| {
            world.lakes.clear();
        })
    };
    let mut world = gone();
    assert!(refused(decide_on_head(&mut world, Decision::Keep)).contains("the catalog has no such table"));
    let why = refused(decide(&mut world, Decision::Reingest, Some(SnapshotId(1))));
    assert!(why.contains("the catalog has no such table"), "a head was expected: {why}");

    assert_eq!(decide(&mut world, Decision::Reingest, None), Some(ResumeEnd::Done));
    world.input(0, Input::Observed(observation(FIRST_TABLE)));
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!((world.lake().kinds(), world.property().incarnation.0), (vec!["create".to_owned()], 2));
    world.ingest(0, SESSION, &[(0, 15)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_catalog_that_went_back_is_taken_as_it_is() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 6)]);
    world.pass(0, 1_000);
    let old = world.lake().clone();
    world.ingest(0, SESSION, &[(0, 4)]);
    world.pass(0, 1_000);
    *world.lake_mut() = old;
    world.input(0, Input::Led);
    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    assert_eq!(positions(&world), [6, 0]);
    world.ingest(0, SESSION, &[(0, 4)]);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
}

/// A request of the life before wins between the decision and its fence: its rows are not read again.
#[test]
fn a_late_request_that_wins_before_the_fence_is_looked_at_again() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let (_, late) = world.run_to_request(0);
    world.apply(
        0,
        Command::StopTable { table: FIRST_TABLE, stopped: Stopped::new(StopReason::RolledBack, "by somebody") },
    );
    world.input(0, Input::Led);
    let expected = head(&world);
    world.input(0, Input::Resume(FIRST_TABLE, Resume { decision: Decision::Reingest, expected }));
    let (id, fence) = world.run_to_request(0);
    assert_eq!(world.deliver(0, &late), Outcome::Committed);
    let lost = world.deliver(0, &fence);
    assert_eq!(lost, Outcome::Conflict);
    world.input(0, Input::Answered(id, lost));
    world.pass_alive(0, 5_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::LineageUnverifiable));

    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    assert_eq!((positions(&world), world.exact()), (vec![10, 0], 10));
    assert_eq!(world.deliver(0, &late), Outcome::Conflict);
}

#[test]
fn a_life_that_took_the_table_over_is_not_pushed_aside() {
    let mut world = rolled_back();
    world.pass_alive(0, 1_000);
    let mut theirs = world.property();
    theirs.instance = Instance(0xeeee);
    theirs.incarnation.0 += 1;
    world.lake_mut().properties.extend(theirs.render("orders"));
    let why = refused(decide_on_head(&mut world, Decision::Reingest));
    assert!(why.contains("000000000000eeee (incarnation 2) has taken it over"), "{why}");
}

#[test]
fn a_table_that_is_not_stopped_needs_no_decision() {
    let mut world = World::running();
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Keep, expected), None, "its topic may have been recreated");
    world.input(0, Input::Observed(observation(FIRST_TABLE)));
    world.run(0);
    assert_eq!(world.resumed, [ResumeEnd::NotStopped]);
    assert_eq!(world.lake().kinds(), ["create"]);
}

/// The decision is one log entry: another leader goes on with it.
#[test]
fn a_decision_outlives_the_leader_that_took_it() {
    let mut world = rolled_back();
    world.pass_alive(0, 1_000);
    let expected = head(&world);
    world.input(0, Input::Resume(FIRST_TABLE, Resume { decision: Decision::Reingest, expected }));
    let (_, Request::Commit(_, fence, _)) = world.run_to_request(0) else { panic!("a fence is a commit") };
    world.nodes[0].effects.clear();
    world.input(0, Input::Lost);
    world.input(0, Input::Led);
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!((world.stop_reason(0), world.lake().kinds()), (None, vec!["create".to_owned(), "fence".to_owned()]));
    assert_ne!(head(&world), Some(fence.snapshot), "under an id of its own");
}

fn stop_reading(world: &mut World, reason: StopReason) {
    let stopped = Stopped::new(reason, "because").of_topic("orders");
    world.input(0, Input::StopRequested(FIRST_TABLE, stopped));
    world.run(0);
}

#[test]
fn reset_commits_what_was_accepted_and_begins_at_the_configured_start() {
    let mut world = after(|world| stop_reading(world, StopReason::RetentionGap));
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Reset, expected), Some(ResumeEnd::Done));
    assert_eq!(world.lake().kinds(), ["create", "append", "append", "fence"], "accepted before the stop");
    assert_eq!(positions(&world), [0; 0]);

    let mut seen = observation(FIRST_TABLE);
    seen.partitions = vec![(Partition(0), Offset(20), Offset(30)), (Partition(1), Offset(0), Offset(0))];
    world.input(0, Input::Observed(seen));
    world.run(0);
    assert_eq!(positions(&world), [20, 0]);
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    assert_eq!(world.property().watermark[&key(0)].offset, Offset(30));
}

/// The stop comes after the decision: the process was told as it was started.
#[test]
fn a_decision_waits_for_the_topic_to_be_seen() {
    let mut world = World::running();
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Reset, expected), None);
    let mut seen = observation(FIRST_TABLE);
    seen.identity = StreamIdentity { topic_id: Some("another".into()), ..identity() };
    world.input(0, Input::Observed(seen));
    // The stop is logged late: the loop has looked at the table before.
    let stop = world.nodes[0].effects.iter().position(|effect| matches!(effect, Effect::Propose(..)));
    let stop = stop.and_then(|index| world.nodes[0].effects.remove(index)).expect("the report stops the table");
    world.run(0);
    assert_eq!(world.resumed, []);
    world.nodes[0].effects.push_front(stop);
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!((world.resumed.pop(), world.stop_reason(0)), (Some(ResumeEnd::Done), None));
}

#[test]
fn keep_takes_a_recreated_topic_for_the_one_before() {
    let mut world = after(|world| stop_reading(world, StopReason::TopicRecreated));
    let expected = head(&world);
    let decision = Resume { decision: Decision::Keep, expected };
    world.input(0, Input::Resume(FIRST_TABLE, decision));
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!(world.resumed, [], "the topic has to be seen first");

    let mut seen = observation(FIRST_TABLE);
    seen.identity = StreamIdentity { topic_id: Some("another".into()), ..identity() };
    seen.partitions = vec![(Partition(0), Offset(0), Offset(12))];
    world.input(0, Input::Observed(seen.clone()));
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!(world.resumed, [ResumeEnd::Done]);
    let property = world.property();
    let anew = ChainKey { stream: StreamId(1), partition: Partition(0) };
    assert_eq!(property.streams, BTreeMap::from([(StreamId(1), seen.identity)]));
    let ends: Vec<_> = property.watermark.iter().map(|(key, mark)| (*key, mark.offset.0)).collect();
    assert_eq!(ends, [(anew, 12)], "15 is past its end, and it has one topic partition");
}

/// It was left in a command line: what is on top of the head that it names was never looked at.
#[test]
fn a_decision_on_a_head_of_long_ago_says_nothing() {
    let mut world = World::running();
    let long_ago = head(&world);
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    stop_reading(&mut world, StopReason::RetentionGap);
    let why = refused(decide(&mut world, Decision::Reset, long_ago));
    assert!(why.starts_with("its head is snapshot"), "{why}");
    assert_eq!(world.stop_reason(0), Some(StopReason::RetentionGap));
}

#[test]
fn a_decision_does_not_wait_for_ever() {
    let mut world = World::running();
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Reset, expected), None, "its topic is not seen");
    world.pass_alive(0, 700_000);
    assert_eq!(world.resumed, [ResumeEnd::NotStopped]);
}

/// The newest commit landed and was not recorded: only the property names it.
#[test]
fn keep_never_goes_back_behind_the_property() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let (_, request) = world.run_to_request(0);
    assert_eq!(world.deliver(0, &request), Outcome::Committed);
    world.lake_mut().foreign(55, None);
    world.lake_mut().expire();
    world.nodes[0].effects.clear();
    world.input(0, Input::Lost);
    world.input(0, Input::Led);
    world.run(0);
    assert_eq!(world.stop_reason(0), Some(StopReason::LineageUnverifiable));
    assert_eq!(decide_on_head(&mut world, Decision::Keep), Some(ResumeEnd::Done));
    assert_eq!((positions(&world), world.exact()), (vec![10, 0], 10));
}

/// The same without any state: the property is all there is.
#[test]
fn keep_takes_what_the_property_says_where_nothing_was_recorded() {
    let mut world = after(|world| {
        world.lake_mut().foreign(55, None);
        world.lake_mut().expire();
    });
    let second = world.cluster(0xbbbb, SessionId(0xb), Settings { adopt_now: true, ..Settings::default() });
    world.put_table(second, "orders");
    world.run(second);
    assert_eq!(world.stop_reason(second), Some(StopReason::LineageUnverifiable));
    let expected = head(&world);
    world.input(second, Input::Resume(FIRST_TABLE, Resume { decision: Decision::Keep, expected }));
    world.run(second);
    world.pass(second, 2_000);
    assert_eq!(world.resumed.pop(), Some(ResumeEnd::Done));
    world.ingest(second, SessionId(0xb), &[(0, 5)]);
    world.pass(second, 1_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_stop_that_lifts_itself_needs_no_decision() {
    let mut world = World::new();
    world.lakes.insert("orders".into(), lake::Lake { format_version: 1, ..lake::Lake::empty() });
    world.put_table(0, "orders");
    world.run(0);
    let why = refused(decide(&mut world, Decision::Keep, None));
    assert_eq!(why, "it is stopped as schema, which lifts itself once the cause is gone");
}

#[test]
fn a_topic_recreated_before_there_was_a_table_is_reset() {
    let mut world = World::new();
    let table = world.put_table_without_topic(0, "orders");
    let mut first = observation(table);
    first.schema = None;
    world.input(0, Input::Observed(first));
    world.run(0);
    stop_reading(&mut world, StopReason::TopicRecreated);
    assert!(refused(decide(&mut world, Decision::Keep, None)).contains("let reset begin it anew"));
    assert_eq!(decide(&mut world, Decision::Reset, None), Some(ResumeEnd::Done));
    let mut second = observation(table);
    second.identity = StreamIdentity { topic_id: Some("another".into()), ..identity() };
    world.input(0, Input::Observed(second.clone()));
    world.run(0);
    world.pass_alive(0, 2_000);
    assert_eq!(world.lake().kinds(), ["create"]);
    assert_eq!(world.property().streams, BTreeMap::from([(StreamId(0), second.identity)]));
}

#[test]
fn a_table_that_another_cluster_has_claimed_is_left_to_it() {
    let mut world = after(|world| {
        let mut theirs = world.property();
        theirs.instance = Instance(0xeeee);
        let properties = theirs.render("other");
        *world.lake_mut() = lake::Lake { uuid: TableUuid([1; 16]), properties, ..lake::Lake::empty() };
    });
    let why = refused(decide_on_head(&mut world, Decision::Reingest));
    assert_eq!(why, "cluster other reads its topic into it too; only one may");
}

fn another_topic(world: &mut World) {
    let mut other = observation(FIRST_TABLE);
    other.identity = StreamIdentity { topic: "returns".into(), topic_id: Some("r".into()), ..identity() };
    other.partitions = vec![(Partition(0), Offset(3), Offset(9))];
    world.input(0, Input::Observed(other));
    world.run(0);
}

#[test]
fn reset_is_about_the_topic_that_stopped() {
    let mut world = after(another_topic);
    stop_reading(&mut world, StopReason::TopicRecreated);
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Reset, expected), Some(ResumeEnd::Done));
    let left: Vec<_> = world.table(0).chains.iter().map(|(key, chain)| (key.stream.0, chain.accepted_end.0)).collect();
    assert_eq!(left, [(1, 3)]);

    let mut world = after(another_topic);
    let stopped = Stopped::new(StopReason::KafkaClusterChanged, "other brokers").of_topic("orders");
    world.input(0, Input::StopRequested(FIRST_TABLE, stopped));
    world.run(0);
    let expected = head(&world);
    assert_eq!(decide(&mut world, Decision::Reset, expected), Some(ResumeEnd::Done));
    assert!(world.table(0).chains.is_empty(), "all topics are on the other brokers");
}

/// The head is of before the second topic: its start is the configured one again, where that can be told.
#[test]
fn a_topic_that_came_after_the_head_begins_at_the_configured_start() {
    let came_after = || {
        let mut world = World::running();
        let early = head(&world);
        another_topic(&mut world);
        world.ingest(0, SESSION, &[(0, 1)]);
        world.pass(0, 1_000);
        world.lake_mut().head = early;
        world.pass_alive(0, 600_000);
        world
    };
    let mut world = came_after();
    assert_eq!(decide_on_head(&mut world, Decision::Reingest), Some(ResumeEnd::Done));
    another_topic(&mut world);
    let starts: Vec<_> = world.table(0).chains.iter().map(|(key, chain)| (key.stream.0, chain.mark.offset.0)).collect();
    assert_eq!(starts, [(0, 0), (0, 0), (1, 3)], "where the log begins, not 0");

    let mut world = came_after();
    let mut spec = world.table(0).spec.clone();
    spec.start = crate::state::StartAt::Latest;
    world.apply(0, Command::PutTable { spec });
    let why = refused(decide_on_head(&mut world, Decision::Reingest));
    assert!(why.ends_with("where topic returns began is not known any more"), "{why}");
}

/// A second decision, after the first one met a change, and of a life that has taken the table over.
#[test]
fn a_decision_may_be_made_again() {
    let mut world = rolled_back();
    let second = world.cluster(0xbbbb, SessionId(0xb), Settings { adopt_now: true, ..Settings::default() });
    world.put_table(second, "orders");
    world.run(second);
    let resume = |world: &World| Resume { decision: Decision::Reingest, expected: head(world) };
    let first = resume(&world);
    world.input(second, Input::Resume(FIRST_TABLE, first));
    let (id, fence) = world.run_to_request(second);
    let other = world.lake().snapshots.keys().copied().find(|id| Some(*id) != head(&world));
    world.lake_mut().head = other;
    let lost = world.deliver(second, &fence);
    world.input(second, Input::Answered(id, lost));
    world.run(second);
    world.pass(second, 5_000);
    assert_eq!(world.stop_reason(second), Some(StopReason::LineageUnverifiable));
    let again = resume(&world);
    world.input(second, Input::Resume(FIRST_TABLE, again));
    world.run(second);
    world.pass(second, 2_000);
    assert_eq!((world.resumed.pop(), world.stop_reason(second)), (Some(ResumeEnd::Done), None));
    assert_eq!(world.exact(), 10);
}
