//! What a store's refusal means for whoever runs K2I, and what to do. The store's own words follow it as the cause.

use super::Location;

/// What the store says, and what that means; `{bucket}` is filled in. The first that fits holds.
const MEANINGS: [(&[&str], &str); 8] = [
    (&["NoSuchBucket"], "there is no bucket {bucket}: make it, or correct the warehouse's location"),
    (
        &[
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraint",
            "redirect without LOCATION",
        ],
        "the bucket {bucket} is in another region: set storage.region to it",
    ),
    (
        &["ExpiredToken", "TokenRefreshRequired", "RequestExpired", "expired"],
        "the keys have run out: renew them where they come from (the store looks at a profile's files, and at what a \
         catalog lends, by itself)",
    ),
    (&["InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken"], "the store does not know the access key"),
    (&["SignatureDoesNotMatch"], "the secret key does not belong to the access key"),
    (&["RequestTimeTooSkewed"], "this machine's clock is too far from the store's: set it right"),
    (
        &["AccessDenied", "403 Forbidden"],
        "the keys may not do that in the bucket {bucket}: they need s3:GetObject, s3:PutObject, s3:DeleteObject, \
         s3:AbortMultipartUpload and s3:ListBucket there",
    ),
    (&["metadata endpoint", "169.254.169.254"], "there are no keys: none are configured, and this machine offers none"),
];

/// `": "` and the meaning, or nothing where the store's own words have to do.
pub(super) fn meaning(location: &str, error: &object_store::Error) -> String {
    let Ok(Location { bucket, .. }) = Location::parse(location) else { return String::new() };
    if bucket.is_empty() {
        return String::new();
    }
    let said = error.to_string();
    let found = MEANINGS.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)));
    found.map_or_else(String::new, |(_, meaning)| format!(": {}", meaning.replace("{bucket}", &bucket)))
}

#[cfg(test)]
mod tests;
