//! One state of the model, and what each action makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k2i_domain::core::{Effect, Input, Resume};
use k2i_domain::ids::{ChainKey, SchemaId, Sequence, SnapshotId, SpecId, StreamId, Timestamp};
use k2i_domain::lake::Outcome;
use k2i_domain::manifest::{Manifest, ManifestFile, ManifestRange};
use k2i_domain::port::{Decision, SubmitReply};
use k2i_domain::property::Property;
use k2i_domain::range::{LeaderEpoch, Offset, Range};
use k2i_domain::state::{Command, Reply, State};

use super::actions::{Action, Answer, Budget, Fault, Who};
use super::life::{Life, Outside, Request, file_id, partition};
use super::mutation::Mutation;
use super::table::{File, FileId, Row, Table};
use super::{CLUSTER, PARTITIONS, Second, Setup, TABLE};

/// A cut on its way to a coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flight {
    /// The cut.
    pub manifest: Manifest,
    /// The life whose worker made it.
    pub of: usize,
}

/// One state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The first life, and the second once it has started.
    pub lives: Vec<Arc<Life>>,
    /// A copy of the first one's state.
    pub(super) backup: Option<Arc<State>>,
    /// The table, once somebody has made it.
    pub table: Option<Arc<Table>>,
    /// The table before its last change, where a load may still show it.
    pub(super) older: Option<Arc<Table>>,
    /// Every file there ever was.
    pub files: Vec<Arc<File>>,
    /// Requests whose answer was lost and that may still land.
    pub(super) requests: Vec<Arc<Request>>,
    /// Cuts uploaded and not yet submitted for the last time.
    pub flights: Vec<Arc<Flight>>,
    /// Files that the cleaner will delete.
    pub(super) doomed: BTreeSet<FileId>,
    pub(super) day: bool,
    /// True when somebody has set `main` to another snapshot or expired history.
    pub disturbed: bool,
    /// True when somebody has decided to go on without what the head lacks.
    pub kept: bool,
    /// How much may still happen.
    pub left: Budget,
}

