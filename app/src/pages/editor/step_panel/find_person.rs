//! Finds people by their email: as somebody types, and once for a text that was entered without a choice.
//! Must never let an answer count that comes after something else was typed.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use workflow::api::PersonView;

use super::super::draft::Draft;
use crate::api;

const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy)]
pub(super) struct Finder {
    draft: Draft,
    chosen: Memo<Vec<String>>,
    /// Where a person goes who was entered.
    picked: RwSignal<String>,
    pub(super) found: RwSignal<Vec<PersonView>>,
    is_searching: RwSignal<bool>,
    /// Why what was entered is nobody who can be asked.
    pub(super) unknown: RwSignal<Option<String>>,
    /// What is being looked up.
    entered: StoredValue<String>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Finder {
    pub(super) fn new(draft: Draft, chosen: Memo<Vec<String>>, picked: RwSignal<String>) -> Self {
        let finder = Self {
            draft,
            chosen,
            picked,
            found: RwSignal::new(Vec::new()),
            is_searching: RwSignal::new(false),
            unknown: RwSignal::new(None),
            entered: StoredValue::new(String::new()),
            timer: StoredValue::new(None),
        };
        on_cleanup(move || finder.stop());
        finder
    }

    fn stop(self) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    /// Searches after a pause in the typing.
    pub(super) fn search(self, text: String) {
        self.stop();
        self.unknown.set(None);
        self.entered.set_value(String::new());
        self.is_searching.set(true);
        let ask = move || {
            spawn_local(async move {
                match api::find_people(text).await {
                    Ok(people) => {
                        self.found.try_set(people);
                    }
                    Err(error) => self.draft.session.note(&error),
                }
                self.is_searching.try_set(false);
            });
        };
        self.timer.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    }

    /// Picks whom an entered text means, or says why that is nobody.
    pub(super) fn look_up(self, text: String) {
        self.entered.set_value(text.clone());
        spawn_local(async move {
            match api::find_people(text.clone()).await {
                Err(error) => self.draft.session.note(&error),
                // Typed on meanwhile, or gone: nobody waits for the answer.
                Ok(_) if self.entered.try_get_value().as_ref() != Some(&text) => {}
                Ok(people) => {
                    let Some(chosen) = self.chosen.try_get_untracked() else { return };
                    match person_meant(&text, &people, &chosen) {
                        Ok(email) => self.picked.set(email),
                        Err(words) => self.unknown.set(Some(words)),
                    }
                }
            }
        });
    }

    /// What is said where nobody is found.
    pub(super) fn nothing(self) -> String {
        if self.is_searching.get() { "Searching…".to_owned() } else { "Nobody's email matches".to_owned() }
    }
}

/// Who is meant by a text that was entered, or why that is nobody who can be asked.
fn person_meant(text: &str, found: &[PersonView], chosen: &[String]) -> Result<String, String> {
    let Some(person) = found.iter().find(|person| person.email.eq_ignore_ascii_case(text)) else {
        return Err(if text.contains('@') {
            format!("Nobody has an account with the email `{text}`: choose somebody else, or create the account first")
        } else if found.is_empty() {
            format!("Nobody's email matches `{text}`")
        } else {
            format!("`{text}` is no whole email: choose one of the list")
        });
    };
    if chosen.iter().any(|email| email.eq_ignore_ascii_case(text)) {
        Err(format!("`{}` is asked already", person.email))
    } else if person.is_disabled {
        Err(format!("The account of `{}` is disabled: choose somebody else", person.email))
    } else {
        Ok(person.email.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entered_text_is_a_person_or_says_why_not() {
        let person = |email: &str, is_disabled| PersonView { email: email.to_owned(), is_disabled };
        let found =
            [person("ben@example.org", false), person("cara@example.org", true), person("dan@example.org", false)];
        let chosen = ["dan@example.org".to_owned()];
        for (text, expected) in [
            ("Ben@Example.org", Ok("ben@example.org")),
            ("cara@example.org", Err("is disabled")),
            ("dan@example.org", Err("is asked already")),
            ("eve@example.org", Err("Nobody has an account with the email `eve@example.org`")),
            ("be", Err("choose one of the list")),
        ] {
            match (person_meant(text, &found, &chosen), expected) {
                (Ok(email), Ok(expected)) => assert_eq!(email, expected),
                (Err(words), Err(expected)) => assert!(words.contains(expected), "{text}: {words}"),
                (told, _) => panic!("{text}: {told:?}"),
            }
        }
        assert!(person_meant("be", &[], &[]).is_err_and(|words| words.contains("matches `be`")));
    }
}
