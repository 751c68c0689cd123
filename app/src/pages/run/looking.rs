//! Who else looks at a step that asks somebody: said where it asks, so that two people do not read the same for nothing.
//! It is no lock: whoever is asked may decide, whoever looks.

use leptos::prelude::*;
use leptos_use::use_document_visibility;
use web_sys::VisibilityState;
use workflow::{
    StepKey,
    api::{Company, Place},
};

use super::{one_step::OneStep, state::LiveRun};
use crate::{presence, reactive::memo, words};

/// Names that are told; of more, their number.
const MAX_NAMED: usize = 3;

#[derive(Clone, Copy)]
struct Onlookers(Memo<Option<Company>>);

/// Is at the run for as long as somebody looks at the page, and knows who else is.
pub(super) fn follow(live: LiveRun) {
    let visibility = use_document_visibility();
    let is_looked_at = move || visibility.get() != VisibilityState::Hidden && live.is_shown.get();
    let selected = move || live.selected.get().into_iter().collect::<Vec<StepKey>>();
    provide_context(Onlookers(presence::be_at(move || is_looked_at().then_some(Place::Run(live.id)), selected)));
}

#[component]
pub(super) fn Looking(one: OneStep) -> impl IntoView {
    use_context::<Onlookers>().map(|Onlookers(company)| {
        let words =
            memo(move || company.with(|company| company.as_ref().and_then(|company| words_of(company, &one.key()))));
        view! {
            <p class="looking" role="status" aria-label="Who else is looking">
                {move || words.get()}
            </p>
        }
    })
}

/// "anna@example.org is looking at this".
fn words_of(company: &Company, step: &StepKey) -> Option<String> {
    let here = company.others.iter().filter(|visitor| visitor.selected.contains(step));
    let names: Vec<String> = here.map(|visitor| visitor.name.clone()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    (!names.is_empty()).then(|| format!("{} {verb} looking at this", words::list(&names, MAX_NAMED)))
}

#[cfg(test)]
mod tests {
    use workflow::{RunId, api::Visitor};

    use super::*;

    #[test]
    fn those_are_named_who_look_at_this_very_step() {
        let visitor = |name: &str, step: &str| Visitor { name: name.into(), selected: vec![step.into()] };
        let company = |others: &[Visitor]| Company {
            at: Place::Run(RunId(uuid::Uuid::nil())),
            others: others.to_vec(),
            and_more: false,
            own_tabs: 2,
        };
        let words = |others: &[Visitor]| words_of(&company(others), &"draft".into());
        assert_eq!(words(&[visitor("anna", "plan")]), None);
        assert_eq!(words(&[visitor("anna", "draft"), visitor("ben", "plan")]).unwrap(), "anna is looking at this");
        let crowd = ["a", "b", "c", "d", "e"].map(|name| visitor(name, "draft"));
        assert_eq!(words(&crowd[..2]).unwrap(), "a and b are looking at this");
        assert_eq!(words(&crowd).unwrap(), "a, b, c and 2 more are looking at this");
    }
}
