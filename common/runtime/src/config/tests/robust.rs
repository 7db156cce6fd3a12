//! Files that nobody should write, and every key of the example mistreated: no panic, no hang, and an answer that names
//! what is wrong.

use std::time::{Duration, Instant};

use super::super::file::{MOST_CONFIGURATION, MOST_SECRET};
use super::super::raw::sections;
use super::*;

/// No file may keep a person waiting; unoptimised and beside other tests.
const SOON: Duration = Duration::from_secs(20);

/// What no key takes: each is right TOML, or not even that.
const ODD: [&str; 20] = [
    "1000000000000000000000000000000",
    "-1",
    "-9223372036854775808",
    "9223372036854775807",
    "nan",
    "inf",
    "1e400",
    "1.5",
    "true",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\u001b[2J\"",
    "[]",
    "[[1], [\"a\"]]",
    "{}",
    "{ a.b.c = [1, { d = nan }] }",
    "1979-05-27T07:32:00Z",
    "unquoted",
    "\"😀\"",
];

/// Section and name of every key of the example file.
fn keys() -> Vec<(&'static str, &'static str)> {
    sections().into_iter().flat_map(|(section, _, keys)| keys.into_iter().map(move |key| (section, key.name))).collect()
}

/// The example file's lines, with the line of each key: at its default, or commented out.
fn example() -> Vec<String> {
    example_file().lines().map(str::to_owned).collect()
}

/// Where a key stands in the example file.
fn place(lines: &[String], section: &str, name: &str) -> usize {
    let mut current = "";
    for (at, line) in lines.iter().enumerate() {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = header;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if current == section && bare.split_once(" = ").is_some_and(|(key, _)| key == name) {
            return at;
        }
    }
    panic!("the example file lacks {section}.{name}");
}

/// Loads it, and says what is wrong with it, if anything.
fn problems(text: &str) -> Vec<Problem> {
    let began = Instant::now();
    let loaded = Config::load(&sources(text));
    assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
    loaded.err().map(|errors| errors.problems).unwrap_or_default()
}

/// Some problem names the key and its line, or the file is no TOML and the line is named.
fn is_named(problems: &[Problem], section: &str, name: &str, line: usize) -> bool {
    let full = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    problems.iter().any(|problem| {
        let here = problem.place == Place::Line(line);
        let key = problem.key == full
            || problem.key.starts_with(&format!("{full}."))
            || problem.key.starts_with(&format!("{full}["));
        here && (key || problem.key.is_empty())
    })
}

#[test]
fn every_key_with_an_odd_value_is_taken_or_named() {
    for (section, name) in keys() {
        for odd in ODD {
            let mut lines = example();
            let at = place(&lines, section, name);
            lines[at] = format!("{name} = {odd}");
            let found = problems(&(lines.join("\n") + "\n"));
            let taken = !found.iter().any(|problem| problem.place == Place::Line(at + 1));
            // What is taken may still not go together with another key, which is then named instead.
            assert!(taken || is_named(&found, section, name, at + 1), "{section}.{name} = {odd}: {found:#?}");
        }
    }
}

#[test]
fn every_number_refuses_what_is_no_number_of_its_range() {
    for (section, _, keys) in sections() {
        for key in keys.iter().filter(|key| key.kind.starts_with("a whole number")) {
            for odd in
                ["1000000000000000000000000000000", "-1", "9223372036854775807", "nan", "1.5", "true", "\"5\"", "[]"]
            {
                let mut lines = example();
                let at = place(&lines, section, key.name);
                lines[at] = format!("{} = {odd}", key.name);
                let found = problems(&(lines.join("\n") + "\n"));
                assert!(is_named(&found, section, key.name, at + 1), "{section}.{} = {odd}: {found:#?}", key.name);
            }
        }
    }
}

#[test]
fn every_key_may_be_left_out_or_is_said_to_be_missing() {
    for (section, _, keys) in sections() {
        for key in keys {
            let mut lines = example();
            let at = place(&lines, section, key.name);
            lines[at] = String::new();
            let found = problems(&(lines.join("\n") + "\n"));
            if key.required {
                let full = format!("{section}.{}", key.name);
                assert!(found.iter().any(|p| p.key == full && p.message.starts_with("missing")), "{full}: {found:#?}");
            } else {
                assert!(found.is_empty(), "{section}.{}: {found:#?}", key.name);
            }
        }
    }
}

#[test]
fn every_key_given_twice_is_named_with_its_line() {
    for (section, _, keys) in sections() {
        for key in keys {
            let mut lines = example();
            let at = place(&lines, section, key.name);
            let line = format!("{} = {}", key.name, if key.default.is_empty() { key.example } else { &key.default });
            lines[at] = format!("{line}\n{line}");
            let found = problems(&(lines.join("\n") + "\n"));
            assert_eq!(found.len(), 1, "{section}.{}: {found:#?}", key.name);
            assert_eq!(found[0].place, Place::Line(at + 2), "{found:#?}");
            assert!(found[0].message.contains("duplicate key") && found[0].message.contains(key.name), "{found:#?}");
        }
    }
}

#[test]
fn a_huge_text_is_taken_or_named_and_never_repeated_whole() {
    let huge = "x".repeat(1 << 20);
    for (section, name) in keys() {
        let mut lines = example();
        let at = place(&lines, section, name);
        lines[at] = format!("{name} = \"{huge}\"");
        let errors = Config::load(&sources(&(lines.join("\n") + "\n"))).err();
        let said = errors.map(|errors| errors.to_string()).unwrap_or_default();
        assert!(said.len() < 10_000, "{section}.{name}: {} bytes are said", said.len());
    }
    let text = format!("{huge} = 1\n[{huge}]\n{huge} = 2\n[kafka]\n{huge} = 3\n");
    let said = Config::load(&sources(&text)).unwrap_err().to_string();
    assert!(said.len() < 10_000, "{} bytes are said", said.len());
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let deep = 10_000;
    let texts = [
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("[kafka]\nproperties = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("{}a = 1", "a.".repeat(100 * deep)),
        format!("[{}a]\nb = 1", "a.".repeat(100 * deep)),
        format!("[[{}a]]\nb = 1", "a.".repeat(100 * deep)),
        format!("[kafka.properties]\n{}a = 1", "a.".repeat(deep)),
        format!(
            "[iceberg]\ncolumns = [{{ name = \"a\", type = \"{}long{}\" }}]",
            "list<".repeat(deep),
            ">".repeat(deep)
        ),
        format!("[iceberg]\ncolumns = [{{ name = \"a\", type = \"{}\" }}]", "struct<a: ".repeat(deep)),
        (0..deep).map(|at| format!("[[a.b{at}]]\nx = 1\n")).collect(),
    ];
    // The stack of a test's thread, as small as any that a configuration is read on.
    for text in texts {
        assert!(!problems(&text).is_empty(), "{:.60}…", text);
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_is_answered_soon_and_briefly() {
    let mut text: String = (0..60_000).map(|at| format!("k{at} = 1\n")).collect();
    text.truncate(1 << 20);
    let found = problems(&text);
    assert_eq!(found.len(), 101);
    assert!(found[100].message.ends_with("problems more"), "{:?}", found[100]);
}

#[test]
fn odd_texts_are_answered() {
    let empty = ["", "\n", "\u{feff}", "# nothing\n", " \t\r\n"];
    for text in empty {
        let found = problems(text);
        assert!(found.iter().all(|problem| problem.message.starts_with("missing")), "{text:?}: {found:#?}");
        assert!(!found.is_empty());
    }
    assert_eq!(load(&format!("\u{feff}{LOCAL}")), load(LOCAL), "a byte order mark is passed over");
    assert_eq!(load(&LOCAL.replace('\n', "\r\n")), load(LOCAL), "as are a carriage return's line ends");
    for text in
        ["\0", "=", "[", "[]", "]", "\"", "'''", "a", "a =", "= 1", "[kafka]\n[kafka]\n", "\u{85}", "x = \"\\ud800\""]
    {
        assert!(!problems(text).is_empty(), "{text:?}");
    }
}

#[test]
fn a_secret_without_its_quotes_is_not_repeated() {
    let text = local_with("kafka", "properties = { \"sasl.password\" = hunter }");
    let said = Config::load(&sources(&text)).unwrap_err().to_string();
    assert!(said.contains("not TOML") && !said.contains("hunter"), "{said}");
}

#[test]
fn control_characters_reach_no_terminal() {
    let text = "\"\\u001b[2J\" = 1\n[log]\nlevel = \"\\u001b[2J\"\n";
    let said = Config::load(&sources(text)).unwrap_err().to_string();
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
}

/// What is said of a file that is given by name.
fn said_of(path: &std::path::Path) -> String {
    Sources::of_process(path, vec![]).map(drop).unwrap_err().to_string()
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(said_of(folder.path()).contains("it is a folder"));
    assert!(said_of(std::path::Path::new("/dev/zero")).contains("a pipe or a device"));
    let large = folder.path().join("large.toml");
    std::fs::write(&large, vec![b'#'; MOST_CONFIGURATION as usize]).unwrap();
    Sources::of_process(&large, vec![]).unwrap();
    std::fs::write(&large, vec![b'#'; 10 << 20]).unwrap();
    assert!(said_of(&large).contains("has more than 1048576 bytes"), "{}", said_of(&large));
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"[kafka]\ntopic = \"caf\xe9\"\n").unwrap();
    assert!(said_of(&latin).contains("is not UTF-8: line 2, byte 20"), "{}", said_of(&latin));
}

#[test]
fn the_file_of_a_secret_is_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let said = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        let lines = format!("properties = {{ \"sasl.password\" = \"file:{}\" }}", path.display());
        Config::load(&sources(&local_with("kafka", &lines))).map(drop).map_err(|errors| errors.to_string())
    };
    assert_eq!(said(b"secret\n"), Ok(()));
    assert!(said(&vec![b'x'; MOST_SECRET as usize + 1]).unwrap_err().contains("has more than 65536 bytes"));
    assert!(said(b"\xff\xfe").unwrap_err().contains("is not UTF-8"));
}

/// The same function that `fuzz/fuzz_targets/config.rs` calls with endless inputs.
#[test]
fn mangled_files_never_panic() {
    use proptest::prelude::*;
    let example = example_file();
    let runs = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };
    proptest!(runs, |(at in 0..example.len(), with in proptest::collection::vec(any::<u8>(), 0..12), gone in 0..40_usize)| {
        let mut bytes = example.clone().into_bytes();
        let end = (at + gone).min(bytes.len());
        bytes.splice(at..end, with);
        crate::config::check_any(&bytes);
    });
    let runs = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };
    proptest!(runs, |(bytes in proptest::collection::vec(any::<u8>(), 0..200))| crate::config::check_any(&bytes));
}
