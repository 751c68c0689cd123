//! /admin/workflows: every template, published or not, the way to a new one, and the archive of those that are set aside.

mod audience;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use workflow::{
    TemplateId,
    api::{self as wire, TemplateSummary, TemplateView},
};

use self::audience::AudienceOf;
use crate::{
    api,
    components::{
        Badge, Button, ConfirmDialog, Empty, LinkButton, Menu, MenuItem, RelativeTime, RowsSkeleton, Segment,
        Segmented, Size, TableShell, TextInput, Tone, Variant, use_toasts,
    },
    error::AppError,
    form::{FormError, outcome},
    load::Loaded,
    paged::More,
    pages::{
        deleting::{DeleteQuestion, Deleting, UNUSED_WORKFLOW},
        whole::{DeleteItem, DuplicateItem, Duplicating, ExportItem},
    },
    reactive::effect,
    searched::Searched,
    session::use_session,
    shell::Page,
};

#[component]
pub fn WorkflowsPage() -> impl IntoView {
    let session = use_session();
    let templates = Resource::new(move || session.epoch(), |_| api::list_templates(None, None));
    let navigate = use_navigate();
    // One that was never touched is handed out again, so that empty ones do not pile up.
    let create = Action::new(|(): &()| api::new_template());
    let error = outcome(create, move |template| {
        navigate(&format!("/admin/workflows/{}", template.id), leptos_router::NavigateOptions::default());
    });
    let new_button = move || {
        view! {
            <LinkButton href="/admin/workflows/import" icon="upload">"Import"</LinkButton>
            <Button
                variant=Variant::Primary
                icon="plus"
                loading=create.pending()
                on_click=move |()| {
                    create.dispatch(());
                }
            >
                "New workflow"
            </Button>
        }
    };
    view! {
        <Page title="Workflows" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Workflows"</h1>
                    <p>"Draw on the canvas, then publish: everybody starts the published version"</p>
                </div>
                <FormError error/>
                <Loaded of=templates fallback=|| view! { <RowsSkeleton n=5 has_search=true/> } let:page>
                    {if page.items.is_empty() {
                        view! { <NoWorkflow/> }.into_any()
                    } else {
                        view! { <List page on_changed=move |()| templates.refetch()/> }.into_any()
                    }}
                </Loaded>
            </div>
        </Page>
    }
}

#[component]
fn NoWorkflow() -> impl IntoView {
    view! {
        <Empty
            icon="workflow"
            framed=true
            title="No workflow yet"
            text="A workflow is a set of steps, each done by an agent, drawn on a canvas. Press New workflow to draw the first one."
        />
    }
}

const WHICH: [Segment; 2] = [Segment::new("active", "Active"), Segment::new("archived", "Archived")];

#[component]
fn List(page: wire::Page<TemplateSummary>, #[prop(into)] on_changed: Callback<()>) -> impl IntoView {
    let any_archived = |all: &Vec<TemplateSummary>| all.iter().any(|template| template.archived_at.is_some());
    // What is looked for may be among the active ones alone: the choice stays.
    let has_archived = RwSignal::new(any_archived(&page.items));
    let Searched { list, typed, sought, error } = Searched::new(page, api::list_templates);
    effect(move || {
        if list.items.with(any_archived) {
            has_archived.set(true);
        }
    });
    let which = RwSignal::new("active".to_owned());
    let archiving = Archiving::new(on_changed);
    let toasts = use_toasts();
    let duplicating = Duplicating::new(move |template: TemplateView| {
        toasts.success(format!("“{}” is made", template.name));
        on_changed.run(());
    });
    let deleting = Deleting::new(|(id, revision)| api::delete_template(id, revision), move || on_changed.run(()));
    let audience_of = RwSignal::new(None::<TemplateSummary>);
    let shown = move || {
        let is_archived = has_archived.get() && which.with(|which| which == "archived");
        let is_meant = |template: &&TemplateSummary| template.archived_at.is_some() == is_archived;
        list.items.with(|templates| templates.iter().filter(is_meant).cloned().collect::<Vec<_>>())
    };
    // All that is loaded may be archived, or none of it, and there is more.
    list.load_all_while(move || shown().is_empty());
    let is_none_shown = move || shown().is_empty() && !list.has_more();
    view! {
        <div class="stack" data-gap="3">
            <div class="toolbar">
                <TextInput value=typed kind="search" icon="search" label="Search workflows" placeholder="Search"/>
                <Show when=move || has_archived.get()>
                    <Segmented value=which segments=WHICH.to_vec() name="which-workflows" label="Which workflows"/>
                </Show>
            </div>
            <FormError error/>
            <FormError error=archiving.error/>
            <FormError error=duplicating.error/>
            <FormError error=deleting.error/>
            <TableShell label="Workflows">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="num wide-only">"Steps"</th>
                        <th scope="col">"Published"</th>
                        <th scope="col" class="num wide-only">"Draft"</th>
                        <th scope="col" class="wide-only">"Updated"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=shown key=|template| template.id let:template>
                        <Row template archiving duplicating deleting audience_of/>
                    </For>
                </tbody>
            </TableShell>
            <Show when=is_none_shown>
                <p class="muted" role="status">{move || if sought.with(Option::is_none) { "No workflow here" } else { "No workflow has this in its name" }}</p>
            </Show>
            <More of=list/>
            <Question archiving/>
            <AudienceOf of=audience_of/>
            <DeleteQuestion deleting what="workflow" text=UNUSED_WORKFLOW/>
        </div>
    }
}

