//! How large a file that is being written will be.
//!
//! The encoder knows the size of what it has encoded, and pages are compressed when they end: on short records it expects
//! several times of what comes out. So each sealed file says how much smaller its last row group became, and the next one
//! of the table is judged by that.

/// Below this a footer outweighs the rows, and nothing is learnt.
const LEAST: u64 = 64 * 1024;

/// The most that an expectation is brought down: a few equal rows say nothing about those that follow.
const SMALLEST: f64 = 0.02;

/// What is expected of a table's files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Bytes on disk for each byte that the encoder expects.
    shrinks: f64,
}

impl Default for Expected {
    /// Nothing is known yet: what the encoder says.
    fn default() -> Self {
        Self { shrinks: 1.0 }
    }
}

impl Expected {
    /// The size of a file with so many bytes on disk and a row group that the encoder expects to become so large.
    pub(super) fn bytes(self, written: u64, in_progress: u64) -> u64 {
        // Sizes are far below 2^53, and a byte more or less is nobody's business.
        written + (in_progress as f64 * self.shrinks) as u64
    }

    /// The last row group of a file was expected to become so large, and became this, footer included.
    pub(super) fn learn(&mut self, in_progress: u64, became: u64) {
        if in_progress >= LEAST {
            self.shrinks = (became as f64 / in_progress as f64).clamp(SMALLEST, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_file_is_judged_by_the_last_one() {
        let mut expected = Expected::default();
        assert_eq!(expected.bytes(10, 1_000_000), 1_000_010);
        expected.learn(1_000_000, 250_000);
        assert_eq!(expected.bytes(10, 1_000_000), 250_010);
        expected.learn(4_000_000, 2_000_000);
        assert_eq!(expected.bytes(0, 1_000_000), 500_000);
    }

    #[test]
    fn small_files_and_odd_ones_teach_little() {
        let mut expected = Expected::default();
        expected.learn(1_000, 100);
        assert_eq!(expected.bytes(0, 1_000_000), 1_000_000, "too small to tell");
        expected.learn(100_000, 300_000);
        assert_eq!(expected.bytes(0, 1_000_000), 1_000_000, "never more than the encoder says");
        expected.learn(1_000_000, 10);
        assert_eq!(expected.bytes(0, 1_000_000), 20_000, "a file of equal rows");
    }
}
