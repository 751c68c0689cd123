//! What is looked for in the audit log: as it is typed, as it stands in the address of the page, and as the server is asked.
//! The address holds it, so that a reload, Back and a link find the same entries.

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use workflow::api::AuditFilter;

use crate::{address::address, days};

/// The texts of the filter, one for each field.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Asked {
    pub(super) who: String,
    pub(super) action: String,
    pub(super) address: String,
    /// Days, as 2026-01-31; the last one is meant too.
    pub(super) from: String,
    pub(super) to: String,
}

impl Asked {
    pub(super) fn of_address(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default();
        Self { who: text("who"), action: text("action"), address: text("address"), from: text("from"), to: text("to") }
    }

    pub(super) fn page_address(&self) -> String {
        let pairs = [
            ("who", &self.who),
            ("action", &self.action),
            ("address", &self.address),
            ("from", &self.from),
            ("to", &self.to),
        ];
        address("/admin/audit", pairs.into_iter().map(|(name, text)| (name, text.trim().to_owned())))
    }

    pub(super) fn filter(&self) -> AuditFilter {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        AuditFilter {
            who: given(&self.who),
            action: given(&self.action),
            address: given(&self.address),
            from: days::begin(&self.from),
            to: days::end(&self.to),
            ..AuditFilter::default()
        }
    }

    /// What is wrong with the days, where both are there.
    pub(super) fn fault_of_days(&self) -> Option<String> {
        days::fault(&self.from, &self.to)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the server sends all that the filter finds, as a file.
pub(super) fn export_address(filter: &AuditFilter, format: &str) -> String {
    let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let pairs = [
        ("format", Some(format.to_owned())),
        ("who", filter.who.clone()),
        ("action", filter.action.clone()),
        ("address", filter.address.clone()),
        ("from", at(filter.from)),
        ("to", at(filter.to)),
    ];
    address("/api/audit/export", pairs.into_iter().map(|(name, text)| (name, text.unwrap_or_default())))
}

/// What is typed into the filter.
#[derive(Clone, Copy)]
pub(super) struct Typed {
    pub(super) who: RwSignal<String>,
    pub(super) action: RwSignal<String>,
    pub(super) address: RwSignal<String>,
    pub(super) from: RwSignal<String>,
    pub(super) to: RwSignal<String>,
}

impl Typed {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            who: RwSignal::new(asked.who),
            action: RwSignal::new(asked.action),
            address: RwSignal::new(asked.address),
            from: RwSignal::new(asked.from),
            to: RwSignal::new(asked.to),
        }
    }

    /// As it stands in the controls, for reactive places.
    pub(super) fn asked(self) -> Asked {
        Asked {
            who: self.who.get(),
            action: self.action.get(),
            address: self.address.get(),
            from: self.from.get(),
            to: self.to.get(),
        }
    }

    pub(super) fn show(self, asked: Asked) {
        self.who.set(asked.who);
        self.action.set(asked.action);
        self.address.set(asked.address);
        self.from.set(asked.from);
        self.to.set(asked.to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_filter() {
        let asked = Asked {
            who: " a+b@example.org".to_owned(),
            action: "session.refused".to_owned(),
            to: "2026-01-31".to_owned(),
            ..Asked::default()
        };
        assert_eq!(asked.page_address(), "/admin/audit?who=a%2Bb%40example.org&action=session.refused&to=2026-01-31");
        assert_eq!(Asked::default().page_address(), "/admin/audit");
        assert_eq!(
            export_address(&asked.filter(), "csv"),
            "/api/audit/export?format=csv&who=a%2Bb%40example.org&action=session.refused&to=2026-02-01T00%3A00%3A00Z"
        );
        let query: ParamsMap = [("who", "a@b.c"), ("from", "2026-01-01"), ("x", "y")]
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let read = Asked::of_address(&query);
        assert_eq!((read.who.as_str(), read.from.as_str(), read.to.as_str()), ("a@b.c", "2026-01-01", ""));
    }

    #[test]
    fn a_last_day_before_the_first_one_is_told() {
        let days = |from: &str, to: &str| Asked { from: from.to_owned(), to: to.to_owned(), ..Asked::default() };
        assert!(days("2026-01-02", "2026-01-01").fault_of_days().is_some());
        assert!(days("2026-01-01", "2026-01-01").fault_of_days().is_none());
        assert!(days("2026-01-02", "").fault_of_days().is_none());
    }
}
