//! Tables in doubt: each reason from the facts that lead to it, and that nothing is sent afterwards.

use super::*;
use crate::ids::{AcceptanceNumber, TableUuid};
use crate::property;

/// A table with ten rows committed and five staged, which something happens to.
pub(super) fn after(event: impl FnOnce(&mut World)) -> World {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    world.ingest(0, SESSION, &[(0, 5)]);
    world.sent.clear();
    event(&mut world);
    world
}

pub(super) fn remove(world: &mut World, wanted: impl Fn(&str) -> bool) {
    world.lake_mut().properties.retain(|key, _| !wanted(key));
}

/// What happened, and the reason that the table stops for.
type Case = (&'static str, fn(&mut World), StopReason);

const CASES: &[Case] = &[
    ("rolled back", |world| world.lake_mut().roll_back(), StopReason::RolledBack),
    (
        "rolled back, then appended to",
        |world| {
            world.lake_mut().roll_back();
            world.lake_mut().foreign(55, None);
        },
        StopReason::RolledBack,
    ),
    (
        "ours expired",
        |world| {
            world.lake_mut().foreign(55, None);
            world.lake_mut().expire();
        },
        StopReason::LineageUnverifiable,
    ),
    ("another UUID", |world| world.lake_mut().uuid = TableUuid([1; 16]), StopReason::TableRecreated),
    (
        "dropped",
        |world| {
            world.lakes.clear();
        },
        StopReason::TableRecreated,
    ),
    ("property gone", |world| remove(world, |key| key.ends_with(".state")), StopReason::WatermarkMissing),
    ("chunk gone", |world| remove(world, |key| key.ends_with(".watermark.0")), StopReason::WatermarkMissing),
    (
        "property unreadable",
        |world| {
            world.lake_mut().properties.insert(property::state_key("orders"), "{".into());
        },
        StopReason::WatermarkMissing,
    ),
    (
        "an earlier incarnation",
        |world| {
            let mut changed = world.property();
            changed.incarnation = crate::ids::Incarnation(0);
            world.lake_mut().properties.extend(changed.render("orders"));
        },
        StopReason::CatalogWentBack,
    ),
    (
        "another instance",
        |world| {
            let mut changed = world.property();
            changed.instance = crate::ids::Instance(0xeeee);
            world.lake_mut().properties.extend(changed.render("orders"));
        },
        StopReason::Replaced,
    ),
    (
        "a higher incarnation",
        |world| {
            let mut changed = world.property();
            changed.incarnation = crate::ids::Incarnation(2);
            world.lake_mut().properties.extend(changed.render("orders"));
        },
        StopReason::Replaced,
    ),
];

#[test]
fn a_table_in_doubt_stops_with_its_reason_and_nothing_is_sent() {
    for (name, event, reason) in CASES {
        let mut world = after(event);
        let before = world.lakes.get("orders").cloned();
        // A table that is gone gets a minute to come back; the others stop at the first look.
        world.pass_alive(0, 120_000);
        assert_eq!(world.stop_reason(0), Some(*reason), "{name}");
        assert!(world.sent.is_empty(), "{name}");
        assert!(world.table(0).accepted.is_empty(), "{name}: what was staged is given up");
        assert_eq!(world.lakes.get("orders").cloned(), before, "{name}");

        let loads = world.loads.len();
        world.pass_alive(0, 1_300_000);
        assert_eq!(world.loads.len(), loads, "{name}: a halted table is left alone");
    }
}

#[test]
fn history_that_expired_up_to_our_own_snapshot_is_no_doubt() {
    let mut world = after(|world| {
        world.lake_mut().expire();
        world.lake_mut().foreign(55, None);
    });
    world.pass(0, 2_000);
    assert_eq!(world.stop_reason(0), None);
    assert_eq!(world.exact(), 15);
}

#[test]
fn snapshots_of_our_name_without_a_property_are_no_new_table() {
    let mut world = after(|world| remove(world, |_| true));
    let second = world.cluster(0xbbbb, SessionId(0xb), Settings { adopt_now: true, ..Settings::default() });
    world.put_table(second, "orders");
    world.run(second);
    assert_eq!(world.stop_reason(second), Some(StopReason::WatermarkMissing));
}

#[test]
fn an_older_picture_of_the_table_is_loaded_again() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let old = world.lake().clone();
    world.pass(0, 1_000);
    let new = std::mem::replace(world.lake_mut(), old);
    world.ingest(0, SESSION, &[(0, 5)]);
    world.sent.clear();
    world.pass_alive(0, 50_000);
    assert_eq!((world.stop_reason(0), world.sent.len()), (None, 0));
    *world.lake_mut() = new;
    world.pass_alive(0, 31_000);
    assert_eq!((world.stop_reason(0), world.sent.len()), (None, 1));
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_catalog_that_shows_an_older_table_for_a_minute_stops_it() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let old = world.lake().clone();
    world.pass(0, 1_000);
    *world.lake_mut() = old;
    world.ingest(0, SESSION, &[(0, 5)]);
    world.sent.clear();
    world.pass_alive(0, 55_000);
    assert_eq!(world.stop_reason(0), None);
    world.pass_alive(0, 60_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::CatalogWentBack));
    assert!(world.sent.is_empty());
}

