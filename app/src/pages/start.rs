//! /start/{template}: the form made from a template's inputs. Linkable, so a team can share "start this one".
//! Must never lose what was typed: errors are shown at their field and the form stays.

mod again;
mod filled;
mod unsent;

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_navigate, use_query_map},
    params::ParamsMap,
};
use workflow::{
    RunId, TemplateId,
    api::{DraftNotes, ErrorCode, PublishedTemplate, RunEstimate, StartRun},
};

use self::{
    again::Again,
    filled::{Filled, FilledNote},
    unsent::{Unsent, UnsentNote},
};
use crate::reactive::effect;
use crate::{
    api,
    behind::Later,
    clock::duration_words,
    components::{
        Banner, Button, ButtonType, Kind, LinkButton, RelativeTime, Size, Skeleton, SkeletonKind, SkeletonWidth,
        Switch, Variant, unquoted,
    },
    form::{FormError, focus_first_error, outcome},
    later::{View, later},
    pages::{
        fetched::runs::fetch_runs_ahead,
        input_form::field::{InputField, InputView},
        published::published,
    },
    shell::Page,
    words::{count, money},
};

later! {
    more: from_run, View<StoredValue<Vec<InputField>>>, |fields| view! { <Again fields/> }.into_any();
}

#[component]
pub fn StartPage() -> impl IntoView {
    published(|| view! { <StartSkeleton/> }.into_any(), |template| view! { <StartForm template/> }.into_any())
}

#[component]
fn StartSkeleton() -> impl IntoView {
    view! {
        <Page title="Start">
            <div class="page" data-width="narrow" aria-busy="true">
                <div class="page-head"><Skeleton width=SkeletonWidth::Half/></div>
                <div class="form">
                    <Skeleton kind=SkeletonKind::Card/>
                    <Skeleton kind=SkeletonKind::Control/>
                </div>
            </div>
        </Page>
    }
}

#[component]
fn StartForm(template: PublishedTemplate) -> impl IntoView {
    let fields = StoredValue::new(InputField::all(&template.inputs));
    let auto_run = RwSignal::new(true);
    let key = RunKey::new();
    let navigate = use_navigate();
    let names_run = |query: &ParamsMap| query.get("from").is_some_and(|run| run.parse::<RunId>().is_ok());
    let is_again = use_query_map().with_untracked(names_run);
    let filled = Filled::new(template.id, fields, is_again);
    let unsent = Unsent::new(template.id, fields);

    let start = Action::new(move |start: &StartRun| api::start_run(start.clone(), key.get()));
    let error = outcome(start, move |run: RunId| {
        filled.sent();
        unsent.sent();
        navigate(&format!("/runs/{run}"), leptos_router::NavigateOptions::default());
    });
    effect(move || {
        let Some(error) = error.get() else { return };
        if error.code() == ErrorCode::IdempotencyMismatch {
            // The first press did start a run; the next one is meant to start another.
            key.draw();
        }
        if fields.with_value(|fields| InputField::place(fields, &error)) {
            focus_first_error();
        }
    });
    let elsewhere = Signal::derive(move || {
        error.get().filter(|error| !fields.with_value(|fields| InputField::has_place(fields, error)))
    });

    let id = template.id;
    let version = template.version;
    let submit = move || {
        if start.pending().get_untracked() {
            return;
        }
        match fields.with_value(|fields| InputField::read_all(fields)) {
            // The version that the form was made for: a newer one may ask for other inputs.
            Some(inputs) => {
                start.dispatch(StartRun {
                    template_id: id,
                    version: Some(version),
                    inputs,
                    auto_run: auto_run.get_untracked(),
                });
            }
            None => focus_first_error(),
        }
    };
    let controls = fields.with_value(Clone::clone).into_iter().map(|field| view! { <InputView field/> }).collect_view();
    let has_inputs = fields.with_value(|fields| !fields.is_empty());
    view! {
        <Page title=template.name.clone() above=vec![("Dashboard".to_owned(), "/dashboard".to_owned())]>
            <div class="page" data-width="narrow">
                <div class="page-head">
                    <h1>"Start " <bdi>{template.name.clone()}</bdi></h1>
                    <p>{template.description.clone()}</p>
                    <p class="small">{format!("Version {version}, published ")} <RelativeTime at=template.published_at/></p>
                    {template.estimate.map(|estimate| view! { <p class="small">{takes(&estimate)}</p> })}
                </div>
                {template.draft.map(|notes| view! { <Notes id version notes/> })}
                <form
                    class="form"
                    novalidate
                    on:focusin=|_| fetch_runs_ahead()
                    on:submit=move |event| {
                        event.prevent_default();
                        submit();
                    }
                >
                    <FilledNote filled/>
                    <UnsentNote unsent/>
                    {is_again.then(|| view! { <Later part=from_run of=fields/> })}
                    {has_inputs.then(|| view! { <div class="form-section">{controls}</div> })}
                    <div class="form-section">
                        <div class="setting-row">
                            <div>
                                <Switch id="auto-run" checked=auto_run on_change=move |on| auto_run.set(on) label="Auto-run: run to the end by itself"/>
                                <p class="field-help">
                                    {move || {
                                        if auto_run.get() {
                                            "Stops only where the workflow asks for a review. You can switch this while it runs."
                                        } else {
                                            "Every finished step waits until you have looked at it and press Continue. You can switch this while it runs."
                                        }
                                    }}
                                </p>
                            </div>
                        </div>
                    </div>
                    <FormError error=elsewhere/>
                    <div class="form-actions" data-sticky>
                        <LinkButton href="/dashboard" variant=Variant::Quiet>"Cancel"</LinkButton>
                        {has_inputs.then(|| view! {
                            <LinkButton href=format!("/start/{id}/table") variant=Variant::Quiet>"Many from a table"</LinkButton>
                        })}
                        <Button variant=Variant::Primary kind=ButtonType::Submit icon="play" loading=start.pending()>
                            "Start run"
                        </Button>
                    </div>
                </form>
            </div>
        </Page>
    }
}