impl World {
    /// A first life whose leader has been elected, and nothing else.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let outside = Outside { table: None, files: &[], day: false, mutation: setup.mutation };
        Self {
            lives: vec![Arc::new(Life::empty(0, false, outside))],
            backup: None,
            table: None,
            older: None,
            files: Vec::new(),
            requests: Vec::new(),
            flights: Vec::new(),
            doomed: BTreeSet::new(),
            day: false,
            disturbed: false,
            kept: false,
            left: setup.budget,
        }
    }

    fn fault(&mut self) {
        self.left.faults = self.left.faults.saturating_sub(1);
    }

    /// Lets it happen. `false`: it changes nothing.
    pub fn perform(&mut self, setup: &Setup, action: &Action) -> bool {
        let before = self.table.clone();
        let happened = self.act(setup, action);
        if self.table != before {
            self.older = before;
        }
        if !self.may(setup, Fault::StaleLoad) {
            self.older = None;
        }
        happened
    }

    fn act(&mut self, setup: &Setup, action: &Action) -> bool {
        match action {
            Action::Upload(life, rows) => self.upload(*life, *rows),
            Action::Submit(flight, life, again) => return self.submit(setup, *flight, *life, *again),
            Action::Restart(number) => self.restart(setup, *number),
            Action::Round(number) => self.with(setup, *number, Life::round),
            Action::StaleRound(number) => {
                self.fault();
                let table = std::mem::replace(&mut self.table, self.older.clone());
                self.with(setup, *number, Life::round);
                self.table = table;
            }
            Action::Log(life, who, effect, known) => self.log(setup, *life, *who, *effect, *known),
            Action::Send(life, who, effect, answer) => self.send(setup, *life, *who, *effect, *answer),
            Action::Land(request) => {
                let request = self.requests.remove(*request);
                self.land(&request);
            }
            Action::Depose(number) => {
                self.fault();
                let adopts = setup.second == Second::Adopter && *number == 1;
                self.with(setup, *number, |life, outside| life.depose(adopts, outside));
            }
            Action::Resume(number, decision) => {
                self.fault();
                self.kept |= *decision == Decision::Keep;
                let expected = self.table.as_ref().map(|table| table.head().fact.id);
                let resume = Resume { decision: *decision, expected };
                self.feed(setup, *number, Who::Leader, Input::Resume(TABLE, resume));
            }
            Action::Backup => self.backup = Some(Arc::clone(&self.lives[0].state)),
            Action::Start => self.start(setup),
            Action::Compact => self.compact(),
            Action::Move(snapshot) => {
                self.fault();
                self.disturbed = true;
                self.table.iter_mut().for_each(|table| Arc::make_mut(table).head = *snapshot);
                self.forget_dead_requests();
            }
            Action::Expire => {
                self.fault();
                self.disturbed = true;
                self.table.iter_mut().for_each(|table| Arc::make_mut(table).expire());
            }
            Action::Vanish(file) => {
                self.fault();
                Arc::make_mut(&mut self.files[*file]).stored = false;
            }
            Action::Day => self.pass_day(setup),
            Action::Clean(file) => {
                self.doomed.remove(file);
                Arc::make_mut(&mut self.files[*file]).stored = false;
            }
        }
        true
    }

    fn with(&mut self, setup: &Setup, life: usize, act: impl FnOnce(&mut Life, Outside<'_>)) {
        let outside =
            Outside { table: self.table.as_deref(), files: &self.files, day: self.day, mutation: setup.mutation };
        act(Arc::make_mut(&mut self.lives[life]), outside);
    }

    fn feed(&mut self, setup: &Setup, life: usize, who: Who, input: Input) {
        self.with(setup, life, |life, outside| match who {
            Who::Leader => life.feed(outside, input),
            Who::Deposed => life.feed_deposed(outside, input),
        });
    }

    fn take(&mut self, life: usize, who: Who, effect: usize) -> Option<(Effect, Option<Request>)> {
        let life = Arc::make_mut(&mut self.lives[life]);
        let process = Arc::make_mut(match who {
            Who::Leader => &mut life.leader,
            Who::Deposed => life.deposed.as_mut()?,
        });
        let effect = process.effects.remove(effect);
        let request = process.request(&effect).map(|(_, request)| request);
        Some((effect, request))
    }

    /// A cut from where the worker's grants say, in one file.
    pub fn upload(&mut self, number: usize, rows: [i64; PARTITIONS]) {
        self.left.uploads = self.left.uploads.saturating_sub(1);
        let life = Arc::make_mut(&mut self.lives[number]);
        life.cuts += 1;
        let mut ranges = Vec::new();
        let mut content: Vec<Row> = Vec::new();
        for (index, (grant, rows)) in life.grants().into_iter().zip(rows).enumerate() {
            let Some((epoch, start)) = grant else { continue };
            let Some(range) = Range::new(Offset(start), Offset(start + rows)) else { continue };
            content.extend((start..start + rows).map(|offset| (index, offset)));
            ranges.push(ManifestRange {
                chain: ChainKey { stream: StreamId(0), partition: partition(index) },
                epoch,
                range,
                rows: rows.cast_unsigned(),
                newest: None,
                leader_epoch: LeaderEpoch::UNKNOWN,
            });
        }
        let file = ManifestFile {
            location: self.files.len().to_string(),
            bytes: 1,
            rows: content.len() as u64,
            sha256: [0; 32],
            schema: SchemaId(0),
            spec: SpecId(0),
            statistics: Vec::new(),
        };
        let manifest = Manifest {
            table: TABLE,
            incarnation: life.table().incarnation,
            session: life.session(),
            sequence: Sequence(life.cuts),
            ranges,
            files: vec![file],
        };
        self.files.push(Arc::new(File { rows: content, stored: true }));
        self.flights.push(Arc::new(Flight { manifest, of: number }));
    }

    /// Gives a cut to a life's coordinator.
    pub fn submit(&mut self, setup: &Setup, flight: usize, life: usize, again: bool) -> bool {
        let manifest = self.flights[flight].manifest.clone();
        let session = manifest.session;
        let manifest = setup.mutation.manifest(&self.lives[life].state, manifest);
        let at = if self.day { Timestamp(1_000_000_000_000 + 25 * 3_600_000) } else { Timestamp(1_000_000_000_000) };
        let reply = Arc::make_mut(&mut self.lives[life]).apply(Command::SubmitManifest { manifest, at });
        let accepted = reply == Reply::Submit(SubmitReply::Accepted);
        if accepted {
            self.feed(setup, life, Who::Leader, Input::Accepted(TABLE, session));
        }
        if again {
            self.fault();
            return accepted;
        }
        self.flights.remove(flight);
        true
    }

    fn restart(&mut self, setup: &Setup, number: usize) {
        if self.lives[number].sessions > 0 {
            self.fault();
        }
        self.with(setup, number, Life::restart_worker);
        self.forget_dead_flights();
    }

    /// A proposal is logged and applied.
    pub fn log(&mut self, setup: &Setup, life: usize, who: Who, effect: usize, known: bool) {
        let Some((Effect::Propose(id, command), _)) = self.take(life, who, effect) else { return };
        let reply = Arc::make_mut(&mut self.lives[life]).apply(command);
        if !known {
            self.fault();
        }
        let applied = known && !matches!(reply, Reply::Refused(_));
        self.feed(setup, life, who, Input::Applied(id, applied));
        if who == Who::Deposed {
            self.feed(setup, life, Who::Leader, Input::Tick);
        }
        self.forget_dead_flights();
    }

    /// A request is sent.
    pub fn send(&mut self, setup: &Setup, life: usize, who: Who, effect: usize, answer: Answer) {
        let Some((effect, Some(request))) = self.take(life, who, effect) else { return };
        let (Effect::Post(id, _) | Effect::Create(id, ..)) = effect else { return };
        let outcome = match answer {
            Answer::True => self.land(&request),
            Answer::Lost => {
                self.fault();
                self.requests.push(Arc::new(request.clone()));
                self.forget_dead_requests();
                Outcome::Unknown("lost".into())
            }
            Answer::Lie => {
                self.fault();
                Outcome::Committed
            }
        };
        if setup.mutation == Mutation::BelieveReply && outcome == Outcome::Committed {
            self.believe(life, &request);
        }
        self.feed(setup, life, who, Input::Answered(id, outcome));
    }

    /// The request reaches the catalog.
    fn land(&mut self, request: &Request) -> Outcome {
        let outcome = match (request, &mut self.table) {
            (Request::Create(plan), None) => {
                self.table = Some(Arc::new(Table::created(plan)));
                Outcome::Committed
            }
            (Request::Create(_), Some(_)) => Outcome::Conflict,
            (Request::Commit(..), None) => Outcome::TableGone,
            (Request::Commit(plan, base), Some(table)) => {
                let files: Vec<FileId> = plan.files.iter().map(|file| file_id(&file.location)).collect();
                Arc::make_mut(table).commit(plan, *base, &files)
            }
        };
        self.forget_dead_requests();
        outcome
    }

    /// What a loop that trusts answers would log.
    fn believe(&mut self, life: usize, request: &Request) {
        let Request::Commit(plan, base) = request else { return };
        let Some(table) = &self.table else { return };
        let mut properties = table.properties.clone();
        properties.extend(plan.properties.clone());
        let Ok(Some(property)) = Property::parse(CLUSTER, &properties) else { return };
        Arc::make_mut(&mut self.lives[life]).apply(Command::RecordCommit {
            table: TABLE,
            uuid: table.facts().uuid,
            incarnation: property.incarnation,
            snapshot: property.snapshot,
            sequence: k2i_domain::ids::SequenceNumber(*base),
            watermark: property.watermark,
        });
    }

    fn start(&mut self, setup: &Setup) {
        let outside =
            Outside { table: self.table.as_deref(), files: &self.files, day: self.day, mutation: setup.mutation };
        let life = match self.backup.take() {
            Some(state) => Life::copy(1, Arc::unwrap_or_clone(state), outside),
            None => Life::empty(1, true, outside),
        };
        self.lives.push(Arc::new(life));
    }

    fn compact(&mut self) {
        self.fault();
        let Some(table) = self.table.as_mut().map(Arc::make_mut) else { return };
        let rows = table.rows(&self.files);
        let id = SnapshotId(table.last_sequence());
        if rows.is_empty() {
            table.push(id, BTreeMap::new(), Vec::new());
        } else {
            self.files.push(Arc::new(File { rows, stored: true }));
            table.push(id, BTreeMap::new(), vec![self.files.len() - 1]);
        }
        self.forget_dead_requests();
    }

    /// Neither requests nor sessions nor caches outlive a day, and what is a day old and unnamed is listed for deletion.
    fn pass_day(&mut self, setup: &Setup) {
        self.fault();
        self.day = true;
        self.older = None;
        self.requests.clear();
        self.flights.clear();
        let named = self.table.as_deref().map(Table::referenced).unwrap_or_default();
        let stored = self.files.iter().enumerate().filter(|(_, file)| file.stored).map(|(index, _)| index);
        self.doomed = stored.filter(|file| !named.contains(file)).collect();
        for life in 0..self.lives.len() {
            Arc::make_mut(&mut self.lives[life]).deposed = None;
            let sent = |effect: &Effect| matches!(effect, Effect::Post(..) | Effect::Create(..));
            while let Some(index) = self.lives[life].leader.effects.iter().position(sent) {
                let Some((Effect::Post(id, _) | Effect::Create(id, ..), _)) = self.take(life, Who::Leader, index)
                else {
                    break;
                };
                self.feed(setup, life, Who::Leader, Input::Answered(id, Outcome::Unknown("lost".into())));
            }
            let session = self.lives[life].session();
            Arc::make_mut(&mut self.lives[life]).apply(Command::ExpireWorker { session });
            self.with(setup, life, Life::restart_worker);
        }
    }

    /// A request that asserts an older sequence number than the table's can never land.
    fn forget_dead_requests(&mut self) {
        let sequence = self.table.as_deref().map(Table::last_sequence);
        self.requests.retain(|request| match request.as_ref() {
            Request::Create(_) => sequence.is_none(),
            Request::Commit(_, base) => sequence == Some(*base),
        });
    }

    /// A cut that no life can accept any more: sessions do not come back, and epochs only rise.
    fn forget_dead_flights(&mut self) {
        let lives = &self.lives;
        let copy_may_start = self.backup.is_some();
        self.flights.retain(|flight| {
            let accepting = |life: &Life| {
                let manifest = &flight.manifest;
                let current = |range: &ManifestRange| {
                    life.table().chains.get(&range.chain).is_some_and(|chain| range.epoch >= chain.epoch)
                };
                let incarnation = life.table().incarnation;
                life.state.is_live(manifest.session)
                    && manifest.incarnation >= incarnation
                    && manifest.ranges.iter().all(current)
            };
            copy_may_start || lives.iter().any(|life| accepting(life))
        });
    }
}
