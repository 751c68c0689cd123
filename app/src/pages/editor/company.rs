//! Who else has this draft open: their initials in the bar, what they have selected on the canvas, and a word when somebody comes.
//! It is no lock, and may be late: what several people edit is merged as it is saved.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use workflow::{
    StepKey,
    api::{Company, Place, Visitor},
};

use super::draft::Draft;
use crate::{
    clock,
    components::{Avatar, Icon, looks},
    presence,
    reactive::{effect, memo},
    words,
};

/// Initials in the bar; of more people, their number.
const MAX_IN_BAR: usize = 4;
/// Whoever comes back so soon is not told of again: a page is loaded anew, a network comes and goes.
const RETURN_WITHIN_MS: i64 = 60_000;
const OWN_TAB: &str = "This workflow is also open in another tab of yours";

/// Is in the draft for as long as the page is; shows on the canvas and says who else is.
pub(super) fn follow(draft: Draft) -> Memo<Option<Company>> {
    let selected = draft.handle.selection();
    let company = presence::be_at(move || Some(Place::Workflow(draft.id)), move || selected.get());
    let told = StoredValue::new(Told::default());
    effect(move || {
        let now = company.get();
        draft.handle.set_visitors(now.iter().flat_map(|company| &company.others).map(on_canvas).collect());
        let news = told.try_update_value(|told| told.news(now.as_ref(), clock::now())).flatten();
        if let Some(words) = news {
            draft.handle.say(words);
        }
    });
    company
}

fn on_canvas(visitor: &Visitor) -> canvas::Visitor {
    let (initials, hue) = looks(&visitor.name);
    canvas::Visitor { initials: initials.into(), hue, selected: visitor.selected.clone() }
}

/// Nothing while nobody else is there.
#[component]
pub(super) fn CompanyList(draft: Draft, company: Memo<Option<Company>>) -> impl IntoView {
    let names = memo(move || {
        company.with(|company| {
            let others = company.iter().flat_map(|company| &company.others);
            others.map(|visitor| visitor.name.clone()).collect::<Vec<_>>()
        })
    });
    let in_bar = move || names.with(|names| names.iter().take(MAX_IN_BAR).cloned().collect::<Vec<_>>());
    let more = memo(move || names.with(|names| names.get(MAX_IN_BAR..).map(<[String]>::to_vec).unwrap_or_default()));
    let has_own = memo(move || company.with(|company| company.as_ref().is_some_and(|company| company.own_tabs > 0)));
    let and_more = memo(move || company.with(|company| company.as_ref().is_some_and(|company| company.and_more)));
    let is_alone = memo(move || names.with(Vec::is_empty) && !has_own.get());
    view! {
        <Show when=move || !is_alone.get()>
            // Where there is room for one alone, the number of the others stands beside it.
            <ul class="company" aria-label="Also here" data-more=move || beside_first(names.with(Vec::len), and_more.get())>
                <For each=in_bar key=String::clone let:name>
                    <Person draft company name/>
                </For>
                {move || more.with(|more| (!more.is_empty()).then(|| {
                    let all = all_of(more, and_more.get());
                    let tip = all.clone();
                    view! {
                        <li class="company-more" data-tip=tip>
                            <span aria-hidden="true">{number(more.len(), and_more.get())}</span>
                            <span class="visually-hidden">{all}</span>
                        </li>
                    }
                }))}
                <Show when=move || has_own.get()>
                    <li class="company-own" data-tip=OWN_TAB>
                        <Icon name="layers"/>
                        <span class="company-words" aria-hidden="true">"Another tab"</span>
                        <span class="visually-hidden">{OWN_TAB}</span>
                    </li>
                </Show>
            </ul>
        </Show>
    }
}

fn beside_first(n: usize, and_more: bool) -> Option<String> {
    (n > 1).then(|| number(n - 1, and_more))
}

/// "+8", and of a crowd that is not told whole "+8…".
fn number(n: usize, and_more: bool) -> String {
    format!("+{n}{}", if and_more { "…" } else { "" })
}

fn all_of(names: &[String], and_more: bool) -> String {
    let all = words::list(names, usize::MAX);
    if and_more { format!("{all}, and others") } else { all }
}

