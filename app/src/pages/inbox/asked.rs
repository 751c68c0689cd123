//! What is looked for in the inbox, as it stands in the address of the page and as the server is asked.
//! The address holds all of it, so that a reload, Back and a link find the same list and the same review.

use chrono::{DateTime, TimeDelta, Utc};
use leptos_router::params::ParamsMap;
use workflow::{
    RunId, StepKey, TemplateId,
    api::{HistoryQuery, InboxQuery, InboxScope, InboxSort},
    run::state::Verdict,
};

use crate::address::{address, gate_words};

pub(super) const PATH: &str = "/inbox";

/// A gate by its run and its step.
pub(super) type Key = (RunId, StepKey);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Tab {
    #[default]
    Awaiting,
    History,
}

impl Tab {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting",
            Self::History => "history",
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        if text == "history" { Self::History } else { Self::Awaiting }
    }
}

/// By its name in the address, and its words.
pub(super) const SORTS: [(InboxSort, &str, &str); 4] = [
    (InboxSort::Oldest, "", "Oldest first"),
    (InboxSort::Newest, "newest", "Newest first"),
    (InboxSort::Due, "due", "Due first"),
    (InboxSort::Workflow, "workflow", "By workflow"),
];

/// By its name in the address, and its words in the filter.
pub(super) const VERDICTS: [(Verdict, &str, &str); 6] = [
    (Verdict::Approved, "approved", "Approved"),
    (Verdict::Rejected, "rejected", "Sent back"),
    (Verdict::TimedOut, "timed_out", "Time ran out"),
    (Verdict::Released, "released", "Released by auto-run"),
    (Verdict::Cancelled, "cancelled", "Run cancelled"),
    (Verdict::Superseded, "superseded", "Step run, skipped or stopped"),
];

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    pub(super) tab: Tab,
    pub(super) search: String,
    pub(super) workflow: Option<TemplateId>,
    pub(super) sort: InboxSort,
    /// Everybody's, for admins.
    pub(super) is_all: bool,
    /// Only what is due within a day.
    pub(super) is_due_soon: bool,
    /// Of the history.
    pub(super) verdict: Option<Verdict>,
    /// The one that is read.
    pub(super) gate: Option<Key>,
}

impl Asked {
    pub(super) fn of_address(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default();
        let (sort, verdict) = (text("sort"), text("verdict"));
        Self {
            tab: Tab::parse(&text("tab")),
            search: text("q"),
            workflow: text("workflow").parse().ok(),
            sort: SORTS.iter().find(|(_, name, _)| *name == sort).map(|(sort, ..)| *sort).unwrap_or_default(),
            is_all: text("scope") == "all",
            is_due_soon: text("due") == "day",
            verdict: VERDICTS.iter().find(|(_, name, _)| *name == verdict).map(|(verdict, ..)| *verdict),
            gate: key_of(&text("gate")),
        }
    }

    pub(super) fn address(&self) -> String {
        let given = |is: bool, text: &str| if is { text.to_owned() } else { String::new() };
        address(
            PATH,
            [
                ("tab", given(self.tab == Tab::History, self.tab.name())),
                ("q", self.search.trim().to_owned()),
                ("workflow", self.workflow.map(|id| id.to_string()).unwrap_or_default()),
                ("sort", sort_name(self.sort).to_owned()),
                ("due", given(self.is_due_soon, "day")),
                ("verdict", self.verdict.map(verdict_name).unwrap_or_default().to_owned()),
                ("scope", given(self.is_all, "all")),
                ("gate", self.gate.as_ref().map(|(run, step)| gate_words(*run, step)).unwrap_or_default()),
            ],
        )
    }

    /// The list of what waits, whatever is read beside it.
    pub(super) fn of_list(&self) -> Self {
        Self { tab: Tab::Awaiting, verdict: None, gate: None, ..self.clone() }
    }

    /// The list of what was decided.
    pub(super) fn of_history(&self) -> Self {
        let Self { search, workflow, is_all, verdict, .. } = self.clone();
        Self { tab: Tab::History, search, workflow, is_all, verdict, ..Self::default() }
    }

