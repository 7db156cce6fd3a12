//! The submitter: one table's sealed cuts, in order, to the store and to the coordinator.
//!
//! Before a cut is submitted its topics are looked at once more: a client follows a topic's *name*, so only this tells
//! that the rows came from the stream that the chain belongs to.

use std::time::Duration;

use k2i_domain::ids::SessionId;
use k2i_domain::port::{Cut, StopReason, Stopped, SubmitReply};
use k2i_runtime::failpoint::{Failpoint, reach};
use k2i_runtime::port::PortError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::Generation;
use super::absent::Away;
use super::services::{Doubt, Sent, Services, Topics};
use super::supervisor::FromSubmitter;
use crate::log::{LoggedCut, Step};

/// Pauses between attempts: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A sealed cut on its way.
#[derive(Debug)]
pub(crate) struct SealedCut {
    pub(crate) generation: Generation,
    pub(crate) cut: LoggedCut,
    pub(crate) tick: Option<Cut>,
}

/// What the writer hands on, in order.
#[derive(Debug)]
pub(crate) enum ToSubmit {
    /// A cut.
    Cut(Box<SealedCut>),
    /// Nothing for this tick.
    Nothing(Cut),
    /// Once everything before is accepted, the table stops.
    Stop(Generation, Stopped),
    /// Everything before has been handled when this is reached.
    Drained,
    /// The same, for whoever waits on it.
    Flushed(oneshot::Sender<()>),
}

/// The submitter of one table.
pub(crate) struct Submitter {
    pub(crate) session: SessionId,
    pub(crate) services: Services,
    /// The generation whose cuts are wanted.
    pub(crate) current: watch::Receiver<Generation>,
    pub(crate) topics: Topics,
    pub(crate) events: mpsc::UnboundedSender<FromSubmitter>,
}

/// Ends when a newer generation began.
async fn overtaken(mut current: watch::Receiver<Generation>, generation: Generation) {
    // Its sender is gone only when the table is going down.
    let _ = current.wait_for(|now| *now != generation).await;
}

/// The cut is not wanted any more: a newer generation began.
pub(crate) struct Overtaken;

