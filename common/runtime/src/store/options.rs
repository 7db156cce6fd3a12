//! RocksDB's settings: small, careful, and the same for every store.
//!
//! Both users write little and read it back in order at a start, so nothing is tuned for speed; memory, threads and
//! write-ahead log are bounded instead. Checksums stay on (RocksDB's defaults), compression is not compiled in.

use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel, Options};

use super::Family;

const WRITE_BUFFER_BYTES: usize = 4 << 20;
const ALL_WRITE_BUFFERS_BYTES: usize = 8 << 20;
const CACHE_BYTES: usize = 2 << 20;
const WRITE_AHEAD_LOG_BYTES: u64 = 32 << 20;
const OPEN_FILES: i32 = 64;
const BACKGROUND_THREADS: i32 = 2;
const NOTES_BYTES: usize = 1 << 20;
const NOTES_FILES: usize = 2;

/// Settings of a whole store. `recovery` says what opening makes of a write-ahead log that does not end well.
pub(super) fn store(recovery: DBRecoveryMode) -> Options {
    let mut options = family(&cache());
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(recovery);
    options.set_paranoid_checks(true);
    options.set_db_write_buffer_size(ALL_WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(WRITE_AHEAD_LOG_BYTES);
    options.set_max_open_files(OPEN_FILES);
    options.set_max_background_jobs(BACKGROUND_THREADS);
    options.set_max_subcompactions(1);
    // RocksDB's own notes (the file LOG): warnings only, two files of at most 1 MiB.
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(NOTES_BYTES);
    options.set_keep_log_file_num(NOTES_FILES);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

/// Settings of each family; RocksDB wants its own `default` to be among them.
pub(super) fn families(families: &[Family]) -> Vec<ColumnFamilyDescriptor> {
    let cache = cache();
    families
        .iter()
        .map(|family| family.0)
        .chain([rocksdb::DEFAULT_COLUMN_FAMILY_NAME])
        .map(|name| ColumnFamilyDescriptor::new(name, family(&cache)))
        .collect()
}

fn family(cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options
}

fn cache() -> Cache {
    Cache::new_lru_cache(CACHE_BYTES)
}
