//! What is wrong with the form of an agent, each fault at the control that it is about.
//! Must never swallow one: what no control shows is for the banner.

use std::sync::Arc;

use leptos::prelude::*;
use workflow::{Problem, api::ErrorCode};

use crate::{error::AppError, form::local_error};

/// Whether a control shows the errors of a field.
type Shows = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What is wrong with the form, by field; shown from the first try to save on.
#[derive(Clone, Copy)]
pub(super) struct Faults {
    problems: Memo<Vec<Problem>>,
    is_tried: RwSignal<bool>,
    /// What the server refused at the last try.
    refused: Signal<Option<AppError>>,
    /// The controls that are there now: what none of them shows belongs to the banner.
    controls: RwSignal<Vec<Shows>>,
}

impl Faults {
    pub(super) fn new(
        problems: Memo<Vec<Problem>>,
        is_tried: RwSignal<bool>,
        refused: Signal<Option<AppError>>,
    ) -> Self {
        Self { problems, is_tried, refused, controls: RwSignal::default() }
    }

    pub(super) fn at(self, field: &'static str) -> Signal<Option<String>> {
        self.shown_by(move |of| of == field)
    }

    /// At a field or a part of it; the name may change.
    pub(super) fn under(self, field: impl Fn() -> String + Send + Sync + 'static) -> Signal<Option<String>> {
        self.shown_by(move |of| {
            of.strip_prefix(field().as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// At a field, or a part of it, of a row that may move.
    pub(super) fn at_row(
        self,
        list: &'static str,
        place: Memo<Option<usize>>,
        field: &'static str,
    ) -> Signal<Option<String>> {
        self.shown_by(move |of| {
            let part = place.get().and_then(|n| of.strip_prefix(&format!("{list}.{n}.{field}")));
            part.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The control is one as long as the part of the page that asked is there.
    fn shown_by(self, shows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Signal<Option<String>> {
        let shows: Shows = Arc::new(shows);
        self.controls.update(|controls| controls.push(shows.clone()));
        let own = shows.clone();
        on_cleanup(move || {
            self.controls.try_update(|controls| controls.retain(|known| !Arc::ptr_eq(known, &own)));
        });
        Signal::derive(move || self.find(&*shows))
    }

    fn find(self, shows: &dyn Fn(&str) -> bool) -> Option<String> {
        if !self.is_tried.get() {
            return None;
        }
        let is_it = |field: Option<&str>| field.is_some_and(shows);
        let own = self.problems.with(|problems| {
            let found = problems.iter().find(|problem| is_it(problem.field.as_deref()));
            found.map(|problem| problem.message.clone())
        });
        own.or_else(|| {
            self.refused.with(|error| {
                error.as_ref().filter(|error| is_it(error.0.field.as_deref())).map(|error| error.0.detail.clone())
            })
        })
    }

    fn has_place(self, field: Option<&str>) -> bool {
        field.is_some_and(|field| self.controls.with(|controls| controls.iter().any(|shows| shows(field))))
    }

    /// What no control shows: of the form itself, or the server's refusal.
    pub(super) fn elsewhere(self) -> Option<AppError> {
        if !self.is_tried.get() {
            return None;
        }
        let own = self.problems.with(|problems| {
            let found = problems.iter().find(|problem| !self.has_place(problem.field.as_deref()));
            found.map(|problem| local_error(problem.message.clone()))
        });
        own.or_else(|| {
            let refused = self.refused.get();
            refused
                .filter(|error| error.code() != ErrorCode::StaleRevision && !self.has_place(error.0.field.as_deref()))
        })
    }
}
