//! /admin/workflows: every template, published or not, and the way to a new one.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use workflow::api::{CreateTemplate, TemplateSummary};

use crate::{
    api,
    components::{Badge, Button, Empty, RelativeTime, Skeleton, SkeletonKind, TableShell, TextInput, Tone, Variant},
    form::{FormError, outcome},
    load::PartFailed,
    session::use_session,
    shell::Page,
};

#[component]
pub fn WorkflowsPage() -> impl IntoView {
    let session = use_session();
    let templates = Resource::new(move || session.epoch(), |_| api::list_templates());
    let navigate = use_navigate();
    let create = Action::new(|(): &()| {
        api::create_template(CreateTemplate {
            name: "Untitled workflow".to_owned(),
            description: String::new(),
            definition: serde_json::json!({ "steps": {} }),
        })
    });
    let error = outcome(create, move |template| {
        navigate(&format!("/admin/workflows/{}", template.id), leptos_router::NavigateOptions::default());
    });
    let new_button = move || {
        view! {
            <Button
                variant=Variant::Primary
                icon="plus"
                loading=create.pending()
                on:click=move |_| {
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
                <Transition fallback=ListSkeleton>
                    {move || Suspend::new(async move {
                        match templates.await {
                            Ok(templates) if templates.is_empty() => {
                                view! {
                                    <Empty
                                        icon="workflow"
                                        framed=true
                                        title="No workflow yet"
                                        text="A workflow is a set of steps, each done by an agent, drawn on a canvas. Press New workflow to draw the first one."
                                    />
                                }
                                    .into_any()
                            }
                            Ok(templates) => view! { <List templates/> }.into_any(),
                            Err(error) => {
                                view! { <PartFailed error on_retry=move |()| templates.refetch()/> }.into_any()
                            }
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

#[component]
fn ListSkeleton() -> impl IntoView {
    view! {
        <div class="stack" aria-busy="true">
            <Skeleton kind=SkeletonKind::Control/>
            {(0..5).map(|_| view! { <Skeleton kind=SkeletonKind::Row/> }).collect_view()}
        </div>
    }
}

#[component]
fn List(mut templates: Vec<TemplateSummary>) -> impl IntoView {
    templates.sort_by_key(|template| std::cmp::Reverse(template.updated_at));
    let templates = StoredValue::new(templates);
    let wanted = RwSignal::new(String::new());
    let shown = move || {
        let wanted = wanted.get().to_lowercase();
        templates.with_value(|templates| {
            templates
                .iter()
                .filter(|template| template.name.to_lowercase().contains(&wanted))
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let is_none_shown = move || shown().is_empty();
    view! {
        <div class="stack" data-gap="3">
            <div class="toolbar">
                <TextInput value=wanted kind="search" icon="search" label="Search workflows" placeholder="Search"/>
            </div>
            <TableShell label="Workflows">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="num wide-only">"Steps"</th>
                        <th scope="col">"Published"</th>
                        <th scope="col" class="num wide-only">"Draft"</th>
                        <th scope="col" class="wide-only">"Updated"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=shown key=|template| template.id let:template>
                        <Row template/>
                    </For>
                </tbody>
            </TableShell>
            <Show when=is_none_shown>
                <p class="muted" role="status">"No workflow has this in its name"</p>
            </Show>
        </div>
    }
}

#[component]
fn Row(template: TemplateSummary) -> impl IntoView {
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
            <td class="num wide-only">{template.n_steps}</td>
            <td>{published}</td>
            <td class="num wide-only">{format!("Revision {}", template.draft_revision)}</td>
            <td class="wide-only"><RelativeTime at=updated/></td>
        </tr>
    }
}
