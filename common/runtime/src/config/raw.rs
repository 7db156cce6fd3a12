//! Raw configuration: what the file, the environment and the flags say, with no default applied and nothing checked
//! beyond types and names.
//!
//! No crate that deserialises by `serde` reports every error at once with its line, so the tree is walked here.

use std::collections::BTreeMap;

use toml_edit::{Document, Item, TableLike};

use super::keys::{RawBuffer, RawHttp, RawIceberg, RawKafka, RawLog, RawStorage, RawTop};
use super::problem::{MOST_FOUND, Place, Problem, nearest};
use super::section::{Input, Key, Section};
use super::value::{Lines, Reader, type_name};

/// Prefix of environment variables that set keys.
const VARIABLE_PREFIX: &str = "K2I__";

/// The sections that `[[tables]]` may override.
#[derive(Debug, Clone, Default)]
pub(super) struct RawShared {
    pub(super) kafka: RawKafka,
    pub(super) buffer: RawBuffer,
    pub(super) iceberg: RawIceberg,
    pub(super) storage: RawStorage,
}

/// One `[[tables]]` entry.
#[derive(Debug, Clone)]
pub(super) struct RawTable {
    /// Its key, `tables[0]`.
    pub(super) key: String,
    /// The line of its header.
    pub(super) place: Place,
    /// Its own keys and subtables.
    pub(super) shared: RawShared,
}

/// One layer of configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct RawConfig {
    pub(super) top: RawTop,
    pub(super) shared: RawShared,
    pub(super) http: RawHttp,
    pub(super) log: RawLog,
    pub(super) tables: Vec<RawTable>,
}

/// One setting from the command line: `--data-dir /x` is `("data_dir", "/x")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag, for messages.
    pub flag: &'static str,
    /// The key, for example `data_dir` or `buffer.max_size_mb`.
    pub key: &'static str,
    /// The value, as text.
    pub value: String,
}

/// Keys of a `[[tables]]` entry itself, and the section that each belongs to.
pub(super) const TABLE_KEYS: [(&str, &str); 4] =
    [("topic", "kafka"), ("topics", "kafka"), ("database", "iceberg"), ("table", "iceberg")];

/// Sections that a `[[tables]]` entry may override.
pub(super) const SHARED_SECTIONS: [&str; 4] = [RawKafka::NAME, RawBuffer::NAME, RawIceberg::NAME, RawStorage::NAME];

impl RawShared {
    fn over(self, base: &Self) -> Self {
        Self {
            kafka: self.kafka.over(&base.kafka),
            buffer: self.buffer.over(&base.buffer),
            iceberg: self.iceberg.over(&base.iceberg),
            storage: self.storage.over(&base.storage),
        }
    }

    fn set(&mut self, section: &str, name: &str, input: &Input<'_>, reader: &mut Reader<'_>) -> Option<bool> {
        match section {
            RawKafka::NAME => Some(self.kafka.set(name, input, reader)),
            RawBuffer::NAME => Some(self.buffer.set(name, input, reader)),
            RawIceberg::NAME => Some(self.iceberg.set(name, input, reader)),
            RawStorage::NAME => Some(self.storage.set(name, input, reader)),
            _ => None,
        }
    }
}

impl RawTable {
    /// The entry over the sections that all tables share.
    pub(super) fn over(&self, base: &RawShared) -> RawShared {
        self.shared.clone().over(base)
    }
}

impl RawConfig {
    /// This layer over one of lower precedence. `[[tables]]` come from the file alone.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            top: self.top.over(&base.top),
            shared: self.shared.over(&base.shared),
            http: self.http.over(&base.http),
            log: self.log.over(&base.log),
            tables: base.tables,
        }
    }

    /// Sets a key; `None`: no such section, `Some(false)`: no such key in it.
    fn set(&mut self, section: &str, name: &str, input: &Input<'_>, reader: &mut Reader<'_>) -> Option<bool> {
        match section {
            RawTop::NAME => Some(self.top.set(name, input, reader)),
            RawHttp::NAME => Some(self.http.set(name, input, reader)),
            RawLog::NAME => Some(self.log.set(name, input, reader)),
            _ => self.shared.set(section, name, input, reader),
        }
    }
}

