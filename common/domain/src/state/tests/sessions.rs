//! Registrations, their ends, and what that does to chains.

use super::*;

const LATER: SessionId = SessionId(0xb);

fn expire(session: SessionId) -> Command {
    Command::ExpireWorker { session }
}

fn live(state: &State) -> Vec<SessionId> {
    state.live_sessions().collect()
}

#[test]
fn registration_ends_the_earlier_session_of_the_same_worker_only() {
    let mut state = owned();
    apply(&mut state, register("v", SessionId(0xc)));
    apply(&mut state, register("w", LATER));
    assert_eq!(live(&state), [LATER, SessionId(0xc)]);
    assert_eq!(chains(&state), [(0, 0, 1, None), (0, 0, 1, None)]);
}

#[test]
fn registering_twice_under_one_session_changes_nothing() {
    let mut state = owned();
    let before = state.clone();
    apply(&mut state, register("w", SESSION));
    assert_eq!(state, before);
}

#[test]
fn an_ended_session_does_not_come_back() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 5)]);
    apply(&mut state, expire(SESSION));
    apply(&mut state, register("w", SESSION));
    assert!(!state.is_live(SESSION));
}

#[test]
fn what_an_ended_session_had_accepted_stays() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 5)]);
    apply(&mut state, expire(SESSION));
    assert_eq!(staged(&state), [1]);
    assert_eq!(chains(&state), [(0, 5, 1, None), (0, 0, 1, None)]);
    assert!(state.sessions.contains_key(&SESSION), "its sequences are still asked for");
}

#[test]
fn a_session_that_submitted_nothing_is_forgotten_at_its_end() {
    let mut state = owned();
    apply(&mut state, expire(SESSION));
    assert!(state.sessions.is_empty());
    apply(&mut state, expire(SESSION));
    apply(&mut state, expire(SessionId(0xdead)));
}

#[test]
fn an_ended_session_is_granted_nothing() {
    let mut state = owned();
    apply(&mut state, expire(SESSION));
    assert_eq!(refused(&mut state, assign(&[0], SESSION)), Refusal::SessionEnded(SESSION));
    assert_eq!(refused(&mut state, assign(&[0], LATER)), Refusal::SessionEnded(LATER));
}
