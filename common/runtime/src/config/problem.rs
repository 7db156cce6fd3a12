//! What is wrong with a configuration: every problem at once, each with its key, its place and what to do.
//!
//! A problem never contains a value that may be secret.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: the default holds, or a required key is missing.
    Nowhere,
    /// A line of the configuration file, from 1.
    Line(usize),
    /// An environment variable, by name.
    Variable(String),
    /// A command-line flag, by name.
    Flag(&'static str),
}

/// A value together with the key and the place that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sourced<T> {
    /// The value.
    pub(super) value: T,
    /// Full key, for example `tables[0].iceberg.table`.
    pub(super) key: String,
    /// Where it was given.
    pub(super) place: Place,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Full key, for example `buffer.max_size_mb`; empty where the file as a whole is meant.
    pub key: String,
    /// Where it was given.
    pub place: Place,
    /// What is wrong and what to do.
    pub message: String,
}

/// So many problems are told; somebody who has more has given another file.
const MOST_TOLD: usize = 100;
/// So many are looked for before the rest of a file is left unread.
pub(super) const MOST_FOUND: usize = 1_000;
/// Longest key and longest message, in characters: both may repeat what the file holds.
const MOST_SHOWN: (usize, usize) = (200, 600);
/// Longest name that is compared with those known, in bytes.
const MOST_COMPARED: usize = 64;

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// The problems, file lines first.
    pub problems: Vec<Problem>,
}

impl ConfigErrors {
    /// One problem that is no single key's.
    #[must_use]
    pub fn whole(message: impl Into<String>) -> Self {
        let problem = Problem { key: String::new(), place: Place::Nowhere, message: message.into() };
        Self::new(None, vec![problem])
    }

    /// Sorted, without repetitions (a shared key is checked once per table).
    pub(super) fn new(file: Option<PathBuf>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| {
            (rank(&a.place), &a.place, &a.key, &a.message).cmp(&(rank(&b.place), &b.place, &b.key, &b.message))
        });
        problems.dedup();
        if problems.len() > MOST_TOLD {
            let message = format!("and {} problems more", problems.len() - MOST_TOLD);
            problems.truncate(MOST_TOLD);
            problems.push(Problem { key: String::new(), place: Place::Nowhere, message });
        }
        for problem in &mut problems {
            tame(&mut problem.key, MOST_SHOWN.0);
            tame(&mut problem.message, MOST_SHOWN.1);
        }
        Self { file, problems }
    }
}

/// What a file holds ends up on a terminal: neither endless nor with control characters.
fn tame(text: &mut String, most: usize) {
    if text.contains(char::is_control) {
        *text = text.replace(char::is_control, "\u{fffd}");
    }
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
}

fn rank(place: &Place) -> u8 {
    match place {
        Place::Line(_) => 0,
        Place::Variable(_) => 1,
        Place::Flag(_) => 2,
        Place::Nowhere => 3,
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &problem.place {
                Place::Line(line) => write!(f, "{file}:{line}: ")?,
                Place::Variable(name) => write!(f, "environment variable {name}: ")?,
                Place::Flag(name) => write!(f, "{name}: ")?,
                Place::Nowhere => write!(f, "{file}: ")?,
            }
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The candidate that `name` was most likely meant to be, if any is near enough to be worth naming.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs time by the product of both lengths.
    if name.len() > MOST_COMPARED {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (likeness(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(name: &str, candidate: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&name.to_ascii_lowercase().replace('-', "_"), candidate)
}