/// One person: a press shows what they have selected.
#[component]
fn Person(draft: Draft, company: Memo<Option<Company>>, name: String) -> impl IntoView {
    let who = StoredValue::new(name.clone());
    let selected = memo(move || {
        let selected = company.with(|company| {
            let mut others = company.iter().flat_map(|company| &company.others);
            others.find(|visitor| who.with_value(|who| visitor.name == *who)).map(|visitor| visitor.selected.clone())
        });
        // Steps that this draft does not have yet are nowhere to be shown.
        let is_here = |key: &StepKey| draft.handle.with_definition(|definition| definition.steps.contains_key(key));
        selected.unwrap_or_default().into_iter().filter(is_here).collect::<Vec<_>>()
    });
    let words = move || {
        let titles: Vec<String> = selected.with(|keys| keys.iter().map(|key| draft.title_of(key)).collect());
        who.with_value(|who| place_words(who, &titles))
    };
    let show = move |_| {
        let keys = selected.get_untracked();
        if keys.is_empty() {
            draft.handle.say_over(who.with_value(|who| format!("{who} has no step selected")));
        } else {
            draft.handle.select(keys);
        }
    };
    view! {
        <li>
            <button class="company-person" type="button" aria-label=words data-tip=words on:click=show>
                <Avatar name/>
            </button>
        </li>
    }
}

/// "anna@example.org is here, at Draft and Plan".
fn place_words(name: &str, titles: &[String]) -> String {
    match titles {
        [] => format!("{name} is here"),
        titles => format!("{name} is here, at {}", words::list(titles, 3)),
    }
}

/// Of whom was told already.
#[derive(Default)]
struct Told {
    present: BTreeSet<String>,
    left_at: BTreeMap<String, i64>,
    has_told_of_tab: bool,
}

impl Told {
    /// Who has come, in words. Who goes, and what anybody selects, is seen and not said.
    fn news(&mut self, company: Option<&Company>, now: i64) -> Option<String> {
        // While nothing is known nobody has gone.
        let company = company?;
        let here: BTreeSet<String> = company.others.iter().map(|visitor| visitor.name.clone()).collect();
        self.left_at.retain(|_, at| now - *at < RETURN_WITHIN_MS);
        let is_new = |name: &&String| !self.present.contains(*name) && !self.left_at.contains_key(*name);
        let new: Vec<String> = here.iter().filter(is_new).cloned().collect();
        self.left_at.extend(self.present.difference(&here).map(|name| (name.clone(), now)));
        self.present = here;
        let verb = if new.len() == 1 { "is" } else { "are" };
        let come = (!new.is_empty()).then(|| format!("{} {verb} here too", words::list(&new, MAX_IN_BAR)));
        let is_other_tab = company.own_tabs > 0;
        let tab = (is_other_tab && !self.has_told_of_tab).then(|| OWN_TAB.to_owned());
        self.has_told_of_tab |= is_other_tab;
        let news: Vec<String> = come.into_iter().chain(tab).collect();
        (!news.is_empty()).then(|| news.join(". "))
    }
}

#[cfg(test)]
mod tests {
    use workflow::TemplateId;

    use super::*;

    fn company(names: &[&str], own_tabs: u32) -> Company {
        let visitor = |name: &&str| Visitor { name: (*name).to_owned(), selected: vec!["a".into()] };
        Company {
            at: Place::Workflow(TemplateId(uuid::Uuid::nil())),
            others: names.iter().map(visitor).collect(),
            and_more: false,
            own_tabs,
        }
    }

    #[test]
    fn whoever_comes_is_told_of_once_and_nothing_else_is() {
        let mut told = Told::default();
        let mut news = |names: &[&str], own_tabs, now| told.news(Some(&company(names, own_tabs)), now);
        assert_eq!(news(&[], 0, 0), None);
        assert_eq!(news(&["anna", "ben"], 0, 1).unwrap(), "anna and ben are here too");
        assert_eq!(news(&["anna", "ben"], 0, 2), None, "a selection");
        assert_eq!(news(&["ben"], 0, 3), None, "who goes");
        assert_eq!(news(&["anna", "ben"], 0, 4), None, "and is back at once");
        assert_eq!(news(&["ben"], 0, 5), None);
        assert_eq!(news(&["anna", "ben", "cara"], 0, 6).unwrap(), "cara is here too");
        assert_eq!(news(&[], 1, 7).unwrap(), OWN_TAB);
        assert_eq!(news(&[], 0, 8), None);
        assert_eq!(news(&[], 2, 9), None);
        assert_eq!(news(&["anna"], 0, 7 + RETURN_WITHIN_MS).unwrap(), "anna is here too");
        assert_eq!(told.news(None, RETURN_WITHIN_MS * 3), None);
        assert_eq!(
            told.news(Some(&company(&["anna"], 0)), RETURN_WITHIN_MS * 3),
            None,
            "the network was gone, she was not"
        );
    }

    #[test]
    fn a_person_is_known_by_name_and_place() {
        assert_eq!(place_words("anna", &[]), "anna is here");
        assert_eq!(place_words("anna", &["Draft".to_owned(), "Plan".to_owned()]), "anna is here, at Draft and Plan");
        assert_eq!([1, 3].map(|n| beside_first(n, false)), [None, Some("+2".to_owned())]);
        assert_eq!(beside_first(12, true).unwrap(), "+11…");
        assert_eq!(all_of(&["eve".to_owned(), "flo".to_owned()], true), "eve and flo, and others");
    }
}
