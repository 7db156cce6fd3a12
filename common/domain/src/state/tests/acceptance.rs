//! The order of questions that decides whether a manifest is accepted (protocol details, "Acceptance").

use super::*;
use crate::port::RangeReply::{self, Fenced, Gap, Ok};

const OTHER: SessionId = SessionId(0xb);

fn refusal(replies: &[RangeReply]) -> SubmitReply {
    SubmitReply::Refused(replies.to_vec())
}

fn answer(state: &mut State, manifest: Manifest) -> SubmitReply {
    let before = state.clone();
    let preview = state.preview(&manifest);
    let Reply::Submit(reply) = apply(state, submit(manifest)) else { panic!("a manifest gets a manifest's answer") };
    assert!(reply == SubmitReply::Accepted || *state == before, "only acceptance changes the state: {reply:?}");
    let is_brief = matches!(reply, SubmitReply::Stopped | SubmitReply::Busy { .. });
    assert_eq!(
        preview,
        is_brief.then(|| reply.clone()),
        "what is answered without asking the log is what it would say"
    );
    reply
}

struct Case {
    name: &'static str,
    before: Vec<Command>,
    manifest: Manifest,
    expect: SubmitReply,
}

fn case(name: &'static str, before: Vec<Command>, manifest: Manifest, expect: SubmitReply) -> Case {
    Case { name, before, manifest, expect }
}

/// One manifest of [0, 10) and [0, 4) was accepted under sequence 1 before each case.
fn first() -> Manifest {
    manifest(SESSION, 1, &[(0, 1, 0, 10), (1, 1, 0, 4)])
}

fn next(sequence: u64, parts: &[Part]) -> Manifest {
    manifest(SESSION, sequence, parts)
}

fn in_incarnation(number: u32, mut manifest: Manifest) -> Manifest {
    manifest.incarnation = Incarnation(number);
    manifest
}

fn expire() -> Command {
    Command::ExpireWorker { session: SESSION }
}

fn realign_all() -> Command {
    Command::Realign { table: TABLE, after: AcceptanceNumber(0), reason: RealignReason::FilesVanished }
}

fn committed() -> Vec<Command> {
    vec![begin(101, 1), record(101, 2, &[(0, 10), (1, 4)])]
}

fn accepted_before() -> Vec<Case> {
    let again = SubmitReply::AlreadyAccepted;
    vec![
        case("again", vec![], first(), again.clone()),
        case("again, other content", vec![], next(1, &[(0, 9, 3, 4)]), again.clone()),
        case("again, after its commit", committed(), first(), again.clone()),
        case("again, after its session's end", vec![expire()], first(), again.clone()),
        case("again, after a realign dropped it", vec![realign_all()], first(), again.clone()),
        case("again, on a stopped table", vec![stop(StopReason::Operator)], first(), again.clone()),
        case("again, under another incarnation", vec![], in_incarnation(2, first()), again),
    ]
}

fn fenced() -> Vec<Case> {
    let second = || next(2, &[(0, 1, 10, 12)]);
    let owner = || vec![expire(), register("v", OTHER), assign(&[0, 1], OTHER)];
    vec![
        case("expired session", vec![expire()], second(), refusal(&[Fenced { epoch: Epoch(1) }])),
        case("expired session, stopped table", vec![expire(), stop(StopReason::Record)], second(), {
            refusal(&[Fenced { epoch: Epoch(1) }])
        }),
        case("unknown session", vec![], manifest(OTHER, 1, &[(0, 1, 10, 12)]), refusal(&[Fenced { epoch: Epoch(1) }])),
        case("another owner", owner(), second(), refusal(&[Fenced { epoch: Epoch(2) }])),
        case("live session that owns nothing", vec![register("v", OTHER)], manifest(OTHER, 1, &[(0, 1, 10, 12)]), {
            refusal(&[Fenced { epoch: Epoch(1) }])
        }),
        case("epoch of before a realign", vec![realign_all()], second(), refusal(&[Fenced { epoch: Epoch(2) }])),
        case("epoch of the future", vec![], next(2, &[(0, 2, 10, 12)]), refusal(&[Fenced { epoch: Epoch(1) }])),
        case("unknown chain", vec![], next(2, &[(7, 5, 0, 2)]), refusal(&[Fenced { epoch: Epoch(5) }])),
        case("a later incarnation", vec![], in_incarnation(2, second()), refusal(&[Fenced { epoch: Epoch(1) }])),
        case("one range of two", vec![], next(2, &[(0, 1, 10, 12), (1, 9, 4, 6)]), {
            refusal(&[Ok, Fenced { epoch: Epoch(1) }])
        }),
    ]
}

