//! Pauses, deadlines and time-outs: nothing is asked in a loop, nothing waits for something else's failure.

use super::world::INTERVAL;
use super::*;

/// Milliseconds between the loads of a table.
fn pauses(world: &World, name: &str) -> Vec<i64> {
    let at: Vec<i64> = world.loads.iter().filter(|(table, _)| table == name).map(|(_, at)| at.0).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_dead_catalog_is_asked_with_growing_pauses() {
    let mut world = World::running();
    world.dead.insert("orders".into());
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass_alive(0, 200_000);
    let pauses = pauses(&world, "orders");
    assert_eq!(pauses[..7], [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]);
    assert!(pauses.len() > 9 && pauses[7..].iter().all(|pause| *pause == 30_000), "{pauses:?}");
    assert_eq!(world.nodes[0].core.waiting_for(FIRST_TABLE), Some("connection refused"));

    world.dead.clear();
    world.pass_alive(0, 30_000);
    assert_eq!(world.exact(), 10);
    assert_eq!(world.nodes[0].core.waiting_for(FIRST_TABLE), None);
    world.dead.insert("orders".into());
    world.loads.clear();
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass_alive(0, 5_000);
    assert_eq!(self::pauses(&world, "orders")[..3], [250, 500, 1_000], "the pauses begin anew");
}

#[test]
fn what_is_accepted_meanwhile_does_not_shorten_a_pause() {
    let mut world = World::running();
    world.dead.insert("orders".into());
    world.ingest(0, SESSION, &[(0, 10)]);
    world.pass_alive(0, 60_000);
    let loads = world.loads.len();
    for _ in 0..20 {
        world.ingest(0, SESSION, &[(0, 1)]);
        world.run(0);
    }
    assert_eq!(world.loads.len(), loads);
}

#[test]
fn what_is_accepted_meanwhile_does_not_lengthen_a_pause_either() {
    let mut world = World::running();
    world.dead.insert("orders".into());
    world.input(0, Input::Led);
    world.run(0);
    world.pass(0, 100);
    world.ingest(0, SESSION, &[(0, 1)]);
    assert_eq!(world.deadline(0), Some(world.now.plus_ms(150)));
}

#[test]
fn a_dead_catalog_of_one_table_does_not_delay_another() {
    let mut world = World::running();
    let other = world.put_table(0, "other");
    world.run(0);
    world.dead.insert("other".into());
    let stuck = world.cut_of(0, other, SESSION, &[(0, 5)]);
    world.submit(0, stuck);
    for rows in 1..4 {
        world.ingest(0, SESSION, &[(0, 1)]);
        world.pass_alive(0, 2_000);
        assert_eq!(world.exact(), rows);
    }
}

#[test]
fn a_request_that_hangs_does_not_delay_another_table() {
    let mut world = World::running();
    let other = world.put_table(0, "other");
    world.run(0);
    let stuck = world.cut_of(0, other, SESSION, &[(0, 5)]);
    world.submit(0, stuck);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let _never_answered = world.run_to_request(0);
    world.ingest(0, SESSION, &[(0, 1)]);
    world.pass_alive(0, 2_000);
    assert_eq!(world.exact(), 1);
}

#[test]
fn an_idle_table_is_looked_at_every_ten_minutes() {
    let mut world = World::running();
    world.pass_alive(0, 1_900_000);
    assert_eq!(world.loads.len(), 3);
    world.lake_mut().foreign(1, None);
    world.lake_mut().expire();
    world.pass_alive(0, 600_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::LineageUnverifiable));
}

#[test]
fn a_silent_session_expires_and_its_chains_go_to_another() {
    let mut world = World::running();
    let other = SessionId(0xb);
    world.register(0, "v", other);
    world.input(0, Input::Tick);
    world.pass(0, 9_000);
    world.input(0, Input::Heartbeat(other));
    assert!(world.state(0).is_live(SESSION));
    world.pass(0, 1_000);
    assert!(!world.state(0).is_live(SESSION));
    assert!(world.state(0).is_live(other));
    assert!(world.table(0).chains.values().all(|chain| chain.owner == Some(other) && chain.epoch.0 == 2));
}

#[test]
fn every_sign_of_life_counts() {
    let cut = Cut { table: FIRST_TABLE, tick: 0 };
    for sign in [Input::Heartbeat(SESSION), Input::Accepted(FIRST_TABLE, SESSION), Input::Nothing(SESSION, cut)] {
        let mut world = World::running();
        world.pass(0, 9_000);
        world.input(0, sign);
        world.pass(0, 9_000);
        assert!(world.state(0).is_live(SESSION));
        world.pass(0, 2_000);
        assert!(!world.state(0).is_live(SESSION));
    }
}

#[test]
fn silence_while_this_process_was_paused_ends_no_session() {
    let mut world = World::running();
    world.now = world.now.plus_ms(60_000);
    world.input(0, Input::Resumed);
    world.run(0);
    world.pass(0, 9_999);
    assert!(world.state(0).is_live(SESSION));
    world.pass(0, 1);
    assert!(!world.state(0).is_live(SESSION), "and from then on it counts again");
}

