//! `docs/reference/errors.md`: prose from `errors.md` beside this file, tables from the code. A test fails when the page is
//! stale, or tells less than there is.

use std::fmt::Write as _;
use std::path::Path;

use k2i_domain::port::{Decision, StopReason};
use k2i_domain::state::RealignReason;

use crate::exit::Exit;
use crate::ready::CHECKS;

const TEMPLATE: &str = include_str!("errors.md");
const PAGE: &str = "docs/reference/errors.md";

#[test]
fn the_errors_page_is_fresh_and_complete() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    if std::env::var_os("K2I_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == page, "{PAGE} is stale: run K2I_UPDATE=1 cargo test -p k2i reference");

    for reason in raised() {
        assert!(section(&page, reason).is_some(), "{PAGE} has no section about {}", reason.as_str());
    }
    let realigns = [
        RealignReason::NotAPrefix,
        RealignReason::FilesVanished,
        RealignReason::FilesTooOld,
        RealignReason::SchemaGone,
    ];
    for reason in realigns {
        assert!(page.contains(&format!("`{}`", reason.as_str())), "{PAGE} does not tell {}", reason.as_str());
    }
}

fn page() -> String {
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let filled = [
        ("{exit_codes}", exit_codes()),
        ("{checks}", names(&CHECKS)),
        ("{stop_reasons}", stop_reasons()),
        ("{reserved}", StopReason::RESERVED.map(|reason| format!("`{}`", reason.as_str())).join(" and ")),
        ("{decisions}", decisions()),
    ];
    filled.into_iter().fold(TEMPLATE.to_owned(), |page, (hole, text)| {
        assert_eq!(page.matches(hole).count(), 1, "{hole} in the template");
        page.replace(hole, &text)
    })
}

fn raised() -> impl Iterator<Item = StopReason> {
    StopReason::ALL.into_iter().filter(|reason| !StopReason::RESERVED.contains(reason))
}

/// The heading of a reason's section, which may be about several.
fn section(page: &str, reason: StopReason) -> Option<&str> {
    let named = format!("`{}`", reason.as_str());
    page.lines().filter_map(|line| line.strip_prefix("### ")).find(|title| title.split(", ").any(|name| name == named))
}

/// The link that sites of Markdown give a heading.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn exit_codes() -> String {
    let told = |exit: Exit| match exit {
        Exit::Done => (
            "`ingest` was drained (SIGTERM, SIGINT), or ended at once by a second signal; `validate` found nothing that \
             failed (warnings are allowed); \
             `demo` found every order once",
            "",
        ),
        Exit::Failed => (
            "something failed: a port or the data folder is in use, a disk refuses, a part of the process ended; \
             a check of [`validate`](validate.md) failed, or it was interrupted; `demo` did not find what it should",
            "read the last line of the log; starting again is always safe",
        ),
        Exit::Config => (
            "the configuration, or the command line, is wrong; nothing was started and nothing written",
            "each line names file, line, key and what belongs there",
        ),
    };
    let row = |exit: Exit| {
        let (means, to_do) = told(exit);
        vec![exit.code().to_string(), means.to_owned(), to_do.to_owned()]
    };
    let killed = [
        "other",
        "killed from outside (137 is SIGKILL, also by the out-of-memory killer)",
        "start again; what was not committed is submitted or read again",
    ];
    let rows = [Exit::Done, Exit::Failed, Exit::Config].map(row);
    table(&["code", "means", "what to do"], rows.into_iter().chain([killed.map(str::to_owned).to_vec()]))
}

fn stop_reasons() -> String {
    let row = |reason: StopReason| {
        let title = section(TEMPLATE, reason).unwrap_or_default();
        let lifted = match reason.decisions() {
            _ if reason.lifts_itself() => "itself".to_owned(),
            [] => "nothing here".to_owned(),
            decisions => {
                decisions.iter().map(|decision| format!("`{}`", decision.as_str())).collect::<Vec<_>>().join(", ")
            }
        };
        let goes_on = if reason.halts_commits() { "no" } else { "yes" };
        let name = format!("[`{}`](#{})", reason.as_str(), anchor(title));
        vec![name, reason.meaning().to_owned(), goes_on.to_owned(), lifted]
    };
    table(&["reason", "what happened", "commits go on", "lifted by"], raised().map(row))
}

fn decisions() -> String {
    let row = |decision: Decision| {
        vec![format!("`{}`", decision.as_str()), decision.goes_on().to_owned(), decision.costs().to_owned()]
    };
    table(&["decision", "where reading goes on", "rows that are missing or double"], Decision::ALL.map(row))
}
