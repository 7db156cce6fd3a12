//! The life of a commit: created, staged, written, sent, and read back whatever was answered.

use super::world::{INTERVAL, Request, key};
use super::*;
use crate::ids::{AcceptanceNumber, SchemaId};
use crate::port::SubmitReply;
use crate::range::Offset;

fn committed(world: &World) -> Vec<(i32, i64)> {
    world.property().watermark.iter().map(|(key, mark)| (key.partition.0, mark.offset.0)).collect()
}

/// Lets the gathering time pass, so that what was accepted becomes due.
fn gather(world: &mut World) {
    world.pass(0, 1_000);
}

/// Something was accepted, and its commit request is about to be sent.
fn sent() -> (World, EffectId, Request) {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10), (1, 5)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let (id, request) = world.run_to_request(0);
    (world, id, request)
}

#[test]
fn a_topic_and_a_schema_make_a_table_that_is_recorded_and_granted() {
    let mut world = World::new();
    world.put_table(0, "orders");
    let (id, request) = world.run_to_request(0);
    assert!(world.table(0).begun.contains_key(&request.snapshot()), "begun before it is sent");
    assert_eq!(world.table(0).life, Life::New);
    let outcome = world.deliver(0, &request);
    world.input(0, Input::Answered(id, outcome));
    world.run(0);
    assert_eq!(world.table(0).life, Life::Owned);
    assert_eq!(committed(&world), [(0, 0), (1, 0)], "the property holds every start");
    let owners: Vec<_> = world.table(0).chains.values().map(|chain| chain.owner).collect();
    assert_eq!(owners, [Some(SESSION), Some(SESSION)]);
}

#[test]
fn a_table_without_a_schema_waits_for_one() {
    let mut world = World::new();
    let table = world.put_table_without_topic(0, "orders");
    world.input(0, Input::Observed(Observation { schema: None, ..world::observation(table) }));
    world.pass_alive(0, 20_000);
    assert!(world.sent.is_empty());
    assert!(world.nodes[0].core.waiting_for(table).is_some_and(|why| why.contains("schema")));
    world.input(0, Input::Observed(world::observation(table)));
    world.run(0);
    assert_eq!(world.lake().kinds(), ["create"], "at once, whatever the pause was");
    assert_eq!(world.nodes[0].core.waiting_for(table), None);
}

#[test]
fn what_was_accepted_is_committed_once_and_recorded() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10), (1, 5)]);
    world.ingest(0, SESSION, &[(0, 3)]);
    assert!(world.sent.is_empty());
    gather(&mut world);
    assert_eq!(world.sent.len(), 1, "one commit for both");
    assert_eq!(committed(&world), [(0, 13), (1, 5)]);
    assert_eq!(world.exact(), 18);
    assert!(world.table(0).accepted.is_empty());
    assert_eq!(world.table(0).recorded.map(|recorded| recorded.snapshot), world.lake().head);
    world.pass_alive(0, 2 * INTERVAL);
    assert_eq!(world.sent.len(), 1, "nothing new, no commit");
}

#[test]
fn a_snapshot_tells_who_made_it_and_what_it_adds() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    gather(&mut world);
    let facts = world.lake().facts();
    let summary = &facts.ancestors[0].summary;
    let newest = world::EPOCH;
    let expected = [
        ("k2i.cluster", "orders".to_owned()),
        ("k2i.incarnation", "1".into()),
        ("k2i.instance", "000000000000aaaa".into()),
        ("k2i.kind", "append".into()),
        ("k2i.ranges", format!("[[0,0,0,10,10,{newest}]]")),
    ];
    let found: Vec<(&str, String)> = summary.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_commit_is_begun_in_the_log_before_it_is_sent() {
    let (world, _, request) = sent();
    let begun = &world.table(0).begun[&request.snapshot()];
    assert_eq!((begun.base, begun.upto), (world.lake().head, AcceptanceNumber(1)));
}

#[test]
fn a_lost_reply_is_read_back_from_the_table_and_nothing_is_sent_twice() {
    for outcome in [Outcome::Unknown("timed out".into()), Outcome::Conflict, Outcome::Rejected("500".into())] {
        let (mut world, id, request) = sent();
        assert_eq!(world.deliver(0, &request), Outcome::Committed);
        world.input(0, Input::Answered(id, outcome));
        world.pass_alive(0, INTERVAL);
        assert_eq!(world.sent.len(), 1);
        assert_eq!(world.exact(), 15);
        assert!(world.table(0).accepted.is_empty());
    }
}

