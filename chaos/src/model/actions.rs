//! What may happen: faults and their bounds, actions, and which of them a state allows.

use std::sync::Arc;

use k2i_domain::core::Effect;
use k2i_domain::ids::Epoch;
use k2i_domain::manifest::Manifest;
use k2i_domain::port::Decision;

use super::life::{Life, file_id};
use super::table::FileId;
use super::world::World;
use super::{PARTITIONS, Second, Setup};

/// What goes wrong. A run bounds how many of these happen in all, of any kind that it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A cut is submitted once more.
    Repeat,
    /// A worker registers anew.
    Restart,
    /// A leader is deposed.
    Depose,
    /// The answer to a request is lost; the request lands later or never.
    LoseAnswer,
    /// A proposal is logged, and its proposer does not learn so.
    LoseEntry,
    /// "Committed" is said of a request that was dropped.
    Lie,
    /// Somebody compacts the table.
    Compact,
    /// Somebody sets `main` to another snapshot.
    Move,
    /// Somebody expires every snapshot but the head.
    Expire,
    /// An uploaded file is gone before it is accepted.
    Vanish,
    /// A day passes (once), and somebody's cleaner deletes old files that nobody names.
    Day,
    /// A load shows the table as it was before its last change.
    StaleLoad,
    /// A person decides about a stopped table. No fault, but it costs like one.
    Resume,
}

impl Fault {
    /// What goes wrong by itself.
    pub const ALL: [Self; 12] = [
        Self::Repeat,
        Self::Restart,
        Self::Depose,
        Self::LoseAnswer,
        Self::LoseEntry,
        Self::Lie,
        Self::Compact,
        Self::Move,
        Self::Expire,
        Self::Vanish,
        Self::Day,
        Self::StaleLoad,
    ];
}

/// How much may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Cuts that workers upload.
    pub uploads: u8,
    /// Faults of all kinds together.
    pub faults: u8,
}

/// Which coordinator of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The one that leads.
    Leader,
    /// The one that did.
    Deposed,
}

/// How a request ends for who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was carried out, and the answer is its outcome.
    True,
    /// It is on its way, and the answer is lost.
    Lost,
    /// It was dropped, and the answer is "committed".
    Lie,
}

/// What may happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// A life's worker uploads a cut of so many rows per topic partition.
    Upload(usize, [i64; PARTITIONS]),
    /// A cut reaches a life's coordinator; `true`: it may do so again.
    Submit(usize, usize, bool),
    /// A life's worker registers anew.
    Restart(usize),
    /// A life's leader goes through its loop, up to what it wants to log or send.
    Round(usize),
    /// The same, on an older picture of the table.
    StaleRound(usize),
    /// A proposal is logged; `true`: who made it learns so.
    Log(usize, Who, usize, bool),
    /// A request is sent.
    Send(usize, Who, usize, Answer),
    /// A request whose answer was lost lands.
    Land(usize),
    /// A life's leader is deposed.
    Depose(usize),
    /// A person decides, on the head as it is, how a life's stopped table goes on.
    Resume(usize, Decision),
    /// The first life's state is copied.
    Backup,
    /// The second life starts.
    Start,
    /// Somebody compacts the table.
    Compact,
    /// Somebody sets `main` to this snapshot.
    Move(usize),
    /// Somebody expires every snapshot but the head.
    Expire,
    /// An uploaded file is gone.
    Vanish(FileId),
    /// A day passes, and a cleaner lists what nobody names.
    Day,
    /// The cleaner deletes one file of its list.
    Clean(FileId),
}

impl World {
    /// True while one more fault of this kind may happen.
    pub(super) fn may(&self, setup: &Setup, fault: Fault) -> bool {
        self.left.faults > 0 && setup.faults.contains(&fault)
    }

    /// Everything that may happen now.
    pub fn actions(&self, setup: &Setup, out: &mut Vec<Action>) {
        for life in 0..self.lives.len() {
            self.actions_of(setup, life, out);
        }
        out.extend((0..self.requests.len()).map(Action::Land));
        let copied = setup.second == Second::Copy && self.backup.is_none() && self.lives.len() == 1;
        let may_start = match setup.second {
            Second::None => false,
            Second::Adopter => true,
            Second::Copy => self.backup.is_some(),
        };
        out.extend(copied.then_some(Action::Backup));
        out.extend((may_start && self.lives.len() == 1).then_some(Action::Start));
        self.actions_on_table(setup, out);
        out.extend((self.may(setup, Fault::Day) && !self.day).then_some(Action::Day));
        out.extend(self.doomed.iter().map(|file| Action::Clean(*file)));
    }

