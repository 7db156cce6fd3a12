//! Keys that the catalog lends, as a source: the newest that any load brought, and new ones when those run out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use object_store::aws::AwsCredential;

use super::keys::{Lease, Source};
use crate::storage::lending::{Claim, Holding, Lending};

#[derive(Debug)]
pub(super) struct Lent {
    lending: Lending,
    claim: Claim,
    /// Number of the loan that was given out last.
    given: AtomicU64,
}

impl Lent {
    pub(super) fn new(lending: Lending, claim: Claim) -> Self {
        Self { lending, claim, given: AtomicU64::new(u64::MAX) }
    }

    fn lease(&self) -> Option<Lease> {
        let Holding { keys, since, number } = self.lending.holding(&self.claim)?;
        self.given.store(number, Ordering::Relaxed);
        let credential = AwsCredential {
            key_id: keys.access_key_id.clone(),
            secret_key: keys.secret_access_key.expose().to_owned(),
            token: keys.session_token.as_ref().map(|token| token.expose().to_owned()),
        };
        Some(Lease { keys: Arc::new(credential), life: keys.life.map(|life| life.saturating_sub(since.elapsed())) })
    }
}

#[async_trait]
impl Source for Lent {
    async fn fetch(&self, refused: bool) -> Result<Lease, String> {
        // What another load brought meanwhile is as good as what would be asked for now.
        if self.has_changed()
            && !refused
            && let Some(lease) = self.lease()
        {
            return Ok(lease);
        }
        self.lending.renew(&self.claim).await?;
        self.lease().ok_or_else(|| format!("the catalog lends no keys for {} any more", self.claim.table))
    }

    fn has_changed(&self) -> bool {
        let given = self.given.load(Ordering::Relaxed);
        self.lending.holding(&self.claim).is_some_and(|holding| holding.number != given)
    }
}
