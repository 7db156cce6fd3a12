//! The shapes that fields come in: required, repeated, a map in order, bytes of a fixed length.
//!
//! Each names its field in the error, so that a path grows from the inside out.

use std::collections::BTreeMap;

use crate::error::{At, DecodeError};

/// A message that must be there.
pub(crate) fn required<W, D>(field: &str, value: Option<W>) -> Result<D, DecodeError>
where
    D: TryFrom<W>,
    DecodeError: From<D::Error>,
{
    let value = value.ok_or_else(|| DecodeError::invalid("is missing")).at(field)?;
    D::try_from(value).at(field)
}

/// A message that may be absent.
pub(crate) fn optional<W, D>(field: &str, value: Option<W>) -> Result<Option<D>, DecodeError>
where
    D: TryFrom<W>,
    DecodeError: From<D::Error>,
{
    value.map(D::try_from).transpose().at(field)
}

/// Entries in the order in which they stand.
pub(crate) fn list<W, D, C>(field: &str, values: Vec<W>) -> Result<C, DecodeError>
where
    D: TryFrom<W>,
    DecodeError: From<D::Error>,
    C: FromIterator<D>,
{
    let entries = values.into_iter().enumerate();
    entries.map(|(index, value)| D::try_from(value).at(&format!("[{index}]"))).collect::<Result<C, _>>().at(field)
}

/// A map: every key above the one before it, so that a map has one encoding.
pub(crate) fn map<W, K, V>(field: &str, values: Vec<W>) -> Result<BTreeMap<K, V>, DecodeError>
where
    K: Ord,
    (K, V): TryFrom<W>,
    DecodeError: From<<(K, V) as TryFrom<W>>::Error>,
{
    let entries: Vec<(K, V)> = list(field, values)?;
    match entries.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
        Some(before) => {
            Err(DecodeError::invalid("does not come after the entry before it").under(&format!("[{}]", before + 1)))
                .at(field)
        }
        None => Ok(entries.into_iter().collect()),
    }
}

/// Bytes of a fixed length.
pub(crate) fn array<const N: usize>(field: &str, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::invalid(format!("has {} bytes, not {N}", bytes.len()))).at(field)
}
