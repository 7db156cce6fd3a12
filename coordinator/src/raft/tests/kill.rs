//! A process that is killed while it works: what it said is true.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::counter::Add;
use super::node::{config, leading, reopened};
use super::*;

/// Names the folder to work on in a test that runs itself again as a child process.
const CHILD_FOLDER: &str = "K2I_RAFT_TEST_FOLDER";

fn short_log() -> NodeConfig {
    NodeConfig { snapshot_every: 50, keep_entries: 10, ..config() }
}

/// Proposes 1, 2, 3 … after what is there and says so, until it is killed.
async fn count(folder: &Path) {
    let node = leading(folder, short_log()).await;
    node.confirm_leadership().await.unwrap();
    let done = node.read(|counter| counter.commands);
    println!("\nstarted {done}");
    for amount in done + 1.. {
        node.propose(&Add(amount)).await.unwrap();
        println!("applied {amount}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_had_answered_is_there() {
    if let Some(folder) = env::var_os(CHILD_FOLDER) {
        count(Path::new(&folder)).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut said = 0;
    for round in 1..=5 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "raft::tests::kill::what_a_killed_process_had_answered_is_there", "--nocapture"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let started = lines.by_ref().find_map(|line| line.strip_prefix("started ").map(str::to_owned)).unwrap();
        // At most the one proposal that was under way was applied besides.
        let started: u64 = started.parse().unwrap();
        assert!((said..=said + 1).contains(&started), "{started} after {said}");
        for line in lines.by_ref().filter_map(|line| line.strip_prefix("applied ").map(str::to_owned)) {
            said = line.parse().unwrap();
            if said >= started + 37 * round {
                break;
            }
        }
        child.kill().unwrap();
        // What it said before the signal came.
        for line in lines.filter_map(|line| line.strip_prefix("applied ").map(str::to_owned)) {
            said = line.parse().unwrap();
        }
        assert!(!child.wait().unwrap().success());
    }
    let left = reopened(folder.path(), short_log()).await;
    assert!((said..=said + 1).contains(&left.commands), "{} after {said}", left.commands);
    assert_eq!(left, Counter::after(1..=left.commands));
}
