//! Random schemas and records, each record with the row that it spells. The same seed gives the same ones.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::support::{Cell, json_text, list, map, timestamptz};

/// A small generator (SplitMix64): good enough to wander, and reproducible.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const NAMES: [&str; 12] = ["a", "b", "id", "order_id", "", "naïve", "x y", "quo\"te", "back\\slash", "😀", "aa", "a.b"];

/// One to eight fields with different names.
pub(super) fn fields(random: &mut Random, depth: u32) -> Vec<Field> {
    let first = random.below(NAMES.len());
    let count = 1 + random.below(8);
    (0..count).map(|i| field(random, NAMES[(first + i) % NAMES.len()], depth)).collect()
}

fn field(random: &mut Random, name: &str, depth: u32) -> Field {
    if random.one_in(10) {
        return json_text(name);
    }
    let kinds = if depth == 0 { 15 } else { 18 };
    let data_type = match random.below(kinds) {
        0 => DataType::Boolean,
        1 => DataType::Int32,
        2 | 3 => DataType::Int64,
        4 => DataType::Float32,
        5 => DataType::Float64,
        6 => DataType::Date32,
        7 => DataType::Time64(TimeUnit::Microsecond),
        8 => DataType::Timestamp(TimeUnit::Microsecond, None),
        9 => timestamptz(),
        10 => {
            let precision = 1 + random.below(38) as u8;
            DataType::Decimal128(precision, random.below(usize::from(precision) + 1) as i8)
        }
        11 => DataType::LargeBinary,
        12 => DataType::FixedSizeBinary(*random.pick(&[1, 5, 16])),
        13 | 14 => DataType::Utf8,
        15 => DataType::Struct(fields(random, depth - 1).into()),
        16 => list(field(random, "element", depth - 1)),
        _ => map(field(random, "value", depth - 1)),
    };
    Field::new(name, data_type, !random.one_in(4))
}

/// A record, and its row.
pub(super) fn record(random: &mut Random, fields: &[Field]) -> (String, Vec<Cell>) {
    let mut out = String::new();
    blank(random, &mut out);
    let row = object(random, fields, &mut out);
    blank(random, &mut out);
    (out, row)
}

fn object<'a>(random: &mut Random, fields: impl IntoIterator<Item = &'a Field>, out: &mut String) -> Vec<Cell> {
    let mut row = Vec::new();
    let mut members = Vec::new();
    for field in fields {
        if field.is_nullable() && random.one_in(6) {
            row.push(Cell::Null);
            continue;
        }
        let mut member = String::new();
        string(random, field.name(), &mut member);
        blank(random, &mut member);
        member.push(':');
        blank(random, &mut member);
        row.push(nullable(random, field, &mut member));
        members.push(member);
    }
    if random.one_in(8) {
        members.push(format!("\"unknown\":{}", random.pick(&["null", "[]", "{}", "[{},null]"])));
    }
    if random.one_in(3) {
        (1..members.len()).for_each(|i| members.swap(i, random.below(i + 1)));
    }
    out.push('{');
    blank(random, out);
    join(random, &members, out);
    out.push('}');
    row
}

fn join(random: &mut Random, parts: &[String], out: &mut String) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push(',');
            blank(random, out);
        }
        out.push_str(part);
        blank(random, out);
    }
}

fn nullable(random: &mut Random, field: &Field, out: &mut String) -> Cell {
    if field.is_nullable() && random.one_in(8) {
        out.push_str("null");
        return Cell::Null;
    }
    value(random, field, out)
}

