//! Which charts are asked for: as it stands in the address of the page, and as the server is asked.

use leptos_router::params::ParamsMap;
use workflow::api::{RunScope, TotalsQuery};

use crate::address::address;

const PATH: &str = "/runs/charts";
/// Whose, as it stands in the address.
pub(super) const SHARED: &str = "shared";
pub(super) const ALL: &str = "all";

/// Numbers of days, as they stand in the address; the usual one does not.
pub(super) const DAYS: [(&str, u32, &str); 3] =
    [("7", 7, "The last 7 days"), ("", 30, "The last 30 days"), ("90", 90, "The last 90 days")];

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Asked {
    pub(super) days: String,
    pub(super) whose: String,
    pub(super) workflow: String,
    /// An email, where it is of everybody's.
    pub(super) person: String,
}

impl Asked {
    pub(super) fn of_address(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default();
        Self { days: text("days"), whose: text("whose"), workflow: text("workflow"), person: text("person") }
    }

    pub(super) fn page_address(&self) -> String {
        let pairs =
            [("days", &self.days), ("whose", &self.whose), ("workflow", &self.workflow), ("person", &self.person)];
        address(PATH, pairs.into_iter().map(|(name, text)| (name, text.clone())))
    }

    pub(super) fn query(&self) -> TotalsQuery {
        let scope = match self.whose.as_str() {
            ALL => RunScope::All,
            SHARED => RunScope::Shared,
            _ => RunScope::Mine,
        };
        TotalsQuery {
            scope: Some(scope),
            days: DAYS.iter().find(|(name, ..)| *name == self.days).map(|(_, n, _)| *n),
            workflow: self.workflow.parse().ok(),
            // Of mine there is one person.
            person: Some(self.person.clone()).filter(|person| scope != RunScope::Mine && !person.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_what_is_asked() {
        let asked = Asked { days: "90".into(), whose: ALL.into(), person: "a+b@c.d".into(), ..Asked::default() };
        assert_eq!(asked.page_address(), "/runs/charts?days=90&whose=all&person=a%2Bb%40c.d");
        let query = asked.query();
        assert_eq!((query.scope(), query.n_days(), query.person.as_deref()), (RunScope::All, 90, Some("a+b@c.d")));
        assert_eq!(Asked::default().page_address(), PATH);
        let odd = Asked { days: "8".into(), workflow: "x".into(), person: "a@b.c".into(), ..Asked::default() }.query();
        assert_eq!((odd.n_days(), odd.workflow, odd.person), (30, None, None), "what it does not know narrows nothing");
    }
}
