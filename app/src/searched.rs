//! Lists that the server searches: what is typed is asked for once a person pauses, and what is found comes in pages as all of it does.
//! Must never show the answer to what was typed before.

use std::{future::Future, sync::Arc, time::Duration};

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use workflow::api::Page;

use crate::{error::AppError, form::outcome, paged::Paged, reactive::effect_with};

/// So long after the last letter it is asked.
const PAUSE: Duration = Duration::from_millis(250);

pub struct Searched<T: Send + Sync + 'static> {
    pub list: Paged<T>,
    /// What stands in the field.
    pub typed: RwSignal<String>,
    /// What the list was searched for; nothing where it is all.
    pub sought: RwSignal<Option<String>>,
    pub error: Signal<Option<AppError>>,
}

impl<T: Clone + Send + Sync + 'static> Searched<T> {
    /// Begins with the first page of all; `fetch` gives the page after a place, of what is looked for.
    pub fn new<F>(first: Page<T>, fetch: impl Fn(Option<String>, Option<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Page<T>, AppError>> + Send + 'static,
    {
        let fetch = Arc::new(fetch);
        let (typed, sought) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
        let further = Arc::clone(&fetch);
        let list = Paged::new(first, move |after| further(sought.get_untracked(), after));
        let ask = Action::new(move |wanted: &Option<String>| {
            let (wanted, page) = (wanted.clone(), fetch(wanted.clone(), None));
            async move { page.await.map(|page| (wanted, page)) }
        });
        let error = outcome(ask, move |(wanted, page): (Option<String>, Page<T>)| {
            if wanted == typed.with_untracked(|typed| words(typed)) {
                sought.set(wanted);
                list.begin_anew(page);
            }
        });
        let timer = StoredValue::new(None::<TimeoutHandle>);
        let stop = move || {
            if let Some(timer) = timer.try_update_value(Option::take).flatten() {
                timer.clear();
            }
        };
        on_cleanup(stop);
        effect_with(move |before: Option<String>| {
            let now = typed.with(|typed| typed.trim().to_owned());
            if before.is_some_and(|before| before != now) {
                stop();
                let wanted = words(&now);
                let after_a_pause = move || {
                    ask.dispatch(wanted);
                };
                timer.set_value(set_timeout_with_handle(after_a_pause, PAUSE).ok());
            }
            now
        });
        Self { list, typed, sought, error }
    }
}

/// Nothing but blanks is nothing.
fn words(typed: &str) -> Option<String> {
    Some(typed.trim().to_owned()).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn blanks_alone_look_for_nothing() {
        assert_eq!(words(" Résumé "), Some("Résumé".to_owned()));
        assert_eq!(words(" \t"), None);
    }
}
