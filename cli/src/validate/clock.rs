//! How far this machine's clock is from a server's, by the `Date` of its answer.
//!
//! S3 refuses what is signed more than 15 minutes off; tokens and certificates are refused far sooner by some. Snapshots
//! carry our time.

use std::time::{Duration, SystemTime};

use super::check::{Check, System};

/// More than a slow answer and a rounded second can explain.
const WARN: Duration = Duration::from_secs(30);
/// Signed requests and tokens begin to be refused.
const FAIL: Duration = Duration::from_secs(300);

/// What was seen of two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Ours when the request was sent and when its answer was there.
    pub(super) ours: (SystemTime, SystemTime),
    /// The server's, as it stands in the answer: whole seconds.
    pub(super) theirs: SystemTime,
}

/// Asks a server for its time. Any answer will do, so it is asked without a login.
pub(super) async fn ask(client: &reqwest::Client, url: &str) -> Result<Clocks, String> {
    let sent = SystemTime::now();
    let answer = client.get(url).send().await.map_err(|error| k2i_lakehouse::with_sources(&error))?;
    let received = SystemTime::now();
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.ok_or_else(|| "its answer has no date".to_owned())?;
    let theirs = httpdate::parse_http_date(date).map_err(|_| format!("its date is {date:?}"))?;
    Ok(Clocks { ours: (sent, received), theirs })
}

/// How far apart the clocks are at least; positive: ours is ahead.
fn difference(clocks: &Clocks) -> (bool, Duration) {
    let Clocks { ours: (sent, received), theirs } = *clocks;
    // Their second began between theirs and a second later.
    let latest = theirs + Duration::from_secs(1);
    if let Ok(ahead) = sent.duration_since(latest) {
        return (true, ahead);
    }
    (false, theirs.duration_since(received).unwrap_or_default())
}

pub(super) fn judge(system: System, subject: &str, seen: &Result<Clocks, String>) -> Check {
    const NAME: &str = "clock";
    const ADVICE: &str = "set this machine's clock, or the server's, by NTP";
    let clocks = match seen {
        Ok(clocks) => clocks,
        Err(why) => return Check::skipped(system, subject, NAME, format!("the server's time is not known: {why}")),
    };
    let (ahead, by) = difference(clocks);
    let word = if ahead { "ahead of" } else { "behind" };
    let detail = format!("this machine's clock is {} s {word} the server's", by.as_secs());
    match by {
        by if by > FAIL => Check::failed(system, subject, NAME, detail, ADVICE),
        by if by > WARN => Check::warning(system, subject, NAME, detail, ADVICE),
        by if by.as_secs() == 0 => Check::ok(system, subject, NAME, "as the server's"),
        _ => Check::ok(system, subject, NAME, detail),
    }
}
