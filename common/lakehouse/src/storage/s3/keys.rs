//! Keys that change while the process runs: fetched when they are first needed, again before they run out, when their
//! source has changed, and after the store refused them.
//!
//! Requests wait for one fetch together. Where a fetch fails, keys that are still good are used on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Keys are fetched again this long before they run out, or after four fifths of a shorter life.
const MARGIN: Duration = Duration::from_secs(60);
/// After a refusal, or a failed fetch, the source is left alone for this long.
const PAUSE: Duration = Duration::from_secs(2);
const STORE: &str = "S3";

/// What a source gave.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) keys: Arc<AwsCredential>,
    /// How long they are good from now on; `None`: it does not say.
    pub(super) life: Option<Duration>,
}

/// Where keys come from.
#[async_trait]
pub(super) trait Source: std::fmt::Debug + Send + Sync {
    /// Keys as they are now. `refused`: those of before were refused.
    ///
    /// # Errors
    /// Words on why there are none.
    async fn fetch(&self, refused: bool) -> Result<Lease, String>;

    /// True when what was fetched last is no longer what the source has; cheap, since it is asked for every request.
    fn has_changed(&self) -> bool;
}

/// Keys that can be told that the store refused them.
pub(super) trait Keys: CredentialProvider<Credential = AwsCredential> {
    /// The store answered that it does not let them in. It may have been another reason: this only makes the next
    /// request look at the source again.
    fn refused(&self);
}

/// Keys of one source.
#[derive(Debug)]
pub(super) struct Renewed<S> {
    source: S,
    refused: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// When the source was last asked.
    asked: Option<Instant>,
    /// When it was, and gave nothing.
    failed: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<AwsCredential>,
    /// `None`: not before they are refused.
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

impl<S: Source> Renewed<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, refused: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Whether the keys that are held will do, without asking the source.
    fn will_do(&self, held: &Held, state: &State, now: Instant) -> bool {
        let just_now = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) < PAUSE);
        if held.are_good(now) && just_now(state.failed) {
            return true;
        }
        if held.renew_at.is_some_and(|renew_at| renew_at <= now) {
            return false;
        }
        just_now(state.asked) || !(self.refused.load(Ordering::Relaxed) || self.source.has_changed())
    }
}

impl Held {
    fn are_good(&self, now: Instant) -> bool {
        self.ends_at.is_none_or(|ends_at| now < ends_at)
    }
}

impl<S: Source> Renewed<S> {
    /// The keys to use at a time.
    pub(super) async fn get(&self, now: Instant) -> object_store::Result<Arc<AwsCredential>> {
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held
            && self.will_do(held, &state, now)
        {
            return Ok(held.keys.clone());
        }
        state.asked = Some(now);
        match self.source.fetch(self.refused.swap(false, Ordering::Relaxed)).await {
            Ok(Lease { keys, life }) => {
                let at = |wait: Duration| now.checked_add(wait);
                let renew_at = life.and_then(|life| at(life - MARGIN.min(life / 5)));
                state.failed = None;
                state.held = Some(Held { keys: keys.clone(), renew_at, ends_at: life.and_then(at) });
                Ok(keys)
            }
            Err(why) => match state.held.as_ref().filter(|held| held.are_good(now)) {
                Some(held) => {
                    tracing::warn!(why, "keys to S3 could not be renewed yet, going on with those of before");
                    let keys = held.keys.clone();
                    state.failed = Some(now);
                    Ok(keys)
                }
                None => Err(object_store::Error::Generic { store: STORE, source: why.into() }),
            },
        }
    }
}

#[async_trait]
impl<S: Source> CredentialProvider for Renewed<S> {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.get(Instant::now()).await
    }
}

impl<S: Source> Keys for Renewed<S> {
    fn refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