    fn actions_of(&self, setup: &Setup, number: usize, out: &mut Vec<Action>) {
        let life = &self.lives[number];
        for (index, flight) in self.flights.iter().enumerate() {
            if self.lives[flight.of].state.instance == life.state.instance {
                out.push(Action::Submit(index, number, false));
                out.extend(self.may(setup, Fault::Repeat).then_some(Action::Submit(index, number, true)));
            }
        }
        if self.left.uploads > 0 {
            uploads(life.grants(), setup.rows).into_iter().for_each(|rows| out.push(Action::Upload(number, rows)));
        }
        out.extend((self.may(setup, Fault::Restart) || life.sessions == 0).then_some(Action::Restart(number)));
        out.extend(life.is_idle().then_some(Action::Round(number)));
        out.extend((life.is_idle() && self.older.is_some()).then_some(Action::StaleRound(number)));
        out.extend(self.may(setup, Fault::Depose).then_some(Action::Depose(number)));
        if self.may(setup, Fault::Resume) {
            let stopped = life.table().stopped.as_ref();
            let decisions = stopped.map_or(&[][..], |stopped| stopped.reason.decisions());
            out.extend(decisions.iter().map(|decision| Action::Resume(number, *decision)));
        }
        self.actions_by(setup, number, Who::Leader, out);
        self.actions_by(setup, number, Who::Deposed, out);
    }

    fn actions_by(&self, setup: &Setup, life: usize, who: Who, out: &mut Vec<Action>) {
        let process = match who {
            Who::Leader => Some(&self.lives[life].leader),
            Who::Deposed => self.lives[life].deposed.as_ref(),
        };
        for (index, effect) in process.iter().flat_map(|process| &process.effects).enumerate() {
            match effect {
                Effect::Propose(..) => {
                    out.push(Action::Log(life, who, index, true));
                    let may_be_unknown = self.may(setup, Fault::LoseEntry) && who == Who::Leader;
                    out.extend(may_be_unknown.then_some(Action::Log(life, who, index, false)));
                }
                Effect::Post(..) | Effect::Create(..) => {
                    out.push(Action::Send(life, who, index, Answer::True));
                    for (fault, answer) in [(Fault::LoseAnswer, Answer::Lost), (Fault::Lie, Answer::Lie)] {
                        out.extend(self.may(setup, fault).then_some(Action::Send(life, who, index, answer)));
                    }
                }
                _ => {}
            }
        }
    }

    fn actions_on_table(&self, setup: &Setup, out: &mut Vec<Action>) {
        if self.may(setup, Fault::Vanish) {
            let unaccepted = self.flights.iter().filter(|flight| !self.was_accepted(&flight.manifest));
            let files = unaccepted.flat_map(|flight| &flight.manifest.files);
            out.extend(files.map(|file| Action::Vanish(file_id(&file.location))));
        }
        let Some(table) = &self.table else { return };
        out.extend(self.may(setup, Fault::Compact).then_some(Action::Compact));
        out.extend((self.may(setup, Fault::Expire) && table.snapshots.len() > 1).then_some(Action::Expire));
        if self.may(setup, Fault::Move) {
            let others = table.snapshots.iter().enumerate();
            let others = others.filter(|(index, snapshot)| *index != table.head && !snapshot.expired);
            out.extend(others.map(|(index, _)| Action::Move(index)));
        }
    }

    fn was_accepted(&self, manifest: &Manifest) -> bool {
        let last = |life: &Arc<Life>| life.table().sequences.get(&manifest.session).copied();
        self.lives.iter().filter_map(last).any(|last| manifest.sequence <= last)
    }
}

/// Every cut that can be made from these grants, of at least one row.
fn uploads(grants: [Option<(Epoch, i64)>; PARTITIONS], rows: [i64; PARTITIONS]) -> Vec<[i64; PARTITIONS]> {
    let most = |index: usize| grants[index].map_or(0, |(_, start)| (rows[index] - start).max(0));
    let pairs = (0..=most(0)).flat_map(|first| (0..=most(1)).map(move |second| [first, second]));
    pairs.filter(|cut| cut.iter().any(|rows| *rows > 0)).collect()
}
