//! What was said a short while ago, so that a log does not say it again and again. Bounded: of more different things than
//! it has room for, the oldest may be said twice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a thing is not said again.
const QUIET: Duration = Duration::from_secs(60);
/// How many different things are kept.
const ROOM: usize = 16;

/// The things, newest last.
#[derive(Debug, Default)]
pub(crate) struct Said(VecDeque<(String, Instant)>);

impl Said {
    /// True for a thing that is to be said now: it was not within the last minute.
    pub(crate) fn is_news(&mut self, what: &str, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.duration_since(*at) < QUIET);
        if self.0.iter().any(|(said, _)| said == what) {
            return false;
        }
        if self.0.len() == ROOM {
            self.0.pop_front();
        }
        self.0.push_back((what.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_news_once_a_minute() {
        let (mut said, start) = (Said::default(), Instant::now());
        assert!(said.is_news("a", start) && said.is_news("b", start));
        assert!(!said.is_news("a", start + QUIET / 2) && !said.is_news("b", start + QUIET / 2));
        assert!(said.is_news("a", start + QUIET));
    }

    #[test]
    fn only_so_many_are_kept() {
        let (mut said, now) = (Said::default(), Instant::now());
        assert!((0..=ROOM).all(|number| said.is_news(&number.to_string(), now)));
        assert_eq!(said.0.len(), ROOM);
        assert!(said.is_news("0", now) && !said.is_news("2", now));
    }
}
