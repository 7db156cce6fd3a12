//! Values that JSON spells as text or as digits: numbers, decimals, dates, times, timestamps, UUIDs.
//!
//! Everything is exact: what cannot be kept digit for digit is refused, except that a float column takes the nearest
//! float. Calendar arithmetic is the proleptic Gregorian one that Iceberg and Arrow use.

use super::scan::{Number, Scanner, Token};

/// Why a number does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// It has a fraction (or an exponent, for an integer) that the column cannot keep.
    Fraction,
    /// It is too large or too small.
    Range,
}

/// An integer: no fraction and no exponent, also where their value would be whole (`1.0`, `1e3`).
#[inline]
pub(crate) fn integer<T: std::str::FromStr>(number: Number<'_>) -> Result<T, NumberFault> {
    if !number.integer {
        return Err(NumberFault::Fraction);
    }
    number.text.parse().map_err(|_| NumberFault::Range)
}

/// The nearest double; refused where that is infinite.
#[inline]
pub(crate) fn double(number: Number<'_>) -> Result<f64, NumberFault> {
    number.text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(NumberFault::Range)
}

/// The nearest float; refused where that is infinite.
#[inline]
pub(crate) fn float(number: Number<'_>) -> Result<f32, NumberFault> {
    number.text.parse().ok().filter(|value: &f32| value.is_finite()).ok_or(NumberFault::Range)
}

/// A JSON number that stands inside a string; `None` if anything else does, or anything beside it.
pub(crate) fn quoted_number(text: &str) -> Option<Number<'_>> {
    let mut scanner = Scanner::new(text.as_bytes()).ok()?;
    if scanner.token().ok()? != Token::Number {
        return None;
    }
    let number = scanner.number().ok()?;
    (number.text.len() == text.len()).then_some(number)
}

/// The unscaled value of `number` as decimal(precision, scale). Zeros at the end of a fraction are no digits to keep.
pub(crate) fn decimal(number: Number<'_>, precision: u8, scale: i8) -> Result<i128, NumberFault> {
    let (negative, text) = match number.text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (digits, zeros) = significant(whole.bytes().chain(fraction.bytes()))?;
    if digits == 0 {
        return Ok(0);
    }
    // An exponent beyond i64 is as good as the largest: the digits of a record cannot make up for it.
    let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    let shift = exponent + zeros + i64::from(scale) - fraction.len() as i64;
    if shift < 0 {
        return Err(NumberFault::Fraction);
    }
    let power = u32::try_from(shift).ok().and_then(|shift| 10_i128.checked_pow(shift));
    let value = power.and_then(|power| digits.checked_mul(power)).ok_or(NumberFault::Range)?;
    let limit = 10_i128.checked_pow(u32::from(precision)).ok_or(NumberFault::Range)?;
    if value >= limit {
        return Err(NumberFault::Range);
    }
    Ok(if negative { -value } else { value })
}

/// The digits without zeros at either end, and how many zeros the end had.
fn significant(digits: impl Iterator<Item = u8>) -> Result<(i128, i64), NumberFault> {
    let (mut value, mut zeros) = (0_i128, 0_u32);
    for digit in digits.map(|byte| byte - b'0') {
        if digit == 0 {
            zeros += u32::from(value != 0);
            continue;
        }
        let power = 10_i128.checked_pow(zeros + 1).ok_or(NumberFault::Range)?;
        value = value
            .checked_mul(power)
            .and_then(|value| value.checked_add(i128::from(digit)))
            .ok_or(NumberFault::Range)?;
        zeros = 0;
    }
    Ok((value, i64::from(zeros)))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<i32> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.date()?;
    cursor.end().map(|()| days)
}

/// Microseconds since midnight of `HH:MM:SS`, with up to six decimals (more only where they are zero).
pub(crate) fn time(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let micros = cursor.time()?;
    cursor.end().map(|()| micros)
}

/// Microseconds since the Unix epoch of an RFC 3339 timestamp. `zoned`: it must have `Z` or an offset, and must have
/// neither otherwise. Up to six decimals (more only where they are zero), no leap second.
pub(crate) fn timestamp(text: &str, zoned: bool) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.date()?;
    cursor.one_of(b"Tt ")?;
    let micros = cursor.time()?;
    let offset_minutes = if zoned { cursor.zone()? } else { 0 };
    cursor.end()?;
    Some(i64::from(days) * 86_400_000_000 + micros - offset_minutes * 60_000_000)
}

/// The 16 bytes of `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut cursor = Cursor(text.as_bytes());
    let mut bytes = [0; 16];
    for (i, byte) in bytes.iter_mut().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            cursor.one_of(b"-")?;
        }
        *byte = cursor.hex()? << 4 | cursor.hex()?;
    }
    cursor.end().map(|()| bytes)
}

/// Reads fixed forms from the left.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        self.next().filter(|byte| set.contains(byte))
    }

    fn hex(&mut self) -> Option<u8> {
        // A hexadecimal digit is below 16.
        char::from(self.next()?).to_digit(16).map(|digit| digit as u8)
    }

    fn number(&mut self, digits: usize, max: i64) -> Option<i64> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 10 + i64::from(self.one_of(b"0123456789")? - b'0');
        }
        (value <= max).then_some(value)
    }

    fn date(&mut self) -> Option<i32> {
        let year = self.number(4, 9999)?;
        self.one_of(b"-")?;
        let month = self.number(2, 12)?;
        self.one_of(b"-")?;
        let day = self.number(2, 31)?;
        if month == 0 || day == 0 || day > days_in_month(year, month) {
            return None;
        }
        i32::try_from(days_since_epoch(year, month, day)).ok()
    }

    fn time(&mut self) -> Option<i64> {
        let hours = self.number(2, 23)?;
        self.one_of(b":")?;
        let minutes = self.number(2, 59)?;
        self.one_of(b":")?;
        let seconds = self.number(2, 59)?;
        let mut micros = 0;
        if self.0.first() == Some(&b'.') {
            self.next();
            micros = self.fraction()?;
        }
        Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
    }

    /// Microseconds of the decimals that follow, at least one; those past the sixth must be zero.
    fn fraction(&mut self) -> Option<i64> {
        let (mut micros, mut unit) = (0, 100_000);
        let mut digits = 0;
        while let Some(digit @ b'0'..=b'9') = self.0.first().copied() {
            if unit == 0 && digit != b'0' {
                return None;
            }
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
            digits += 1;
            self.next();
        }
        (digits > 0).then_some(micros)
    }

    /// Minutes east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2, 23)?;
        self.one_of(b":")?;
        Some(sign * (hours * 60 + self.number(2, 59)?))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01, counting years from March so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before_month = (153 * month + 2) / 5;
    // 719,468 days lie between 0000-03-01 and the epoch.
    before_year + before_month + day - 1 - 719_468
}
