//! Who may know whom. Every rule here is one of `docs/ARCHITECTURE.md`; an exception is a line with its reason.

pub mod code;
#[cfg(test)]
mod code_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use k2i_tests::cache::workspace;
use serde_json::Value;

use crate::files::{assert_none, rust};
use code::{tokens, uses_of};

/// `domain <- {lakehouse, runtime, proto} <- {coordinator, worker} <- cli <- {tests, chaos}`: whom each crate may know.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("k2i-domain", &[]),
    ("k2i-lakehouse", &["k2i-domain"]),
    ("k2i-runtime", &["k2i-domain"]),
    ("k2i-proto", &["k2i-domain"]),
    ("k2i-coordinator", &["k2i-domain", "k2i-lakehouse", "k2i-runtime", "k2i-proto"]),
    ("k2i-worker", &["k2i-domain", "k2i-lakehouse", "k2i-runtime", "k2i-proto"]),
    ("k2i", &["k2i-domain", "k2i-lakehouse", "k2i-runtime", "k2i-proto", "k2i-coordinator", "k2i-worker"]),
    ("k2i-tests", &["k2i-domain", "k2i-lakehouse", "k2i-runtime", "k2i-proto", "k2i-coordinator", "k2i-worker", "k2i"]),
    ("k2i-chaos", &["k2i-domain", "k2i-lakehouse", "k2i-runtime", "k2i-proto", "k2i-coordinator", "k2i-worker", "k2i"]),
];

/// What the pure core is made of besides the standard library: text forms, a digest, error types. All of it is pure.
const DOMAIN_MAY_USE: [&str; 4] = ["serde", "serde_json", "sha2", "thiserror"];

/// Crates of others that stand behind one module each, so that their next version is one module's work.
const VENDORS: [(&str, &[&str]); 10] = [
    ("rdkafka", &["worker/src/kafka", "cli/src/demo", "tests/src/bench/topic.rs"]),
    ("rdkafka_sys", &["worker/src/kafka"]),
    ("datafusion", &["cli/src/demo/query.rs"]),
    ("openraft", &["coordinator/src/raft"]),
    ("rocksdb", &["common/runtime/src/store"]),
    ("iceberg", &["common/lakehouse/"]),
    ("iceberg_catalog_rest", &["common/lakehouse/"]),
    // The bytes of Raft's entries, of column statistics and of the transaction log are written down as Protobuf, by the modules that own them.
    ("prost", &["proto/", "coordinator/src/raft", "common/lakehouse/src/statistics", "worker/src/log"]),
    ("prost_build", &["proto/", "coordinator/build.rs", "common/lakehouse/build.rs"]),
    ("sqlx", &["common/lakehouse/"]),
];

/// Words and paths that would make the core's answer depend on more than its input.
const IMPURE_WORDS: [&str; 6] = ["async", "await", "HashMap", "HashSet", "Instant", "SystemTime"];
const IMPURE_CRATES: [&str; 2] = ["tokio", "rand"];
const IMPURE_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];

/// A workspace crate's dependencies, of every kind.
fn dependencies() -> BTreeMap<String, BTreeSet<(String, bool)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs: it runs these tests");
    assert!(run.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&run.stderr));
    let metadata: Value = serde_json::from_slice(&run.stdout).expect("cargo metadata prints JSON");
    let name = |value: &Value| value["name"].as_str().expect("packages and dependencies have names").to_owned();
    let list = |value: &Value| value.as_array().expect("cargo metadata lists").clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let needs = list(&package["dependencies"]);
            (name(package), needs.iter().map(|need| (name(need), need["kind"] == "dev")).collect())
        })
        .collect()
}

#[test]
fn crates_know_only_those_below_them() {
    let found = dependencies();
    let named: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    let ours: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(ours, named.keys().copied().collect(), "the crates of the workspace and those of the rule");
    let mut findings = Vec::new();
    for (package, needs) in &found {
        let strangers = needs.iter().map(|(need, _)| need.as_str()).filter(|need| ours.contains(need));
        for need in strangers.filter(|need| !named[package.as_str()].contains(need)) {
            findings.push(format!("{package} depends on {need}"));
        }
    }
    assert_none("domain <- {lakehouse, runtime, proto} <- {coordinator, worker} <- cli <- {tests, chaos}", &findings);
}

#[test]
fn the_core_uses_nothing_but_pure_crates() {
    let found = dependencies();
    let used = found["k2i-domain"].iter().filter(|(_, dev)| !dev).map(|(need, _)| need);
    let others: Vec<String> = used.filter(|need| !DOMAIN_MAY_USE.contains(&need.as_str())).cloned().collect();
    assert_none("common/domain depends on a crate that is not among the pure ones", &others);
}

#[test]
fn the_core_is_pure() {
    let mut findings = Vec::new();
    for source in rust().iter().filter(|source| source.path.starts_with("common/domain/")) {
        let found = tokens(&source.text);
        let mut say = |line: usize, what: &str| findings.push(format!("{}:{line}: {what}", source.path));
        for token in &found {
            if IMPURE_WORDS.contains(&token.text.as_str()) {
                say(token.line, &token.text);
            }
        }
        for krate in IMPURE_CRATES {
            uses_of(krate, &found).into_iter().for_each(|line| say(line, krate));
        }
        for part in found.windows(4) {
            let text = |at: usize| part[at].text.as_str();
            if text(0) == "std" && text(1) == ":" && text(2) == ":" && IMPURE_STD.contains(&text(3)) {
                say(part[0].line, &format!("std::{}", text(3)));
            }
        }
    }
    assert_none("common/domain: no clock, no randomness, no I/O, no async, no map without an order", &findings);
}

#[test]
fn a_vendor_stands_behind_one_module() {
    let mut findings = Vec::new();
    for source in rust() {
        let found = tokens(&source.text);
        for (krate, homes) in VENDORS {
            if homes.iter().any(|home| source.path.starts_with(home)) {
                continue;
            }
            for line in uses_of(krate, &found) {
                findings.push(format!("{}:{line}: {krate} belongs to {}", source.path, homes.join(", ")));
            }
        }
    }
    assert_none("a crate of others is used outside of its module", &findings);
}
