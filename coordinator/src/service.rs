//! The coordinator's shell: one loop that feeds the core and carries out its effects.
//!
//! ```text
//! leadership ─┐
//! ends of effects ─┤
//! workers' calls ──┼─▶ Core::handle(now, applied state, input) ─▶ effects ─▶ tasks
//! applied state ───┤
//! deadline ────────┘
//! ```
//!
//! Nothing is decided here. Effects run as tasks, at most one per table and one per proposal, so a slow catalog holds
//! up only its own table; no lock on the state is held while one runs.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k2i_domain::core::{Core, Effect, Input, ResumeEnd, Settings};
use k2i_domain::ids::{Instance, TableId, Timestamp};
use k2i_domain::lake::{Loaded, Outcome};
use k2i_domain::state::{Command, Reply, State};
use k2i_runtime::failpoint::{Failpoint, reach};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ResumeOrder;
use crate::clock::Clock;
use crate::instruments::Instruments;
use crate::raft::RaftNode;
use crate::replicated::Replicated;
use crate::sessions::OpenSessions;
use crate::tables::{TableBinding, TableIo};

/// The longest sleep between two looks at the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// The loop steps at least every few seconds; a longer gap means that the process stood still.
const PAUSED_MS: i64 = 8_000;
/// Pause after the definitions could not be logged.
const DEFINE_AGAIN: Duration = Duration::from_millis(200);

/// What the loop needs.
pub(crate) struct Service {
    pub(crate) raft: RaftNode<Replicated>,
    pub(crate) clock: Clock,
    pub(crate) cluster: String,
    pub(crate) settings: Settings,
    pub(crate) tables: Vec<TableBinding>,
    /// Taken once it has ended; another leadership begins it again until then.
    pub(crate) resume: Option<ResumeOrder>,
    pub(crate) sessions: Arc<OpenSessions>,
    pub(crate) instruments: Instruments,
    pub(crate) inputs: mpsc::Receiver<Input>,
}

/// The loop's own memory.
struct Running {
    core: Core,
    io: HashMap<String, TableIo>,
    effects: JoinSet<Input>,
    stepped: Option<Timestamp>,
    /// What each table was last said to wait for.
    waits: BTreeMap<TableId, String>,
}

impl Running {
    /// Starts an effect. One that panics ends like one that failed, so that nothing waits for it for ever.
    fn spawn(&mut self, failed: Input, effect: impl Future<Output = Input> + Send + 'static) {
        self.effects.spawn(async move {
            let ended = AssertUnwindSafe(effect).catch_unwind().await;
            ended.unwrap_or_else(|_| {
                tracing::error!(?failed, "an effect panicked");
                failed
            })
        });
    }
}