impl Submitter {
    /// Runs until the writer is gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<ToSubmit>) {
        while let Some(message) = inbox.recv().await {
            match message {
                ToSubmit::Cut(sealed) => self.cut(*sealed).await,
                ToSubmit::Nothing(tick) => self.nothing(tick).await,
                ToSubmit::Stop(generation, stopped) if self.is_current(generation) => {
                    self.tell(FromSubmitter::Stop(generation, stopped));
                }
                ToSubmit::Stop(..) => {}
                ToSubmit::Drained => self.tell(FromSubmitter::Drained),
                ToSubmit::Flushed(done) => {
                    // Whoever waited may be gone.
                    let _ = done.send(());
                }
            }
        }
    }

    async fn nothing(&self, tick: Cut) {
        if let Err(error) = self.services.port.answer_cut(self.session, tick).await {
            tracing::debug!(%error, "a tick's answer was not taken");
        }
    }

    async fn cut(&mut self, sealed: SealedCut) {
        let SealedCut { generation, mut cut, tick } = sealed;
        match self.offer(generation, &mut cut).await {
            Ok(SubmitReply::Accepted | SubmitReply::AlreadyAccepted) => {
                self.tell(FromSubmitter::Accepted(Box::new(cut)));
                return;
            }
            Ok(SubmitReply::Refused(ranges)) => {
                tracing::info!(table = cut.table, sequence = %cut.manifest.sequence, ?ranges, "a manifest was refused");
                self.services.abandon(&cut);
                self.tell(FromSubmitter::Refused(generation));
            }
            Ok(SubmitReply::Stopped) => self.tell(FromSubmitter::Refused(generation)),
            // What is sealed stays: the next generation submits it again where it still fits.
            Ok(SubmitReply::Busy { .. }) | Err(Overtaken) => {}
        }
        if let Some(tick) = tick {
            self.nothing(tick).await;
        }
    }

    /// Uploads and submits until there is an answer, or a newer generation.
    pub(crate) async fn offer(
        &mut self,
        generation: Generation,
        cut: &mut LoggedCut,
    ) -> Result<SubmitReply, Overtaken> {
        if !self.is_current(generation) {
            return Err(Overtaken);
        }
        if self.upload(generation, cut).await? == Sent::Gone {
            tracing::error!(table = cut.table, "a sealed file is gone from the spool folder, its rows are read again");
            return Ok(SubmitReply::Refused(Vec::new()));
        }
        self.same_topics(generation, cut).await?;
        let mut pause = PAUSE.0;
        loop {
            let wait = match self.services.port.submit(cut.manifest.clone()).await {
                Ok(SubmitReply::Busy { retry_after_ms }) => Duration::from_millis(retry_after_ms),
                Ok(reply) => {
                    if matches!(reply, SubmitReply::Accepted | SubmitReply::AlreadyAccepted) {
                        reach(Failpoint::CutSubmitted);
                        cut.step = Step::Accepted;
                        self.services.note(cut);
                        reach(Failpoint::CutAccepted);
                    }
                    return Ok(reply);
                }
                Err(PortError::SessionEnded(_)) => return Err(Overtaken),
                Err(PortError::Rejected(why)) => {
                    // The same manifest would be refused again: a person has to look.
                    let detail = format!("the coordinator does not take a manifest: {why}");
                    self.tell(FromSubmitter::Stop(generation, Stopped::new(StopReason::Schema, detail)));
                    return Err(Overtaken);
                }
                Err(error) => {
                    tracing::debug!(table = cut.table, %error, "a manifest is sent again");
                    pause
                }
            };
            self.wait(generation, wait).await?;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn upload(&mut self, generation: Generation, cut: &mut LoggedCut) -> Result<Sent, Overtaken> {
        let mut pause = PAUSE.0;
        loop {
            // An upload that is cut off leaves nothing that anybody names: another attempt has another name.
            let sent = tokio::select! {
                sent = self.services.upload(cut) => sent,
                () = overtaken(self.current.clone(), generation) => return Err(Overtaken),
            };
            match sent {
                Ok(Sent::Gone) => return Ok(Sent::Gone),
                Ok(Sent::Stored) => {
                    reach(Failpoint::FilesUploaded);
                    cut.step = Step::Uploaded;
                    self.services.note(cut);
                    return Ok(Sent::Stored);
                }
                Err(error) => tracing::warn!(table = cut.table, error, "an upload failed and is tried again"),
            }
            self.wait(generation, pause).await?;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Waits until it can be told. A topic that is away is waited for, but not so long that the table's other topics
    /// stand still: the cut stays sealed, and the next generation begins without that topic.
    async fn same_topics(&mut self, generation: Generation, cut: &LoggedCut) -> Result<(), Overtaken> {
        let (mut pause, mut away) = (PAUSE.0, Away::default());
        loop {
            match self.topics.check(cut).await {
                Ok(()) => return Ok(()),
                Err(Doubt::Stop(stopped)) => {
                    self.tell(FromSubmitter::Stop(generation, stopped));
                    return Err(Overtaken);
                }
                Err(Doubt::Away) if away.still(Instant::now()) => {
                    self.tell(FromSubmitter::Away(generation));
                    return Err(Overtaken);
                }
                Err(Doubt::Away) => {}
                Err(Doubt::Unanswered) => away = Away::default(),
            }
            self.wait(generation, pause).await?;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn is_current(&self, generation: Generation) -> bool {
        *self.current.borrow() == generation
    }

    /// Waits, but no longer than the generation lasts.
    async fn wait(&mut self, generation: Generation, pause: Duration) -> Result<(), Overtaken> {
        tokio::select! {
            () = sleep(pause) => {}
            changed = self.current.changed() => {
                if changed.is_err() {
                    return Err(Overtaken);
                }
            }
        }
        if self.is_current(generation) { Ok(()) } else { Err(Overtaken) }
    }

    fn tell(&self, event: FromSubmitter) {
        // The supervisor is gone only when the worker is going down.
        let _ = self.events.send(event);
    }
}
