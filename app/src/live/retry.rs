//! When a lost socket is opened again: for ever, ever less often, and never by everybody at once.
//! Must stop when the component that follows goes.

use std::{sync::Arc, time::Duration};

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};

/// The first retry comes after about this long, each further one after twice as long.
const FIRST_DELAY_MS: f64 = 400.0;
const MAX_DELAY_MS: f64 = 20_000.0;
/// A socket that lived this long was fine: the next retry is a first one again.
const HEALTHY_MS: f64 = 10_000.0;

#[derive(Clone, Copy)]
pub(super) struct Retry {
    open: StoredValue<Option<Arc<dyn Fn() + Send + Sync>>>,
    timer: StoredValue<Option<TimeoutHandle>>,
    failures: StoredValue<i32>,
    opened_at: StoredValue<Option<f64>>,
    is_allowed: StoredValue<bool>,
}

impl Retry {
    pub(super) fn new() -> Self {
        let retry = Self {
            open: StoredValue::new(None),
            timer: StoredValue::new(None),
            failures: StoredValue::new(0),
            opened_at: StoredValue::new(None),
            is_allowed: StoredValue::new(true),
        };
        on_cleanup(move || retry.clear());
        retry
    }

    pub(super) fn opens_with(self, open: impl Fn() + Send + Sync + 'static) {
        self.open.set_value(Some(Arc::new(open)));
    }

    /// A page that nobody looks at, or whose session has ended, does not retry; it does so when that is over.
    pub(super) fn allow(self, is_allowed: bool) {
        self.is_allowed.set_value(is_allowed);
    }

    pub(super) fn opened(self) {
        self.opened_at.set_value(Some(js_sys::Date::now()));
    }

    /// Plans the next try and says whether the socket was never open.
    pub(super) fn closed(self) -> bool {
        let opened_at = self.opened_at.get_value();
        self.opened_at.set_value(None);
        if opened_at.is_some_and(|at| js_sys::Date::now() - at > HEALTHY_MS) {
            self.failures.set_value(0);
        }
        let failures = self.failures.get_value();
        self.failures.set_value(failures.saturating_add(1));
        // Half fixed, half drawn: many browsers that lost one server must not come back in the same instant.
        let delay = (FIRST_DELAY_MS * 2_f64.powi(failures.min(8))).min(MAX_DELAY_MS);
        self.after(Duration::from_secs_f64(delay * (0.5 + js_sys::Math::random() / 2.0) / 1000.0));
        opened_at.is_none()
    }

    fn after(self, delay: Duration) {
        self.clear();
        let timer = set_timeout_with_handle(
            move || {
                if self.is_allowed.try_get_value() == Some(true) {
                    self.now();
                }
            },
            delay,
        );
        self.timer.set_value(timer.ok());
    }

    pub(super) fn now(self) {
        self.clear();
        if let Some(open) = self.open.try_get_value().flatten() {
            open();
        }
    }

    fn clear(self) {
        if let Some(Some(timer)) = self.timer.try_update_value(Option::take) {
            timer.clear();
        }
    }
}
