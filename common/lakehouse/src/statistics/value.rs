//! One minimum or maximum of a Parquet column, as a value that can be compared and written as an Iceberg bound.

use iceberg::spec::PrimitiveType;
use parquet::basic::Type as PhysicalType;
use parquet::file::statistics::Statistics;

/// Longest fixed that has bounds.
const LONGEST_FIXED: usize = 16;

/// Values of one column are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal(i128),
    /// Compared byte by byte, which for UTF-8 is the order of code points.
    Bytes(Vec<u8>),
}

impl Value {
    /// The smallest value that the statistics claim.
    pub(super) fn minimum(kind: &PrimitiveType, statistics: &Statistics) -> Option<Self> {
        Self::read(kind, statistics, statistics.min_bytes_opt()?)
    }

    /// The largest value that the statistics claim.
    pub(super) fn maximum(kind: &PrimitiveType, statistics: &Statistics) -> Option<Self> {
        Self::read(kind, statistics, statistics.max_bytes_opt()?)
    }

    /// `None` where the bytes are no usable bound for a column of this kind.
    fn read(kind: &PrimitiveType, statistics: &Statistics, bytes: &[u8]) -> Option<Self> {
        if statistics.is_min_max_deprecated() {
            // Those fields were filled under an order that writers did not agree on.
            return None;
        }
        match (kind, statistics.physical_type()) {
            (PrimitiveType::Boolean, PhysicalType::BOOLEAN) => Some(Self::Boolean(bytes.first()? != &0)),
            (PrimitiveType::Int | PrimitiveType::Date, PhysicalType::INT32) => int(bytes).map(Self::Int),
            (
                PrimitiveType::Long | PrimitiveType::Time | PrimitiveType::Timestamp | PrimitiveType::Timestamptz,
                PhysicalType::INT64,
            ) => long(bytes).map(Self::Long),
            (PrimitiveType::Float, PhysicalType::FLOAT) => {
                let value = f32::from_le_bytes(bytes.try_into().ok()?);
                (!value.is_nan()).then_some(Self::Float(value))
            }
            (PrimitiveType::Double, PhysicalType::DOUBLE) => {
                let value = f64::from_le_bytes(bytes.try_into().ok()?);
                (!value.is_nan()).then_some(Self::Double(value))
            }
            (PrimitiveType::Decimal { .. }, PhysicalType::INT32) => {
                int(bytes).map(|value| Self::Decimal(i128::from(value)))
            }
            (PrimitiveType::Decimal { .. }, PhysicalType::INT64) => {
                long(bytes).map(|value| Self::Decimal(i128::from(value)))
            }
            (PrimitiveType::Decimal { .. }, PhysicalType::FIXED_LEN_BYTE_ARRAY | PhysicalType::BYTE_ARRAY) => {
                signed(bytes).map(Self::Decimal)
            }
            (PrimitiveType::String, PhysicalType::BYTE_ARRAY) => {
                std::str::from_utf8(bytes).ok().map(|text| Self::Bytes(text.as_bytes().to_vec()))
            }
            (PrimitiveType::Binary, PhysicalType::BYTE_ARRAY) => Some(Self::Bytes(bytes.to_vec())),
            // A truncated fixed is not a fixed any more, and a long one is not worth its bytes.
            (PrimitiveType::Fixed(length), PhysicalType::FIXED_LEN_BYTE_ARRAY)
                if bytes.len() as u64 == *length && bytes.len() <= LONGEST_FIXED =>
            {
                Some(Self::Bytes(bytes.to_vec()))
            }
            // Java's readers compared UUIDs as signed numbers for years.
            _ => None,
        }
    }

    /// Less than `other`, which is of the same kind.
    pub(super) fn less(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a < b,
            (Self::Int(a), Self::Int(b)) => a < b,
            (Self::Long(a), Self::Long(b)) => a < b,
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b).is_lt(),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b).is_lt(),
            (Self::Decimal(a), Self::Decimal(b)) => a < b,
            (Self::Bytes(a), Self::Bytes(b)) => a < b,
            _ => false,
        }
    }

    /// As a lower bound: cut to `length` code points of a string or bytes of a binary.
    pub(super) fn lower_bound(&self, kind: &PrimitiveType, length: usize) -> Vec<u8> {
        match (self, kind) {
            (Self::Bytes(bytes), PrimitiveType::String) => bytes[..prefix(bytes, length)].to_vec(),
            (Self::Bytes(bytes), PrimitiveType::Binary) => bytes[..bytes.len().min(length)].to_vec(),
            _ => self.single_value(),
        }
    }

    /// As an upper bound: cut to `length` where it is longer, and then rounded up. `None` where nothing is above it.
    pub(super) fn upper_bound(&self, kind: &PrimitiveType, length: usize) -> Option<Vec<u8>> {
        match (self, kind) {
            (Self::Bytes(bytes), PrimitiveType::String) if prefix(bytes, length) < bytes.len() => {
                next_string(&bytes[..prefix(bytes, length)])
            }
            (Self::Bytes(bytes), PrimitiveType::Binary) if bytes.len() > length => next_bytes(&bytes[..length]),
            _ => Some(self.single_value()),
        }
    }

    /// Iceberg spec, appendix D, "binary single-value serialization".
    fn single_value(&self) -> Vec<u8> {
        match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::Int(value) => value.to_le_bytes().to_vec(),
            Self::Long(value) => value.to_le_bytes().to_vec(),
            Self::Float(value) => value.to_le_bytes().to_vec(),
            Self::Double(value) => value.to_le_bytes().to_vec(),
            Self::Decimal(value) => shortest(*value),
            Self::Bytes(value) => value.clone(),
        }
    }
}

fn int(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.try_into().ok()?))
}

fn long(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.try_into().ok()?))
}

/// Big-endian two's complement of up to 16 bytes.
fn signed(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide.get_mut(16usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// Big-endian two's complement in as few bytes as hold the value.
fn shortest(value: i128) -> Vec<u8> {
    let wide = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let redundant = |index: usize| wide[index] == sign && (wide[index + 1] ^ sign) & 0x80 == 0;
    let start = (0..15).find(|index| !redundant(*index)).unwrap_or(15);
    wide[start..].to_vec()
}

/// Length in bytes of the first `length` code points of valid UTF-8.
fn prefix(bytes: &[u8], length: usize) -> usize {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
    starts.map(|(index, _)| index).nth(length).unwrap_or(bytes.len())
}

/// The smallest string of at most as many code points that is above every string beginning with `text`.
fn next_string(text: &[u8]) -> Option<Vec<u8>> {
    let mut characters: Vec<char> = std::str::from_utf8(text).ok()?.chars().collect();
    while let Some(last) = characters.pop() {
        // Between the two halves of the Unicode range lie the surrogates, which are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect::<String>().into_bytes());
        }
    }
    None
}

fn next_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let last = bytes.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = bytes[..=last].to_vec();
    next[last] += 1;
    Some(next)
}
