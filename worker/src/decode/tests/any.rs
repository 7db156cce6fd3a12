//! Whatever bytes: what `fuzz/fuzz_targets/decode.rs` tries without end, on a few.

use crate::decode::check_any;
use crate::decode::tests::random::Random;

/// Records that are near to being right, for changes to hit what matters.
const SEEDS: [&str; 8] = [
    r#"{"t":true,"i":-1,"l":9223372036854775807,"f":1e38,"d":-0.0,"m":"1.20","day":"2024-02-29","time":"23:59:59.5"}"#,
    r#"{"at":"2024-02-29T00:00:00","z":"2024-02-29T00:00:00+01:00","s":"\ud83d\ude00\n","b":"AAEC","u":null}"#,
    r#"{"o":{"a":1,"b":"x"},"a":[{"a":1},null,{"a":2,"b":null}],"p":{"k":1,"":2},"j":[1,{"x":[]},"y"]}"#,
    r#"{"unknown":[[[[[[{"a":[1,2,3]}]]]]]],"l":1}"#,
    "[[[[[[[[[[[[[[[[",
    r#"{"s":"\ud800","l":1e400}"#,
    "\u{feff}{\"l\":1}",
    "null",
];

#[test]
fn any_bytes_are_a_row_or_refused_without_a_trace() {
    let mut random = Random(7);
    for _ in 0..400 {
        for seed in SEEDS {
            check_any(&changed(&mut random, seed.as_bytes()));
        }
        let bytes: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        check_any(&bytes);
    }
}

#[test]
fn depth_and_width_are_bounded() {
    for deep in [10, 100, 1_000, 100_000] {
        for open in ["[", "{\"a\":", "{\"j\":[", "{\"x\":{\"y\":["] {
            check_any(open.repeat(deep).as_bytes());
        }
    }
    let wide: Vec<String> = (0..50_000).map(|at| format!("\"f{at}\":{at}")).collect();
    check_any(format!("{{{}}}", wide.join(",")).as_bytes());
}

/// A few bytes replaced, left out, doubled or taken from elsewhere.
fn changed(random: &mut Random, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.next() as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, bytes[random.below(bytes.len())]),
            _ => bytes.truncate(at),
        }
    }
    bytes
}
