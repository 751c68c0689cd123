//! /start/{template}/table: many runs from one table. First it is said what the table would do, then it is done.
//! Must never start a table that was not looked at, nor one that has a fault.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{
    api::{BatchCheck, PublishedTemplate},
    id::BatchId,
    words::count,
};

use super::{check::Checked, mine::MyBatches};
use crate::{
    api,
    components::{Banner, Button, Field, LinkButton, Skeleton, SkeletonKind, Variant},
    form::{FormError, outcome, random_id},
    pages::{input_form::file::FileInput, published::published},
    reactive::effect,
    shell::Page,
};

#[component]
pub fn StartManyPage() -> impl IntoView {
    published(|| view! { <Loading/> }.into_any(), |template| view! { <StartMany template/> }.into_any())
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <Page title="Start many">
            <div class="page" aria-busy="true">
                <Skeleton kind=SkeletonKind::Card/>
                <Skeleton kind=SkeletonKind::Row/>
            </div>
        </Page>
    }
}

/// What a press starts: the name of the file, the table, and a key where the same table is meant once more.
type Wish = (String, String, Option<String>);

#[component]
fn StartMany(template: PublishedTemplate) -> impl IntoView {
    let id = template.id;
    let (table, name, fault) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let checked = RwSignal::new(None::<BatchCheck>);
    // Of the table that is chosen: pressing twice starts it once.
    let again_key = StoredValue::new(None::<String>);
    let look = Action::new(move |table: &String| api::check_batch(id, table.clone()));
    let look_error = outcome(look, move |check: BatchCheck| {
        // It may have been taken away meanwhile.
        if table.with_untracked(|table| !table.is_empty()) {
            checked.set(Some(check));
        }
    });
    let navigate = use_navigate();
    let start =
        Action::new(move |(name, table, key): &Wish| api::create_batch(id, name.clone(), table.clone(), key.clone()));
    let start_error = outcome(start, move |batch: BatchId| {
        navigate(&format!("/batches/{batch}"), NavigateOptions::default());
    });
    // Chosen, chosen anew, or taken away.
    effect(move || {
        let chosen = table.get();
        untrack(|| {
            checked.set(None);
            if !chosen.is_empty() {
                again_key.set_value(random_id());
                look.dispatch(chosen);
            }
        });
    });
    let error = Signal::derive(move || look_error.get().filter(|_| table.with(|table| !table.is_empty())));
    let begin = move |key: Option<String>| {
        start.dispatch((name.get_untracked(), table.get_untracked(), key));
    };
    let columns = columns(&template);
    let back = format!("/start/{id}");
    let above = vec![("Dashboard".to_owned(), "/dashboard".to_owned()), (template.name.clone(), back.clone())];
    view! {
        <Page title="Start many" above>
            <div class="page">
                <div class="page-head">
                    <h1>"Start many: " <bdi>{template.name.clone()}</bdi></h1>
                    <p>"A run for each row of a table. You see what is in the table before anything starts"</p>
                </div>
                <div class="stack" data-gap="4">
                    <Field id="table-file" label="Table" help=columns error=fault>
                        <FileInput id="table-file" text=table error=fault max_mib=6 file_name=name/>
                    </Field>
                    <FormError error/>
                    <FormError error=start_error/>
                    <Show when=move || look.pending().get()>
                        <div aria-busy="true">
                            <Skeleton kind=SkeletonKind::Row/>
                            <Skeleton kind=SkeletonKind::Row/>
                        </div>
                    </Show>
                    {move || checked.get().map(|check| {
                        let is_faulty = check.n_faults > 0;
                        let words = format!("Start {}", count(check.n_rows, "run"));
                        let earlier = check.earlier.filter(|_| !is_faulty);
                        view! {
                            <Checked check/>
                            <div class="row wrap">
                                {match earlier {
                                    Some(earlier) => view! {
                                        <Banner title="This table was uploaded before">
                                            "Nothing starts twice: look at what became of it, or start every row once more."
                                        </Banner>
                                        <LinkButton href=format!("/batches/{earlier}") variant=Variant::Primary>
                                            "Look at it"
                                        </LinkButton>
                                        <Button
                                            icon="play"
                                            loading=start.pending()
                                            on_click=move |()| begin(again_key.get_value())
                                        >
                                            {format!("{words} once more")}
                                        </Button>
                                    }
                                        .into_any(),
                                    None => view! {
                                        <Button
                                            variant=Variant::Primary
                                            icon="play"
                                            disabled=is_faulty
                                            loading=start.pending()
                                            on_click=move |()| begin(None)
                                        >
                                            {words}
                                        </Button>
                                    }
                                        .into_any(),
                                }}
                                <LinkButton href=back.clone() variant=Variant::Quiet>"Start a single run"</LinkButton>
                            </div>
                        }
                    })}
                </div>
                <MyBatches template=id/>
            </div>
        </Page>
    }
}

/// What the first line of a table names.
fn columns(template: &PublishedTemplate) -> String {
    if template.inputs.is_empty() {
        return "This workflow has no inputs, so a table has nothing to give it".to_owned();
    }
    let name =
        |(key, is_required): (&String, bool)| if is_required { format!("{key} (required)") } else { key.clone() };
    let names: Vec<String> = template.inputs.iter().map(|(key, input)| name((key, input.required))).collect();
    format!("CSV with at most 10,000 rows. Its first line names the inputs: {}", names.join(", "))
}