/// Name, reference text and keys of every section, in the order of the reference.
pub(super) fn sections() -> Vec<(&'static str, &'static [&'static str], Vec<Key>)> {
    fn entry<S: Section>() -> (&'static str, &'static [&'static str], Vec<Key>) {
        (S::NAME, S::DOC, S::keys())
    }
    vec![
        entry::<RawTop>(),
        entry::<RawKafka>(),
        entry::<RawBuffer>(),
        entry::<RawIceberg>(),
        entry::<RawStorage>(),
        entry::<RawHttp>(),
        entry::<RawLog>(),
    ]
}

/// Reads the file's text.
pub(super) fn from_file(text: &str, problems: &mut Vec<Problem>) -> RawConfig {
    let lines = Lines::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let place = error.span().map_or(Place::Nowhere, |span| Place::Line(lines.of(span.start)));
            let message = match error.span().and_then(|span| text.get(span)).filter(|at| is_known(at)) {
                Some(key) => format!("not TOML: {}: {key}", error.message().trim_end()),
                None => format!("not TOML: {}", error.message().trim_end()),
            };
            problems.push(Problem { key: String::new(), place, message });
            return RawConfig::default();
        }
    };
    let mut raw = RawConfig::default();
    let mut reader = Reader { key: String::new(), place: Place::Nowhere, lines: &lines, problems };
    for_each(document.as_table(), &mut reader, |name, item, reader| match name {
        "tables" => raw.tables = tables(item, reader),
        _ if is_section(name) => section(&mut raw, name, item, reader),
        _ if raw.top.set(name, &Input::Item(item), reader) => {}
        _ => reader.problem(unknown("", name)),
    });
    raw
}

/// What may be shown of a place in the file: anything else could be a secret without its quotes.
fn is_known(text: &str) -> bool {
    let known =
        |(section, _, keys): &(&str, &[&str], Vec<Key>)| *section == text || keys.iter().any(|key| key.name == text);
    !text.is_empty() && sections().iter().any(known)
}

fn is_section(name: &str) -> bool {
    sections().iter().any(|(section, ..)| !section.is_empty() && *section == name)
}

/// Visits the entries of a table, each with a reader of its own key and line.
fn for_each(table: &dyn TableLike, reader: &mut Reader<'_>, mut visit: impl FnMut(&str, &Item, &mut Reader<'_>)) {
    for (name, item) in table.iter() {
        if reader.problems.len() >= MOST_FOUND {
            return;
        }
        let span = table.get_key_value(name).and_then(|(key, _)| key.span());
        let key = if reader.key.is_empty() { name.to_owned() } else { format!("{}.{name}", reader.key) };
        visit(name, item, &mut reader.inside(key, span));
    }
}

fn section(raw: &mut RawConfig, section: &str, item: &Item, reader: &mut Reader<'_>) {
    let Some(table) = item.as_table_like() else {
        return reader.problem(format!("must be a section, [{section}], not {}", type_name(item)));
    };
    for_each(table, reader, |name, item, reader| {
        if raw.set(section, name, &Input::Item(item), reader) != Some(true) {
            reader.problem(unknown(section, name));
        }
    });
}

fn tables(item: &Item, reader: &mut Reader<'_>) -> Vec<RawTable> {
    let Some(entries) = item.as_array_of_tables() else {
        reader.problem(format!("must be written [[tables]], once for each table, not as {}", type_name(item)));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut reader = reader.inside(format!("tables[{index}]"), entry.span());
        tables.push(table_entry(entry, &mut reader));
    }
    tables
}

fn table_entry(entry: &dyn TableLike, reader: &mut Reader<'_>) -> RawTable {
    let mut shared = RawShared::default();
    let (key, place) = (reader.key.clone(), reader.place.clone());
    for_each(entry, reader, |name, item, reader| {
        if let Some((name, section)) = TABLE_KEYS.iter().find(|(key, _)| *key == name) {
            shared.set(section, name, &Input::Item(item), reader);
        } else if SHARED_SECTIONS.contains(&name) {
            subtable(&mut shared, name, item, reader);
        } else {
            reader.problem(unknown_in_table(name));
        }
    });
    RawTable { key, place, shared }
}

fn subtable(shared: &mut RawShared, section: &str, item: &Item, reader: &mut Reader<'_>) {
    let Some(table) = item.as_table_like() else {
        return reader.problem(format!("must be a table, [tables.{section}], not {}", type_name(item)));
    };
    for_each(table, reader, |name, item, reader| {
        let elsewhere = keys_of(section).into_iter().find(|key| key.name == name).map_or("", |key| key.elsewhere);
        if !elsewhere.is_empty() {
            reader.problem(format!("cannot be set for one table here: {elsewhere}"));
        } else if shared.set(section, name, &Input::Item(item), reader) != Some(true) {
            reader.problem(unknown(section, name));
        }
    });
}

