//! The reader's thread: commands, then a poll, then on to the tables.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use k2i_domain::ids::TableId;

use super::batch::Batch;
use super::{Command, Fed, Outlet, SourceFactory};
use crate::kafka::{Record, RecordSink, RecordSource, SourceError, SourceEvent, Start, Token};
use crate::said::Said;

/// Records of one poll.
const POLL_RECORDS: usize = 1024;
/// How long a poll waits for the first record; commands wait as long.
const POLL_WAIT: Duration = Duration::from_millis(25);
/// How long a reader without assignments waits for a command. It polls in between, as librdkafka wants to be served.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// Pause before another source is made.
const REMAKE_WAIT: Duration = Duration::from_secs(1);

struct Table {
    outlet: Outlet,
    batch: Batch,
    tokens: Vec<Token>,
    paused: bool,
}

/// The tables and their assignments; the sink of a poll.
#[derive(Default)]
struct Tables {
    tables: BTreeMap<TableId, Table>,
    owners: BTreeMap<Token, TableId>,
    /// Trouble that was logged. It is repeated with every attempt to connect.
    said: Said,
}

pub(super) fn run(factory: &SourceFactory, commands: &Receiver<Command>) {
    let mut tables = Tables::default();
    loop {
        match factory() {
            Ok(mut source) => {
                let Some(cause) = read(source.as_mut(), commands, &mut tables) else { return };
                tracing::warn!(cause, "the kafka client became unusable, making another one");
                tables.lost(&cause);
            }
            Err(cause) => {
                tracing::warn!(cause, "no kafka client could be made");
                std::thread::sleep(REMAKE_WAIT);
                if !refuse(commands, &mut tables, &cause) {
                    return;
                }
            }
        }
    }
}

/// Reads until the source is unusable (its cause) or nobody holds the reader any more (`None`).
fn read(source: &mut dyn RecordSource, commands: &Receiver<Command>, tables: &mut Tables) -> Option<String> {
    loop {
        loop {
            let next = if tables.owners.is_empty() {
                commands.recv_timeout(IDLE_WAIT).map_err(|error| match error {
                    RecvTimeoutError::Timeout => TryRecvError::Empty,
                    RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
                })
            } else {
                commands.try_recv()
            };
            match next {
                Ok(command) => tables.command(source, command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        let wait = if tables.owners.is_empty() { Duration::ZERO } else { POLL_WAIT };
        if let Err(error) = source.poll(POLL_RECORDS, wait, tables) {
            return Some(error.to_string());
        }
        tables.send_on();
        tables.balance(source);
    }
}

/// Without a source, assignments are refused; `false` when nobody holds the reader any more.
fn refuse(commands: &Receiver<Command>, tables: &mut Tables, cause: &str) -> bool {
    loop {
        match commands.try_recv() {
            Ok(Command::Assign(_, _, answer)) => {
                // The asker may have gone.
                let _ = answer.send(Err(SourceError::Fatal { cause: cause.to_owned() }));
            }
            Ok(Command::Unassign(_, answer)) => {
                let _ = answer.send(());
            }
            Ok(Command::Open(table, outlet)) => tables.open(table, outlet),
            Ok(Command::Close(table)) => {
                tables.tables.remove(&table);
            }
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
}

impl Tables {
    fn open(&mut self, id: TableId, outlet: Outlet) {
        let table = Table { outlet, batch: Batch::default(), tokens: Vec::new(), paused: false };
        self.tables.insert(id, table);
    }

    fn command(&mut self, source: &mut dyn RecordSource, command: Command) {
        match command {
            Command::Open(table, outlet) => {
                self.close(source, table);
                self.open(table, outlet);
            }
            Command::Close(table) => self.close(source, table),
            Command::Assign(table, starts, answer) => {
                let assigned = source.assign(&starts);
                if assigned.is_ok() {
                    self.note(table, &starts);
                }
                // The asker may have gone; it closes the table then.
                let _ = answer.send(assigned);
            }
            Command::Unassign(tokens, answer) => {
                self.unassign(source, &tokens);
                let _ = answer.send(());
            }
        }
    }

    fn note(&mut self, id: TableId, starts: &[Start]) {
        let Some(table) = self.tables.get_mut(&id) else { return };
        table.tokens.extend(starts.iter().map(|start| start.token));
        self.owners.extend(starts.iter().map(|start| (start.token, id)));
        table.paused = false;
    }

    fn unassign(&mut self, source: &mut dyn RecordSource, tokens: &[Token]) {
        if let Err(error) = source.unassign(tokens) {
            tracing::debug!(%error, "unassigning was not confirmed");
        }
        for token in tokens {
            self.forget(*token);
        }
    }

    fn forget(&mut self, token: Token) {
        if let Some(table) = self.owners.remove(&token).and_then(|id| self.tables.get_mut(&id)) {
            table.tokens.retain(|known| *known != token);
        }
    }

    fn close(&mut self, source: &mut dyn RecordSource, id: TableId) {
        if let Some(table) = self.tables.get(&id) {
            let tokens = table.tokens.clone();
            self.unassign(source, &tokens);
        }
        self.tables.remove(&id);
    }

    fn lost(&mut self, cause: &str) {
        self.owners.clear();
        for table in self.tables.values_mut() {
            table.tokens.clear();
            table.batch = Batch::default();
            table.paused = false;
            (table.outlet.feed)(Fed::Lost(cause.to_owned()));
        }
    }

    /// Hands what the poll found to the tables.
    fn send_on(&mut self) {
        for table in self.tables.values_mut() {
            table.send_on();
        }
    }

    /// Pauses tables that have enough queued, and lets those go on that have worked it off.
    fn balance(&mut self, source: &mut dyn RecordSource) {
        for (id, table) in &mut self.tables {
            let queued = table.outlet.queued.load(Ordering::Acquire);
            let changed = if !table.paused && queued >= table.outlet.share {
                table.paused = true;
                source.pause(&table.tokens)
            } else if table.paused && queued < table.outlet.share / 2 {
                table.paused = false;
                source.resume(&table.tokens)
            } else {
                Ok(())
            };
            if let Err(error) = changed {
                tracing::warn!(table = %id, %error, "pausing or resuming was not confirmed");
                table.paused = true;
            }
        }
    }
}

impl Table {
    fn send_on(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.outlet.queued.fetch_add(batch.memory(), Ordering::AcqRel);
        (self.outlet.feed)(Fed::Batch(batch));
    }
}

impl RecordSink for Tables {
    fn record(&mut self, record: &Record<'_>) {
        let table = self.owners.get(&record.token).and_then(|id| self.tables.get_mut(id));
        let Some(table) = table else { return };
        if !table.batch.push(record, table.outlet.with_headers) {
            table.send_on();
            table.batch.push(record, table.outlet.with_headers);
        }
    }

    fn event(&mut self, event: SourceEvent) {
        let token = match &event {
            SourceEvent::CaughtUp { token, .. } | SourceEvent::Ended { token, .. } => *token,
            SourceEvent::Trouble { cause } => {
                if self.said.is_news(cause, Instant::now()) {
                    tracing::warn!(cause, "trouble with kafka, going on");
                }
                return;
            }
        };
        let ended = matches!(event, SourceEvent::Ended { .. });
        if let Some(table) = self.owners.get(&token).and_then(|id| self.tables.get_mut(id)) {
            // In order: the records that came before it first.
            table.send_on();
            (table.outlet.feed)(Fed::Event(event));
        }
        if ended {
            self.forget(token);
        }
    }
}
