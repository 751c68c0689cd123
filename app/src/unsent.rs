//! Follows what is typed into a form and not sent, and keeps it on this device: it survives Cancel, Back and a reload.
//! Must never be given a secret.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*};

use crate::{
    device,
    reactive::{effect, effect_with},
};

const PAUSE: Duration = Duration::from_millis(400);

/// Texts by what they are for.
pub type Texts = BTreeMap<String, String>;

/// What an earlier visit left; what cannot be read any more is none.
pub fn left_at(place: &str) -> Option<Texts> {
    serde_json::from_str(&device::read(place)?).ok()
}

/// Keeps texts as they are typed.
#[derive(Clone)]
pub struct Keeper {
    place: Option<String>,
    /// What is typed and not kept yet. Not reactive, since it is written while the page is being left.
    unsaved: Arc<Mutex<Option<Texts>>>,
    timer: StoredValue<Option<TimeoutHandle>>,
    /// The texts are too long to be kept, or the browser does not want to.
    pub is_refused: RwSignal<bool>,
}

impl Keeper {
    /// Follows the texts from now on. Runs only in the browser.
    pub fn follow(place: Option<String>, texts: impl Fn() -> Texts + 'static) -> Self {
        let keeper =
            Self { place, unsaved: Arc::default(), timer: StoredValue::new(None), is_refused: RwSignal::new(false) };
        let following = keeper.clone();
        effect_with(move |before: Option<Texts>| {
            let now = texts();
            if before.is_some_and(|before| before != now) {
                following.put(Some(now.clone()));
                let later = following.clone();
                following.stop_timer();
                following.timer.set_value(set_timeout_with_handle(move || later.flush(), PAUSE).ok());
            }
            now
        });
        let leaving = keeper.clone();
        effect(move || {
            let leaving = leaving.clone();
            let listener = window_event_listener(ev::pagehide, move |_| leaving.flush());
            on_cleanup(move || listener.remove());
        });
        let gone = keeper.clone();
        on_cleanup(move || gone.flush());
        keeper
    }

    /// The texts were taken, or are not wanted.
    pub fn forget(&self) {
        self.put(None);
        self.stop_timer();
        if let Some(place) = &self.place {
            device::forget(place);
        }
    }

    fn flush(&self) {
        self.stop_timer();
        let unsaved = self.lock().take();
        let (Some(place), Some(texts)) = (&self.place, unsaved) else { return };
        let is_kept = if texts.is_empty() {
            device::forget(place);
            true
        } else {
            serde_json::to_string(&texts).is_ok_and(|texts| device::write(place, &texts))
        };
        self.is_refused.try_set(!is_kept);
    }

    fn stop_timer(&self) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    fn put(&self, texts: Option<Texts>) {
        *self.lock() = texts;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Texts>> {
        // There is one thread in the browser, and no change of it can be half made.
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
