//! A report for people and for programs.

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use k2i_runtime::config::{ConfigErrors, Place};
use serde_json::{Value, json};

use super::check::{Check, Report};

/// Narrower than this, a table would be read worse than plain lines.
const LEAST_WIDTH: u16 = 60;

/// A table that fits a terminal of this width.
pub(super) fn table(report: &Report, width: u16) -> String {
    if width < LEAST_WIDTH {
        return plain(report);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).remove_style(TableComponent::HorizontalLines);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(["", "system", "subject", "check", "found"]);
    for check in &report.checks {
        let found = if check.advice.is_empty() {
            check.detail.clone()
        } else {
            format!("{}\n→ {}", check.detail, check.advice)
        };
        table.add_row([check.status.as_str(), check.system.as_str(), &check.subject, check.name, &found]);
    }
    format!("{table}\n{}\n", report.summary())
}

/// One line a check, what to do on a line of its own below it.
pub(super) fn plain(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let Check { subject, name, detail, advice, .. } = check;
        text += &format!("{:8} {:8} {subject}: {name}: {detail}\n", check.status.as_str(), check.system.as_str());
        if !advice.is_empty() {
            text += &format!("{:18}→ {advice}\n", "");
        }
    }
    text + &report.summary() + "\n"
}

/// The JSON form of a report. Its keys and words are documented and do not change; new ones may come.
pub(super) fn json(report: &Report) -> String {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            json!({
                "system": check.system.as_str(),
                "subject": check.subject,
                "check": check.name,
                "status": check.status.as_str(),
                "detail": check.detail,
                "advice": check.advice,
            })
        })
        .collect();
    pretty(&json!({ "config": report.config, "ok": report.is_ok(), "checks": checks }))
}

/// The JSON form of a configuration that is wrong: nothing was reached then.
pub(super) fn json_of_problems(config: &str, errors: &ConfigErrors) -> String {
    let problems: Vec<Value> = errors
        .problems
        .iter()
        .map(|problem| {
            let line = if let Place::Line(line) = problem.place { Some(line) } else { None };
            let given_by = match &problem.place {
                Place::Variable(name) => Some(name.as_str()),
                Place::Flag(name) => Some(*name),
                Place::Line(_) | Place::Nowhere => None,
            };
            json!({ "key": problem.key, "line": line, "given_by": given_by, "message": problem.message })
        })
        .collect();
    pretty(&json!({ "config": config, "ok": false, "problems": problems, "checks": [] }))
}

fn pretty(value: &Value) -> String {
    // `Display` of a value cannot fail, and its alternative form is indented.
    format!("{value:#}\n")
}
