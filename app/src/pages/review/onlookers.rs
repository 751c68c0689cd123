//! Who else looks at a step that asks somebody: said where it asks, so that two people do not read the same for nothing.
//! It is no lock: whoever is asked may decide, whoever looks.

use leptos::prelude::*;
use workflow::{StepKey, api::Company};

use crate::{reactive::memo, words};

/// Names that are told; of more, their number.
const MAX_NAMED: usize = 3;

#[component]
pub(in crate::pages) fn Onlookers(
    company: Memo<Option<Company>>,
    #[prop(into)] step: Signal<StepKey>,
) -> impl IntoView {
    let words = memo(move || {
        company.with(|company| company.as_ref().and_then(|company| step.with(|step| words_of(company, step))))
    });
    view! {
        <p class="looking" role="status" aria-label="Who else is looking">
            {move || words.get()}
        </p>
    }
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
    use workflow::{
        RunId,
        api::{Place, Visitor},
    };

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