#[test]
fn success_is_not_believed_before_it_is_read() {
    let (mut world, id, _lost) = sent();
    world.input(0, Input::Answered(id, Outcome::Committed));
    let (_, again) = world.run_to_request(0);
    assert_eq!(world.table(0).accepted.len(), 1, "nothing was recorded");
    world.deliver(0, &again);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_request_that_never_lands_is_sent_again_under_its_id() {
    let (mut world, id, lost) = sent();
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass(0, 1_000);
    assert_eq!(world.sent, [(lost.snapshot(), Outcome::Committed)]);
    assert_eq!(world.exact(), 15);
    assert_eq!(world.deliver(0, &lost), Outcome::Conflict, "late, it finds another head");
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_commit_that_was_recorded_without_our_learning_of_it_lends_its_id_to_no_other() {
    let (mut world, id, request) = sent();
    let outcome = world.deliver(0, &request);
    world.input(0, Input::Answered(id, outcome));
    let record = world.run_to(0, |effect| matches!(effect, Effect::Propose(_, Command::RecordCommit { .. })));
    let Effect::Propose(id, command) = record else { unreachable!("run_to answers what it was asked for") };
    world.apply(0, command);
    world.input(0, Input::Applied(id, false));
    world.run(0);
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 16);
    assert_eq!(world.lake().snapshots.len(), 3, "each snapshot has an id of its own");
}

#[test]
fn what_is_accepted_meanwhile_rides_with_the_retry() {
    let (mut world, id, _lost) = sent();
    world.ingest(0, SESSION, &[(1, 7)]);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 22);
}

#[test]
fn a_foreign_append_costs_one_conflict_and_the_retry_keeps_the_id() {
    let (mut world, id, request) = sent();
    world.lake_mut().foreign(77, Some("theirs.parquet"));
    let outcome = world.deliver(0, &request);
    assert_eq!(outcome, Outcome::Conflict);
    world.input(0, Input::Answered(id, outcome));
    world.pass(0, 1_000);
    let id = request.snapshot();
    assert_eq!(world.sent, [(id, Outcome::Conflict), (id, Outcome::Committed)]);
    assert_eq!(world.lake().kinds(), ["create", "-", "append"]);
    assert_eq!(world.exact(), 15);
    assert!(world.lake().live().contains(&"theirs.parquet".to_owned()));
}

#[test]
fn a_foreign_snapshot_between_load_and_answer_leaves_our_own_commit_recorded() {
    let (mut world, id, request) = sent();
    world.deliver(0, &request);
    world.lake_mut().foreign(77, None);
    world.input(0, Input::Answered(id, Outcome::Unknown("timed out".into())));
    world.pass(0, 1_000);
    assert_eq!(world.sent.len(), 1);
    let recorded = world.table(0).recorded.expect("recorded");
    assert_eq!((recorded.snapshot, recorded.sequence.0), (request.snapshot(), 3), "at the table's sequence number");
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 16);
}

#[test]
fn each_commit_has_an_id_of_its_own() {
    let mut world = World::running();
    for _ in 0..3 {
        world.ingest(0, SESSION, &[(0, 1)]);
        world.pass(0, 2_500);
    }
    assert_eq!(world.lake().kinds(), ["create", "append", "append", "append"]);
    assert_eq!(world.exact(), 3);
}

#[test]
fn a_vanished_file_takes_its_manifest_and_all_after_it() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let second = world.cut(0, SESSION, &[(0, 5), (1, 2)]);
    let vanished = second.files[0].location.clone();
    assert_eq!(world.submit(0, second), SubmitReply::Accepted);
    world.ingest(0, SESSION, &[(0, 1)]);
    world.store.remove(&vanished);
    gather(&mut world);
    assert_eq!(committed(&world), [(0, 10), (1, 0)], "what stays is committed at once");
    let chain = world.table(0).chains[&key(0)].clone();
    assert_eq!((chain.accepted_end.0, chain.epoch.0, chain.owner), (10, 2, Some(SESSION)), "and the rest read again");
    world.ingest(0, SESSION, &[(0, 6), (1, 2)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 18);
}

#[test]
fn a_store_that_cannot_be_asked_delays_and_realigns_nothing() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let Effect::CheckFiles(id, ..) = world.run_to(0, |effect| matches!(effect, Effect::CheckFiles(..))) else {
        unreachable!("run_to answers what it was asked for")
    };
    world.input(0, Input::Checked(id, None));
    world.run(0);
    assert_eq!(world.table(0).accepted.len(), 1);
    world.pass(0, 1_000);
    assert_eq!(world.exact(), 10);
}