fn gaps() -> Vec<Case> {
    vec![
        case("starts too late", vec![], next(2, &[(0, 1, 11, 12)]), refusal(&[Gap { expected: Offset(10) }])),
        case("starts too early", vec![], next(2, &[(0, 1, 9, 12)]), refusal(&[Gap { expected: Offset(10) }])),
        case("from the start, committed", committed(), next(2, &[(0, 1, 0, 12)]), {
            refusal(&[Gap { expected: Offset(10) }])
        }),
        case("every range has its own answer", vec![], next(2, &[(0, 9, 10, 12), (1, 1, 5, 6)]), {
            refusal(&[Fenced { epoch: Epoch(1) }, Gap { expected: Offset(4) }])
        }),
        case(
            "epochs differ within one manifest",
            vec![realign_all(), put_stream("orders", &[(2, 0)]), assign(&[2], SESSION)],
            next(2, &[(0, 2, 0, 10), (2, 1, 0, 2)]),
            SubmitReply::Accepted,
        ),
    ]
}

fn malformed() -> Vec<Case> {
    let doubled = next(2, &[(0, 1, 10, 12), (0, 1, 10, 12)]);
    let unordered = next(2, &[(1, 1, 4, 6), (0, 1, 10, 12)]);
    let empty = Manifest { ranges: vec![], files: vec![], ..next(2, &[(0, 1, 10, 12)]) };
    let fileless = Manifest { files: vec![], ..next(2, &[(0, 1, 10, 12)]) };
    let mut miscounted = next(2, &[(0, 1, 10, 12)]);
    miscounted.files[0].rows += 1;
    let mut rowless = next(2, &[(0, 1, 10, 12)]);
    rowless.ranges[0].rows = 0;
    rowless.files.clear();
    vec![
        case("a chain twice", vec![], doubled, refusal(&[Ok, Ok])),
        case("not in chain order", vec![], unordered, refusal(&[Ok, Ok])),
        case("no range", vec![], empty, refusal(&[])),
        case("rows without files", vec![], fileless, refusal(&[Ok])),
        case("another number of rows in files", vec![], miscounted, refusal(&[Ok])),
        case("rowless, without files", vec![], rowless, SubmitReply::Accepted),
    ]
}

fn stopped() -> Vec<Case> {
    let second = || next(2, &[(0, 1, 10, 12)]);
    let reasons = [StopReason::Record, StopReason::RetentionGap, StopReason::RolledBack, StopReason::Replaced];
    let cases = reasons.map(|reason| case(reason.as_str(), vec![stop(reason)], second(), SubmitReply::Stopped));
    cases.into_iter().collect()
}

#[test]
fn questions_are_asked_in_order() {
    let cases = [accepted_before(), fenced(), gaps(), malformed(), stopped()].concat_cases();
    for Case { name, before, manifest, expect } in cases {
        let mut state = owned();
        assert_eq!(answer(&mut state, first()), SubmitReply::Accepted);
        for command in before {
            apply(&mut state, command);
        }
        assert_eq!(answer(&mut state, manifest), expect, "{name}");
    }
}

trait ConcatCases {
    fn concat_cases(self) -> Vec<Case>;
}

