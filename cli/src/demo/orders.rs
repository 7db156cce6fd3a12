//! Orders of a shop, each one a function of the seed and its number.
//!
//! So the tally does not have to remember an order to know what it was worth: only which numbers were acknowledged.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The columns, as `iceberg.columns` has them.
pub(super) const COLUMNS: [(&str, &str); 9] = [
    ("order_id", "long"),
    ("placed_at", "timestamptz"),
    ("customer", "struct<id: long, name: string, country: string>"),
    ("channel", "string"),
    ("status", "string"),
    ("currency", "string"),
    ("amount", "decimal(12,2)"),
    ("coupon", "string"),
    ("items", "list<struct<sku: string, quantity: int, price: decimal(10,2)>>"),
];

const CUSTOMERS: u64 = 250_000;
const MOST_ITEMS: usize = 4;
const FIRST: [&str; 12] =
    ["Amara", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kofi", "Lena"];
const LAST: [&str; 10] =
    ["Almeida", "Berg", "Costa", "Diallo", "Eriksen", "Fischer", "Garcia", "Haas", "Ito", "Jansen"];
const COUNTRIES: [&str; 8] = ["AT", "BR", "DE", "ES", "FR", "GH", "JP", "NL"];
const CHANNELS: [&str; 3] = ["app", "web", "store"];
const COUPONS: [&str; 3] = ["WELCOME10", "SPRING", "FREESHIP"];
/// Status by its share in a hundred.
const STATUSES: [(&str, u32); 4] = [("cancelled", 4), ("paid", 52), ("placed", 29), ("shipped", 15)];

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) customer: u64,
    pub(super) status: &'static str,
    name: (&'static str, &'static str),
    country: &'static str,
    channel: &'static str,
    coupon: Option<&'static str>,
    items: [Item; MOST_ITEMS],
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Item {
    product: u32,
    quantity: u32,
    cents: u64,
}

impl Order {
    /// The order of this number.
    pub(super) fn of(seed: u64, id: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed ^ id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let customer = random.random_range(0..CUSTOMERS);
        let count = random.random_range(1..=MOST_ITEMS);
        let mut items = [Item::default(); MOST_ITEMS];
        for item in &mut items[..count] {
            *item = Item {
                product: random.random_range(1_000..10_000),
                quantity: random.random_range(1..=5),
                cents: random.random_range(199..25_000),
            };
        }
        Self {
            id,
            customer,
            status: status(random.random_range(0..100)),
            // A customer keeps name and country.
            name: (of(&FIRST, customer), of(&LAST, customer / 7)),
            country: of(&COUNTRIES, customer / 3),
            channel: of(&CHANNELS, random.random()),
            coupon: random.random_bool(0.1).then(|| of(&COUPONS, random.random())),
            items,
            count,
        }
    }

    /// What it comes to, in cents.
    pub(super) fn cents(&self) -> u64 {
        self.items[..self.count].iter().map(|item| item.cents * u64::from(item.quantity)).sum()
    }

    /// Appends the order as a JSON object.
    pub(super) fn write_json(&self, placed_at: DateTime<Utc>, out: &mut String) {
        let Self { id, customer, status, name: (first, last), country, channel, .. } = self;
        let at = placed_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let amount = Money(self.cents());
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            r#"{{"order_id":{id},"placed_at":"{at}","customer":{{"id":{customer},"name":"{first} {last}","country":"{country}"}},"channel":"{channel}","status":"{status}","currency":"EUR","amount":{amount}"#
        );
        if let Some(coupon) = self.coupon {
            let _ = write!(out, r#","coupon":"{coupon}""#);
        }
        out.push_str(r#","items":["#);
        for (number, Item { product, quantity, cents }) in self.items[..self.count].iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let price = Money(*cents);
            let _ = write!(out, r#"{comma}{{"sku":"SKU-{product}","quantity":{quantity},"price":{price}}}"#);
        }
        out.push_str("]}");
    }
}

/// Cents, written with two decimals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Money(pub(super) u64);

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

fn status(percent: u32) -> &'static str {
    let mut below = 0;
    for (status, share) in STATUSES {
        below += share;
        if percent < below {
            return status;
        }
    }
    STATUSES[0].0
}

fn of(words: &[&'static str], number: u64) -> &'static str {
    words[(number % words.len() as u64) as usize]
}
