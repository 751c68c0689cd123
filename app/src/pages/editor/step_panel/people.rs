//! Whom a gate asks by name: the people who are chosen, and a search for more of them.
//! Must keep in sight whoever is named and cannot come: an author put them there.

use leptos::prelude::*;
use workflow::{api::PersonView, people::Standing};

use super::{super::focus::field_id, find_person::Finder, one_step::OneStep};
use crate::components::{Badge, ComboOption, Combobox, Field, IconButton, Size, Tone};
use crate::reactive::{effect, memo};

#[component]
pub(super) fn People(one: OneStep) -> impl IntoView {
    let chosen = memo(move || one.read(|step| step.review.assignees.users.clone()));
    let change = move |change: &dyn Fn(&mut Vec<String>)| {
        one.draft.change_step(&one.key(), "Change who reviews", |step| change(&mut step.review.assignees.users));
    };
    let picked = RwSignal::new(String::new());
    let finder = Finder::new(one.draft, chosen, picked);
    effect(move || {
        let email = picked.get();
        if email.is_empty() {
            return;
        }
        one.draft.note_person(&email, Standing::Active);
        change(&|users| users.push(email.clone()));
        // One frame later the control has seen the choice, and empties itself.
        request_animation_frame(move || {
            picked.try_set(String::new());
        });
    });
    let options = Signal::derive(move || {
        let chosen = chosen.get();
        let option = |person: PersonView| {
            let is_chosen = chosen.iter().any(|email| email.eq_ignore_ascii_case(&person.email));
            let reason = match (is_chosen, person.is_disabled) {
                (true, _) => Some("Chosen already".to_owned()),
                (false, true) => Some("Disabled: cannot sign in".to_owned()),
                (false, false) => None,
            };
            ComboOption { value: person.email.clone(), label: person.email, reason, ..ComboOption::default() }
        };
        finder.found.get().into_iter().map(option).collect::<Vec<_>>()
    });
    let row = move |(n, email): (usize, String)| {
        let standing = {
            let email = email.clone();
            move || {
                let words = match one.draft.standing(&email)? {
                    Standing::Active => return None,
                    Standing::Disabled => "Disabled",
                    Standing::Missing => "No account",
                };
                Some(view! { <Badge tone=Tone::Error>{words}</Badge> })
            }
        };
        view! {
            <li class="row" id=field_id(&format!("review.assignees.users.{n}")) tabindex="-1">
                <span class="truncate">{email.clone()}</span>
                {standing}
                <span class="push"></span>
                <IconButton
                    icon="x"
                    label=format!("Do not ask {email}")
                    size=Size::Sm
                    on_click=move |()| change(&|users| users.retain(|known| *known != email))
                />
            </li>
        }
    };
    // What is wrong with groups is said beside them.
    let is_ours = |of: &str| of.strip_prefix("review.assignees").is_some_and(|rest| !rest.starts_with(".groups"));
    let problem = one.draft.find_problem(Some(one.key()), is_ours);
    let rows = move || chosen.get().into_iter().enumerate().map(row).collect_view();
    view! {
        <Show when=move || !chosen.with(Vec::is_empty)>
            <ul class="people" aria-label="People who are asked">{rows}</ul>
        </Show>
        <Field
            id=field_id("review.assignees.users")
            label="Ask somebody by name"
            help="Nobody chosen: the run's owner and admins decide"
            error=Signal::derive(move || finder.unknown.get().or_else(|| problem.get()))
            optional=true
        >
            <Combobox
                value=picked
                options
                placeholder="Search by email"
                on_search=move |text| finder.search(text)
                on_unknown=move |text| finder.look_up(text)
                nothing=Signal::derive(move || finder.nothing())
            />
        </Field>
    }
}
