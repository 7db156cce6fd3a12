//! What a log line looks like, and who decides its level.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::logging::{filter, is_json, subscriber};
use super::*;
use crate::config::{LogConfig, LogFormat, LogLevel};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged(level: LogLevel, rust_log: Option<&str>, json: bool) -> String {
    let captured = Captured::default();
    let config = LogConfig { level, format: LogFormat::Auto };
    let subscriber = subscriber(filter(config, rust_log).unwrap(), json, false, captured.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!(rows = 3, "batch decoded");
        tracing::info!(table = "a.b", "table committed");
        tracing::info!(target: "openraft::engine", "vote");
    });
    String::from_utf8(captured.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn json_has_constant_message_and_fields() {
    let text = logged(LogLevel::Info, None, true);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!(lines[0]["message"], "table committed");
    assert_eq!(lines[0]["table"], "a.b");
    assert_eq!(lines[0]["level"], "INFO");
}

#[test]
fn text_for_people() {
    let text = logged(LogLevel::Debug, None, false);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("batch decoded rows=3"), "{text}");
}

#[test]
fn rust_log_has_the_last_word() {
    assert_eq!(logged(LogLevel::Trace, Some("error"), true), "");
    assert!(logged(LogLevel::Error, Some("openraft=info"), true).contains("vote"));
    assert_eq!(logged(LogLevel::Info, Some(""), true).lines().count(), 1);
}

#[test]
fn a_bad_rust_log_is_named() {
    let config = LogConfig { level: LogLevel::Info, format: LogFormat::Auto };
    let error = filter(config, Some("k2i=loud")).unwrap_err();
    assert!(matches!(error, LoggingError::Filter { .. }));
    assert!(error.to_string().contains("k2i=loud"), "{error}");
}

#[test]
fn auto_is_text_on_a_terminal_only() {
    assert!(is_json(LogFormat::Auto, false) && !is_json(LogFormat::Auto, true));
    assert!(is_json(LogFormat::Json, true) && !is_json(LogFormat::Text, false));
}
