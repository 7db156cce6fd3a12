//! Random command sequences, sensible and not: the invariants hold after each, and two copies stay equal.

use proptest::prelude::*;

use super::*;

/// Numbers that [`command`] makes a command of, relative to the state that it meets, so that many are accepted.
#[derive(Debug, Clone, Copy)]
struct Draw {
    kind: u8,
    partition: i32,
    session: u64,
    /// Mostly 0: how far off a value is.
    off: i64,
    length: i64,
    number: u8,
}

fn draw() -> impl Strategy<Value = Draw> {
    let off = prop_oneof![8 => Just(0_i64), 1 => -3_i64..4];
    (0_u8..20, 0..3_i32, 1..4_u64, off, 1..4_i64, 0_u8..16).prop_map(
        |(kind, partition, session, off, length, number)| Draw { kind, partition, session, off, length, number },
    )
}

fn command(state: &State, draw: Draw) -> Command {
    let table = table(state);
    let session = SessionId(draw.session);
    let incarnation = Incarnation(off_by(i64::from(table.incarnation.0), draw.off, 0).try_into().unwrap_or(1));
    let last_sequence = table.recorded.map_or(0, |recorded| recorded.sequence.0);
    let snapshot = SnapshotId(i64::from(draw.number % 6) + 1);
    let after =
        AcceptanceNumber(off_by(table.last_acceptance.0.cast_signed(), -i64::from(draw.number % 4), 0).cast_unsigned());
    match draw.kind {
        0 => Command::RegisterWorker { worker: worker(&format!("w{}", draw.number % 2)), session },
        1 => Command::ExpireWorker { session },
        2 => put_stream("orders", &[(draw.partition, draw.off.max(0))]),
        3..=5 => Command::AssignPartitions { table: TABLE, chains: vec![key(draw.partition)], session },
        6..=11 => submit(random_manifest(table, draw, incarnation)),
        12 | 13 => Command::BeginCommit {
            table: TABLE,
            incarnation,
            snapshot,
            base: None,
            base_sequence: SequenceNumber(off_by(last_sequence, draw.off, 0)),
            upto: after,
        },
        14 | 15 => Command::RecordCommit {
            table: TABLE,
            uuid: UUID,
            incarnation,
            snapshot,
            sequence: SequenceNumber(off_by(last_sequence, 1 + draw.off, 0)),
            watermark: random_watermark(table, draw),
        },
        16 => Command::Realign { table: TABLE, after, reason: RealignReason::FilesVanished },
        17 => stop(StopReason::ALL[usize::from(draw.number) % StopReason::ALL.len()]),
        18 => Command::LiftStop { table: TABLE },
        _ => Command::NewIncarnation {
            table: TABLE,
            uuid: UUID,
            incarnation: Incarnation(table.incarnation.0 + u32::from(draw.number % 2)),
            cause: if draw.number < 8 { IncarnationCause::Adopted } else { IncarnationCause::StaleState },
            streams: BTreeMap::from([(StreamId(0), identity("orders"))]),
            watermark: random_watermark(table, draw),
        },
    }
}

fn off_by(value: i64, off: i64, least: i64) -> i64 {
    (value + off).max(least)
}

/// A manifest that is accepted where `off` is 0 and its session owns the chains; of one chain or of two.
fn random_manifest(table: &Table, draw: Draw, incarnation: Incarnation) -> Manifest {
    let parts: Vec<Part> = (draw.partition..3)
        .take(1 + usize::from(draw.number % 2))
        .map(|partition| {
            let chain = table.chains.get(&key(partition));
            let (end, epoch) = chain.map_or((0, 0), |chain| (chain.accepted_end.0, chain.epoch.0));
            let from = off_by(end, draw.off, 0);
            (partition, off_by(i64::from(epoch), draw.off, 0).try_into().unwrap_or(0), from, from + draw.length)
        })
        .collect();
    let owner = table.chains.get(&key(draw.partition)).and_then(|chain| chain.owner);
    let session = owner.filter(|_| draw.number < 12).unwrap_or(SessionId(draw.session));
    let last = table.sequences.get(&session).map_or(0, |last| last.0.cast_signed());
    let sequence = off_by(last, 1 + draw.off, 0).cast_unsigned();
    Manifest { incarnation, ..manifest(session, sequence, &parts) }
}

/// Somewhere around what was accepted: below, at, inside or past it.
fn random_watermark(table: &Table, draw: Draw) -> BTreeMap<ChainKey, Mark> {
    let ahead = i64::from(draw.number % 5) * draw.length - 2;
    let chains = table.chains.iter();
    chains.map(|(key, chain)| (*key, mark(off_by(chain.mark.offset.0, ahead, 0)))).collect()
}

fn check(before: &State, after: &State, command: &Command, reply: &Reply) -> Result<(), TestCaseError> {
    prop_assert_eq!(invariants::violations(after), vec![]);
    if matches!(reply, Reply::Refused(_)) {
        prop_assert_eq!(before, after, "a refused command changes nothing");
    }
    let (old, new) = (table(before), table(after));
    prop_assert!(new.incarnation >= old.incarnation);
    prop_assert!(new.last_acceptance >= old.last_acceptance);
    prop_assert!(new.begun.len() <= limits::BEGUN && new.accepted.len() <= limits::STAGED_MANIFESTS);
    for (key, chain) in &new.chains {
        prop_assert!(chain.accepted_end >= chain.mark.offset, "{key} lies below its watermark");
    }
    if matches!(command, Command::NewIncarnation { .. }) {
        return Ok(());
    }
    for (key, chain) in &old.chains {
        let now = &new.chains[key];
        prop_assert!(now.mark.offset >= chain.mark.offset, "the watermark of {key} went back");
        prop_assert!(now.epoch >= chain.epoch, "the epoch of {key} went back");
        let read_again = now.accepted_end < chain.accepted_end;
        prop_assert!(!read_again || now.epoch > chain.epoch, "{key} went back without a new epoch");
    }
    Ok(())
}

/// A manifest that was accepted is answered so whatever has happened since, and its answer changes nothing.
fn check_again(state: &State, accepted: &[Manifest]) -> Result<(), TestCaseError> {
    for manifest in accepted {
        let mut copy = state.clone();
        prop_assert_eq!(copy.apply(submit(manifest.clone())), Reply::Submit(SubmitReply::AlreadyAccepted));
        prop_assert_eq!(&copy, state);
    }
    Ok(())
}

proptest! {
    // A failure prints the shortest input; nothing is written into the sources.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_after_every_command(draws in prop::collection::vec(draw(), 1..120)) {
        let mut state = owned();
        let mut copy = state.clone();
        let mut accepted = Vec::new();
        for draw in draws {
            let command = command(&state, draw);
            let before = state.clone();
            let reply = state.apply(command.clone());
            prop_assert_eq!(&copy.apply(command.clone()), &reply);
            prop_assert_eq!(&copy, &state, "the same command gave two states");
            check(&before, &state, &command, &reply)?;
            if let (Command::SubmitManifest { manifest, .. }, Reply::Submit(SubmitReply::Accepted)) = (command, reply) {
                accepted.push(manifest);
            }
        }
        check_again(&state, &accepted)?;
    }
}
