//! Bounds and determinism of the delays, and every way that `retry` ends.

use std::cell::Cell;

use super::*;

fn policy(attempts: Option<usize>) -> RetryPolicy {
    RetryPolicy { first: Duration::from_millis(1), longest: Duration::from_millis(20), attempts }
}

#[test]
fn delays_grow_within_bounds_and_repeat_by_seed() {
    let policy = RetryPolicy { attempts: Some(12), ..RetryPolicy::UNTIL_CANCELLED };
    let delays: Vec<Duration> = policy.delays(7).collect();
    assert_eq!(delays.len(), 11);
    assert!(delays[0] >= policy.first && delays[0] <= policy.first * 2, "{delays:?}");
    assert!(delays.iter().all(|delay| *delay <= policy.longest), "{delays:?}");
    assert!(delays[10] >= policy.longest / 2, "{delays:?}");
    assert_eq!(delays, policy.delays(7).collect::<Vec<_>>());
    assert_ne!(delays, policy.delays(8).collect::<Vec<_>>());
}

#[tokio::test]
async fn succeeds_after_failures() {
    let calls = Cell::new(0);
    let attempt = || async {
        calls.set(calls.get() + 1);
        if calls.get() < 3 { Err("away") } else { Ok(calls.get()) }
    };
    let result = retry("test", policy(None), 1, &CancellationToken::new(), |_| true, attempt).await;
    assert_eq!(result.unwrap(), 3);
}

#[tokio::test]
async fn gives_up_after_the_attempts() {
    let calls = Cell::new(0);
    let attempt = || async {
        calls.set(calls.get() + 1);
        Err::<(), _>("away")
    };
    let result = retry("test", policy(Some(4)), 1, &CancellationToken::new(), |_| true, attempt).await;
    assert!(matches!(result, Err(RetryError::Failed("away"))));
    assert_eq!(calls.get(), 4);
}

#[tokio::test]
async fn does_not_repeat_what_is_final() {
    let calls = Cell::new(0);
    let attempt = || async {
        calls.set(calls.get() + 1);
        Err::<(), _>("refused")
    };
    let result = retry("test", policy(None), 1, &CancellationToken::new(), |_| false, attempt).await;
    assert!(matches!(result, Err(RetryError::Failed("refused"))));
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn cancelled_while_waiting() {
    let cancel = CancellationToken::new();
    let slow = RetryPolicy { first: Duration::from_secs(600), longest: Duration::from_secs(1200), attempts: None };
    let attempt = || async {
        cancel.cancel();
        Err::<(), _>("away")
    };
    let result = retry("test", slow, 1, &cancel, |_| true, attempt).await;
    assert!(matches!(result, Err(RetryError::Cancelled)));
}
