//! `docs/troubleshooting.md` is made of what the tests provoke: whatever it tells a reader to look for is something that
//! the program says, and that a test has made it say.

use crate::files::{Source, all, assert_none};

const PAGE: &str = "docs/troubleshooting.md";

#[test]
fn what_the_troubleshooting_page_names_is_provoked_by_a_test() {
    let all = all();
    let page = all.iter().find(|file| file.path == PAGE).expect("there is a troubleshooting page");
    let phrases: Vec<&str> = page.text.lines().flat_map(looked_for).collect();
    assert!(phrases.len() > 30, "{PAGE} names {} messages: its tables are not found", phrases.len());
    let tests: Vec<&Source> = all.iter().filter(|file| tests_something(&file.path)).collect();
    let unseen = phrases.into_iter().filter(|phrase| !tests.iter().any(|test| test.text.contains(phrase)));
    assert_none("no test expects what docs/troubleshooting.md names", &unseen.map(str::to_owned).collect::<Vec<_>>());
}

/// The code spans in the first column of a table's row. One that has a backtick in it stands between two of them.
fn looked_for(line: &str) -> Vec<&str> {
    let mut rest = line.strip_prefix("| ").and_then(|row| row.split(" | ").next()).unwrap_or_default();
    let mut found = Vec::new();
    while let Some(at) = rest.find('`') {
        let fence = if rest[at..].starts_with("``") { "``" } else { "`" };
        let Some((span, after)) = rest[at + fence.len()..].split_once(fence) else { break };
        found.push(span.trim());
        rest = after;
    }
    found
}

fn tests_something(path: &str) -> bool {
    let of_all = path.starts_with("tests/e2e/") || path.starts_with("tests/conformance/");
    path.ends_with(".rs") && (of_all || path.ends_with("/tests.rs") || path.contains("/tests/"))
}