impl<const N: usize> ConcatCases for [Vec<Case>; N] {
    fn concat_cases(self) -> Vec<Case> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn acceptance_extends_every_chain_at_once() {
    let mut state = owned();
    assert_eq!(answer(&mut state, first()), SubmitReply::Accepted);
    assert_eq!(chains(&state), [(0, 10, 1, Some(SESSION)), (0, 4, 1, Some(SESSION))]);
    assert_eq!(answer(&mut state, next(2, &[(1, 1, 4, 9)])), SubmitReply::Accepted);
    assert_eq!(chains(&state), [(0, 10, 1, Some(SESSION)), (0, 9, 1, Some(SESSION))]);
    assert_eq!(staged(&state), [1, 2]);
    assert_eq!(table(&state).accepted[0].at, Timestamp(1_000));
}

#[test]
fn a_refused_sequence_may_be_followed_by_a_higher_one() {
    let mut state = owned();
    assert!(matches!(answer(&mut state, next(1, &[(0, 1, 5, 6)])), SubmitReply::Refused(_)));
    assert_eq!(answer(&mut state, next(2, &[(0, 1, 0, 6)])), SubmitReply::Accepted);
    assert_eq!(answer(&mut state, next(1, &[(0, 1, 6, 7)])), SubmitReply::AlreadyAccepted, "never used again");
}

#[test]
fn sequences_are_counted_per_session() {
    let mut state = owned();
    assert_eq!(answer(&mut state, next(7, &[(0, 1, 0, 6)])), SubmitReply::Accepted);
    for command in [expire(), register("w", OTHER), assign(&[0, 1], OTHER)] {
        apply(&mut state, command);
    }
    assert_eq!(answer(&mut state, manifest(OTHER, 1, &[(0, 2, 6, 9)])), SubmitReply::Accepted);
}

#[test]
fn a_full_table_is_busy_until_a_commit_is_recorded() {
    let mut state = owned();
    let many = |sequence, from, to, files: usize| {
        let mut manifest = next(sequence, &[(0, 1, from, to)]);
        let file = manifest.files[0].clone();
        manifest.files.extend((1..files).map(|_| ManifestFile { rows: 0, ..file.clone() }));
        manifest
    };
    assert_eq!(answer(&mut state, many(1, 0, 1, limits::STAGED_FILES)), SubmitReply::Accepted);
    let second = many(2, 1, 2, 1);
    let busy = SubmitReply::Busy { retry_after_ms: limits::BUSY_RETRY_MS };
    assert_eq!(answer(&mut state, second.clone()), busy);
    assert_eq!(answer(&mut state, many(3, 5, 6, 1)), busy, "asked before the chains");
    for command in [begin(101, 1), record(101, 2, &[(0, 1), (1, 0)])] {
        apply(&mut state, command);
    }
    assert_eq!(answer(&mut state, second), SubmitReply::Accepted, "the same manifest under the same sequence");
}

#[test]
fn one_manifest_of_more_files_than_the_bound_is_not_busy_for_ever() {
    let mut state = owned();
    let mut huge = next(1, &[(0, 1, 0, 10)]);
    let file = huge.files[0].clone();
    huge.files.extend((0..limits::STAGED_FILES).map(|_| ManifestFile { rows: 0, ..file.clone() }));
    assert_eq!(answer(&mut state, huge), SubmitReply::Accepted);
}

#[test]
fn the_number_of_staged_manifests_is_bounded() {
    let mut state = owned();
    let bound = i64::try_from(limits::STAGED_MANIFESTS).expect("a small number");
    for number in 0..bound {
        let manifest = Manifest { files: vec![], ..rowless(number, number + 1) };
        assert_eq!(state.apply(submit(manifest)), Reply::Submit(SubmitReply::Accepted));
    }
    assert!(matches!(answer(&mut state, rowless(bound, bound + 1)), SubmitReply::Busy { .. }));
}

fn rowless(from: i64, to: i64) -> Manifest {
    let mut manifest = next(to.cast_unsigned(), &[(0, 1, from, to)]);
    manifest.ranges[0].rows = 0;
    manifest.files.clear();
    manifest
}

#[test]
fn the_chain_remembers_the_leader_epoch_of_its_last_range() {
    let mut state = owned();
    let mut first = next(1, &[(0, 1, 0, 10)]);
    first.ranges[0].leader_epoch = LeaderEpoch(8);
    assert_eq!(answer(&mut state, first), SubmitReply::Accepted);
    assert_eq!(table(&state).chains[&key(0)].leader_epoch, LeaderEpoch(8));
}
