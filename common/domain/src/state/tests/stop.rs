//! Stopped tables: what is kept, what is given up, what lifts itself.

use super::*;

fn reason(state: &State) -> Option<StopReason> {
    table(state).stopped.as_ref().map(|stopped| stopped.reason)
}

#[test]
fn every_stop_frees_the_chains_and_only_a_doubtful_table_gives_up_what_was_accepted() {
    for stopped in StopReason::ALL {
        let mut state = owned();
        accept(&mut state, 1, &[(0, 1, 0, 10)]);
        apply(&mut state, stop(stopped));
        assert_eq!(reason(&state), Some(stopped));
        if stopped.halts_commits() {
            assert_eq!(staged(&state), [0; 0], "{stopped:?}");
            assert_eq!(chains(&state), [(0, 0, 2, None), (0, 0, 1, None)], "{stopped:?}");
        } else {
            assert_eq!(staged(&state), [1], "{stopped:?}");
            assert_eq!(chains(&state), [(0, 10, 1, None), (0, 0, 1, None)], "{stopped:?}");
        }
    }
}

#[test]
fn what_was_accepted_before_a_reading_stop_is_still_recorded() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    for command in [stop(StopReason::RetentionGap), begin(101, 1), record(101, 2, &[(0, 10), (1, 0)])] {
        apply(&mut state, command);
    }
    assert_eq!(staged(&state), [0; 0]);
    assert_eq!(chains(&state)[0], (10, 10, 1, None));
    assert_eq!(reason(&state), Some(StopReason::RetentionGap));
}

#[test]
fn only_self_lifting_reasons_are_lifted() {
    for stopped in StopReason::ALL {
        let mut state = owned();
        apply(&mut state, stop(stopped));
        apply(&mut state, Command::LiftStop { table: TABLE });
        let expected = if stopped.lifts_itself() { None } else { Some(stopped) };
        assert_eq!(reason(&state), expected);
    }
    let mut state = owned();
    let before = state.clone();
    apply(&mut state, Command::LiftStop { table: TABLE });
    assert_eq!(state, before, "nothing to lift");
}

/// (first, then, what stands). A table in doubt outranks everything, and a reason that waits for a person outranks one
/// that lifts itself; among equals the first stands, because what followed it may be its consequence.
#[test]
fn the_graver_reason_stands() {
    use StopReason::{Operator, Record, Replaced, RetentionGap, RolledBack, Schema};
    let cases = [
        (Record, Schema, Schema),
        (Record, RetentionGap, RetentionGap),
        (Record, RolledBack, RolledBack),
        (RetentionGap, Record, RetentionGap),
        (RetentionGap, Operator, RetentionGap),
        (RetentionGap, RolledBack, RolledBack),
        (RolledBack, Replaced, RolledBack),
        (RolledBack, Record, RolledBack),
        (RolledBack, RetentionGap, RolledBack),
    ];
    for (first, then, stands) in cases {
        let mut state = owned();
        accept(&mut state, 1, &[(0, 1, 0, 10)]);
        apply(&mut state, stop(first));
        apply(&mut state, stop(then));
        assert_eq!(reason(&state), Some(stands), "{first:?}, then {then:?}");
        assert_eq!(staged(&state).is_empty(), stands.halts_commits(), "{first:?}, then {then:?}");
    }
}

#[test]
fn a_lifted_table_is_read_on_from_its_accepted_ends() {
    let mut state = owned();
    accept(&mut state, 1, &[(0, 1, 0, 10)]);
    for command in [stop(StopReason::Record), Command::LiftStop { table: TABLE }, assign(&[0, 1], SESSION)] {
        apply(&mut state, command);
    }
    assert_eq!(chains(&state), [(0, 10, 2, Some(SESSION)), (0, 0, 2, Some(SESSION))]);
}
