//! One thing that was checked, and what came out.

/// Where a check belongs. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    /// The configuration file.
    File,
    /// This machine: folders, disk, memory, ports.
    Machine,
    /// Kafka.
    Kafka,
    /// The Iceberg catalog.
    Catalog,
    /// The object store.
    Store,
}

impl System {
    /// Its name in a report; part of the JSON form.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Machine => "machine",
            Self::Kafka => "kafka",
            Self::Catalog => "catalog",
            Self::Store => "store",
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// `ingest` would run, but a person should know.
    Warning,
    /// `ingest` would not start, or would wait or stop.
    Failed,
    /// Not checked; the detail says why.
    Skipped,
}

impl Status {
    /// Its name in a report; part of the JSON form.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// Where it belongs.
    pub(super) system: System,
    /// Which server, topic, table, folder.
    pub(super) subject: String,
    /// What was checked, in a word or two; part of the JSON form.
    pub(super) name: &'static str,
    /// How it came out.
    pub(super) status: Status,
    /// What was found. One line.
    pub(super) detail: String,
    /// What to do; empty where nothing is to be done. One line.
    pub(super) advice: String,
}

impl Check {
    pub(super) fn ok(system: System, subject: &str, name: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(system, subject, name, Status::Ok, detail.as_ref(), "")
    }

    pub(super) fn skipped(system: System, subject: &str, name: &'static str, why: impl AsRef<str>) -> Self {
        Self::new(system, subject, name, Status::Skipped, why.as_ref(), "")
    }

    pub(super) fn warning(
        system: System,
        subject: &str,
        name: &'static str,
        detail: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Self {
        Self::new(system, subject, name, Status::Warning, detail.as_ref(), advice.as_ref())
    }

    pub(super) fn failed(
        system: System,
        subject: &str,
        name: &'static str,
        detail: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Self {
        Self::new(system, subject, name, Status::Failed, detail.as_ref(), advice.as_ref())
    }

    fn new(system: System, subject: &str, name: &'static str, status: Status, detail: &str, advice: &str) -> Self {
        Self { system, subject: line(subject), name, status, detail: line(detail), advice: line(advice) }
    }
}

/// Longest text of one field, in characters: a server's error page is no report.
const MOST: usize = 600;

/// One line without control characters: servers' words end up on a terminal.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// Everything that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    /// The configuration file's name.
    pub(super) config: String,
    /// By system and subject, each subject's in the order in which they were done.
    pub(super) checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(config: String, mut checks: Vec<Check>) -> Self {
        checks.sort_by(|a, b| (a.system, &a.subject).cmp(&(b.system, &b.subject)));
        Self { config, checks }
    }

    pub(super) fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// True where nothing failed.
    pub(super) fn is_ok(&self) -> bool {
        self.count(Status::Failed) == 0
    }

    /// One line for the end.
    pub(super) fn summary(&self) -> String {
        let count = |status: Status| Some((self.count(status), status.as_str())).filter(|(count, _)| *count > 0);
        let parts = [Status::Ok, Status::Warning, Status::Failed, Status::Skipped].into_iter().filter_map(count);
        let parts: Vec<String> = parts.map(|(count, name)| format!("{count} {name}")).collect();
        format!("{}: {} checks: {}", self.config, self.checks.len(), parts.join(", "))
    }
}
