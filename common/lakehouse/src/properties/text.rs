//! Values of properties as Iceberg's Java library reads them.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{PropertyError, refused};

/// A whole number, at least 1.
pub(super) fn whole<T>(properties: &BTreeMap<String, String>, key: &str) -> Result<Option<T>, PropertyError>
where
    T: FromStr + PartialOrd + From<u8>,
{
    let Some(value) = properties.get(key) else { return Ok(None) };
    match value.parse().ok().filter(|number| *number >= T::from(1)) {
        Some(number) => Ok(Some(number)),
        None => Err(refused(key, value, "a whole number from 1")),
    }
}

/// True where it says so; anything else is false.
pub(super) fn boolean(properties: &BTreeMap<String, String>, key: &str) -> bool {
    properties.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