#[test]
fn a_check_of_what_has_been_realigned_meanwhile_drops_nothing_else() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let Effect::CheckFiles(id, ..) = world.run_to(0, |effect| matches!(effect, Effect::CheckFiles(..))) else {
        unreachable!("run_to answers what it was asked for")
    };
    let late =
        Command::Realign { table: FIRST_TABLE, after: AcceptanceNumber(0), reason: RealignReason::FilesVanished };
    world.apply(0, late);
    world.ingest(0, SESSION, &[(0, 4)]);
    world.input(0, Input::Checked(id, Some(vec![FileCheck::Vanished])));
    world.run(0);
    assert_eq!(world.table(0).chains[&key(0)].epoch.0, 2, "set back once");
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 4);
}

#[test]
fn files_staged_for_more_than_a_day_are_read_again() {
    let day = 24 * 3_600 * 1_000;
    for (age, epoch) in [(day, 1), (day + 1, 2)] {
        let mut world = World::running();
        world.dead.insert("orders".into());
        world.ingest(0, SESSION, &[(0, 10)]);
        world.now = world.now.plus_ms(age);
        world.dead.clear();
        world.heartbeat(0);
        world.input(0, Input::Tick);
        world.run(0);
        assert_eq!(world.table(0).chains[&key(0)].epoch.0, epoch, "after {age} ms");
        assert_eq!(committed(&world)[0].1, if epoch == 1 { 10 } else { 0 });
    }
}

#[test]
fn a_commit_decided_long_ago_is_decided_again() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let effect = world.run_to(0, |effect| matches!(effect, Effect::Propose(_, Command::BeginCommit { .. })));
    // The process was stopped for two days, with its files written and the proposal on its way.
    world.now = world.now.plus_ms(48 * 3_600 * 1_000);
    let Effect::Propose(id, command) = effect else { unreachable!("run_to answers what it was asked for") };
    world.apply(0, command);
    world.heartbeat(0);
    world.input(0, Input::Applied(id, true));
    world.run(0);
    assert!(world.sent.is_empty(), "the files are older than a day now");
    assert_eq!(world.table(0).chains[&key(0)].epoch.0, 2, "they are read again");
}

#[test]
fn a_file_of_a_schema_that_is_gone_is_read_again() {
    let mut world = World::running();
    world.lake_mut().schemas = [SchemaId(0), SchemaId(1)].into();
    world.ingest(0, SESSION, &[(0, 1)]);
    gather(&mut world);
    assert_eq!(world.exact(), 1, "an older schema that still exists is legal");
    world.lake_mut().schemas = [SchemaId(1)].into();
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass(0, 2_000);
    assert_eq!(world.table(0).chains[&key(0)].epoch.0, 2);
    assert_eq!(world.exact(), 1);
}

#[test]
fn what_does_not_fit_into_one_commit_follows_in_the_next() {
    let mut world = World::running();
    for _ in 0..2 {
        let mut manifest = world.cut(0, SESSION, &[(0, 1)]);
        let file = manifest.files[0].clone();
        for number in 1..600 {
            let location = format!("{}-{number}", file.location);
            world.store.insert(location.clone());
            manifest.files.push(crate::manifest::ManifestFile { location, rows: 0, ..file.clone() });
        }
        assert_eq!(world.submit(0, manifest), SubmitReply::Accepted);
    }
    gather(&mut world);
    assert_eq!(committed(&world)[0].1, 1);
    world.pass(0, 1_000);
    assert_eq!(committed(&world)[0].1, 2);
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn long_ranges_are_named_by_a_digest() {
    let mut world = World::new();
    let table = world.put_table_without_topic(0, "orders");
    let mut seen = world::observation(table);
    seen.partitions = (0..300).map(|number| (crate::ids::Partition(number), Offset(0), Offset(9))).collect();
    world.input(0, Input::Observed(seen));
    world.run(0);
    let rows: Vec<(i32, i64)> = (0..300).map(|number| (number, 1)).collect();
    world.ingest(0, SESSION, &rows);
    gather(&mut world);
    let facts = world.lake().facts();
    let summary = &facts.ancestors[0].summary;
    assert!(!summary.contains_key("k2i.ranges"));
    assert_eq!(summary["k2i.ranges.count"], "300");
    assert_eq!(summary["k2i.ranges.sha256"].len(), 64);
    assert_eq!(world.exact(), 300);
}

#[test]
fn a_clock_that_jumps_back_stops_no_commit() {
    let (mut world, id, request) = sent();
    let outcome = world.deliver(0, &request);
    world.input(0, Input::Answered(id, outcome));
    world.run(0);
    let head = world.lake().facts().ancestors[0].at;
    world.now = Timestamp(5);
    world.input(0, Input::Led);
    world.run(0);
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 16);
    assert_eq!(world.lake().facts().ancestors[0].at, head.plus_ms(1));
}
