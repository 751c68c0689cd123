//! What is looked for among runs: as it stands in the address of the page, and as the server is asked.
//! The address holds it, so that a reload, Back and a link find the same runs.

use leptos_router::params::ParamsMap;
use workflow::{
    api::{RunQuery, RunScope, RunSort, RunState},
    id::GroupId,
};

use crate::{address::address, days};

pub(super) const PATH: &str = "/runs";

/// Each order, as it stands in the address and in words.
pub(super) const SORTS: [(RunSort, &str, &str); 4] = [
    (RunSort::Newest, "", "Newest first"),
    (RunSort::Oldest, "oldest", "Oldest first"),
    (RunSort::Longest, "longest", "What took longest"),
    (RunSort::Dearest, "dearest", "What cost most"),
];

/// Whose, as it stands in the address.
const SHARED: &str = "shared";
const WITH_ME: &str = "with_me";
const ALL: &str = "all";

/// The texts of the filter, one for each field.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Asked {
    pub(super) search: String,
    pub(super) status: String,
    pub(super) whose: String,
    pub(super) person: String,
    pub(super) group: String,
    pub(super) tag: String,
    pub(super) workflow: String,
    /// Days, as 2026-01-31; the last one is meant too.
    pub(super) from: String,
    pub(super) to: String,
    /// An amount, as 0.05.
    pub(super) cost: String,
    /// Anything for those in which something is stale.
    pub(super) stale: String,
    pub(super) sort: String,
    /// Anything for those that were archived.
    pub(super) archived: String,
}

impl Asked {
    pub(super) fn of_address(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default();
        Self {
            search: text("q"),
            status: text("status"),
            whose: text("whose"),
            person: text("person"),
            group: text("group"),
            tag: text("tag"),
            workflow: text("workflow"),
            from: text("from"),
            to: text("to"),
            cost: text("cost"),
            stale: text("stale"),
            sort: text("sort"),
            archived: text("archived"),
        }
    }

    pub(super) fn page_address(&self) -> String {
        let pairs = [
            ("q", &self.search),
            ("status", &self.status),
            ("whose", &self.whose),
            ("person", &self.person),
            ("group", &self.group),
            ("tag", &self.tag),
            ("workflow", &self.workflow),
            ("from", &self.from),
            ("to", &self.to),
            ("cost", &self.cost),
            ("stale", &self.stale),
            ("sort", &self.sort),
            ("archived", &self.archived),
        ];
        address(PATH, pairs.into_iter().map(|(name, text)| (name, text.trim().to_owned())))
    }

    pub(super) fn query(&self) -> RunQuery {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let scope = match self.whose.as_str() {
            ALL => RunScope::All,
            SHARED => RunScope::Shared,
            WITH_ME => RunScope::WithMe,
            _ => RunScope::Mine,
        };
        RunQuery {
            scope,
            sort: SORTS.iter().find(|(_, name, _)| *name == self.sort).map(|(sort, ..)| *sort).unwrap_or_default(),
            search: given(&self.search),
            status: RunState::ALL.into_iter().find(|state| state.as_str() == self.status),
            workflow: self.workflow.parse().ok(),
            // Of mine there is one person.
            person: given(&self.person).filter(|_| scope != RunScope::Mine),
            group: given(&self.group).map(GroupId::new),
            tag: given(&self.tag),
            from: days::begin(&self.from),
            to: days::end(&self.to),
            min_cost_micros: micros(&self.cost),
            stale: !self.stale.is_empty(),
            archived: !self.archived.is_empty(),
        }
    }

    /// Whose runs these are, archived or not, and nothing else of it: where runs like one of them are looked for.
    pub(super) fn among(&self) -> Self {
        Self { whose: self.whose.clone(), archived: self.archived.clone(), ..Self::default() }
    }

    /// Whether something is looked for that is folded away at first.
    pub(super) fn has_more(&self) -> bool {
        [&self.group, &self.tag, &self.from, &self.to, &self.cost, &self.stale, &self.archived]
            .iter()
            .any(|text| !text.is_empty())
    }

    /// The same runs in the same order, with nothing that narrows the list.
    pub(super) fn plain(&self) -> Self {
        Self { sort: self.sort.clone(), ..self.among() }
    }

    /// Whether anything narrows the list.
    pub(super) fn is_narrowed(&self) -> bool {
        *self != self.plain()
    }
}

/// What is wrong with what is written as an amount.
pub(super) fn fault_of_amount(amount: &str) -> Option<String> {
    let is_wrong = !amount.trim().is_empty() && micros(amount).is_none();
    is_wrong.then(|| "This is not an amount. Write one as 0.05, without a currency.".to_owned())
}

/// Millionths of what is written as an amount; what is none narrows nothing.
fn micros(amount: &str) -> Option<i64> {
    let amount = amount.trim();
    let (whole, fraction) = amount.split_once(['.', ',']).unwrap_or((amount, ""));
    let is_number = |part: &str| part.len() <= 12 && part.chars().all(|digit| digit.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(whole * 1_000_000 + fraction.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_filter() {
        let asked = Asked {
            search: " blue sky".into(),
            status: "awaiting_review".into(),
            whose: ALL.into(),
            person: "a+b@example.org".into(),
            to: "2026-01-31".into(),
            stale: "yes".into(),
            sort: "longest".into(),
            ..Asked::default()
        };
        let href = "/runs?q=blue%20sky&status=awaiting_review&whose=all&person=a%2Bb%40example.org&to=2026-01-31&stale=yes&sort=longest";
        assert_eq!(asked.page_address(), href);
        let query = asked.query();
        assert_eq!(
            (query.scope, query.sort, query.status),
            (RunScope::All, RunSort::Longest, Some(RunState::AwaitingReview))
        );
        assert_eq!((query.search.as_deref(), query.person.as_deref()), (Some("blue sky"), Some("a+b@example.org")));
        assert_eq!(query.to.map(|to| to.to_rfc3339()).as_deref(), Some("2026-02-01T00:00:00+00:00"));
        assert!(query.stale);
        assert_eq!(Asked { tag: "wet".into(), ..asked.among() }.page_address(), "/runs?whose=all&tag=wet");
        assert!(asked.has_more() && !Asked { to: String::new(), stale: String::new(), ..asked.clone() }.has_more());
        assert!(asked.is_narrowed() && !Asked { sort: "oldest".into(), ..Asked::default() }.is_narrowed());
        assert_eq!(asked.plain().page_address(), "/runs?whose=all&sort=longest");
        assert_eq!(Asked::default().page_address(), "/runs");
    }

    #[test]
    fn an_amount_is_read_with_a_point_or_a_comma() {
        for (amount, expected) in [
            ("0.05", Some(50_000)),
            (" 1,5 ", Some(1_500_000)),
            (".5", Some(500_000)),
            ("12", Some(12_000_000)),
            ("0.00000199", Some(1)),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
            ("1.2.3", None),
            ("1234567890123", None),
        ] {
            assert_eq!(micros(amount), expected, "{amount}");
            assert_eq!(fault_of_amount(amount).is_some(), expected.is_none() && !amount.is_empty(), "{amount}");
        }
    }

    #[test]
    fn what_the_address_does_not_know_narrows_nothing() {
        let query =
            Asked { status: "stale".into(), sort: "size".into(), workflow: "x".into(), ..Asked::default() }.query();
        assert_eq!(query, RunQuery::default());
        assert_eq!(Asked { person: "a@b.c".into(), ..Asked::default() }.query(), RunQuery::default());
    }
}
