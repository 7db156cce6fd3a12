//! What each session is shown, and who gets the chains that nobody reads.

use super::world::key;
use super::*;

const OTHER: SessionId = SessionId(0xb);

#[test]
fn a_session_is_shown_its_grants_and_no_others() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass(0, 1_000);
    world.ingest(0, SESSION, &[(0, 5)]);
    world.register(0, "v", OTHER);
    let shown = view(world.state(0), SESSION);
    assert!(shown.alive);
    let table = &shown.tables[&FIRST_TABLE];
    assert_eq!((table.name.as_str(), table.incarnation.0, table.stopped.clone()), ("orders", 1, None));
    let grant = &table.grants[&key(0)];
    assert_eq!((grant.epoch.0, grant.start.0), (1, 15));
    assert_eq!(table.watermark[&key(0)].0, 10);
    let other = view(world.state(0), OTHER);
    assert!(other.tables[&FIRST_TABLE].grants.is_empty());
    assert_eq!(other.tables[&FIRST_TABLE].watermark, table.watermark, "what is committed is everybody's to trim");
}

#[test]
fn an_ended_session_is_shown_nothing() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.apply(0, Command::ExpireWorker { session: SESSION });
    let shown = view(world.state(0), SESSION);
    assert!(!shown.alive && shown.tables.is_empty());
}

#[test]
fn a_stopped_table_is_shown_with_its_reason() {
    let mut world = World::running();
    let stopped = Stopped::new(StopReason::Operator, "by hand");
    world.input(0, Input::StopRequested(FIRST_TABLE, stopped.clone()));
    world.run(0);
    let shown = view(world.state(0), SESSION);
    assert_eq!(shown.tables[&FIRST_TABLE].stopped, Some(stopped));
    assert!(shown.tables[&FIRST_TABLE].grants.is_empty());
}

#[test]
fn each_table_has_one_watcher_also_before_it_exists() {
    let mut world = World::new();
    world.register(0, "v", OTHER);
    for number in 0..4 {
        world.put_table_without_topic(0, &format!("table{number}"));
    }
    let state = world.state(0);
    for table in state.tables.keys() {
        let watching = [SESSION, OTHER].into_iter().filter(|session| view(state, *session).tables[table].watch);
        assert_eq!(watching.count(), 1);
    }
}

#[test]
fn free_chains_of_a_table_go_to_one_session_and_tables_are_spread() {
    let mut world = World::running();
    world.register(0, "v", OTHER);
    for name in ["second", "third"] {
        world.put_table(0, name);
        world.run(0);
    }
    let owners: Vec<_> = world
        .state(0)
        .tables
        .values()
        .map(|table| table.chains.values().filter_map(|chain| chain.owner).collect::<std::collections::BTreeSet<_>>())
        .collect();
    let expected = [SESSION, OTHER, SESSION].map(|session| std::collections::BTreeSet::from([session]));
    assert_eq!(owners, expected);
    assert_eq!(unowned(world.state(0)), []);
}

#[test]
fn without_a_session_nothing_is_granted() {
    let mut world = World::running();
    world.apply(0, Command::ExpireWorker { session: SESSION });
    assert_eq!(unowned(world.state(0)), []);
}