    /// `now`: the browser's clock; the server's first page knows none, and the browser asks anew where it needs one.
    pub(super) fn query(&self, now: Option<DateTime<Utc>>) -> InboxQuery {
        InboxQuery {
            scope: if self.is_all { InboxScope::All } else { InboxScope::Mine },
            sort: self.sort,
            search: self.words(),
            workflow: self.workflow,
            due_before: now.filter(|_| self.is_due_soon).map(|now| now + TimeDelta::days(1)),
        }
    }

    pub(super) fn history(&self) -> HistoryQuery {
        HistoryQuery { all: self.is_all, search: self.words(), workflow: self.workflow, verdict: self.verdict }
    }

    fn words(&self) -> Option<String> {
        Some(self.search.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether something that is there may be left out.
    pub(super) fn is_filtered(&self) -> bool {
        let is_of_tab = match self.tab {
            Tab::Awaiting => self.is_due_soon,
            Tab::History => self.verdict.is_some(),
        };
        self.words().is_some() || self.workflow.is_some() || is_of_tab
    }

    /// Nothing is left out any more.
    pub(super) fn clear(&mut self) {
        *self = Self { tab: self.tab, sort: self.sort, is_all: self.is_all, gate: self.gate.take(), ..Self::default() };
    }
}

pub(super) fn sort_name(sort: InboxSort) -> &'static str {
    SORTS.iter().find(|(known, ..)| *known == sort).map(|(_, name, _)| *name).unwrap_or_default()
}

pub(super) fn verdict_name(verdict: Verdict) -> &'static str {
    VERDICTS.iter().find(|(known, ..)| *known == verdict).map(|(_, name, _)| *name).unwrap_or_default()
}

/// As the address and its row have it; nothing for what can be none.
pub(super) fn key_of(text: &str) -> Option<Key> {
    let (run, step) = text.split_once('/')?;
    let (run, step) = (run.parse().ok()?, StepKey::new(step));
    step.is_addressable().then_some((run, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    fn read(pairs: &[(&str, &str)]) -> Asked {
        let query: ParamsMap = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Asked::of_address(&query)
    }

    #[test]
    fn the_address_holds_what_is_looked_for_and_what_is_read() {
        let gate = format!("{ID}/write[a/b]");
        let asked = read(&[
            ("tab", "history"),
            ("q", " blue  sky "),
            ("workflow", ID),
            ("sort", "due"),
            ("due", "day"),
            ("verdict", "timed_out"),
            ("scope", "all"),
            ("gate", &gate),
        ]);
        assert_eq!(asked.gate, Some((ID.parse().unwrap(), "write[a/b]".into())));
        assert_eq!(
            asked.address(),
            format!(
                "/inbox?tab=history&q=blue%20%20sky&workflow={ID}&sort=due&due=day&verdict=timed_out&scope=all&gate={ID}%2Fwrite%5Ba%2Fb%5D"
            )
        );
        assert_eq!(Asked::default().address(), "/inbox");
    }

    #[test]
    fn what_the_address_says_wrongly_is_as_if_it_said_nothing() {
        let asked =
            read(&[("tab", "x"), ("workflow", "x"), ("sort", "x"), ("verdict", "x"), ("gate", "x/y"), ("scope", "x")]);
        assert_eq!(asked, Asked::default());
        assert_eq!(read(&[("gate", &format!("{ID}/Not a step"))]).gate, None);
    }

    #[test]
    fn the_server_is_asked_for_what_the_filters_say() {
        let now: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let asked = read(&[("q", "  "), ("due", "day"), ("scope", "all"), ("sort", "newest")]);
        let query = asked.query(Some(now));
        assert_eq!(query.search, None, "blanks are no words");
        assert_eq!(query.due_before, Some("2026-01-02T12:00:00Z".parse().unwrap()));
        assert_eq!((query.scope, query.sort), (InboxScope::All, InboxSort::Newest));
        assert_eq!(asked.query(None).due_before, None, "without a clock");
        assert_eq!(Asked::default().query(Some(now)), InboxQuery::default());
    }

    #[test]
    fn clearing_the_filters_keeps_the_order_and_what_is_read() {
        let mut asked =
            read(&[("q", "x"), ("workflow", ID), ("due", "day"), ("sort", "due"), ("gate", &format!("{ID}/a"))]);
        assert!(asked.is_filtered());
        asked.clear();
        assert!(!asked.is_filtered());
        assert_eq!(asked.address(), format!("/inbox?sort=due&gate={ID}%2Fa"));
    }
}
