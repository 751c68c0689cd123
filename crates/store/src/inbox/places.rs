//! Places in the lists of gates: after which a page begins.
//! Must never be an error: one that cannot be read, or that is of a list in another order, begins at the first page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use workflow::{
    RunId, TemplateId,
    api::{HistoryItem, InboxItem, InboxSort},
    id::StepKey,
};

/// The year 9999 ends here, in microseconds.
const LAST: i64 = 253_402_300_799_999_999;

/// Among open gates.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    sort: InboxSort,
    opened: i64,
    pub(super) run: RunId,
    pub(super) step: StepKey,
    /// Where it is sorted by that; absent: it is due never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    /// Where it is sorted by workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<TemplateId>,
}

impl Place {
    pub(super) fn of(item: &InboxItem, sort: InboxSort) -> Self {
        let is_by_workflow = sort == InboxSort::Workflow;
        Self {
            sort,
            opened: item.opened_at.timestamp_micros(),
            run: item.run_id,
            step: item.step.clone(),
            due: item.due_at.filter(|_| sort == InboxSort::Due).map(|at| at.timestamp_micros()),
            name: is_by_workflow.then(|| item.template_name.clone()),
            template: is_by_workflow.then_some(item.template_id),
        }
    }

    pub(super) fn read(text: &str, sort: InboxSort) -> Option<Self> {
        let place: Self = read(text)?;
        let is_one = place.sort == sort
            && time(place.opened).is_some()
            && place.due.is_none_or(|due| time(due).is_some())
            && !place.step.as_str().contains('\0')
            && !place.name.as_ref().is_some_and(|name| name.contains('\0'));
        is_one.then_some(place)
    }

    pub(super) fn text(&self) -> String {
        text(self)
    }

    pub(super) fn opened_at(&self) -> Option<DateTime<Utc>> {
        time(self.opened)
    }

    pub(super) fn due_at(&self) -> Option<DateTime<Utc>> {
        self.due.and_then(time)
    }
}

/// Among those that were closed, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndPlace {
    closed: i64,
    pub(super) run: RunId,
    pub(super) step: StepKey,
    pub(super) generation: i32,
    pub(super) number: i32,
}

impl EndPlace {
    pub(super) fn of(item: &HistoryItem) -> Self {
        Self {
            closed: item.closed_at.timestamp_micros(),
            run: item.run_id,
            step: item.step.clone(),
            generation: item.generation,
            number: item.number,
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let place: Self = read(text)?;
        (time(place.closed).is_some() && !place.step.as_str().contains('\0')).then_some(place)
    }

    pub(super) fn text(&self) -> String {
        text(self)
    }

    pub(super) fn closed_at(&self) -> Option<DateTime<Utc>> {
        time(self.closed)
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// It has nothing that could not be written.
fn text(place: &impl Serialize) -> String {
    serde_json::to_string(place).unwrap_or_default()
}

/// Postgres knows no time beyond some.
fn time(micros: i64) -> Option<DateTime<Utc>> {
    (0..=LAST).contains(&micros).then(|| DateTime::from_timestamp_micros(micros)).flatten()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn place(sort: InboxSort) -> Place {
        Place {
            sort,
            opened: 7,
            run: RunId(Uuid::nil()),
            step: StepKey::new("a[“x_y”]"),
            due: None,
            name: None,
            template: None,
        }
    }

    #[test]
    fn a_place_is_read_back_and_only_in_its_own_list() {
        let due = Place { due: Some(9), ..place(InboxSort::Due) };
        let named = Place { name: Some("A_b \" ü".into()), ..place(InboxSort::Workflow) };
        for place in [place(InboxSort::Oldest), place(InboxSort::Newest), due, named] {
            assert_eq!(Place::read(&place.text(), place.sort), Some(place.clone()));
        }
        assert_eq!(Place::read(&place(InboxSort::Oldest).text(), InboxSort::Newest), None);
    }

    #[test]
    fn what_is_no_place_begins_at_the_first_page() {
        let end = EndPlace { closed: 7, run: RunId(Uuid::nil()), step: "a".into(), generation: 1, number: 2 };
        assert_eq!(EndPlace::read(&end.text()), Some(end.clone()));
        for text in ["", "{}", "7_00000000-0000-0000-0000-000000000000", &end.text()] {
            assert_eq!(Place::read(text, InboxSort::Oldest), None, "{text}");
        }
        for broken in
            [Place { opened: -1, ..place(InboxSort::Due) }, Place { due: Some(i64::MAX), ..place(InboxSort::Due) }]
        {
            assert_eq!(Place::read(&broken.text(), InboxSort::Due), None);
        }
        let nul = Place { step: StepKey::new("a\0"), ..place(InboxSort::Oldest) };
        assert_eq!(Place::read(&nul.text(), InboxSort::Oldest), None);
        assert_eq!(EndPlace::read(&EndPlace { closed: i64::MIN, ..end }.text()), None);
    }
}
