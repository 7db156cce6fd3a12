//! This machine: the data folder, disk, memory, open files and ports.
//!
//! [`look`] collects facts and leaves nothing behind; [`judge`] makes checks of them.

mod look;
#[cfg(test)]
mod tests;

use std::io;

use k2i_runtime::data_dir::Standing;
use k2i_runtime::http::Listen;

use super::check::{Check, System};
use super::plan::MachinePlan;
pub(super) use look::{can_write_at, look};

const MIB: u64 = 1 << 20;
/// What the coordinator's state and the worker's log need: a write-ahead log of 32 MiB each, and as much in their files.
const STATE_BYTES: u64 = 128 * MIB;
/// What a process may hold beyond `buffer.max_size_mb`.
const BEYOND_BUDGET: u64 = 150 * MIB;
/// Sockets, logs and the two local stores; and what a table adds.
const OPEN_FILES: (u64, u64) = (256, 16);

/// What was seen of this machine.
#[derive(Debug)]
pub(super) struct MachineFacts {
    /// The data folder, or what is wrong with it.
    pub(super) data_dir: Result<Standing, String>,
    /// Whether a file can be made in it, or where it will be.
    pub(super) writable: Result<(), String>,
    /// Bytes that are free on its disk.
    pub(super) free_bytes: Result<u64, String>,
    /// The memory that this process may use, by its control group or as the machine has it.
    pub(super) memory_bytes: Option<u64>,
    /// How many files it may have open; `None`: any number.
    pub(super) open_files: Option<u64>,
    /// What came of listening at each address.
    pub(super) listeners: [Result<(), io::ErrorKind>; 2],
}

/// The checks of this machine.
pub(super) fn judge(plan: &MachinePlan, facts: &MachineFacts) -> Vec<Check> {
    let mut checks = data_dir(plan, facts);
    checks.push(disk(plan, facts));
    checks.push(memory(plan.memory_bytes, facts.memory_bytes));
    checks.push(open_files(plan.tables, facts.open_files));
    let runs = matches!(facts.data_dir, Ok(Standing::InUse(_)));
    checks.extend(plan.listeners.iter().zip(&facts.listeners).map(|(listen, seen)| port(listen, *seen, runs)));
    checks
}

fn data_dir(plan: &MachinePlan, facts: &MachineFacts) -> Vec<Check> {
    const NAME: &str = "data folder";
    let folder = plan.data_dir.display().to_string();
    let standing = match &facts.data_dir {
        Err(why) => Check::failed(System::Machine, &folder, NAME, why, "see the message, or set another data_dir"),
        Ok(Standing::Missing) => Check::ok(System::Machine, &folder, NAME, "ingest will make it"),
        Ok(Standing::Free) => Check::ok(System::Machine, &folder, NAME, "it is there, and no process uses it"),
        Ok(Standing::InUse(pid)) => {
            let who = pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
            Check::ok(System::Machine, &folder, NAME, format!("{who} works on it: a second ingest would be refused"))
        }
    };
    let write = match &facts.writable {
        Ok(()) => Check::ok(System::Machine, &folder, "write", "a file can be made there"),
        Err(why) => {
            Check::failed(System::Machine, &folder, "write", why, "allow this user to write there, or set data_dir")
        }
    };
    vec![standing, write]
}

fn disk(plan: &MachinePlan, facts: &MachineFacts) -> Check {
    const NAME: &str = "free disk";
    let folder = plan.data_dir.display().to_string();
    let free = match facts.free_bytes {
        Ok(free) => free,
        Err(ref why) => return Check::skipped(System::Machine, &folder, NAME, why),
    };
    let wanted = STATE_BYTES + plan.spool_bytes;
    let detail = format!("{} MiB are free; up to {} MiB are used while all tables are busy", free / MIB, wanted / MIB);
    if free < STATE_BYTES {
        let advice = "make space there, or set data_dir to another disk";
        return Check::failed(System::Machine, &folder, NAME, detail, advice);
    }
    if free < wanted {
        let advice =
            "make space there, or lower buffer.flush_max_size_mb; on a full disk tables wait, and lose nothing";
        return Check::warning(System::Machine, &folder, NAME, detail, advice);
    }
    Check::ok(System::Machine, &folder, NAME, detail)
}

fn memory(budget: u64, limit: Option<u64>) -> Check {
    const SUBJECT: &str = "buffer.max_size_mb";
    const NAME: &str = "memory";
    let Some(limit) = limit else {
        return Check::skipped(System::Machine, SUBJECT, NAME, "neither control group nor system tell a limit");
    };
    let detail = format!("{} MiB are configured, and {} MiB are there", budget / MIB, limit / MIB);
    let advice = "lower buffer.max_size_mb, or give the process more memory: the system kills what uses too much";
    if limit < budget {
        Check::failed(System::Machine, SUBJECT, NAME, detail, advice)
    } else if limit < budget.saturating_add(BEYOND_BUDGET) {
        let detail = format!("{detail}; up to {} MiB more than configured may be used", BEYOND_BUDGET / MIB);
        Check::warning(System::Machine, SUBJECT, NAME, detail, advice)
    } else {
        Check::ok(System::Machine, SUBJECT, NAME, detail)
    }
}

fn open_files(tables: usize, limit: Option<u64>) -> Check {
    const SUBJECT: &str = "this process";
    const NAME: &str = "open files";
    let wanted = OPEN_FILES.0 + OPEN_FILES.1 * tables as u64;
    match limit {
        None => Check::ok(System::Machine, SUBJECT, NAME, "there is no limit"),
        Some(limit) if limit < wanted => {
            let detail = format!("{limit} are allowed, {wanted} may be needed");
            Check::warning(System::Machine, SUBJECT, NAME, detail, "raise the limit (ulimit -n, LimitNOFILE=)")
        }
        Some(limit) => Check::ok(System::Machine, SUBJECT, NAME, format!("{limit} are allowed")),
    }
}

fn port(listen: &Listen, seen: Result<(), io::ErrorKind>, runs: bool) -> Check {
    const NAME: &str = "port";
    let Listen { address, key, .. } = listen;
    let subject = address.to_string();
    match seen {
        Ok(()) => Check::ok(System::Machine, &subject, NAME, format!("{key} is free")),
        Err(io::ErrorKind::AddrInUse) if runs => {
            let detail = format!("{key} is taken, as it should be while ingest runs on the data folder");
            Check::ok(System::Machine, &subject, NAME, detail)
        }
        Err(io::ErrorKind::AddrInUse) => {
            let advice = format!("stop the process that listens there, or set {key}");
            Check::failed(System::Machine, &subject, NAME, "another process listens there", advice)
        }
        Err(kind) => {
            let advice = format!("set {key} to an address and a port that this user may listen at");
            Check::failed(System::Machine, &subject, NAME, format!("cannot listen there: {kind}"), advice)
        }
    }
}
