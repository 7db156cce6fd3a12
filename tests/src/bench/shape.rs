//! What the records of a benchmark look like. Each is a function of its number alone, so that every run, on every
//! machine, measures the same bytes.

use std::io::Write;

use anyhow::{Context, Result};
use k2i_lakehouse::schema::Column;

/// A kind of record.
#[derive(Debug)]
pub struct Shape {
    /// Its name, and that of its topic.
    pub name: &'static str,
    /// Its columns with their Iceberg types. The first one is `id`, the record's number.
    pub columns: &'static [(&'static str, &'static str)],
    write: fn(u64, &mut Vec<u8>),
}

/// Every shape.
pub static ALL: [Shape; 1] = [Shape {
    name: "orders",
    columns: &[
        ("id", "long"),
        ("user_id", "string"),
        ("event", "string"),
        ("amount", "double"),
        ("currency", "string"),
        ("quantity", "long"),
        ("ts", "long"),
        ("session", "string"),
        ("country", "string"),
        ("referrer", "string"),
    ],
    write: order,
}];

const EVENTS: [&str; 6] = ["view", "view", "click", "search", "add_to_cart", "purchase"];
const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "JPY", "CHF"];
const COUNTRIES: [&str; 16] =
    ["AT", "BE", "BR", "CH", "DE", "DK", "ES", "FR", "GB", "IN", "IT", "JP", "NL", "PL", "SE", "US"];
/// 14 November 2023, in milliseconds since 1970.
const FIRST_TS: u64 = 1_700_000_000_000;

impl Shape {
    /// The shape of this name.
    ///
    /// # Errors
    /// There is none; the error names those that there are.
    pub fn named(name: &str) -> Result<&'static Self> {
        let known: Vec<&str> = ALL.iter().map(|shape| shape.name).collect();
        let found = ALL.iter().find(|shape| shape.name == name);
        found.with_context(|| format!("there is no shape {name}; there are: {}", known.join(", ")))
    }

    /// Puts the record of this number, a JSON object, in place of what `value` held.
    pub fn record(&self, number: u64, value: &mut Vec<u8>) {
        value.clear();
        (self.write)(number, value);
    }

    /// The columns of its table, without K2I's own.
    ///
    /// # Errors
    /// A type of [`Shape::columns`] does not parse.
    pub fn table_columns(&self) -> Result<Vec<Column>> {
        self.columns.iter().map(|(name, kind)| Ok(Column::optional(*name, kind.parse()?))).collect()
    }

    /// What the column `id` of the first `rows` records adds up to.
    #[must_use]
    pub fn sum_of_ids(rows: u64) -> u64 {
        rows * rows.saturating_sub(1) / 2
    }
}

/// A flat order of 10 columns: 3 whole numbers, 1 with decimals, 6 texts from very few to very many different values.
fn order(number: u64, value: &mut Vec<u8>) {
    let mut random = Random(number);
    let (user, event) = (random.below(10_000_000), random.of(&EVENTS));
    let (cents, currency) = (random.below(99_900) + 100, random.of(&CURRENCIES));
    let (quantity, session, country) = (random.below(9) + 1, random.next(), random.of(&COUNTRIES));
    let (referrer, units, hundredths) = (random.below(50_000), cents / 100, cents % 100);
    let ts = FIRST_TS + number * 3;
    // Writing to memory cannot fail.
    let _ = write!(
        value,
        r#"{{"id":{number},"user_id":"u_{user:07}","event":"{event}","amount":{units}.{hundredths:02},"currency":"{currency}","quantity":{quantity},"ts":{ts},"session":"{session:016x}","country":"{country}","referrer":"ref_{referrer}"}}"#
    );
}

/// SplitMix64 (Steele, Lea, Flood 2014), begun anew for each record.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u64) as usize]
    }
}