#[test]
fn a_new_leader_gives_every_session_the_whole_time() {
    let mut world = World::running();
    world.pass(0, 9_000);
    let next = world.node(0, Settings::default());
    world.input(0, Input::Lost);
    world.input(next, Input::Led);
    world.run(next);
    world.pass(next, 9_999);
    assert!(world.state(next).is_live(SESSION));
    world.pass(next, 1);
    assert!(!world.state(next).is_live(SESSION));
}

/// Lets every proposal fail for a minute; answers how many were made.
fn proposals_without_a_quorum(world: &mut World) -> usize {
    let until = world.now.plus_ms(60_000);
    let mut proposals = 0;
    while world.now < until {
        while let Some(effect) = world.nodes[0].effects.pop_front() {
            if let Effect::Propose(id, _) = effect {
                proposals += 1;
                world.input(0, Input::Applied(id, false));
            }
            assert!(proposals < 1_000, "proposals without a pause");
        }
        world.now = world.deadline(0).expect("a leader has a deadline").min(until);
        world.input(0, Input::Tick);
    }
    proposals
}

#[test]
fn a_proposal_that_fails_is_made_again_after_a_pause() {
    let mut world = World::running();
    world.apply(0, Command::ExpireWorker { session: SESSION });
    world.register(0, "v", SessionId(0xb));
    let proposals = proposals_without_a_quorum(&mut world);
    assert!((10..=400).contains(&proposals), "{proposals} in a minute");
    world.register(0, "v", SessionId(0xc));
    world.run(0);
    world.pass(0, 1_000);
    assert!(world.table(0).chains.values().all(|chain| chain.owner == Some(SessionId(0xc))));
}

#[test]
fn a_proposal_on_its_way_keeps_nobody_awake() {
    let mut world = World::running();
    world.pass(0, 9_999);
    world.now = world.now.plus_ms(1);
    world.input(0, Input::Tick);
    assert!(matches!(world.nodes[0].effects.front(), Some(Effect::Propose(_, Command::ExpireWorker { .. }))));
    assert!(world.deadline(0).is_none_or(|at| at > world.now.plus_ms(1_000)), "until the proposal has ended");
    world.input(0, Input::Tick);
    assert_eq!(world.nodes[0].effects.len(), 1, "it is made once");
}

#[test]
fn a_stop_that_lifts_itself_is_looked_at_every_minute_and_by_each_new_leader() {
    let mut world = World::running();
    let stopped = Stopped::new(StopReason::Record, "field x at offset 3");
    let stop = Input::StopRequested(FIRST_TABLE, stopped);
    world.input(0, stop.clone());
    world.run(0);
    world.pass_alive(0, 59_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::Record));
    world.pass_alive(0, 1_000);
    assert_eq!(world.stop_reason(0), None);
    assert!(world.table(0).chains.values().all(|chain| chain.owner == Some(SESSION)));

    world.input(0, stop.clone());
    world.run(0);
    world.pass_alive(0, 59_000);
    assert_eq!(world.stop_reason(0), Some(StopReason::Record), "a whole minute again");
    let next = world.node(0, Settings::default());
    world.input(0, Input::Lost);
    world.input(next, Input::Led);
    world.run(next);
    assert_eq!(world.stop_reason(next), None, "a start is a fresh look");
}

/// Lets the catalog answer every request so and do nothing; answers the pauses between the requests.
fn pauses_when_answered(outcome: &Outcome) -> Vec<i64> {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    let mut sent = Vec::new();
    for _ in 0..8 {
        while world.nodes[0].effects.is_empty() {
            world.heartbeat(0);
            world.now = world.deadline(0).expect("a leader has a deadline").min(world.now.plus_ms(5_000));
            world.input(0, Input::Tick);
            world.nodes[0].effects.retain(|effect| !matches!(effect, Effect::Cut(..)));
        }
        let (id, _) = world.run_to_request(0);
        sent.push(world.now.0);
        world.input(0, Input::Answered(id, outcome.clone()));
    }
    sent.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn whatever_a_catalog_keeps_answering_the_pauses_grow() {
    let growing = [250, 500, 1_000, 2_000, 4_000, 8_000];
    for outcome in [Outcome::Conflict, Outcome::Unknown("timed out".into()), Outcome::Rejected("no".into())] {
        assert_eq!(pauses_when_answered(&outcome)[..6], growing, "{outcome:?}");
    }
    let believed = pauses_when_answered(&Outcome::Committed);
    assert_eq!(believed[0], 0, "the first time the table is read at once");
    assert_eq!(believed[1..], growing);
}

#[test]
fn a_refused_commit_is_tried_again_with_growing_pauses() {
    let mut world = World::running();
    world.ingest(0, SESSION, &[(0, 10)]);
    let mut sent = Vec::new();
    world.now = world.now.plus_ms(1_000);
    world.input(0, Input::Tick);
    for _ in 0..4 {
        let (id, request) = world.run_to_request(0);
        sent.push((world.now.0, request.snapshot()));
        world.input(0, Input::Answered(id, Outcome::Rejected("403: no".into())));
        world.run(0);
        assert_eq!(world.nodes[0].core.waiting_for(FIRST_TABLE), Some("403: no"));
        world.now = world.deadline(0).expect("it tries again");
        world.input(0, Input::Tick);
    }
    let pauses: Vec<i64> = sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(pauses, [250, 500, 1_000]);
    assert!(sent.iter().all(|(_, id)| *id == sent[0].1), "under the same id");
    assert!(pauses.iter().all(|pause| *pause < INTERVAL));
}
