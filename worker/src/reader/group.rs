//! Which tables share a source: those of one Kafka connection whose topics do not overlap.

use std::collections::BTreeSet;

/// Puts tables, given by connection and topics, into as few groups as the rule allows, in order. The answer gives each
/// table's group, numbered from 0.
#[must_use]
pub fn group<C: PartialEq>(tables: &[(C, Vec<String>)]) -> Vec<usize> {
    let mut groups: Vec<(&C, BTreeSet<&str>)> = Vec::new();
    let mut answer = Vec::with_capacity(tables.len());
    for (connection, topics) in tables {
        let fits = |(known, taken): &(&C, BTreeSet<&str>)| {
            *known == connection && topics.iter().all(|topic| !taken.contains(topic.as_str()))
        };
        let place = groups.iter().position(fits).unwrap_or_else(|| {
            groups.push((connection, BTreeSet::new()));
            groups.len() - 1
        });
        groups[place].1.extend(topics.iter().map(String::as_str));
        answer.push(place);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(connection: &str, topics: &[&str]) -> (String, Vec<String>) {
        (connection.to_owned(), topics.iter().map(|topic| (*topic).to_owned()).collect())
    }

    #[test]
    fn tables_share_a_source_unless_their_topics_overlap() {
        let tables = [
            table("a", &["orders"]),
            table("a", &["clicks", "views"]),
            table("b", &["clicks"]),
            table("a", &["views"]),
            table("a", &["errors"]),
        ];
        assert_eq!(group(&tables), [0, 0, 1, 2, 0]);
    }
}
