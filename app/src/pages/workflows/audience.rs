//! For whom a workflow is: which groups start it, and which see all of its runs. Everybody starts it while no group is chosen for that.

use leptos::prelude::*;
use workflow::{
    TemplateId,
    api::{Audience, AudienceGroup, ChangeAudience, GroupView, TemplateSummary},
};

use crate::{
    api,
    components::{Checkbox, Dialog, DialogForm, RowsSkeleton, open_while_chosen, use_toasts},
    error::AppError,
    form::{FormError, outcome},
    load::Loaded,
    paged,
};

/// Opens for whatever workflow is put into `of`.
#[component]
pub(super) fn AudienceOf(of: RwSignal<Option<TemplateSummary>>) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|of| of.as_ref().map(|template| format!("Who “{}” is for", template.name)).unwrap_or_default())
    });
    view! {
        <Dialog
            id="audience-of"
            open
            title
            description="While no group may start it, everybody may. Admins start every workflow and see every run in any case."
        >
            {move || of.get_untracked().map(|template| view! { <OfWorkflow template=template.id open/> })}
        </Dialog>
    }
}

/// All groups, and what the workflow is to them.
async fn load(template: TemplateId) -> Result<(Audience, Vec<GroupView>), AppError> {
    Ok((api::get_audience(template).await?, paged::all(api::list_groups).await?))
}

#[component]
fn OfWorkflow(template: TemplateId, open: RwSignal<bool>) -> impl IntoView {
    let loaded = Resource::new(|| (), move |()| load(template));
    view! {
        <Loaded of=loaded fallback=|| view! { <RowsSkeleton n=1/> } let:known>
            {match known {
                (_, groups) if groups.is_empty() => {
                    view! { <p>"There is no group yet. Make one under " <a href="/admin/groups">"Groups"</a> "."</p> }
                        .into_any()
                }
                (audience, groups) => view! { <AudienceForm template audience groups open/> }.into_any(),
            }}
        </Loaded>
    }
}

/// One group, and what is chosen for it.
#[derive(Clone)]
struct Choice {
    group: GroupView,
    may_start: RwSignal<bool>,
    may_see: RwSignal<bool>,
}

#[component]
fn AudienceForm(
    template: TemplateId,
    audience: Audience,
    groups: Vec<GroupView>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let toasts = use_toasts();
    let choice = |group: GroupView| {
        let known = audience.groups.iter().find(|known| known.group_id == group.id);
        Choice {
            may_start: RwSignal::new(known.is_some_and(|known| known.may_start)),
            may_see: RwSignal::new(known.is_some_and(|known| known.may_see)),
            group,
        }
    };
    let choices: Vec<Choice> = groups.into_iter().map(choice).collect();
    let rows = choices
        .iter()
        .map(|Choice { group, may_start, may_see }| {
            view! {
                <fieldset class="stack" data-gap="1">
                    <legend class="field-label"><bdi>{group.name.clone()}</bdi></legend>
                    <div class="row check-row">
                        <Checkbox checked=*may_start label="May start it"/>
                        <Checkbox checked=*may_see label="Sees all its runs"/>
                    </div>
                </fieldset>
            }
        })
        .collect_view();
    let chosen = {
        let choices = choices.clone();
        move || -> Vec<AudienceGroup> {
            let all = choices.iter().map(|choice| AudienceGroup {
                group_id: choice.group.id.clone(),
                may_start: choice.may_start.get(),
                may_see: choice.may_see.get(),
            });
            all.filter(|group| group.may_start || group.may_see).collect()
        }
    };
    let words = Signal::derive(move || {
        let n = choices.iter().filter(|choice| choice.may_start.get()).count();
        let words =
            if n == 0 { "Everybody may start it" } else { "Only people in the chosen groups and admins may start it" };
        words.to_owned()
    });
    // What another admin said since this was opened is not taken back unseen.
    let shown = audience.groups;
    let save = Action::new(move |groups: &Vec<AudienceGroup>| {
        api::set_audience(template, ChangeAudience { groups: groups.clone(), expect: Some(shown.clone()) })
    });
    let error = outcome(save, move |_: Audience| {
        open.set(false);
        toasts.success(words.get_untracked());
    });
    view! {
        <DialogForm
            open
            submit="Save"
            pending=save.pending()
            on_submit=move |()| {
                save.dispatch(untrack(&chosen));
            }
        >
            <FormError error/>
            {rows}
            <p class="muted" role="status">{move || words.get()}</p>
        </DialogForm>
    }
}
