//! A line that stays at the bottom of a terminal while other text goes above it.
//!
//! Everything else that writes to the same terminal has to come through [`Terminal::above`] or a writer of
//! [`Terminal::log_writer`]: the line is taken away, the text written, the line drawn again. Otherwise the two would
//! write over each other.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Cut off at the terminal's width: a line that wraps cannot be taken away again.
const TEMPLATE: &str = "{wide_msg}";

/// The line. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    lines: MultiProgress,
    line: ProgressBar,
}

impl Terminal {
    /// A line on standard error.
    pub(crate) fn on_stderr() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    /// A line on standard output.
    pub(crate) fn on_stdout() -> Self {
        Self::on(ProgressDrawTarget::stdout())
    }

    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        let lines = MultiProgress::with_draw_target(target);
        // The template is a constant that names a key which exists; the default style would only show more.
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = lines.add(ProgressBar::new_spinner().with_style(style));
        Self { lines, line }
    }

    /// Shows `text`, which has one line.
    pub(crate) fn show(&self, text: String) {
        self.line.set_message(text);
        self.line.tick();
    }

    /// Writes above the line.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.suspend(write)
    }

    /// Takes the line away for good.
    pub(crate) fn finish(&self) {
        self.line.finish_and_clear();
    }

    /// Makes writers for log lines on standard error.
    pub(crate) fn log_writer(&self) -> impl Fn() -> Above<io::Stderr> + Send + Sync + 'static {
        let terminal = self.clone();
        move || Above { terminal: terminal.clone(), out: io::stderr() }
    }
}

/// Writes above the line, whole lines at a time: a log line comes in one piece.
#[derive(Debug)]
pub(crate) struct Above<W> {
    terminal: Terminal,
    out: W,
}

impl<W: Write> Write for Above<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { terminal, out } = self;
        terminal.above(|| out.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> Above<W> {
    #[cfg(test)]
    pub(super) fn new(terminal: Terminal, out: W) -> Self {
        Self { terminal, out }
    }
}