/// Setting a workflow aside, which asks first, and taking it back, which does not.
#[derive(Clone, Copy)]
struct Archiving {
    action: Action<(TemplateId, bool), Result<TemplateView, AppError>>,
    error: Signal<Option<AppError>>,
    asked: RwSignal<Option<TemplateSummary>>,
    is_asking: RwSignal<bool>,
}

impl Archiving {
    fn new(on_changed: Callback<()>) -> Self {
        let toasts = use_toasts();
        let is_asking = RwSignal::new(false);
        let action = Action::new(|(id, is_archived): &(TemplateId, bool)| api::archive_template(*id, *is_archived));
        let error = outcome(action, move |template: TemplateView| {
            is_asking.set(false);
            let words = if template.archived_at.is_some() { "is archived" } else { "is back" };
            toasts.success(format!("{} {words}", template.name));
            on_changed.run(());
        });
        Self { action, error, asked: RwSignal::new(None), is_asking }
    }
}

#[component]
fn Question(archiving: Archiving) -> impl IntoView {
    let Archiving { action, asked, is_asking, .. } = archiving;
    let title = Signal::derive(move || {
        asked.with(|asked| asked.as_ref().map(|template| format!("Archive “{}”?", template.name)).unwrap_or_default())
    });
    view! {
        <ConfirmDialog
            id="archive"
            open=is_asking
            title
            text="It leaves the gallery, and no new run starts from it. Runs that are under way go on, and you can take it back at any time."
            confirm="Archive"
            busy=action.pending()
            on_confirm=move |()| {
                if let Some(id) = asked.with_untracked(|asked| asked.as_ref().map(|template| template.id)) {
                    action.dispatch((id, true));
                }
            }
        />
    }
}

#[component]
fn Row(
    template: TemplateSummary,
    archiving: Archiving,
    duplicating: Duplicating,
    deleting: Deleting<(TemplateId, i64)>,
    audience_of: RwSignal<Option<TemplateSummary>>,
) -> impl IntoView {
    let (id, is_archived) = (template.id, template.archived_at.is_some());
    let (menu_id, label) = (format!("workflow-{id}"), format!("Actions for {}", template.name));
    let stored = StoredValue::new(template.clone());
    let on_select = move |()| {
        if is_archived {
            archiving.action.dispatch((id, false));
        } else {
            archiving.asked.set(Some(stored.get_value()));
            archiving.is_asking.set(true);
        }
    };
    let is_used = template.published_version.is_some();
    let on_delete = move |()| {
        let template = stored.get_value();
        deleting.ask((template.id, template.draft_revision), template.name);
    };
    let href = format!("/admin/workflows/{}", template.id);
    let published = match template.published_version {
        Some(version) => view! { <Badge tone=Tone::Success>{format!("Version {version}")}</Badge> }.into_any(),
        None => view! { <Badge>"Not yet"</Badge> }.into_any(),
    };
    let updated: DateTime<Utc> = template.updated_at;
    view! {
        <tr>
            <th scope="row">
                <a href=href>{template.name}</a>
            </th>
            <td class="num wide-only">{crate::words::number(template.n_steps)}</td>
            <td>{published}</td>
            <td class="num wide-only">{format!("Revision {}", template.draft_revision)}</td>
            <td class="wide-only"><RelativeTime at=updated/></td>
            <td class="row-actions">
                <Menu id=menu_id label size=Size::Sm>
                    <DuplicateItem on_select=move |()| duplicating.duplicate(id)/>
                    <MenuItem icon="users" on_select=move |()| audience_of.set(Some(stored.get_value()))>
                        "Who it is for…"
                    </MenuItem>
                    <ExportItem id/>
                    <MenuItem icon="archive" on_select>{if is_archived { "Unarchive" } else { "Archive" }}</MenuItem>
                    {(!is_used).then(|| view! { <DeleteItem on_select=on_delete/> })}
                </Menu>
            </td>
        </tr>
    }
}
