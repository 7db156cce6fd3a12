//! Names of data files.

use super::spread;

#[test]
fn hashed_names_lie_in_folders_of_twenty_bits() {
    let folders = |name: &str| spread(name).split('/').map(str::to_owned).collect::<Vec<_>>();
    for number in 0..100 {
        let found = folders(&format!("k2i-{number}.parquet"));
        assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [4, 4, 4, 8], "{found:?}");
        assert!(found.iter().flat_map(|folder| folder.chars()).all(|bit| matches!(bit, '0' | '1')), "{found:?}");
    }
    let first: std::collections::BTreeSet<_> = (0..100).map(|number| folders(&number.to_string())[0].clone()).collect();
    assert!(first.len() > 12, "a hundred names begin in {} of 16 ways", first.len());
    assert_eq!(spread("the same name"), spread("the same name"));
}
