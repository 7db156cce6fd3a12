//! What is stored, byte for byte: files of earlier releases must read the same for ever.
//!
//! `K2I_WRITE_GOLDEN=1` writes the files that are missing; one that is there is never changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use openraft::BasicNode;

use super::*;
use crate::raft::codec;
use crate::raft::snapshots::format as snapshot;
use crate::raft::types::{SnapshotMeta, StoredMembership};

fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/raft/golden").join(name);
    if std::env::var_os("K2I_WRITE_GOLDEN").is_some() && !path.exists() {
        fs::write(&path, written).unwrap();
    }
    let golden = fs::read(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    assert_eq!(written, golden, "this release writes {name} differently");
    golden
}

fn joint_membership() -> Membership {
    let node = |id: u64| (id, BasicNode { addr: format!("node-{id}:7000") });
    let nodes: BTreeMap<_, _> = [1, 2, 3, 4].map(node).into();
    Membership::new(vec![[1, 2].into(), [2, 3].into()], nodes).unwrap()
}

fn image() -> SnapshotImage {
    let last_membership = StoredMembership::new(Some(log_id(2, 700)), joint_membership());
    let meta = SnapshotMeta { last_log_id: Some(log_id(3, 1_000)), last_membership };
    SnapshotImage { meta, state: Bytes::from_static(b"the application's state") }
}

#[test]
fn stored_values_are_those_of_the_golden_files() {
    let entries = [
        ("entry-blank-1.bin", blank(1, 0)),
        ("entry-command-1.bin", command(5, 300, b"a command")),
        ("entry-membership-1.bin", Entry { log_id: log_id(2, 1), payload: Payload::Membership(joint_membership()) }),
    ];
    for (name, entry) in entries {
        let bytes = golden(name, &codec::encode_entry(entry.clone()));
        assert_eq!(codec::decode_entry(&bytes).unwrap(), entry);
    }
    let vote = Vote::new_committed(7, 2);
    assert_eq!(codec::decode_vote(&golden("vote-1.bin", &codec::encode_vote(&vote))).unwrap(), vote);
    let id = log_id(7, u64::MAX - 1);
    assert_eq!(codec::decode_log_id(&golden("log-id-1.bin", &codec::encode_log_id(id))).unwrap(), id);
    let bytes = golden("snapshot-1.k2i", &snapshot::encode(&image()).unwrap());
    assert_eq!(snapshot::decode(bytes).unwrap(), image());
}

#[test]
fn the_smallest_values_are_read_too() {
    let first = blank(0, 0);
    assert_eq!(codec::decode_entry(&codec::encode_entry(first.clone())).unwrap(), first);
    let empty = command(0, 0, b"");
    assert_eq!(codec::decode_entry(&codec::encode_entry(empty.clone())).unwrap(), empty);
    let meta = SnapshotMeta::default();
    assert_eq!(codec::decode_snapshot_meta(&codec::encode_snapshot_meta(&meta)).unwrap(), meta);
}

#[test]
fn what_is_not_a_stored_value_is_refused() {
    let mut bytes = codec::encode_vote(&Vote::new(1, 1));
    bytes[0] = 2;
    let newer = codec::decode_vote(&bytes).unwrap_err().to_string();
    assert!(newer.contains("format 2") && newer.contains("newer"), "{newer}");
    for bytes in [&b""[..], b"\0", b"\x01\xff", b"\x01"] {
        assert!(codec::decode_entry(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_snapshot_with_any_byte_changed_or_missing_is_refused() {
    let file = snapshot::encode(&image()).unwrap();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        let cut = file[..at].to_vec();
        for damaged in [changed, cut] {
            assert_eq!(snapshot::decode(damaged).unwrap_err().kind(), std::io::ErrorKind::InvalidData, "byte {at}");
        }
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(snapshot::decode(longer).is_err());
}