#[test]
fn a_table_that_a_catalog_does_not_find_for_a_moment_is_no_reason_to_stop() {
    let mut world = after(|_| {});
    let lake = world.lakes.remove("orders").expect("the table exists");
    world.pass_alive(0, 50_000);
    assert_eq!((world.stop_reason(0), world.sent.len()), (None, 0));
    world.lakes.insert("orders".into(), lake);
    world.pass_alive(0, 31_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn an_older_picture_now_and_then_is_no_reason_to_stop() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let old = world.lake().clone();
    world.pass(0, 1_000);
    let new = world.lake().clone();
    for _ in 0..5 {
        *world.lake_mut() = old.clone();
        world.input(0, Input::Led);
        world.pass_alive(0, 40_000);
        *world.lake_mut() = new.clone();
        world.pass_alive(0, 40_000);
    }
    assert_eq!(world.stop_reason(0), None);
}

#[test]
fn a_table_of_format_version_one_waits_and_is_looked_at_every_minute() {
    let mut world = World::new();
    world.lakes.insert("orders".into(), lake::Lake { format_version: 1, ..lake::Lake::empty() });
    world.put_table(0, "orders");
    world.run(0);
    assert_eq!(world.stop_reason(0), Some(StopReason::Schema));
    world.loads.clear();
    world.pass_alive(0, 300_000);
    assert!((4..=6).contains(&world.loads.len()), "{} loads in five minutes", world.loads.len());
    world.lake_mut().format_version = 2;
    world.pass_alive(0, 61_000);
    assert_eq!(world.stop_reason(0), None);
    assert_eq!(world.lake().kinds(), ["claim"]);
}

#[test]
fn what_was_accepted_before_a_reading_stop_is_committed() {
    let mut world = after(|_| {});
    let stopped = Stopped::new(StopReason::RetentionGap, "offsets 15 to 20 are gone");
    world.input(0, Input::StopRequested(FIRST_TABLE, stopped));
    world.run(0);
    assert_eq!(world.stop_reason(0), Some(StopReason::RetentionGap));
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 15);
}

#[test]
fn a_table_that_waits_for_a_person_is_still_watched_for_doubt() {
    let mut world = after(|world| {
        let stopped = Stopped::new(StopReason::RetentionGap, "offsets are gone");
        world.input(0, Input::StopRequested(FIRST_TABLE, stopped));
        world.run(0);
        world.sent.clear();
        world.lake_mut().roll_back();
    });
    world.pass_alive(0, 600_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::RolledBack));
    assert!(world.sent.is_empty());
}

#[test]
fn a_commit_whose_manifests_were_given_up_is_not_begun() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let effect = world.run_to(0, |effect| matches!(effect, Effect::Propose(_, Command::BeginCommit { .. })));
    let late =
        Command::Realign { table: FIRST_TABLE, after: AcceptanceNumber(0), reason: RealignReason::FilesVanished };
    world.apply(0, late);
    let Effect::Propose(id, command) = effect else { unreachable!("run_to answers what it was asked for") };
    let reply = world.apply(0, command);
    assert!(matches!(reply, crate::state::Reply::Refused(_)), "{reply:?}");
    world.input(0, Input::Applied(id, false));
    world.run(0);
    assert!(world.sent.is_empty());
    world.ingest(0, SESSION, &[(0, 3)]);
    world.pass(0, 2_000);
    assert_eq!(world.exact(), 3);
}
