//! The whole state.

use k2i_domain::ids::{Instance, SessionId, TableId, WorkerId};
use k2i_domain::state::{Session, State};

use crate::error::DecodeError;
use crate::fields::map;
use crate::wire;

impl From<&State> for wire::State {
    fn from(state: &State) -> Self {
        Self {
            instance: state.instance.map(|instance| instance.0),
            cluster: state.cluster.clone(),
            feature_level: state.feature_level,
            sessions: state.sessions.iter().map(Into::into).collect(),
            tables: state.tables.iter().map(Into::into).collect(),
            last_table: state.last_table.0,
        }
    }
}

impl TryFrom<wire::State> for State {
    type Error = DecodeError;

    fn try_from(state: wire::State) -> Result<Self, DecodeError> {
        Ok(Self {
            instance: state.instance.map(Instance),
            cluster: state.cluster,
            feature_level: state.feature_level,
            sessions: map("sessions", state.sessions)?,
            tables: map("tables", state.tables)?,
            last_table: TableId(state.last_table),
        })
    }
}

impl From<(&SessionId, &Session)> for wire::Session {
    fn from((id, session): (&SessionId, &Session)) -> Self {
        Self { id: id.0, worker: session.worker.0.clone(), live: session.live }
    }
}

impl From<wire::Session> for (SessionId, Session) {
    fn from(session: wire::Session) -> Self {
        (SessionId(session.id), Session { worker: WorkerId(session.worker), live: session.live })
    }
}
