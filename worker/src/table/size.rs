//! How large a file that is being written will be.
//!
//! The encoder knows the size of what it has encoded, but pages are compressed when they end: on short records it expects
//! several times of what comes out. So a table's last sealed file is the measure for the next one, in two ways: how much
//! smaller its row group became than expected, which follows rows that grow, and how many bytes a row took, which knows
//! that larger files compress better. The larger answer counts: a file is rather a little small than too large.

/// Below this a footer outweighs the rows, and nothing is learnt.
const LEAST: u64 = 64 * 1024;

/// The most that an expectation is brought down: a few equal rows say nothing about those that follow.
const SMALLEST: f64 = 0.02;

/// What is known of an open file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Bytes of its row groups on disk.
    pub(super) written: u64,
    /// Bytes that the encoder expects of the row group in progress.
    pub(super) in_progress: u64,
    /// Its rows, all of them.
    pub(super) rows: u64,
}

/// What is expected of a table's files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Bytes on disk for each byte that the encoder expects.
    shrinks: f64,
    /// Bytes on disk for each row.
    row: f64,
}

impl Default for Expected {
    /// Nothing is known yet: what the encoder says.
    fn default() -> Self {
        Self { shrinks: 1.0, row: 0.0 }
    }
}

impl Expected {
    /// The size that the file would have, never more than the encoder says.
    pub(super) fn bytes(self, open: Open) -> u64 {
        // Sizes are far below 2^53, and a byte more or less is nobody's business.
        let by_encoder = open.written + (open.in_progress as f64 * self.shrinks) as u64;
        let by_rows = (open.rows as f64 * self.row) as u64;
        by_encoder.max(by_rows).min(open.written + open.in_progress)
    }

    /// This file became so large, footer included.
    pub(super) fn learn(&mut self, open: Open, bytes: u64) {
        if open.in_progress >= LEAST {
            let last_group = bytes.saturating_sub(open.written);
            self.shrinks = (last_group as f64 / open.in_progress as f64).clamp(SMALLEST, 1.0);
            self.row = bytes as f64 / open.rows.max(1) as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(written: u64, in_progress: u64, rows: u64) -> Open {
        Open { written, in_progress, rows }
    }

    #[test]
    fn the_next_file_is_judged_by_the_last_one() {
        let mut expected = Expected::default();
        assert_eq!(expected.bytes(open(10, 1_000_000, 5)), 1_000_010);
        expected.learn(open(0, 1_000_000, 10_000), 250_000);
        assert_eq!(expected.bytes(open(10, 1_000_000, 100)), 250_010, "few large rows");
        assert_eq!(expected.bytes(open(0, 1_000_000, 30_000)), 750_000, "many small ones");
        expected.learn(open(500_000, 4_000_000, 1_000_000), 2_500_000);
        assert_eq!(expected.bytes(open(0, 1_000_000, 100)), 500_000);
    }

    #[test]
    fn small_files_and_odd_ones_teach_little() {
        let mut expected = Expected::default();
        expected.learn(open(0, 1_000, 10), 100);
        assert_eq!(expected.bytes(open(0, 1_000_000, 1)), 1_000_000, "too small to tell");
        expected.learn(open(0, 100_000, 10), 300_000);
        assert_eq!(expected.bytes(open(5, 1_000_000, 1_000_000)), 1_000_005, "never more than the encoder says");
        expected.learn(open(0, 1_000_000, 1_000_000), 10);
        assert_eq!(expected.bytes(open(0, 1_000_000, 1)), 20_000, "a file of equal rows");
    }
}
