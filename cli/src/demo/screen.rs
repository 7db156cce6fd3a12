//! What the demo prints: sentences one under the other, and a progress line that stays in place on a terminal.
//!
//! Elsewhere progress is a plain line every two seconds, without control characters.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::progress::Terminal;

/// Between two lines of progress where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    began: Instant,
    terminal: Option<Terminal>,
    shown: Option<Instant>,
}

impl Screen {
    /// Time is counted from `began`.
    pub(super) fn new(began: Instant) -> Self {
        let terminal = std::io::stdout().is_terminal().then(Terminal::on_stdout);
        Self { began, terminal, shown: None }
    }

    /// Prints lines.
    pub(super) fn say(&self, text: &str) {
        // Nobody reads any more: the demo goes on to its end all the same.
        let print = || drop(writeln!(std::io::stdout(), "{text}"));
        match &self.terminal {
            Some(terminal) => terminal.above(print),
            None => print(),
        }
    }

    /// Prints a line with the time.
    pub(super) fn tell(&self, text: &str) {
        self.say(&format!("{} {text}", self.time()));
    }

    /// Shows how it goes.
    pub(super) fn progress(&mut self, now: Instant, text: &dyn std::fmt::Display) {
        match &self.terminal {
            Some(terminal) => terminal.show(format!("{} {text}", self.time())),
            None if self.shown.is_none_or(|shown| now.duration_since(shown) >= PLAIN_EVERY) => {
                self.shown = Some(now);
                self.tell(&text.to_string());
            }
            None => {}
        }
    }

    /// Takes the progress line away.
    pub(super) fn finish(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.finish();
        }
    }

    fn time(&self) -> String {
        format!("{:>5.1} s ", self.began.elapsed().as_secs_f64())
    }
}
