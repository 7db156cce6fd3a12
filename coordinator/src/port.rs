//! The port that workers use, served in this process.

use std::sync::Arc;

use async_trait::async_trait;
use k2i_domain::core::Input;
use k2i_domain::ids::{SessionId, TableId, WorkerId};
use k2i_domain::manifest::Manifest;
use k2i_domain::port::{Cut, Observation, Stopped, SubmitReply};
use k2i_domain::state::{Command, Reply};
use k2i_runtime::port::{CoordinatorPort, PortError, Registration};
use k2i_runtime::telemetry::metrics::CoordinatorMetrics;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::raft::{ProposeError, RaftNode};
use crate::replicated::Replicated;
use crate::sessions::OpenSessions;

/// The in-process end of [`CoordinatorPort`].
#[derive(Clone)]
pub struct LocalPort {
    pub(crate) raft: RaftNode<Replicated>,
    pub(crate) clock: Clock,
    pub(crate) sessions: Arc<OpenSessions>,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) metrics: CoordinatorMetrics,
}

impl LocalPort {
    async fn propose(&self, command: Command) -> Result<Reply, PortError> {
        self.raft.propose(&command).await.map_err(|error| match error {
            ProposeError::NotLeader { .. } => PortError::NotLeader { leader: None },
            ProposeError::TooLarge { .. } => PortError::Rejected(error.to_string()),
            ProposeError::Unknown { .. } | ProposeError::Stopped { .. } => PortError::Unavailable(error.to_string()),
        })
    }

    async fn tell(&self, input: Input) -> Result<(), PortError> {
        self.inputs.send(input).await.map_err(|_| PortError::Unavailable("the coordinator has stopped".into()))
    }

    fn count_fenced(&self, table: TableId) {
        let name =
            self.raft.read(|replicated| replicated.state().tables.get(&table).map(|table| table.spec.name.clone()));
        if let Some(name) = name {
            self.metrics.fenced(&name);
        }
    }

    /// Refuses an ended session, so that its worker registers anew.
    fn living(&self, session: SessionId) -> Result<(), PortError> {
        let live = self.raft.read(|replicated| replicated.state().is_live(session));
        if live { Ok(()) } else { Err(PortError::SessionEnded(session)) }
    }
}

#[async_trait]
impl CoordinatorPort for LocalPort {
    async fn register(&self, worker: WorkerId) -> Result<Registration, PortError> {
        let session = SessionId(rand::random());
        self.propose(Command::RegisterWorker { worker, session }).await?;
        let registration = self.raft.read(|replicated| self.sessions.open(session, replicated.state()));
        self.tell(Input::Heartbeat(session)).await?;
        Ok(registration)
    }

    async fn observe(&self, session: SessionId, observation: Observation) -> Result<(), PortError> {
        self.living(session)?;
        self.tell(Input::Observed(observation)).await
    }

    async fn submit(&self, manifest: Manifest) -> Result<SubmitReply, PortError> {
        let (table, session) = (manifest.table, manifest.session);
        // A dead catalog may be asked about for hours: what would be refused is not logged first.
        if let Some(reply) = self.raft.read(|replicated| replicated.state().preview(&manifest)) {
            return Ok(reply);
        }
        let at = self.clock.now();
        match self.propose(Command::SubmitManifest { manifest, at }).await? {
            Reply::Submit(reply) => {
                match &reply {
                    SubmitReply::Accepted | SubmitReply::AlreadyAccepted => {
                        self.tell(Input::Accepted(table, session)).await?;
                    }
                    SubmitReply::Refused(_) => self.count_fenced(table),
                    SubmitReply::Busy { .. } | SubmitReply::Stopped => {}
                }
                Ok(reply)
            }
            Reply::Refused(refusal) => Err(PortError::Rejected(refusal.to_string())),
            Reply::Done | Reply::Table(_) => Err(PortError::Rejected("unexpected answer to a manifest".into())),
        }
    }

    async fn answer_cut(&self, session: SessionId, cut: Cut) -> Result<(), PortError> {
        self.living(session)?;
        self.tell(Input::Nothing(session, cut)).await
    }

    async fn stop_table(&self, session: SessionId, table: TableId, stopped: Stopped) -> Result<(), PortError> {
        self.living(session)?;
        self.tell(Input::StopRequested(table, stopped)).await
    }

    async fn heartbeat(&self, session: SessionId) -> Result<(), PortError> {
        self.living(session)?;
        self.tell(Input::Heartbeat(session)).await
    }

    async fn leave(&self, session: SessionId) -> Result<(), PortError> {
        self.propose(Command::ExpireWorker { session }).await.map(|_| ())
    }
}
