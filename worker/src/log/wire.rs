//! The form of a log entry on disk (version 1). The manifest inside has the replicated format of `k2i-proto`.

use std::path::PathBuf;

use k2i_domain::ids::{StreamId, StreamIdentity, TableUuid, Timestamp};
use k2i_domain::state::Command;
use prost::Message;

use super::{LoggedCut, Step};

const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    table: String,
    #[prost(bytes = "vec", tag = "3")]
    uuid: Vec<u8>,
    #[prost(uint32, tag = "4")]
    step: u32,
    #[prost(uint32, tag = "5")]
    decode_version: u32,
    #[prost(bytes = "vec", tag = "6")]
    manifest: Vec<u8>,
    #[prost(string, repeated, tag = "7")]
    local: Vec<String>,
    #[prost(string, optional, tag = "8")]
    upload: Option<String>,
    #[prost(message, repeated, tag = "9")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(string, tag = "2")]
    kafka_cluster: String,
    #[prost(string, optional, tag = "3")]
    topic_id: Option<String>,
    #[prost(string, tag = "4")]
    topic: String,
}

impl From<(&StreamId, &StreamIdentity)> for Stream {
    fn from((id, identity): (&StreamId, &StreamIdentity)) -> Self {
        let StreamIdentity { kafka_cluster, topic_id, topic } = identity.clone();
        Self { id: id.0, kafka_cluster, topic_id, topic }
    }
}

impl From<Stream> for (StreamId, StreamIdentity) {
    fn from(stream: Stream) -> Self {
        let Stream { id, kafka_cluster, topic_id, topic } = stream;
        (StreamId(id), StreamIdentity { kafka_cluster, topic_id, topic })
    }
}

pub(super) fn encode(cut: &LoggedCut) -> Vec<u8> {
    let submit = Command::SubmitManifest { manifest: cut.manifest.clone(), at: Timestamp(0) };
    Entry {
        version: VERSION,
        table: cut.table.clone(),
        uuid: cut.uuid.0.to_vec(),
        step: step_number(cut.step),
        decode_version: cut.decode_version,
        manifest: k2i_proto::encode_command(&submit),
        local: cut.local.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        upload: cut.upload.clone(),
        streams: cut.streams.iter().map(Into::into).collect(),
    }
    .encode_to_vec()
}

pub(super) fn decode(bytes: &[u8]) -> Result<LoggedCut, String> {
    let entry = Entry::decode(bytes).map_err(|error| error.to_string())?;
    if entry.version != VERSION {
        return Err(format!("it has format version {}, this version reads {VERSION}", entry.version));
    }
    let command = k2i_proto::decode_command(&entry.manifest).map_err(|error| error.to_string())?;
    let Command::SubmitManifest { manifest, .. } = command else { return Err("it holds no manifest".into()) };
    Ok(LoggedCut {
        table: entry.table,
        uuid: TableUuid(entry.uuid.try_into().map_err(|_| "its table uuid is not 16 bytes long")?),
        step: step_of(entry.step)?,
        decode_version: entry.decode_version,
        streams: entry.streams.into_iter().map(Into::into).collect(),
        manifest,
        local: entry.local.into_iter().map(PathBuf::from).collect(),
        upload: entry.upload,
    })
}

fn step_number(step: Step) -> u32 {
    match step {
        Step::Sealed => 2,
        Step::Uploaded => 3,
        Step::Accepted => 4,
    }
}

fn step_of(number: u32) -> Result<Step, String> {
    match number {
        2 => Ok(Step::Sealed),
        3 => Ok(Step::Uploaded),
        4 => Ok(Step::Accepted),
        other => Err(format!("step {other} is not known")),
    }
}
