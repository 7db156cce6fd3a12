//! Manifests. A range is made by `Range::new` alone, so an empty or negative one is refused here.

use k2i_domain::ids::{Epoch, Incarnation, SchemaId, Sequence, SessionId, SpecId, TableId, Timestamp};
use k2i_domain::manifest::{Manifest, ManifestFile, ManifestRange};
use k2i_domain::range::{LeaderEpoch, Offset, Range};

use crate::error::DecodeError;
use crate::fields::{array, list, required};
use crate::wire;

impl From<&Manifest> for wire::Manifest {
    fn from(manifest: &Manifest) -> Self {
        Self {
            table: manifest.table.0,
            incarnation: manifest.incarnation.0,
            session: manifest.session.0,
            sequence: manifest.sequence.0,
            ranges: manifest.ranges.iter().map(Into::into).collect(),
            files: manifest.files.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::Manifest> for Manifest {
    type Error = DecodeError;

    fn try_from(manifest: wire::Manifest) -> Result<Self, DecodeError> {
        Ok(Self {
            table: TableId(manifest.table),
            incarnation: Incarnation(manifest.incarnation),
            session: SessionId(manifest.session),
            sequence: Sequence(manifest.sequence),
            ranges: list("ranges", manifest.ranges)?,
            files: list("files", manifest.files)?,
        })
    }
}

impl From<&ManifestRange> for wire::ManifestRange {
    fn from(range: &ManifestRange) -> Self {
        Self {
            chain: Some((&range.chain).into()),
            epoch: range.epoch.0,
            from: range.range.from().0,
            to: range.range.to().0,
            rows: range.rows,
            newest_ms: range.newest.map(|newest| newest.0),
            leader_epoch: range.leader_epoch.0,
        }
    }
}

impl TryFrom<wire::ManifestRange> for ManifestRange {
    type Error = DecodeError;

    fn try_from(range: wire::ManifestRange) -> Result<Self, DecodeError> {
        let no_range = || DecodeError::invalid(format!("is [{}, {}), which is no range", range.from, range.to));
        Ok(Self {
            chain: required("chain", range.chain)?,
            epoch: Epoch(range.epoch),
            range: Range::new(Offset(range.from), Offset(range.to)).ok_or_else(no_range)?,
            rows: range.rows,
            newest: range.newest_ms.map(Timestamp),
            leader_epoch: LeaderEpoch(range.leader_epoch),
        })
    }
}

impl From<&ManifestFile> for wire::ManifestFile {
    fn from(file: &ManifestFile) -> Self {
        Self {
            location: file.location.clone(),
            bytes: file.bytes,
            rows: file.rows,
            sha256: file.sha256.to_vec(),
            schema: file.schema.0,
            spec: file.spec.0,
            statistics: file.statistics.clone(),
        }
    }
}

impl TryFrom<wire::ManifestFile> for ManifestFile {
    type Error = DecodeError;

    fn try_from(file: wire::ManifestFile) -> Result<Self, DecodeError> {
        Ok(Self {
            sha256: array("sha256", &file.sha256)?,
            location: file.location,
            bytes: file.bytes,
            rows: file.rows,
            schema: SchemaId(file.schema),
            spec: SpecId(file.spec),
            statistics: file.statistics,
        })
    }
}
