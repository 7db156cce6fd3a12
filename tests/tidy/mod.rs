//! What every file owes its reader. An exception is a line with its reason.

mod troubleshooting;

use k2i_tests::cache::workspace;

use crate::files::{all, assert_none, rust};
use crate::layering::code::tokens;

/// One idea a file. What is longer is two files.
const MOST_LINES: usize = 700;

/// Nothing but generated or foreign text may be longer.
const LONG: [(&str, &str); 1] = [("Cargo.lock", "cargo writes it")];

/// Places that only some machines have.
const MACHINE_PLACES: [&str; 3] = ["/root/", "/home/", "/shared"];

/// Whom a file may link to. What is fetched is fetched by an ordinary client's own settings, so that a mirror works:
/// no file says where packages come from.
const HOSTS: [(&str, &str); 5] = [
    ("github.com", "projects, and the name that Cargo.lock gives its registry"),
    ("apache.org", "Iceberg, Kafka, Parquet and the licence; also the namespace of a POM"),
    ("docs.aws.amazon.com", "S3"),
    ("example.com", "reserved for examples"),
    (".example", "reserved for examples"),
];

/// The configuration that the README shows and the quickstart test runs.
const QUICKSTART: &str = "deploy/quickstart.toml";

/// Files that must name what the others must not.
const MAY_NAME_PLACES: [(&str, &str); 1] = [("tests/tidy/mod.rs", "the lists themselves")];

#[test]
fn every_file_says_why_it_exists() {
    let mut findings = Vec::new();
    for source in all() {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let (wanted, opens) = match name.rsplit('.').next() {
            // Its name says it: the tests of the module beside it.
            Some("rs") if name == "tests.rs" || name.ends_with("_tests.rs") => continue,
            Some("rs") => ("//!", source.text.starts_with("//!")),
            Some("py") => ("\"\"\"", source.text.starts_with("\"\"\"")),
            _ if source.text.starts_with("#!") => {
                ("#! and a comment", source.text.lines().nth(1).is_some_and(|line| line.starts_with("# ")))
            }
            _ => continue,
        };
        if !opens {
            findings.push(format!("{} does not begin with {wanted}", source.path));
        }
    }
    assert_none("a file does not say why it exists", &findings);
}

#[test]
fn a_file_holds_one_idea() {
    let long = |text: &str| text.lines().count() > MOST_LINES;
    let allowed = |path: &str| LONG.iter().any(|(exempt, _)| *exempt == path);
    let findings: Vec<String> = all()
        .into_iter()
        .filter(|source| long(&source.text) && !allowed(&source.path))
        .map(|source| format!("{}: {} lines", source.path, source.text.lines().count()))
        .collect();
    assert_none("files over 700 lines", &findings);
}

#[test]
fn nothing_is_left_undone() {
    let mut findings = Vec::new();
    for source in rust() {
        let found = tokens(&source.text);
        for part in found.windows(3) {
            let [first, second, third] = [0, 1, 2].map(|at| part[at].text.as_str());
            let undone = matches!(first, "todo" | "unimplemented") && second == "!" && matches!(third, "(" | "{" | "[");
            if undone || (first == "#" && second == "[" && third == "ignore") {
                findings.push(format!("{}:{}: {first}{second}{third}", source.path, part[0].line));
            }
        }
    }
    assert_none("unfinished code, or a test that does not run", &findings);
}

#[test]
fn the_readme_shows_the_quickstart_as_it_is_tested() {
    let all = all();
    let text = |path: &str| all.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let quickstart = text(QUICKSTART).expect("the quickstart's file is there");
    let readme = text("README.md").expect("there is a README");
    let block = format!("\n```toml\n{}\n```\n", quickstart.trim_end_matches('\n'));
    assert!(readme.contains(&block), "README.md does not show {QUICKSTART}, byte for byte");
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let clone = workspace().to_string_lossy();
    let mut findings = Vec::new();
    for source in all().iter().filter(|source| MAY_NAME_PLACES.iter().all(|(exempt, _)| *exempt != source.path)) {
        for (number, line) in source.text.lines().enumerate() {
            let mut say = |what: &str| findings.push(format!("{}:{}: {what}", source.path, number + 1));
            for place in MACHINE_PLACES.iter().copied().chain([clone.as_ref()]) {
                if line.contains(place) {
                    say(place);
                }
            }
            hosts(line).filter(|host| !allowed(host)).for_each(&mut say);
        }
    }
    assert_none("a place that others do not have, or a host that is not among those a file may link to", &findings);
}

/// The hosts of the URLs of a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    let after =
        line.match_indices("://").filter(|(at, _)| line[..*at].ends_with("http") || line[..*at].ends_with("https"));
    after.map(|(at, mark)| {
        let rest = &line[at + mark.len()..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).unwrap_or(rest.len());
        rest[..end].trim_end_matches('.')
    })
}

/// This machine, a name without a dot (a placeholder, a test's server), or one of [`HOSTS`].
fn allowed(host: &str) -> bool {
    let listed = |name: &str| {
        host == name || host.strip_suffix(name).is_some_and(|rest| name.starts_with('.') || rest.ends_with('.'))
    };
    !host.contains('.') || host.starts_with("127.") || HOSTS.iter().any(|(name, _)| listed(name))
}

#[test]
fn hosts_are_found_and_judged() {
    let found: Vec<&str> = hosts("see <https://a.b/c>, http://x:1 and git+https://github.com/y. ftp://no").collect();
    assert_eq!(found, ["a.b", "x", "github.com"]);
    for host in ["localhost", "127.0.0.1", "github.com", "kafka.apache.org", "bucket.store.example", "x.example.com"] {
        assert!(allowed(host), "{host}");
    }
    for host in ["a.b", "notgithub.com", "10.0.0.1", "apache.org.evil"] {
        assert!(!allowed(host), "{host}");
    }
}
