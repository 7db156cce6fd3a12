//! A snapshot as one file.
//!
//! ```text
//! "K2IRAFT1"  meta length: u32  meta  state length: u64  state  SHA-256 of all before it
//! ```
//! Lengths are big-endian; the meta is a stored value of `codec.rs`, with its own format byte. The checksum comes first
//! when reading, so that nothing of a damaged file is interpreted.

use std::io;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::SnapshotImage;
use crate::raft::codec;

const MAGIC: &[u8; 8] = b"K2IRAFT1";
const DIGEST_BYTES: usize = 32;

pub(in crate::raft) fn encode(image: &SnapshotImage) -> io::Result<Vec<u8>> {
    let meta = codec::encode_snapshot_meta(&image.meta);
    // A meta holds one membership: kilobytes.
    let meta_length = u32::try_from(meta.len()).map_err(io::Error::other)?;
    let mut file = Vec::with_capacity(MAGIC.len() + 12 + meta.len() + image.state.len() + DIGEST_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&meta_length.to_be_bytes());
    file.extend_from_slice(&meta);
    file.extend_from_slice(&(image.state.len() as u64).to_be_bytes());
    file.extend_from_slice(&image.state);
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    Ok(file)
}

/// An error is of the kind `InvalidData`.
pub(in crate::raft) fn decode(file: Vec<u8>) -> io::Result<SnapshotImage> {
    let mut rest = Bytes::from(verified(file)?);
    let magic = take(&mut rest, MAGIC.len())?;
    if magic != MAGIC.as_slice() {
        return Err(damaged("it is no snapshot of this release or an earlier one"));
    }
    let meta_length = u32::from_be_bytes(take_array(&mut rest)?);
    let meta = take(&mut rest, meta_length as usize)?;
    let state_length = usize::try_from(u64::from_be_bytes(take_array(&mut rest)?)).map_err(|_| damaged("too long"))?;
    let state = take(&mut rest, state_length)?;
    if !rest.is_empty() {
        return Err(damaged("it is longer than it says"));
    }
    let meta = codec::decode_snapshot_meta(&meta).map_err(|cause| damaged(&cause.to_string()))?;
    Ok(SnapshotImage { meta, state })
}

/// The file without its checksum, if that matches.
fn verified(mut file: Vec<u8>) -> io::Result<Vec<u8>> {
    let (content, digest) = file.split_last_chunk::<DIGEST_BYTES>().ok_or_else(|| damaged("it is too short"))?;
    if Sha256::digest(content).as_slice() != digest {
        return Err(damaged("its checksum does not match"));
    }
    let length = content.len();
    file.truncate(length);
    Ok(file)
}

fn take(rest: &mut Bytes, length: usize) -> io::Result<Bytes> {
    if rest.len() < length {
        return Err(damaged("it is shorter than it says"));
    }
    Ok(rest.split_to(length))
}

fn take_array<const N: usize>(rest: &mut Bytes) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    array.copy_from_slice(&take(rest, N)?);
    Ok(array)
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