fn keys_of(section: &str) -> Vec<Key> {
    sections().into_iter().find(|(name, ..)| *name == section).map_or_else(Vec::new, |(_, _, keys)| keys)
}

/// Reads every `K2I__SECTION__KEY` variable.
pub(super) fn from_environment(environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> RawConfig {
    let mut raw = RawConfig::default();
    let lines = Lines::default();
    for (variable, text) in environment {
        let Some(path) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
        let path = path.to_ascii_lowercase();
        let steps: Vec<&str> = path.splitn(3, "__").collect();
        // librdkafka's names have dots, which a shell does not allow in a variable's name.
        let entry = steps.get(2).map(|entry| entry.replace('_', "."));
        let (section, name) = match steps[..] {
            [name] => ("", name),
            [section, name, ..] => (section, name),
            [] => continue,
        };
        let place = Place::Variable(variable.clone());
        let mut reader = Reader { key: joined(section, name, entry.as_deref()), place, lines: &lines, problems };
        set_text(&mut raw, section, name, &Input::Text { text, entry: entry.as_deref() }, &mut reader);
    }
    raw
}

/// Reads the flags.
pub(super) fn from_overrides(overrides: &[Override], problems: &mut Vec<Problem>) -> RawConfig {
    let mut raw = RawConfig::default();
    let lines = Lines::default();
    for setting in overrides {
        let (section, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        let place = Place::Flag(setting.flag);
        let mut reader = Reader { key: setting.key.to_owned(), place, lines: &lines, problems };
        set_text(&mut raw, section, name, &Input::Text { text: &setting.value, entry: None }, &mut reader);
    }
    raw
}

fn joined(section: &str, name: &str, entry: Option<&str>) -> String {
    [section, name, entry.unwrap_or("")].iter().filter(|step| !step.is_empty()).copied().collect::<Vec<_>>().join(".")
}

fn set_text(raw: &mut RawConfig, section: &str, name: &str, input: &Input<'_>, reader: &mut Reader<'_>) {
    match raw.set(section, name, input, reader) {
        Some(true) => {}
        Some(false) => reader.problem(unknown(section, name)),
        None if section == "tables" => reader.problem("[[tables]] can be set in the configuration file only"),
        None => reader.problem(unknown("", section)),
    }
}

/// What to say of a key that `section` does not have.
fn unknown(section: &str, name: &str) -> String {
    let here: Vec<&str> = keys_of(section).iter().map(|key| key.name).collect();
    let mut beside = here.clone();
    if section.is_empty() {
        beside.extend(sections().iter().map(|(name, ..)| *name).filter(|name| !name.is_empty()));
        beside.push("tables");
    }
    if let Some(home) = home_of(name) {
        return format!("unknown key here; it belongs to [{home}]");
    }
    match nearest(name, beside.iter().copied()) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => match nearest_anywhere(name) {
            Some(near) => format!("unknown key; did you mean `{near}`?"),
            None => format!("unknown key; known here: {}", beside.join(", ")),
        },
    }
}

fn unknown_in_table(name: &str) -> String {
    let known = TABLE_KEYS.iter().map(|(key, _)| *key).chain(SHARED_SECTIONS);
    if let Some(home) = home_of(name) {
        return format!("unknown key here; it belongs to [tables.{home}]");
    }
    match nearest(name, known.clone()) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!("unknown key; known here: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The section that has a key of exactly this name.
fn home_of(name: &str) -> Option<&'static str> {
    let has = |keys: &[Key]| keys.iter().any(|key| key.name == name);
    sections().into_iter().find(|(section, _, keys)| !section.is_empty() && has(keys)).map(|(section, ..)| section)
}

fn nearest_anywhere(name: &str) -> Option<String> {
    let all = sections();
    let near = nearest(name, all.iter().flat_map(|(_, _, keys)| keys.iter().map(|key| key.name)))?;
    let (section, ..) = all.iter().find(|(_, _, keys)| keys.iter().any(|key| key.name == near))?;
    Some(if section.is_empty() { near.to_owned() } else { format!("{section}.{near}") })
}
