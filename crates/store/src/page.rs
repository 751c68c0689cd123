//! Lists in pages, by keyset: a page begins after the place of the last item of the one before, so what is added or taken away
//! meanwhile neither repeats an item nor hides one.
//! A cursor that cannot be read is no cursor, never an error.

use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;
use workflow::api::Page;

/// Which part of a list is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window<'a> {
    /// What the page before gave as `next`.
    pub after: Option<&'a str>,
    pub limit: i64,
}

impl Window<'_> {
    /// One more than fits, which tells whether there is more.
    pub(crate) fn to_read(self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// The page of what was read.
    pub(crate) fn page<T>(self, mut items: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(cursor);
        Page { items, next }
    }
}

/// A place in a list by time: microseconds, and an id.
pub(crate) fn at(time: DateTime<Utc>, id: Uuid) -> String {
    format!("{}_{id}", time.timestamp_micros())
}

pub(crate) fn read_at(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (micros, id) = text.split_once('_')?;
    // Of what is further away Postgres knows no time, and would fail the whole list.
    let at = DateTime::from_timestamp_micros(micros.parse().ok()?).filter(|at| (1..=9999).contains(&at.year()))?;
    Some((at, id.parse().ok()?))
}

/// A place in a list by name: an id, and the name.
pub(crate) fn named(name: &str, id: Uuid) -> String {
    format!("{id}_{name}")
}

pub(crate) fn read_named(text: &str) -> Option<(String, Uuid)> {
    let (id, name) = text.split_once('_')?;
    // Postgres holds no NUL, so no name has one.
    Some((name.replace('\0', ""), id.parse().ok()?))
}

/// The same where ids are slugs, which have no space.
pub(crate) fn slugged(name: &str, id: &str) -> String {
    format!("{id} {name}")
}

pub(crate) fn read_slugged(text: &str) -> Option<(String, String)> {
    let (id, name) = text.split_once(' ')?;
    (!id.is_empty() && !text.contains('\0')).then(|| (name.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_is_not_ours_is_no_cursor() {
        for text in ["", "1_2", "99999999999999999999_00000000-0000-0000-0000-000000000000"] {
            assert!(read_at(text).is_none() && read_named(text).is_none(), "{text}");
        }
        for micros in ["-8000000000000000000", "8000000000000000000", "253402300800000000"] {
            let far = format!("{micros}_{}", Uuid::nil());
            assert!(read_at(&far).is_none(), "{far}");
        }
        assert!(read_at(&format!("253402300799999999_{}", Uuid::nil())).is_some());
        assert!(read_slugged("writer").is_none() && read_slugged("a \0").is_none());
        assert_eq!(read_slugged(&slugged("A writer", "a-b_c")), Some(("A writer".to_owned(), "a-b_c".to_owned())));
        assert_eq!(read_named(&named("a_b ü", Uuid::nil())), Some(("a_b ü".to_owned(), Uuid::nil())));
    }

    #[test]
    fn there_is_more_only_if_more_was_read() {
        let window = Window { after: None, limit: 2 };
        assert_eq!(window.page(vec![1, 2], ToString::to_string), Page { items: vec![1, 2], next: None });
        assert_eq!(window.page(vec![1, 2, 3], ToString::to_string), Page { items: vec![1, 2], next: Some("2".into()) });
    }
}
