//! The queue by a clock that the tests move; the waiting by the real one, in milliseconds.

use std::time::Duration;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Lets everybody go whose turn comes until `end`, and says when each went, in milliseconds after `start`.
fn turns(queue: &mut Queue, start: Instant, end: Duration) -> Vec<(u64, Place)> {
    let (mut now, mut went) = (start, Vec::new());
    loop {
        match queue.next(now) {
            Next::Nobody => return went,
            Next::Now(place) => {
                queue.take(place, now);
                went.push((u64::try_from((now - start).as_millis()).unwrap(), place));
            }
            Next::At(_, at) if at - start > end => return went,
            Next::At(_, at) => now = at,
        }
    }
}

fn times(went: &[(u64, Place)]) -> Vec<u64> {
    went.iter().map(|(at, _)| *at).collect()
}

#[test]
fn a_second_s_worth_comes_at_once_and_then_the_pace_holds() {
    let (start, mut queue) = (Instant::now(), Queue::new(5, 1));
    for _ in 0..9 {
        queue.enter(start, 1);
    }
    assert_eq!(times(&turns(&mut queue, start, ms(10_000))), [0, 0, 0, 0, 0, 200, 400, 600, 800]);
}

#[test]
fn what_was_not_used_is_saved_up_to_a_second_s_worth_and_no_further() {
    let (start, mut queue) = (Instant::now(), Queue::new(4, 1));
    for _ in 0..4 {
        queue.enter(start, 1);
    }
    assert_eq!(times(&turns(&mut queue, start, ms(0))), [0; 4]);
    let later = start + ms(500);
    for _ in 0..3 {
        queue.enter(later, 1);
    }
    assert_eq!(times(&turns(&mut queue, later, ms(10_000))), [0, 0, 250], "two were saved in half a second");
    let much_later = start + ms(3_600_000);
    for _ in 0..5 {
        queue.enter(much_later, 1);
    }
    assert_eq!(times(&turns(&mut queue, much_later, ms(10_000))), [0, 0, 0, 0, 250]);
}

#[test]
fn a_table_that_commits_every_second_never_waits() {
    let (start, mut queue) = (Instant::now(), Queue::new(5, 4));
    for second in 0..1_000 {
        for step in 0..3 {
            let now = start + ms(second * 1_000 + step * 20);
            let place = queue.enter(now, 1);
            assert_eq!(queue.next(now), Next::Now(place));
            queue.take(place, now);
        }
    }
}

#[test]
fn the_oldest_goes_first_whenever_it_came() {
    let (start, mut queue) = (Instant::now() + ms(10_000), Queue::new(1, 1));
    let ages = [300, 100, 400, 100, 200];
    let places = ages.map(|age| queue.enter(start - ms(age), 1));
    let went: Vec<Place> = turns(&mut queue, start, ms(10_000)).into_iter().map(|(_, place)| place).collect();
    assert_eq!(went, [2, 0, 4, 1, 3].map(|at: usize| places[at]), "the two of one age in order of arrival");
}

#[test]
fn a_big_turn_is_not_passed_over() {
    let (start, mut queue) = (Instant::now(), Queue::new(2, 4));
    let went = |queue: &mut Queue, end| times(&turns(queue, start, ms(end)));
    queue.enter(start, 4);
    assert_eq!(went(&mut queue, 0), [0], "a bucket holds the biggest turn");
    queue.enter(start, 4);
    queue.enter(start, 1);
    assert_eq!(went(&mut queue, 10_000), [2_000, 2_500]);
    queue.enter(start, 1_000);
    assert_eq!(queue.waiting_for(), [4], "and what asks for more gets what there can be");
}

#[test]
fn nothing_goes_in_a_pause_and_one_by_one_after_it() {
    let (start, mut queue) = (Instant::now(), Queue::new(10, 4));
    for _ in 0..3 {
        queue.enter(start, 1);
    }
    queue.enter(start, 4);
    queue.hold(start + ms(2_000));
    queue.hold(start + ms(1_000));
    assert_eq!(times(&turns(&mut queue, start, ms(10_000))), [2_000, 2_100, 2_200, 2_600]);
    // It is over; being told of it again changes nothing.
    queue.hold(start + ms(2_000));
    let much_later = start + ms(60_000);
    queue.enter(much_later, 1);
    assert_eq!(times(&turns(&mut queue, much_later, ms(0))), [0]);
}

#[test]
fn a_place_that_was_given_up_costs_nothing() {
    let (start, mut queue) = (Instant::now(), Queue::new(1, 1));
    let gone = queue.enter(start, 1);
    let stays = queue.enter(start, 1);
    assert!(queue.leave(gone) && !queue.leave(gone));
    assert_eq!(queue.next(start), Next::Now(stays));
}

#[tokio::test]
async fn one_that_is_given_up_wakes_the_next() {
    let pace = CatalogPace::new(1, HoldOff::default());
    let now = Instant::now();
    pace.turn(now, CREATE).await;
    // First in the queue, for four seconds; the other one for one.
    let big = tokio::spawn({
        let pace = pace.clone();
        async move { pace.turn(now, CREATE).await }
    });
    while pace.lock().queue.first().is_none() {
        tokio::task::yield_now().await;
    }
    let small = tokio::spawn({
        let pace = pace.clone();
        async move { pace.turn(now + ms(1), LOAD).await }
    });
    while pace.lock().wake.len() < 2 {
        tokio::task::yield_now().await;
    }
    big.abort();
    small.await.unwrap();
    let waited = now.elapsed();
    assert!(waited >= ms(1_000) && waited < ms(3_500), "{waited:?}");
    assert!(pace.lock().wake.is_empty());
}

#[tokio::test]
async fn a_pause_of_one_catalog_is_not_another_s() {
    let hold_off = HoldOff::default();
    let (slow, other) = (CatalogPace::new(100, hold_off.clone()), CatalogPace::new(100, HoldOff::default()));
    let began = Instant::now();
    hold_off.extend(began, ms(400));
    other.turn(began, LOAD).await;
    let quick = began.elapsed();
    slow.turn(began, LOAD).await;
    assert!(quick < ms(300) && began.elapsed() >= ms(400), "{quick:?}, {:?}", began.elapsed());
}