fn value(random: &mut Random, field: &Field, out: &mut String) -> Cell {
    match field.data_type() {
        DataType::Boolean => {
            let value = random.one_in(2);
            write!(out, "{value}").expect("a string takes it");
            Cell::Bool(value)
        }
        DataType::Int32 => integer(i64::from(random.next() as i32) >> random.below(32), out),
        DataType::Int64 => integer(random.next() as i64 >> random.below(64), out),
        DataType::Float32 => {
            let value = f32::from_bits(random.next() as u32);
            let value = if value.is_finite() { value } else { 0.5 };
            write!(out, "{value:?}").expect("a string takes it");
            Cell::Double(value.into())
        }
        DataType::Float64 => double(random, out),
        DataType::Date32 => {
            let (text, days) = date(random);
            write!(out, "\"{text}\"").expect("a string takes it");
            Cell::Int(days)
        }
        DataType::Time64(_) => {
            let (text, micros) = time(random);
            write!(out, "\"{text}\"").expect("a string takes it");
            Cell::Int(micros)
        }
        DataType::Timestamp(_, zone) => timestamp(random, zone.is_some(), out),
        DataType::Decimal128(precision, scale) => decimal(random, *precision, *scale, out),
        DataType::LargeBinary => {
            let length = random.below(20);
            binary(random, length, out)
        }
        DataType::FixedSizeBinary(16) if random.one_in(2) => {
            let bytes = bytes(random, 16);
            write!(out, "\"{}\"", uuid(&bytes)).expect("a string takes it");
            Cell::Bytes(bytes)
        }
        DataType::FixedSizeBinary(width) => binary(random, *width as usize, out),
        DataType::Utf8 if !field.metadata().is_empty() => {
            let text = any_json(random, 2);
            out.push_str(&text);
            Cell::Text(text)
        }
        DataType::Utf8 => {
            let text = text(random);
            string(random, &text, out);
            Cell::Text(text)
        }
        DataType::Struct(fields) => Cell::Struct(object(random, fields.iter().map(|field| &**field), out)),
        DataType::List(element) => {
            let mut parts = vec![String::new(); random.below(5)];
            let cells = parts.iter_mut().map(|part| nullable(random, element, part)).collect();
            out.push('[');
            blank(random, out);
            join(random, &parts, out);
            out.push(']');
            Cell::List(cells)
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { panic!("a map has entries") };
            let mut parts = vec![String::new(); random.below(5)];
            let mut cells = Vec::new();
            for (i, part) in parts.iter_mut().enumerate() {
                let key = format!("{}{i}", text(random));
                string(random, &key, part);
                part.push(':');
                cells.push((key, nullable(random, &pair[1], part)));
            }
            out.push('{');
            join(random, &parts, out);
            out.push('}');
            Cell::Map(cells)
        }
        other => panic!("no values for {other}"),
    }
}

fn integer(value: i64, out: &mut String) -> Cell {
    write!(out, "{value}").expect("a string takes it");
    Cell::Int(value)
}

fn double(random: &mut Random, out: &mut String) -> Cell {
    let value = match random.below(3) {
        0 => (random.next() as i64 >> random.below(60)) as f64,
        1 => random.below(1_000_000) as f64 / 100.0,
        _ => f64::from_bits(random.next()),
    };
    let value = if value.is_finite() { value } else { -1.25 };
    match random.below(3) {
        0 => write!(out, "{value:?}"),
        1 => write!(out, "{value:e}"),
        _ => write!(out, "{value:E}"),
    }
    .expect("a string takes it");
    Cell::Double(value)
}

fn decimal(random: &mut Random, precision: u8, scale: i8, out: &mut String) -> Cell {
    let bits = i128::from(random.next() as i64) << 64 | i128::from(random.next());
    let digits = random.below(usize::from(precision)) as u32 + 1;
    let unscaled = bits % 10_i128.pow(digits);
    let scale = usize::try_from(scale).expect("scales are not negative here");
    let (sign, size) = (if unscaled < 0 { "-" } else { "" }, unscaled.unsigned_abs());
    let padded = format!("{size:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    let number = match random.below(3) {
        0 => format!("{sign}{size}e-{scale}"),
        1 if scale > 0 => format!("{sign}{whole}.{fraction}00"),
        _ => format!("{sign}{whole}{point}{fraction}"),
    };
    let quote = if random.one_in(2) { "\"" } else { "" };
    write!(out, "{quote}{number}{quote}").expect("a string takes it");
    Cell::Decimal(unscaled)
}

