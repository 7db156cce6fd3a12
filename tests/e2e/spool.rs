//! What stands in K2I's spool: the files of cuts that are not committed yet.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Result;

/// The files in the spool of a data folder that are complete.
pub fn sealed(data_dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for table in fs::read_dir(data_dir.join("spool"))? {
        for file in fs::read_dir(table?.path())? {
            let path = file?.path();
            // One that is gone by now was committed.
            if ends_in_footer(&path).unwrap_or(false) {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

/// Whether a Parquet file is complete: it begins and ends with these four letters.
fn ends_in_footer(path: &Path) -> Result<bool> {
    const MAGIC: &[u8; 4] = b"PAR1";
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= 2 * MAGIC.len() as u64 {
        return Ok(false);
    }
    let mut last = [0; MAGIC.len()];
    file.seek(SeekFrom::End(-(MAGIC.len() as i64)))?;
    file.read_exact(&mut last)?;
    Ok(&last == MAGIC)
}
