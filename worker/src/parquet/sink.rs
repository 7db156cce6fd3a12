//! A file that hashes what is written to it, so that nobody has to read it again for its checksum.

use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

/// The file, the hash and the length of what has been written to it. Not buffered: the Parquet writer above is.
#[derive(Debug)]
pub(super) struct HashingFile {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl HashingFile {
    pub(super) fn new(file: File) -> Self {
        Self { file, hash: Sha256::new(), bytes: 0 }
    }

    /// Makes the file durable and gives its length and hash.
    pub(super) fn sync(&mut self) -> io::Result<(u64, [u8; 32])> {
        self.file.sync_all()?;
        Ok((self.bytes, self.hash.clone().finalize().into()))
    }
}

impl Write for HashingFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
