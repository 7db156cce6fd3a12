//! The example file and the reference page, made from the declarations in `keys.rs`.

use std::fmt::Write as _;

use super::raw::{SHARED_SECTIONS, TABLE_KEYS, sections};
use super::section::Key;

const EXAMPLE_HEAD: &str = "\
# Every key of K2I. Keys stand at their defaults; those without a default are commented out, with an example.
# Made from common/runtime/src/config/keys.rs (K2I_UPDATE=1 cargo test -p k2i-runtime): do not edit.
";

const EXAMPLE_TABLES: &str = r#"
# Several tables: one entry each, instead of `topic`, `topics` and `table` above. An entry has the keys topic or topics,
# database and table, and may override keys of [kafka], [buffer], [iceberg] and [storage].
#
# [[tables]]
# topic = "orders"
# table = "orders"
#
# [[tables]]
# topics = ["clicks", "views"]
# table = "web"
# [tables.buffer]
# flush_interval_seconds = 5
"#;

const PAGE_HEAD: &str = "\
# Configuration

<!-- Made from common/runtime/src/config/keys.rs (K2I_UPDATE=1 cargo test -p k2i-runtime): do not edit. -->

K2I reads one TOML file. [`deploy/config.example.toml`](../../deploy/config.example.toml) lists every key;
`k2i validate --offline` checks a file and reports every problem at once, and [`k2i validate`](validate.md) reaches what it
names too. A file has at most 1 MiB, is UTF-8, and is no pipe.

- **Precedence.** Defaults < file < environment < flags.
- **Environment.** `K2I__SECTION__KEY`, for example `K2I__KAFKA__BOOTSTRAP_SERVERS` or `K2I__DATA_DIR`. An entry of
  `kafka.properties` has `_` for each dot: `K2I__KAFKA__PROPERTIES__CLIENT_RACK`. `columns` and `[[tables]]` can be
  set in the file only.
- **Secrets** are given as `env:NAME` (an environment variable), `file:/path` (a file, without its trailing line end) or,
  less safely, as they are. They are never printed.
- **Relative paths** are relative to the working directory.
- **Unknown keys** are errors.
";

const PAGE_TABLES: &str = "
## `[[tables]]`

One process can feed many tables: one `[[tables]]` entry each. The sections above then hold what the tables share, and
`kafka.topic`, `kafka.topics` and `iceberg.table` move into the entries. No two entries may name one table.

";

/// `deploy/config.example.toml`: every key at its default.
#[must_use]
pub fn example_file() -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    for (section, doc, keys) in sections() {
        text.push('\n');
        comment(&mut text, doc);
        if !section.is_empty() {
            let _ = writeln!(text, "[{section}]");
        }
        for key in &keys {
            text.push('\n');
            example_key(&mut text, key);
        }
    }
    text.push_str(EXAMPLE_TABLES);
    text
}

fn example_key(text: &mut String, key: &Key) {
    comment(text, key.doc);
    // Writing to a string cannot fail.
    let _ = if !key.default.is_empty() {
        writeln!(text, "{} = {}", key.name, key.default)
    } else if key.required {
        writeln!(text, "{} = {}", key.name, key.example)
    } else {
        writeln!(text, "# Unset: {}.\n# {} = {}", key.unset, key.name, key.example)
    };
}

fn comment(text: &mut String, doc: &[&str]) {
    for line in doc {
        let _ = writeln!(text, "# {}", line.trim());
    }
}

/// `docs/reference/configuration.md`.
#[must_use]
pub fn reference_page() -> String {
    let mut page = PAGE_HEAD.to_owned();
    for (section, doc, keys) in sections() {
        let title = if section.is_empty() { "Top level".to_owned() } else { format!("`[{section}]`") };
        let _ = write!(page, "\n## {title}\n\n{}\n\n", joined(doc));
        page.push_str("| Key | Type | Default | What it does |\n|---|---|---|---|\n");
        for key in &keys {
            let _ = writeln!(page, "| `{}` | {} | {} | {} |", key.name, kind(key), default(key), joined(key.doc));
        }
    }
    page.push_str(PAGE_TABLES);
    page.push_str("| Key | Stands for |\n|---|---|\n");
    for (key, section) in TABLE_KEYS {
        let _ = writeln!(page, "| `{key}` | `{section}.{key}` of this table |");
    }
    for section in SHARED_SECTIONS {
        let _ = writeln!(page, "| `[tables.{section}]` | keys of `[{section}]` for this table alone{} |", but(section));
    }
    page
}

/// The keys of a section that an entry cannot override in a subtable.
fn but(section: &str) -> String {
    let keys = sections().into_iter().filter(|(name, ..)| *name == section).flat_map(|(_, _, keys)| keys);
    let names: Vec<String> =
        keys.filter(|key| !key.elsewhere.is_empty()).map(|key| format!("`{}`", key.name)).collect();
    if names.is_empty() { String::new() } else { format!(", except {}", names.join(", ")) }
}

fn joined(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn kind(key: &Key) -> &str {
    key.kind.strip_prefix("a ").unwrap_or(&key.kind)
}

fn default(key: &Key) -> String {
    if !key.default.is_empty() {
        format!("`{}`", key.default)
    } else if key.required {
        "required".to_owned()
    } else {
        key.unset.to_owned()
    }
}