impl Service {
    /// Runs until `stop`. Effects on their way are dropped then: each of them is safe to lose.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let io = self.tables.iter().map(|table| (table.spec.name.clone(), TableIo::new(table))).collect();
        let mut running = Running {
            core: Core::new(self.settings),
            io,
            effects: JoinSet::new(),
            stepped: None,
            waits: BTreeMap::new(),
        };
        let mut leadership = self.raft.leadership_watch();
        let mut applied = self.raft.applied_watch();
        loop {
            let sleep = self.until_deadline(&running.core);
            let input = tokio::select! {
                () = stop.cancelled() => break,
                changed = leadership.changed() => match changed {
                    Ok(leads) => self.leadership(&mut running, leads.is_some(), &stop).await,
                    Err(_) => break,
                },
                Some(ended) = running.effects.join_next() => match ended {
                    Ok(input) => Some(input),
                    Err(error) => {
                        tracing::error!(%error, "an effect's task failed");
                        None
                    }
                },
                Some(input) = self.inputs.recv() => Some(input),
                changed = applied.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.applied();
                    Some(Input::Tick)
                }
                () = tokio::time::sleep(sleep) => Some(Input::Tick),
            };
            if let Some(input) = input {
                let led = input == Input::Led;
                self.step(&mut running, input);
                if led {
                    self.resume(&mut running);
                }
                self.say_waits(&mut running);
            }
        }
    }

    /// Puts the decision on a stopped table to the core.
    fn resume(&mut self, running: &mut Running) {
        let Some(ResumeOrder { table, resume }) = self.resume.clone() else { return };
        // Every table of the configuration is defined by now.
        if let Some(id) = self.raft.read(|replicated| replicated.state().table_named(&table).map(|(id, _)| id)) {
            self.step(running, Input::Resume(id, resume));
        }
    }

    /// Says once what a table waits for, each time that this changes.
    fn say_waits(&self, running: &mut Running) {
        let Running { core, waits, .. } = running;
        self.raft.read(|replicated| {
            let tables = &replicated.state().tables;
            waits.retain(|id, _| tables.contains_key(id) && core.waiting_for(*id).is_some());
            for (id, table) in tables {
                let Some(why) = core.waiting_for(*id).filter(|why| waits.get(id).is_none_or(|said| said != why)) else {
                    continue;
                };
                tracing::info!(table = table.spec.name, why, "the table waits");
                waits.insert(*id, why.to_owned());
            }
        });
    }

    /// A refused decision leaves its table stopped, and every other one alone.
    fn resume_ended(&mut self, end: ResumeEnd) {
        let Some(ResumeOrder { table, resume }) = self.resume.take() else { return };
        let decision = resume.decision.as_str();
        match end {
            ResumeEnd::Done => tracing::info!(table, decision, "the stopped table goes on as decided"),
            ResumeEnd::NotStopped => tracing::warn!(table, decision, "the table is not stopped: nothing was decided"),
            ResumeEnd::Refused(why) => {
                tracing::error!(table, decision, why, "the decision on the stopped table was refused");
            }
        }
    }

    fn applied(&mut self) {
        let Self { raft, sessions, instruments, .. } = self;
        raft.read(|replicated| {
            sessions.publish(replicated.state());
            instruments.applied(replicated.state());
        });
    }

    fn until_deadline(&self, core: &Core) -> Duration {
        let now = self.clock.now();
        let deadline = self.raft.read(|replicated| core.next_deadline(replicated.state()));
        deadline.map_or(LONGEST_SLEEP, |at| until(now, at)).min(LONGEST_SLEEP)
    }

    async fn leadership(&mut self, running: &mut Running, leads: bool, stop: &CancellationToken) -> Option<Input> {
        running.effects.abort_all();
        while running.effects.join_next().await.is_some() {}
        self.instruments.forget();
        if !leads {
            return Some(Input::Lost);
        }
        while let Err(why) = self.define().await {
            tracing::warn!(why, "the table definitions could not be logged yet");
            if self.raft.leadership_watch().get().is_none() {
                return Some(Input::Lost);
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(DEFINE_AGAIN) => {}
            }
        }
        Some(Input::Led)
    }

    /// Brings the replicated definitions in line with the configuration.
    async fn define(&self) -> Result<(), String> {
        // Right after a start the applied state may be older than what was committed.
        self.raft.confirm_leadership().await.map_err(|error| error.to_string())?;
        let state = self.raft.read(|replicated| replicated.state().clone());
        for command in definitions(&state, &self.cluster, &self.tables, rand::random()) {
            match self.raft.propose(&command).await {
                Ok(Reply::Refused(refusal)) => return Err(refusal.to_string()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    fn step(&mut self, running: &mut Running, input: Input) {
        let now = self.clock.now();
        let paused = running.stepped.is_some_and(|last| now > last.plus_ms(PAUSED_MS));
        running.stepped = Some(now);
        if paused {
            tracing::warn!("this process was paused, or had no processor, for seconds");
            self.take(running, now, Input::Resumed);
        }
        self.take(running, now, input);
    }

    fn take(&mut self, running: &mut Running, now: Timestamp, input: Input) {
        self.instruments.came(now, &input);
        let core = &mut running.core;
        let effects = self.raft.read(|replicated| core.handle(now, replicated.state(), input));
        for effect in effects {
            self.start(running, now, effect);
        }
    }

    fn start(&mut self, running: &mut Running, now: Timestamp, effect: Effect) {
        let Self { raft, instruments, .. } = self;
        raft.read(|replicated| instruments.started(now, &effect, replicated.state()));
        match effect {
            Effect::Cut(session, cut) => self.sessions.cut(session, cut),
            Effect::ResumeEnded(_, end) => self.resume_ended(end),
            Effect::Confirm(id) => {
                let raft = self.raft.clone();
                running.spawn(Input::Confirmed(id, false), async move {
                    Input::Confirmed(id, raft.confirm_leadership().await.is_ok())
                });
            }
            Effect::Propose(id, command) => {
                let raft = self.raft.clone();
                running.spawn(Input::Applied(id, false), async move {
                    let done = propose(&raft, &command).await;
                    failpoint_after(&command).into_iter().for_each(reach);
                    Input::Applied(id, done)
                });
            }
            Effect::Load(id, table) => {
                let io = self.io(running, table);
                running.spawn(Input::Loaded(id, not_bound(), 0), async move {
                    let loaded = match io {
                        Some(io) => io.load().await,
                        None => not_bound(),
                    };
                    Input::Loaded(id, loaded, rand::random())
                });
            }
            Effect::CheckFiles(id, table, files) => {
                let io = self.io(running, table);
                running.spawn(Input::Checked(id, None), async move {
                    let checks = match io {
                        Some(io) => io.check(&files).await,
                        None => None,
                    };
                    Input::Checked(id, checks)
                });
            }
            Effect::Write(id, table, plan) => {
                let io = self.io(running, table);
                running.spawn(Input::Written(id, false), async move {
                    let written = match io {
                        Some(io) => io.write(&plan).await,
                        None => false,
                    };
                    reach(Failpoint::ManifestsWritten);
                    Input::Written(id, written)
                });
            }
            Effect::Post(id, table) => {
                let io = self.io(running, table);
                running.spawn(Input::Answered(id, unknown()), async move {
                    let outcome = match io {
                        Some(io) => io.post().await,
                        None => unknown(),
                    };
                    reach(Failpoint::CommitAnswered);
                    Input::Answered(id, outcome)
                });
            }
            Effect::Create(id, table, plan) => {
                let io = self.io(running, table);
                running.spawn(Input::Answered(id, unknown()), async move {
                    let outcome = match io {
                        Some(io) => io.create(&plan).await,
                        None => unknown(),
                    };
                    reach(Failpoint::CreateAnswered);
                    Input::Answered(id, outcome)
                });
            }
        }
    }

    fn io(&self, running: &Running, table: TableId) -> Option<TableIo> {
        let name =
            self.raft.read(|replicated| replicated.state().tables.get(&table).map(|table| table.spec.name.clone()))?;
        running.io.get(&name).cloned()
    }
}

/// A table that is defined but not in this process's configuration: said, and asked again with growing pauses.
fn not_bound() -> Loaded {
    Loaded::Failed("this process cannot load the table; its log says why".to_owned())
}

fn unknown() -> Outcome {
    Outcome::Unknown("whether the request was sent is not known".to_owned())
}

fn failpoint_after(command: &Command) -> Option<Failpoint> {
    match command {
        Command::BeginCommit { .. } => Some(Failpoint::CommitBegun),
        Command::RecordCommit { .. } => Some(Failpoint::CommitRecorded),
        _ => None,
    }
}

async fn propose(raft: &RaftNode<Replicated>, command: &Command) -> bool {
    match raft.propose(command).await {
        Ok(Reply::Refused(refusal)) => {
            tracing::info!(%refusal, "a command changed nothing");
            false
        }
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "a proposal failed");
            false
        }
    }
}

/// The commands that make the replicated definitions what the configuration says.
pub(crate) fn definitions(state: &State, cluster: &str, tables: &[TableBinding], random: u64) -> Vec<Command> {
    let mut commands = Vec::new();
    if state.instance.is_none() {
        commands.push(Command::Init { instance: Instance(random), cluster: cluster.to_owned() });
    }
    for (id, table) in &state.tables {
        if !tables.iter().any(|binding| binding.spec.name == table.spec.name) {
            commands.push(Command::DropTable { table: *id });
        }
    }
    for binding in tables {
        let known = state.table_named(&binding.spec.name).map(|(_, table)| &table.spec);
        if known != Some(&binding.spec) {
            commands.push(Command::PutTable { spec: binding.spec.clone() });
        }
    }
    commands
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0 - now.0).unwrap_or(0))
}
