//! Which groups a gate asks: those that are chosen, and all there are to choose from.
//! Must keep in sight a group that is asked and not there: an author put it there.

use leptos::{prelude::*, task::spawn_local};
use workflow::{api::GroupView, people::GroupStanding};

use super::{super::focus::field_id, one_step::OneStep};
use crate::{
    api,
    components::{Badge, ComboOption, Combobox, Field, IconButton, Size, Tone},
    paged,
    reactive::{effect, memo},
};

#[component]
pub(super) fn Groups(one: OneStep) -> impl IntoView {
    let chosen = memo(move || one.read(|step| step.review.assignees.groups.clone()));
    let change = move |change: &dyn Fn(&mut Vec<String>)| {
        one.draft.change_step(&one.key(), "Change who reviews", |step| change(&mut step.review.assignees.groups));
    };
    let picked = RwSignal::new(String::new());
    effect(move || {
        let group = picked.get();
        if group.is_empty() {
            return;
        }
        change(&|groups| groups.push(group.clone()));
        // One frame later the control has seen the choice, and empties itself.
        request_animation_frame(move || {
            picked.try_set(String::new());
        });
    });
    // Asked for with the first look at the list: most gates ask no group.
    let all = RwSignal::new(None::<Vec<GroupView>>);
    let is_asked_for = StoredValue::new(false);
    let load = move |_: String| {
        if is_asked_for.get_value() {
            return;
        }
        is_asked_for.set_value(true);
        spawn_local(async move {
            match paged::all(api::list_groups).await {
                Ok(groups) => {
                    all.try_set(Some(groups));
                }
                Err(error) => {
                    one.draft.session.note(&error);
                    is_asked_for.try_set_value(false);
                }
            }
        });
    };
    let options = Signal::derive(move || {
        let chosen = chosen.get();
        let option = |group: GroupView| {
            let id = group.id.to_string();
            let reason = match (chosen.contains(&id), group.n_active) {
                (true, _) => Some("Chosen already".to_owned()),
                (false, 0) => Some("Nobody in it can sign in".to_owned()),
                (false, _) => None,
            };
            ComboOption { value: id.clone(), label: group.name, kind: id, reason, ..ComboOption::default() }
        };
        all.get().into_iter().flatten().map(option).collect::<Vec<_>>()
    });
    let row = move |(n, group): (usize, String)| {
        view! { <Row one n group on_drop=move |group: String| change(&|groups| groups.retain(|known| *known != group))/> }
    };
    let problem = one.draft.problem_under(Some(one.key()), "review.assignees.groups".to_owned());
    let rows = move || chosen.get().into_iter().enumerate().map(row).collect_view();
    let nothing = move || {
        let nothing = match all.get() {
            None => "Searching…",
            Some(groups) if groups.is_empty() => "There is no group yet: make one under Groups",
            Some(_) => "No group matches",
        };
        nothing.to_owned()
    };
    view! {
        <Show when=move || !chosen.with(Vec::is_empty)>
            <ul class="people" aria-label="Groups that are asked">{rows}</ul>
        </Show>
        <Field
            id=field_id("review.assignees.groups")
            label="Ask a group"
            help="Whoever is in it when somebody decides"
            error=problem
            optional=true
        >
            <Combobox
                value=picked
                options
                placeholder="Search by name"
                on_search=load
                nothing=Signal::derive(nothing)
            />
        </Field>
        <Show when=move || all.with(|all| all.as_ref().is_some_and(Vec::is_empty))>
            <a class="small" href="/admin/groups">"Groups of people"</a>
        </Show>
    }
}

/// A group that is asked, and what is wrong with it.
#[component]
fn Row(one: OneStep, n: usize, group: String, #[prop(into)] on_drop: Callback<String>) -> impl IntoView {
    let standing = {
        let group = group.clone();
        move || {
            let words = match one.draft.group_standing(&group)? {
                GroupStanding::There { active, .. } if active.is_empty() => "Nobody in it",
                GroupStanding::There { .. } => return None,
                GroupStanding::Missing => "No such group",
            };
            Some(view! { <Badge tone=Tone::Error>{words}</Badge> })
        }
    };
    // As it was chosen; its id where there is no such group, or nobody has said yet.
    let name = {
        let group = group.clone();
        Signal::derive(move || match one.draft.group_standing(&group) {
            Some(GroupStanding::There { name, .. }) => name,
            Some(GroupStanding::Missing) | None => group.clone(),
        })
    };
    view! {
        <li class="row" id=field_id(&format!("review.assignees.groups.{n}")) tabindex="-1">
            <bdi class="truncate">{move || name.get()}</bdi>
            {standing}
            <span class="push"></span>
            <IconButton
                icon="x"
                label=Signal::derive(move || format!("Do not ask the group {}", name.get()))
                size=Size::Sm
                on_click=move |()| on_drop.run(group.clone())
            />
        </li>
    }
}