/// "Usually takes 2 minutes, and 9 of 10 runs at most 5 minutes. Usually costs 0.02, …".
fn takes(estimate: &RunEstimate) -> String {
    let RunEstimate { n_runs, median_ms, p90_ms, median_cost_micros, p90_cost_micros } = *estimate;
    let time = format!("Usually takes {}, 9 of 10 runs at most {}", duration_words(median_ms), duration_words(p90_ms));
    let cost = median_cost_micros
        .zip(p90_cost_micros)
        .map(|(median, p90)| format!(". Usually costs {}, 9 of 10 runs at most {}", money(median), money(p90)));
    let last = if n_runs == 1 { "last run".to_owned() } else { format!("last {}", count(n_runs, "run")) };
    format!("{time}{}. By the {last}, with the time for reviews", cost.unwrap_or_default())
}

/// What an admin should know before starting this version.
#[component]
fn Notes(id: TemplateId, version: i32, notes: DraftNotes) -> impl IntoView {
    let href = format!("/admin/workflows/{id}");
    let editor = move || {
        let href = href.clone();
        view! { <LinkButton href size=Size::Sm icon="pencil">"Open the editor"</LinkButton> }
    };
    let reviewers = (!notes.problems.is_empty()).then(|| {
        let editor = editor.clone();
        let words = notes.problems.iter().map(|problem| unquoted(&problem.message)).collect::<Vec<_>>().join(". ");
        view! {
            <Banner kind=Kind::Warn title=format!("Version {version} asks somebody who cannot come") action=editor>
                {format!("{words}. At such a review the run waits for an admin.")}
            </Banner>
        }
    });
    view! {
        {notes.has_unpublished_changes.then(|| view! {
            <Banner title=format!("This starts version {version}, without the changes of the draft") action=editor>
                "The draft has changes that are not published yet."
            </Banner>
        })}
        {reviewers}
    }
}

/// The idempotency key of the form: pressing Start twice, or again after a lost answer, starts one run.
#[derive(Clone, Copy)]
struct RunKey(StoredValue<Option<String>>);

impl RunKey {
    fn new() -> Self {
        let key = Self(StoredValue::new(None));
        // Random, so it is drawn after hydration.
        effect(move || key.draw());
        key
    }

    fn draw(self) {
        self.0.set_value(crate::form::random_id());
    }

    fn get(self) -> Option<String> {
        self.0.get_value()
    }
}

#[cfg(test)]
mod tests {
    use super::{RunEstimate, takes};

    #[test]
    fn an_estimate_says_of_how_many_runs_it_is() {
        let of = |n_runs| {
            takes(&RunEstimate {
                n_runs,
                median_ms: 2_000,
                p90_ms: 3_000,
                median_cost_micros: None,
                p90_cost_micros: None,
            })
        };
        assert!(of(1).ends_with("By the last run, with the time for reviews"), "{}", of(1));
        assert!(of(1_005).ends_with("By the last 1,005 runs, with the time for reviews"), "{}", of(1_005));
    }
}
