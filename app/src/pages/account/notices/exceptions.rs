//! Choices for one workflow each, which come before what holds for all others.

use leptos::prelude::*;
use workflow::{
    api::{ChooseNotice, InboxQuery, MyNotices, NoticeChoice, NoticeWhen},
    id::{NoticeAddressId, TemplateId},
};

use super::ways::{Board, Way, segments, ways, when_of, when_words};
use crate::{
    api,
    components::{Button, Dialog, DialogForm, Field, Icon, RowsSkeleton, Segmented, Select, SelectOption, Size},
    error::AppError,
    form::{FormError, at_field, local_error, outcome},
    load::Loaded,
    paged,
};

#[component]
pub(super) fn Exceptions(board: Board) -> impl IntoView {
    let is_adding = RwSignal::new(false);
    let rows = move || board.known.with(|mine| listed(&mine.choices));
    view! {
        <Show when=move || !rows().is_empty()>
            <ul class="plain-rows" aria-label="Exceptions by workflow">
                <For each=rows key=|choice| format!("{choice:?}") let:choice>
                    <Row choice board/>
                </For>
            </ul>
        </Show>
        <div>
            <Button size=Size::Sm icon="plus" on_click=move |()| is_adding.set(true)>
                "Choose otherwise for a workflow"
            </Button>
        </div>
        <Dialog
            id="notice-exception"
            open=is_adding
            title="Choose otherwise for a workflow"
            description="Comes before what you chose for all others"
        >
            <Offered board open=is_adding/>
        </Dialog>
    }
}

fn listed(choices: &[NoticeChoice]) -> Vec<NoticeChoice> {
    choices.iter().filter(|choice| choice.template_id.is_some()).cloned().collect()
}

#[component]
fn Row(choice: NoticeChoice, board: Board) -> impl IntoView {
    let way = way_name(&board.known.get_untracked(), choice.address);
    let name =
        choice.template_name.clone().unwrap_or_else(|| "A workflow that is gone, or not yours any more".to_owned());
    let (address, template_id) = (choice.address, choice.template_id);
    view! {
        <li class="plain-row">
            <Icon name="workflow"/>
            <div class="list-main">
                <strong><bdi>{name.clone()}</bdi></strong>
                <div class="list-sub">
                    <span><bdi>{way.clone()}</bdi> ": " {when_words(choice.when).to_lowercase()}</span>
                </div>
            </div>
            <Button
                size=Size::Sm
                disabled=board.choose.pending()
                on_click=move |()| {
                    board.choose.dispatch(ChooseNotice { address, template_id, when: None });
                }
            >
                "Remove"
                <span class="visually-hidden">{format!("what holds for {name}, {way}")}</span>
            </Button>
        </li>
    }
}

fn way_name(mine: &MyNotices, address: Option<NoticeAddressId>) -> String {
    let way = ways(mine).into_iter().find(|way| way.address == address);
    way.map_or_else(|| "An address that is gone".to_owned(), |way| way.name)
}

/// Those that one may start, and those at which something waits: one may be asked where one may not start.
async fn workflows() -> Result<Vec<(TemplateId, String)>, AppError> {
    let cards = paged::all(|after| api::gallery(None, after)).await?;
    let waiting = api::inbox_counts(InboxQuery::default()).await?;
    let mut all: Vec<(TemplateId, String)> =
        cards.into_iter().map(|card| (card.template.id, card.template.name)).collect();
    for workflow in waiting.workflows {
        if all.iter().all(|(id, _)| *id != workflow.template_id) {
            all.push((workflow.template_id, workflow.name));
        }
    }
    all.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(all)
}

/// Without a workflow it would be what holds for all of them.
async fn save(
    workflow: Option<TemplateId>,
    address: Option<NoticeAddressId>,
    when: Option<NoticeWhen>,
) -> Result<MyNotices, AppError> {
    let Some(workflow) = workflow else {
        let mut error = local_error("There is no workflow yet that you could be asked about");
        error.0.field = Some("template_id".to_owned());
        return Err(error);
    };
    api::choose_notice(ChooseNotice { address, template_id: Some(workflow), when }).await
}

#[component]
fn Offered(board: Board, open: RwSignal<bool>) -> impl IntoView {
    let found = Resource::new(|| (), |()| workflows());
    view! {
        <Loaded of=found fallback=|| view! { <RowsSkeleton n=1/> } let:workflows>
            <Choose workflows board open/>
        </Loaded>
    }
}

#[component]
fn Choose(workflows: Vec<(TemplateId, String)>, board: Board, open: RwSignal<bool>) -> impl IntoView {
    let ways = board.known.with_untracked(ways);
    let first = |(id, _): &(TemplateId, String)| id.to_string();
    let workflow = RwSignal::new(workflows.first().map(first).unwrap_or_default());
    let way = RwSignal::new(ways.first().map(Way::key).unwrap_or_default());
    let when = RwSignal::new("never".to_owned());
    let workflow_options: Vec<SelectOption> =
        workflows.into_iter().map(|(id, name)| SelectOption::new(id.to_string(), name)).collect();
    let way_options: Vec<SelectOption> =
        ways.iter().map(|way| SelectOption::new(way.key(), way.name.clone())).collect();
    let save = Action::new(move |(): &()| {
        save(
            workflow.get_untracked().parse().ok(),
            // What is no id is the email.
            way.get_untracked().parse().ok(),
            when_of(&when.get_untracked()),
        )
    });
    let error = outcome(save, move |mine| {
        board.known.set(mine);
        open.set(false);
    });
    view! {
        <DialogForm
            open
            submit="Save"
            pending=save.pending()
            on_submit=move |()| {
                save.dispatch(());
            }
        >
            <FormError error fields=&["template_id", "address"]/>
            <Field id="exception-workflow" label="Workflow" error=at_field(error, "template_id")>
                <Select value=workflow options=workflow_options/>
            </Field>
            <Field id="exception-way" label="Where" error=at_field(error, "address")>
                <Select value=way options=way_options/>
            </Field>
            <div class="field">
                <span class="field-label">"How soon"</span>
                <div><Segmented name="exception-when" label="How soon" value=when segments=segments()/></div>
            </div>
        </DialogForm>
    }
}
