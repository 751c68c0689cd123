//! Who else is where a page is: says so for the page, and follows what the server tells of the others.
//! Must never be what anything is decided by: it may be late, and is gone with the connection.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{
    StepKey,
    api::{Company, MyFrame, Place, Whereabouts},
};

use crate::{
    live::{Connection, follow_mine, speak},
    reactive::{effect, memo},
};

/// Changes of so long are said at once: a selection that is walked through is many.
const GATHER: Duration = Duration::from_millis(250);

/// Is at a place, with what is selected there, for as long as the calling component is; gives who else is there, if that is known.
pub fn be_at(
    at: impl Fn() -> Option<Place> + Send + Sync + 'static,
    selected: impl Fn() -> Vec<StepKey> + Send + Sync + 'static,
) -> Memo<Option<Company>> {
    let here = memo(move || Whereabouts { at: at(), selected: selected() }.bounded());
    let company = RwSignal::new(None::<Company>);
    let connection = follow_mine(move |frame| {
        if let MyFrame::Here { here: told } = frame {
            company.try_set(Some(told.clone()));
        }
    });
    let speaker = speak();
    let is_waiting = StoredValue::new(false);
    effect(move || {
        here.track();
        if is_waiting.try_update_value(|is_waiting| std::mem::replace(is_waiting, true)) != Some(false) {
            return;
        }
        set_timeout(
            move || {
                let is_there = is_waiting.try_update_value(|is_waiting| *is_waiting = false).is_some();
                if let Some(now) = here.try_get_untracked().filter(|_| is_there) {
                    speaker.say(now);
                }
            },
            GATHER,
        );
    });
    memo(move || {
        let is_open = connection.get() == Connection::Open;
        let at = here.with(|here| here.at);
        company.get().filter(|company| is_open && at == Some(company.at))
    })
}
