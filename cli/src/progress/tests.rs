use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressDrawTarget, TermLike};

use super::terminal::Above;
use super::*;

const PAGE: &str = "\
# HELP k2i_worker_read_rows_total Rows read from Kafka, those read again included.
# TYPE k2i_worker_read_rows_total counter
k2i_worker_read_rows_total{table=\"a.b\"} 1200
k2i_worker_read_rows_total{table=\"c.d\"} 34
k2i_worker_buffered_bytes 1500000
k2i_worker_buffer_limit_bytes 99
k2i_worker_lag_offsets{table=\"a.b\"} 7
k2i_coordinator_committed_rows_total{table=\"a.b\"} 1000
k2i_coordinator_freshness_seconds_bucket{table=\"a.b\",le=\"0.5\"} 1
k2i_coordinator_freshness_seconds_sum{table=\"a.b\"} 3.5
k2i_coordinator_freshness_seconds_count{table=\"a.b\"} 2
";

#[test]
fn a_page_is_read_with_all_tables_together() {
    let sample = Sample::of_page(PAGE);
    let wanted =
        Sample { read_rows: 1234, committed_rows: 1000, buffered_bytes: 1_500_000, lag: 7, freshness: (3.5, 2) };
    assert_eq!(sample, wanted);
    assert_eq!(Sample::of_page(""), Sample::default());
}

#[test]
fn a_rate_comes_from_two_samples() {
    let start = Instant::now();
    let mut meter = Meter::default();
    let first = meter.take(start, Sample::default());
    assert_eq!(first.to_string(), "0 records/s | buffered 0 B | committed 0 | lag 0 | freshness -");
    let second = meter.take(start + Duration::from_millis(500), Sample::of_page(PAGE));
    let text = "2,468 records/s | buffered 1.50 MB | committed 1,000 | lag 7 | freshness 1.8 s";
    assert_eq!(second.to_string(), text);
}

#[test]
fn freshness_is_that_of_the_newest_commits_and_stays_until_the_next() {
    let start = Instant::now();
    let mut meter = Meter::default();
    let sample = |sum, count| Sample { freshness: (sum, count), ..Sample::default() };
    assert_eq!(meter.take(start, sample(10.0, 2)).freshness_seconds, Some(5.0));
    assert_eq!(meter.take(start, sample(10.0, 2)).freshness_seconds, Some(5.0));
    assert_eq!(meter.take(start, sample(11.0, 4)).freshness_seconds, Some(0.5));
}

#[test]
fn a_process_that_started_anew_has_no_negative_rate() {
    let start = Instant::now();
    let mut meter = Meter::default();
    meter.take(start, Sample { read_rows: 1_000, ..Sample::default() });
    let after = meter.take(start + Duration::from_secs(1), Sample { read_rows: 10, ..Sample::default() });
    assert_eq!(after.records_per_second, 0);
}

/// A terminal that notes what is done to it.
#[derive(Debug, Clone, Default)]
struct Paper(Arc<Mutex<String>>);

impl Paper {
    fn note(&self, text: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        40
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.note(&format!("{text}\n"))
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.note(text)
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.note("<clear>")
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.note(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_line_goes_above_the_line_which_is_drawn_again() {
    let paper = Paper::default();
    let terminal = Terminal::on(ProgressDrawTarget::term_like(Box::new(paper.clone())));
    terminal.show("12 records/s".to_owned());
    let mut log = Above::new(terminal.clone(), paper.clone());
    log.write_all(b"INFO committed\n").unwrap();
    let text = paper.0.lock().unwrap().clone();
    let (before, after) = text.split_once("INFO committed\n").unwrap();
    assert!(before.contains("12 records/s") && before.ends_with("<clear>"), "{text:?}");
    assert!(after.contains("12 records/s"), "{text:?}");
}

#[test]
fn a_line_is_cut_at_the_terminals_width() {
    let paper = Paper::default();
    let terminal = Terminal::on(ProgressDrawTarget::term_like(Box::new(paper.clone())));
    terminal.show("x".repeat(100));
    let text = paper.0.lock().unwrap().clone();
    assert!(text.contains(&"x".repeat(39)) && !text.contains(&"x".repeat(41)), "{text:?}");
}
