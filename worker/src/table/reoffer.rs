//! What becomes of a sealed cut after a restart, as plain functions.

use std::collections::BTreeMap;

use k2i_domain::ids::{ChainKey, Sequence, SessionId, StreamId, StreamIdentity, TableId};
use k2i_domain::manifest::{Manifest, ManifestFile, ManifestRange};
use k2i_domain::port::Grant;
use k2i_domain::range::Offset;

use super::target::Target;
use super::writer::DECODE_VERSION;
use crate::log::{LoggedCut, Step};

/// True when the cut can be submitted as it is: the same table, schema, decoding and streams, its files still here, and
/// every range starting exactly where its chain does.
pub(crate) fn fits(
    cut: &LoggedCut,
    target: &Target,
    grants: &BTreeMap<ChainKey, Grant>,
    streams: &BTreeMap<StreamId, StreamIdentity>,
) -> bool {
    let same_stream = |range: &ManifestRange| {
        let (was, is) = (cut.streams.get(&range.chain.stream), streams.get(&range.chain.stream));
        was.zip(is).is_some_and(|(was, is)| !was.contradicts(is))
    };
    let starts =
        |range: &ManifestRange| grants.get(&range.chain).is_some_and(|grant| grant.start == range.range.from());
    let current = |file: &ManifestFile| file.schema == target.schema_id && file.spec == target.spec_id;
    cut.uuid == target.uuid
        && cut.decode_version == DECODE_VERSION
        && cut.manifest.files.iter().all(current)
        && cut.manifest.ranges.iter().all(same_stream)
        && cut.manifest.ranges.iter().all(starts)
        && cut
            .local
            .iter()
            .zip(&cut.manifest.files)
            .all(|(path, file)| std::fs::metadata(path).is_ok_and(|found| found.len() == file.bytes))
}

/// The cut under a new identity, with object names that were never written.
pub(crate) fn renamed(
    cut: &LoggedCut,
    target: &Target,
    session: SessionId,
    sequence: Sequence,
    table: TableId,
    grants: &BTreeMap<ChainKey, Grant>,
) -> LoggedCut {
    let file = |(number, file): (u32, &ManifestFile)| ManifestFile {
        location: target.location(session, sequence, number),
        ..file.clone()
    };
    let range = |range: &ManifestRange| ManifestRange {
        epoch: grants.get(&range.chain).map_or(range.epoch, |grant| grant.epoch),
        ..range.clone()
    };
    LoggedCut {
        step: Step::Sealed,
        upload: None,
        manifest: Manifest {
            table,
            incarnation: target.incarnation,
            session,
            sequence,
            ranges: cut.manifest.ranges.iter().map(range).collect(),
            files: (0..).zip(&cut.manifest.files).map(file).collect(),
        },
        ..cut.clone()
    }
}

/// True when every range of the cut lies below its chain's accepted end.
pub(crate) fn is_accepted(cut: &LoggedCut, grants: &BTreeMap<ChainKey, Grant>) -> bool {
    let below = |range: &ManifestRange| grants.get(&range.chain).is_some_and(|grant| range.range.to() <= grant.start);
    cut.manifest.ranges.iter().all(below)
}

/// True when every range of the cut lies below its chain's watermark.
pub(crate) fn is_committed(cut: &LoggedCut, watermark: &BTreeMap<ChainKey, Offset>) -> bool {
    let below = |range: &ManifestRange| watermark.get(&range.chain).is_some_and(|end| range.range.to() <= *end);
    cut.manifest.ranges.iter().all(below)
}
