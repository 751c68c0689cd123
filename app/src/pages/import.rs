//! /admin/workflows/import: a workflow from a file. First it is said what the file would do, then it is done.
//! Must never import anything that was not listed: what is sent names the list that was read.

mod listed;

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::exchange::Report;

use self::listed::{Listed, Problems};
use crate::{
    api,
    components::{Button, Field, LinkButton, Skeleton, SkeletonKind, Variant, use_toasts},
    form::{FormError, outcome},
    pages::input_form::file::FileInput,
    reactive::effect,
    shell::Page,
};

#[component]
pub fn ImportPage() -> impl IntoView {
    let (text, fault) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let report = RwSignal::new(None::<Report>);
    let look = Action::new(|file: &String| api::import_workflow(file.clone(), None));
    let look_error = outcome(look, move |listed: Report| report.set(Some(listed)));
    let toasts = use_toasts();
    let navigate = use_navigate();
    let import =
        Action::new(|(file, digest): &(String, String)| api::import_workflow(file.clone(), Some(digest.clone())));
    let import_error = outcome(import, move |done: Report| {
        toasts.success(format!("“{}” is imported", done.name));
        let to = done.template_id.map_or_else(|| "/admin/workflows".to_owned(), |id| format!("/admin/workflows/{id}"));
        navigate(&to, NavigateOptions::default());
    });
    let look_again = move || {
        report.set(None);
        if text.with_untracked(|text| !text.is_empty()) {
            look.dispatch(text.get_untracked());
        }
    };
    // Chosen, chosen anew, or taken away.
    effect(move || {
        text.track();
        untrack(look_again);
    });
    // What is listed is of the file that is chosen, and of nothing before.
    let error = Signal::derive(move || look_error.get().filter(|_| text.with(|text| !text.is_empty())));
    let problems = Signal::derive(move || {
        let error = error.get().or_else(|| import_error.get());
        error.map(|error| error.0.problems).unwrap_or_default()
    });
    let is_refused = Signal::derive(move || {
        report.with(|report| {
            report.as_ref().is_none_or(|report| !report.problems.is_empty() || !report.changes_something())
        })
    });
    let above = vec![("Workflows".to_owned(), "/admin/workflows".to_owned())];
    view! {
        <Page title="Import" above>
            <div class="page">
                <div class="page-head">
                    <h1>"Import a workflow"</h1>
                    <p>"From a file that Export made. You see what it would change before anything happens"</p>
                </div>
                <div class="stack" data-gap="4">
                    <Field
                        id="import-file"
                        label="File"
                        help="JSON or YAML, with a workflow, its agents and the workflows that these run"
                        error=fault
                    >
                        <FileInput id="import-file" text error=fault max_mib=6/>
                    </Field>
                    <FormError error/>
                    <FormError error=import_error/>
                    <Problems problems/>
                    <Show when=move || look.pending().get()>
                        <div aria-busy="true">
                            <Skeleton kind=SkeletonKind::Row/>
                            <Skeleton kind=SkeletonKind::Row/>
                        </div>
                    </Show>
                    {move || report.get().map(|report| view! { <Listed report/> })}
                    <Show when=move || report.with(Option::is_some)>
                        <div class="row">
                            <Button
                                variant=Variant::Primary
                                icon="upload"
                                disabled=is_refused
                                loading=import.pending()
                                on_click=move |()| {
                                    let digest = report.with_untracked(|report| report.as_ref().map(|report| report.digest.clone()));
                                    if let Some(digest) = digest {
                                        import.dispatch((text.get_untracked(), digest));
                                    }
                                }
                            >
                                "Import"
                            </Button>
                            <Button icon="refresh-cw" loading=look.pending() on_click=move |()| look_again()>"Look again"</Button>
                            <LinkButton href="/admin/workflows">"Back to the workflows"</LinkButton>
                        </div>
                    </Show>
                </div>
            </div>
        </Page>
    }
}
