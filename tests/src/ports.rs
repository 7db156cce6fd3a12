//! Free TCP ports on loopback.
//!
//! They lie below the range that the kernel takes outgoing connections from, so that none of those can take a port between
//! its choice and its use; within one process no port is given twice.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that nobody listens on and that this process has not given before.
///
/// # Errors
/// All of them are taken.
pub fn free() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Processes that test at the same time start at different places.
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let start = (std::process::id().wrapping_mul(7_919) ^ nanos) % u32::from(COUNT);
    let start = u16::try_from(start).context("a remainder below COUNT fits")?;
    (0..COUNT)
        .map(|step| FIRST + (start + step) % COUNT)
        .find(|port| !given.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .inspect(|port| {
            given.insert(*port);
        })
        .context("no free port on loopback")
}
