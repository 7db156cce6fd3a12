//! The parts of the demo without `k2i ingest`; the whole of it runs in `tests/e2e/demo.rs`.

mod check;
mod flow;
mod folder;
mod moment;
mod orders;

use std::path::Path;

use super::config::{self, Places};
use super::moment::InFlight;
use super::stage::Killed;
use super::summary;

#[test]
fn the_configuration_is_one_that_k2i_takes() {
    for root in ["/demo", "/demo folder/with \"quotes\" and ü"] {
        let places = Places::below(Path::new(root));
        let text = config::text(&places, "127.0.0.1:9092,127.0.0.1:9093");
        let (_, ident) = config::table(&places, &text).unwrap();
        assert_eq!(ident.to_string(), "shop.orders");
    }
}

#[test]
fn what_was_in_flight_is_said_as_it_was() {
    let killed = |left| Killed { at: std::time::Instant::now(), open_rows: 9_216, left };
    let left = InFlight { committed: 7, open_files: 1, sealed: vec![20_000], accepted: vec![20_480, 1_000] };
    assert_eq!(left.cut_end(), 41_487);
    assert!(left.is_wanted());
    assert_eq!(
        summary::in_flight(&killed(left.clone())),
        "9,216 rows in an open file, 1 cut of 20,000 rows sealed and not accepted, 2 cuts of 21,480 rows accepted and \
         not committed"
    );
    let missed = InFlight { sealed: Vec::new(), ..left.clone() };
    assert!(!missed.is_wanted());
    let missed = InFlight { open_files: 0, ..left };
    assert!(!missed.is_wanted());
    assert!(summary::in_flight(&killed(missed)).starts_with("no open file, "));
}

#[test]
fn a_command_is_quoted_for_a_shell() {
    assert_eq!(summary::shell("SELECT '1'"), "\"SELECT '1'\"");
    assert_eq!(summary::shell("$a `b` \"c\" \\"), "\"\\$a \\`b\\` \\\"c\\\" \\\\\"");
}
