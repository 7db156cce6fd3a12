use super::code::{tokens, uses_of};

fn words(source: &str) -> Vec<String> {
    tokens(source).into_iter().map(|token| token.text).collect()
}

#[test]
fn comments_and_literals_are_left_out() {
    let source = r##"
        // rand::random
        /* outer /* rand */ still */ a
        let b = "rand \" rand"; let c = r#"rand "rand" "#; let d = b'r'; let e = '\''; let f: &'rand str = c"rand";
        r#async
    "##;
    assert!(!words(source).contains(&"rand".to_owned()), "{:?}", words(source));
    assert!(words(source).contains(&"async".to_owned()));
    assert_eq!(words("x /**/ y"), ["x", "y"]);
    assert_eq!(words("f(b\"\\\\\", br\"\\\", 'x', z)"), ["f", "(", ",", ",", ",", "z", ")"]);
}

#[test]
fn lines_are_counted_through_literals() {
    let found = tokens("a\n\"x\ny\"\n/* \n */ b");
    assert_eq!(found.iter().map(|token| token.line).collect::<Vec<_>>(), [1, 5]);
}

#[test]
fn a_use_is_a_path_that_begins_with_the_crate() {
    let lines = |source: &str| uses_of("iceberg", &tokens(source));
    for used in ["use iceberg::spec;", "x(iceberg::A)", "use iceberg;", "use ::iceberg::A;", "extern crate iceberg;"] {
        assert_eq!(lines(used), [1], "{used}");
    }
    for unused in
        ["config.iceberg.table", "mod iceberg { }", "use crate::iceberg::A;", "iceberg: RawIceberg", "\"iceberg::A\""]
    {
        assert!(lines(unused).is_empty(), "{unused}");
    }
    assert_eq!(lines("\n\nfn f() { iceberg :: g() }"), [3]);
}
