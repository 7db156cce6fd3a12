//! The file writer.
//!
//! Invariants: a file has one schema and at least one row; the offsets noted for it are those of exactly its rows; what
//! [`Sealed`] says was on disk, file and folder entry, before it was said. A writer that failed once does nothing more.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use k2i_domain::ids::ChainKey;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::error::WriteError;
use super::footer::{FileIdentity, FileOffsets, offsets_entry};
use super::nan::NanCounts;
use super::properties::{DELTA_RESERVE, WriterOptions};
use super::schema::parquet_schema;
use super::sink::HashingFile;

/// A sealed file: complete, closed, durable.
#[derive(Debug)]
pub struct Sealed {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// Its SHA-256, computed while it was written.
    pub sha256: [u8; 32],
    /// Its footer; leaves carry Iceberg's field ids.
    pub metadata: ParquetMetaData,
    /// NaNs by field id, an entry for each float leaf, zero included.
    pub nan_counts: BTreeMap<i32, u64>,
    /// The offsets of its rows.
    pub offsets: BTreeMap<ChainKey, FileOffsets>,
}

/// Writes one file.
#[derive(Debug)]
pub struct FileWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<HashingFile>,
    reserving_columns: Vec<usize>,
    page_rows: usize,
    nans: NanCounts,
    offsets: BTreeMap<ChainKey, FileOffsets>,
    rows: u64,
    failed: bool,
}

impl FileWriter {
    /// Creates the file, which must not exist, in a folder that must. Iceberg field ids come from the schema's field
    /// metadata (`PARQUET:field_id`), and so does what is a UUID ([`super::UUID_EXTENSION`]).
    ///
    /// # Errors
    /// [`WriteError::Io`] or [`WriteError::Encode`].
    pub fn create(path: &Path, schema: &SchemaRef, options: &WriterOptions) -> Result<Self, WriteError> {
        let encode = |source| WriteError::Encode { path: path.to_owned(), source };
        let file_schema = parquet_schema(schema).map_err(encode)?;
        let reserving_columns = options.reserving_columns(&file_schema);
        let arrow_options = ArrowWriterOptions::new()
            .with_properties(options.properties(&file_schema))
            .with_parquet_schema(file_schema)
            // Iceberg's schema is the truth; a second one in the footer would only cost bytes in every small file.
            .with_skip_arrow_metadata(true);
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|source| WriteError::Io { action: "create", path: path.to_owned(), source })?;
        let writer = ArrowWriter::try_new_with_options(HashingFile::new(file), SchemaRef::clone(schema), arrow_options)
            .map_err(encode)?;
        Ok(Self {
            path: path.to_owned(),
            schema: SchemaRef::clone(schema),
            writer,
            reserving_columns,
            page_rows: options.page_rows,
            nans: NanCounts::new(schema),
            offsets: BTreeMap::new(),
            rows: 0,
            failed: false,
        })
    }

    /// Encodes a batch; a row group that becomes full goes to the file.
    ///
    /// # Errors
    /// [`WriteError`]; but for [`WriteError::Schema`] the file is given up.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        if !SchemaRef::ptr_eq(batch.schema_ref(), &self.schema) && *batch.schema_ref() != self.schema {
            return Err(WriteError::Schema { path: self.path.clone() });
        }
        self.attempt(|writer| writer.write(batch))?;
        self.nans.add(batch);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Notes the offsets of rows that were written, or are written before the file is sealed.
    pub fn note_offsets(&mut self, chain: ChainKey, offsets: FileOffsets) {
        self.offsets.entry(chain).and_modify(|noted| *noted = noted.join(offsets)).or_insert(offsets);
    }

    /// Ends the row group, which frees its memory. Small row groups cost readers: for memory pressure, not for habit.
    ///
    /// # Errors
    /// [`WriteError`]; the file is then given up.
    pub fn flush_row_group(&mut self) -> Result<(), WriteError> {
        self.attempt(ArrowWriter::flush)
    }

    /// Bytes of memory that the row group in progress holds: what the encoder says, less what it has reserved for
    /// integer columns and never touched, which the system does not give out.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        let rows = self.in_progress_rows();
        if rows == 0 {
            return 0;
        }
        let untouched = |width: &usize| {
            // A page's worth of values, and an eighth or more for block headers and the rows a page may have over.
            let touched = rows.min(self.page_rows) * (width + 1) + 4096;
            DELTA_RESERVE.saturating_sub(touched)
        };
        self.writer.memory_size().saturating_sub(self.reserving_columns.iter().map(untouched).sum())
    }

    /// Rows of the row group in progress.
    #[must_use]
    pub fn in_progress_rows(&self) -> usize {
        self.writer.in_progress_rows()
    }

    /// What the encoder expects the row group in progress to take. What is in pages that have not ended counts before
    /// compression: on short records this is several times too much.
    #[must_use]
    pub fn in_progress_bytes(&self) -> u64 {
        self.writer.in_progress_size() as u64
    }

    /// Bytes of the row groups that went to the file.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Rows written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the footer and makes file and folder entry durable.
    ///
    /// # Errors
    /// [`WriteError`]; the file, if there is one, is of no use then and stays for the caller to remove.
    pub fn seal(mut self, identity: &FileIdentity) -> Result<Sealed, WriteError> {
        if self.rows == 0 {
            return Err(WriteError::Empty { path: self.path });
        }
        let noted = self.offsets.values().map(|offsets| offsets.rows).sum();
        if noted != self.rows {
            return Err(WriteError::Offsets { path: self.path, rows: self.rows, noted });
        }
        let entries = [identity.entry(), offsets_entry(&self.offsets)];
        let metadata = self.attempt(|writer| {
            writer.flush()?;
            entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
            writer.finish()
        })?;
        let synced = self.writer.inner_mut().sync();
        let (bytes, sha256) =
            synced.map_err(|source| WriteError::Io { action: "sync", path: self.path.clone(), source })?;
        sync_folder(&self.path)?;
        Ok(Sealed {
            path: self.path,
            bytes,
            rows: self.rows,
            sha256,
            metadata,
            nan_counts: self.nans.finish(),
            offsets: self.offsets,
        })
    }

    /// Gives the file up and removes it.
    ///
    /// # Errors
    /// [`WriteError::Io`] if it cannot be removed.
    pub fn abandon(self) -> Result<(), WriteError> {
        let Self { path, writer, .. } = self;
        drop(writer);
        fs::remove_file(&path).map_err(|source| WriteError::Io { action: "remove", path, source })
    }

    /// Puts another file beneath, to let writes fail.
    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) {
        *self.writer.inner_mut() = HashingFile::new(file);
    }

    /// What the encoder itself says of its memory.
    #[cfg(test)]
    pub(super) fn raw_memory_size(&self) -> usize {
        self.writer.memory_size()
    }

    /// Runs a step of the encoder and gives the file up where it fails.
    fn attempt<T>(
        &mut self,
        step: impl FnOnce(&mut ArrowWriter<HashingFile>) -> Result<T, ParquetError>,
    ) -> Result<T, WriteError> {
        if self.failed {
            return Err(WriteError::Failed { path: self.path.clone() });
        }
        step(&mut self.writer).map_err(|source| {
            self.failed = true;
            WriteError::Encode { path: self.path.clone(), source }
        })
    }
}

/// Makes the file's entry in its folder durable.
fn sync_folder(path: &Path) -> Result<(), WriteError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let synced: io::Result<()> = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| WriteError::Io { action: "sync the folder of", path: path.to_owned(), source })
}
