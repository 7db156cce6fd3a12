//! Signals, and each way that a task may end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::retry::RetryPolicy;

fn quick(attempts: usize) -> RetryPolicy {
    RetryPolicy { first: Duration::from_millis(1), longest: Duration::from_millis(4), attempts: Some(attempts) }
}

async fn until(token: CancellationToken) -> TaskResult {
    token.cancelled().await;
    Ok(())
}

fn signal_self(name: &str) {
    let pid = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[tokio::test]
async fn first_signal_drains_second_stops() {
    let shutdown = Shutdown::new();
    shutdown.obey_signals().unwrap();
    signal_self("-TERM");
    shutdown.drain().cancelled().await;
    assert!(!shutdown.stop().is_cancelled());
    signal_self("-INT");
    shutdown.stop().cancelled().await;
}

#[tokio::test]
async fn tasks_end_well_after_a_drain() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.critical("one", until(shutdown.drain().clone()));
    let drain = shutdown.drain().clone();
    tasks.restarting("two", quick(3), 1, move || until(drain.clone()));
    shutdown.request_drain();
    tasks.run().await.unwrap();
    assert!(!shutdown.stop().is_cancelled());
}

#[tokio::test]
async fn a_critical_failure_stops_the_others() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.critical("reader", async { Err("broken pipe".into()) });
    tasks.critical("writer", until(shutdown.stop().clone()));
    let error = tasks.run().await.unwrap_err();
    assert!(matches!(&error, TaskError::Failed { task: "reader", source } if source.to_string() == "broken pipe"));
    assert!(shutdown.stop().is_cancelled());
}

#[tokio::test]
async fn an_unasked_end_is_a_failure() {
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.critical("loop", async { Ok(()) });
    assert!(matches!(tasks.run().await, Err(TaskError::Ended { task: "loop" })));
}

#[tokio::test]
async fn a_panic_is_a_failure_with_its_message() {
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.critical("loop", async { panic!("offset {} went back", 7) });
    let error = tasks.run().await.unwrap_err();
    assert_eq!(error.to_string(), "loop panicked: offset 7 went back");
}

#[tokio::test]
async fn restarts_until_the_attempts_are_used_up() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.restarting("flaky", quick(4), 1, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err("no route".into()) }
    });
    assert!(matches!(tasks.run().await, Err(TaskError::Failed { task: "flaky", .. })));
    assert_eq!(starts.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_stuck_task_does_not_hold_the_process() {
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.grace = Duration::from_millis(20);
    tasks.critical("stuck", std::future::pending());
    shutdown.request_stop();
    assert!(matches!(tasks.run().await, Err(TaskError::Stuck { count: 1, .. })));
}
