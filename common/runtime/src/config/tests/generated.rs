//! The generated files: fresh, and true.

use super::tables::TABLES;
use super::*;
use crate::generated::assert_fresh;

#[test]
fn example_file_is_fresh_and_holds_the_defaults() {
    let example = example_file();
    assert_fresh("deploy/config.example.toml", &example);
    let needed = "[kafka]\nbootstrap_servers = \"localhost:9092\"\ntopic = \"events\"\ngroup_id = \"k2i-ingestion\"\n\
                  [iceberg]\ndatabase = \"analytics\"\ntable = \"events\"\n";
    assert_eq!(load(&example), load(needed));
}

#[test]
fn commented_keys_of_the_example_can_be_read() {
    let keys: Vec<_> = raw::sections().into_iter().flat_map(|(_, _, keys)| keys).map(|key| key.name).collect();
    let is_key = |line: &str| line.split_once(" = ").is_some_and(|(name, _)| keys.contains(&name));
    let head = example_file().split("# Several tables").next().unwrap().to_owned();
    let lines = head.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut problems = Vec::new();
    let read = raw::from_file(&text, &mut problems);
    assert_eq!(problems, []);
    assert!(read.shared.storage.secret_access_key.is_some() && read.shared.iceberg.columns.is_some());
    let tables = example_file().split("[kafka], [buffer], [iceberg] and [storage].\n#\n").nth(1).unwrap().to_owned();
    let tables: String =
        tables.lines().map(|line| format!("{}\n", line.trim_start_matches('#').trim_start())).collect();
    let text = format!("{}{tables}", TABLES.split("[[tables]]").next().unwrap());
    assert_eq!(load(&text).tables.len(), 2);
}

#[test]
fn reference_page_is_fresh() {
    let page = reference_page();
    assert_fresh("docs/reference/configuration.md", &page);
    for (_, _, keys) in raw::sections() {
        for key in keys {
            assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
            let told = !key.default.is_empty() || key.required || !key.unset.is_empty();
            assert!(told && !key.doc.is_empty(), "{}: needs a default, `required` or `unset`", key.name);
        }
    }
}
