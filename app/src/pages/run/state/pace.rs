//! What is worked out anew at a bounded pace, however often the run changes. Must never be what somebody presses on: it is a moment behind.

use std::time::Duration;

use leptos::prelude::*;
use workflow::RunView;

use super::LiveRun;
use crate::reactive::effect_with;

/// How often what is derived from the whole run is worked out anew, while it changes.
const PULSE: Duration = Duration::from_millis(150);
/// So long the feed has to bring what lies between what is shown and what a verb answered.
pub(super) const CATCH_UP_WITHIN: Duration = Duration::from_secs(1);

impl LiveRun {
    /// Reads the run again a few times a second: for what is derived from thousands of steps.
    pub(in crate::pages) fn slowly<R>(self, read: impl FnOnce(&RunView) -> R) -> R {
        self.pulse.track();
        self.run.with_untracked(read)
    }
}

/// Follows something at a bounded pace.
pub(in crate::pages::run) fn pulse_of(track: impl Fn() + 'static) -> RwSignal<u32> {
    let pulse = RwSignal::new(0_u32);
    let is_due = StoredValue::new(false);
    effect_with(move |before: Option<()>| {
        track();
        if before.is_none() || is_due.get_value() {
            return;
        }
        is_due.set_value(true);
        set_timeout(
            move || {
                if is_due.try_update_value(|is_due| *is_due = false).is_some() {
                    pulse.update(|pulse| *pulse = pulse.wrapping_add(1));
                }
            },
            PULSE,
        );
    });
    pulse
}