/// A date between the years 1 and 3000, its days counted one year and one month at a time.
fn date(random: &mut Random) -> (String, i64) {
    let (year, month) = (1 + random.below(3000) as i64, 1 + random.below(12) as i64);
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = |month: i64| match month {
        2 => 28 + i64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = 1 + random.below(length(month) as usize) as i64;
    let whole_years = |years: std::ops::Range<i64>| years.map(|year| 365 + i64::from(leap(year))).sum::<i64>();
    let years = if year >= 1970 { whole_years(1970..year) } else { -whole_years(year..1970) };
    let months: i64 = (1..month).map(length).sum();
    (format!("{year:04}-{month:02}-{day:02}"), years + months + day - 1)
}

fn time(random: &mut Random) -> (String, i64) {
    let micros = (random.next() % 86_400_000_000) as i64;
    let seconds = micros / 1_000_000;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match random.below(3) {
        0 => return (text, seconds * 1_000_000),
        1 => write!(text, ".{:06}", micros % 1_000_000),
        _ => write!(text, ".{:06}000", micros % 1_000_000),
    }
    .expect("a string takes it");
    (text, micros)
}

fn timestamp(random: &mut Random, zoned: bool, out: &mut String) -> Cell {
    let ((date, days), (time, micros)) = (date(random), time(random));
    let between = random.pick(&["T", "t", " "]);
    let (zone, minutes) = match random.below(3) {
        _ if !zoned => (String::new(), 0),
        0 => ("Z".to_owned(), 0),
        _ => {
            let minutes = random.below(24 * 60) as i64;
            let sign = if random.one_in(2) { 1 } else { -1 };
            let zone = format!("{}{:02}:{:02}", if sign > 0 { '+' } else { '-' }, minutes / 60, minutes % 60);
            (zone, sign * minutes)
        }
    };
    write!(out, "\"{date}{between}{time}{zone}\"").expect("a string takes it");
    Cell::Int(days * 86_400_000_000 + micros - minutes * 60_000_000)
}

fn bytes(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.next() as u8).collect()
}

fn binary(random: &mut Random, length: usize, out: &mut String) -> Cell {
    let bytes = bytes(random, length);
    write!(out, "\"{}\"", base64(&bytes)).expect("a string takes it");
    Cell::Bytes(bytes)
}

/// Base64 bit by bit.
pub(super) fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let sextet = |bits: &[u8]| (0..6).fold(0, |value, i| value << 1 | usize::from(*bits.get(i).unwrap_or(&0)));
    let mut text: String = bits.chunks(6).map(|bits| alphabet[sextet(bits)]).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// A UUID in lower case.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn text(random: &mut Random) -> String {
    const CHARS: [char; 14] = ['a', 'Z', '0', ' ', '"', '\\', '/', '\n', '\u{0}', '\u{7f}', 'é', '€', '😀', '\u{2028}'];
    let plain = random.one_in(2);
    let length = if random.one_in(20) { 200 } else { random.below(20) };
    (0..length).map(|_| if plain { 'x' } else { *random.pick(&CHARS) }).collect()
}

/// Spells a string, with escapes where they are needed and some where they are not.
fn string(random: &mut Random, text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        let must = matches!(char, '"' | '\\') || char < ' ';
        if !must && !random.one_in(10) {
            out.push(char);
            continue;
        }
        let short = match char {
            '"' | '\\' | '/' => Some(char),
            '\n' => Some('n'),
            _ => None,
        };
        match short {
            Some(short) if random.one_in(2) => out.extend(['\\', short]),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let upper = random.one_in(2);
                    if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") }
                        .expect("a string takes it");
                }
            }
        }
    }
    out.push('"');
}

/// Any JSON value but null.
fn any_json(random: &mut Random, depth: u32) -> String {
    let mut out = String::new();
    match random.below(if depth == 0 { 4 } else { 6 }) {
        0 => out.push_str(if random.one_in(2) { "true" } else { "false" }),
        1 => drop(double(random, &mut out)),
        2 => drop(integer(random.next() as i64, &mut out)),
        3 => {
            let text = text(random);
            string(random, &text, &mut out);
        }
        4 => {
            let parts: Vec<_> = (0..random.below(3)).map(|_| any_json(random, depth - 1)).collect();
            out.push('[');
            join(random, &parts, &mut out);
            out.push(']');
        }
        _ => {
            let parts: Vec<_> =
                (0..random.below(3)).map(|i| format!("\"k{i}\":{}", any_json(random, depth - 1))).collect();
            out.push('{');
            join(random, &parts, &mut out);
            out.push('}');
        }
    }
    out
}

fn blank(random: &mut Random, out: &mut String) {
    if random.one_in(8) {
        out.push_str(random.pick::<&str>(&[" ", "  ", "\n", "\t", "\r\n"]));
    }
}

/// Damages a record's bytes in one to three places.
pub(super) fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    const PIECES: [&[u8]; 16] =
        [b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b".", b"e", b" ", b"\xff", b"null", b"\\ud800"];
    for _ in 0..1 + random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let to = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 => drop(bytes.remove(at)),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at] = random.pick(&PIECES)[0],
            3 => drop(bytes.splice(at..at, random.pick(&PIECES).iter().copied())),
            4 => drop(bytes.splice(at..at, bytes[at..to].to_vec())),
            5 => drop(bytes.drain(at..to)),
            _ => bytes.truncate(to),
        }
    }
}
