//! Try the agent on sample input: a real run, hidden from the lists, followed right here. What is typed and not saved runs too, beside
//! the saved version where there is one, on the same input.
//! It must never save: what is typed is stored by the server where nobody finds it.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    AgentId, AgentSpec,
    api::{ErrorCode, SaveAgent, TestAgent},
    definition::RunInput,
};

use super::form::save_request;
use crate::reactive::{effect, memo};
use crate::{
    api::{self, LoadedRun},
    behind::Later,
    components::{Button, ButtonType, ConfirmDialog},
    error::AppError,
    form::{FormError, focus_first_error, outcome},
    later::{View, later},
    pages::{
        input_form::field::{InputField, InputView},
        run::{state::LiveRun, tried::Tried},
    },
};

later! {
    more: outcome_of, View<StoredValue<(Option<String>, LoadedRun)>>, |of| {
        let (name, run) = of.get_value();
        view! { <Outcome name run/> }.into_any()
    };
}

/// What is typed, as far as it can be tested.
#[derive(Clone, Copy)]
pub(super) struct Unsaved {
    pub now: Memo<AgentSpec>,
    /// Shows what is wrong with it, and says whether there is nothing.
    pub is_fine: Callback<(), bool>,
}

#[component]
pub(super) fn TestPanel(
    saved: RwSignal<AgentSpec>,
    is_dirty: Memo<bool>,
    /// Absent where nothing is typed.
    #[prop(optional)]
    typed: Option<Unsaved>,
) -> impl IntoView {
    let is_saved = memo(move || saved.with(|saved| saved.version > 0));
    let subject = memo(move || match typed {
        Some(typed) if is_dirty.get() || !is_saved.get() => typed.now.get(),
        _ => saved.get(),
    });
    // The form is drawn anew for another set of ports only, so that samples stay from test to test.
    let ports = memo(move || subject.with(|spec| spec.inputs.clone()));
    let runs = RwSignal::new(Vec::<(String, LoadedRun)>::new());
    let what = move || match (is_saved.get(), is_dirty.get()) {
        (false, _) => "As it is typed, before the first save".to_owned(),
        (true, true) => format!("As it is typed, beside version {}", saved.with(|saved| saved.version)),
        (true, false) => format!("Version {}", saved.with(|saved| saved.version)),
    };
    let results = move || {
        let runs = runs.get();
        let is_pair = runs.len() > 1;
        let results = runs.into_iter().map(|(name, run)| {
            let of = StoredValue::new((is_pair.then_some(name), run));
            view! { <Later part=outcome_of of/> }
        });
        view! { <div class="test-results" data-pair=is_pair.to_string()>{results.collect_view()}</div> }
    };
    view! {
        <section class="card" aria-label="Test">
            <div class="card-head">
                <h2>"Test"</h2>
                <span class="small muted">{what}</span>
            </div>
            <div class="card-body stack" data-gap="3">
                {move || {
                    let inputs = ports
                        .get()
                        .into_iter()
                        .zip(0..)
                        .map(|(port, order)| {
                            let input = RunInput {
                                title: port.name.clone(),
                                schema: port.schema,
                                required: port.required,
                                default: None,
                                order,
                            };
                            (port.name, input)
                        })
                        .collect();
                    view! { <Sample saved is_dirty typed inputs runs/> }
                }}
                {results}
            </div>
        </section>
    }
}

/// What is to run on the same input: of what is typed, and of what is saved.
#[derive(Clone, PartialEq, Debug)]
struct Wanted {
    typed: Option<SaveAgent>,
    saved: Option<(AgentId, i32)>,
    inputs: BTreeMap<String, Value>,
    confirm: bool,
}

/// Starts the tests and reads the runs that they made.
async fn run(wanted: Wanted) -> Result<Vec<(String, LoadedRun)>, AppError> {
    let Wanted { typed, saved, inputs, confirm } = wanted;
    let mut runs = Vec::new();
    if let Some(typed) = typed {
        let test = TestAgent {
            agent_id: typed.id.clone(),
            version: None,
            inputs: inputs.clone(),
            unsaved: Some(Box::new(typed)),
            confirm,
        };
        runs.push(("As it is typed".to_owned(), api::test_agent(test).await?));
    }
    if let Some((agent_id, version)) = saved {
        let test = TestAgent { agent_id, version: Some(version), inputs, unsaved: None, confirm };
        runs.push((format!("Version {version}"), api::test_agent(test).await?));
    }
    let mut loaded = Vec::new();
    for (name, run) in runs {
        loaded.push((name, api::get_run(run).await?));
    }
    Ok(loaded)
}

#[component]
fn Sample(
    saved: RwSignal<AgentSpec>,
    is_dirty: Memo<bool>,
    typed: Option<Unsaved>,
    inputs: BTreeMap<String, RunInput>,
    runs: RwSignal<Vec<(String, LoadedRun)>>,
) -> impl IntoView {
    let fields = StoredValue::new(InputField::all(&inputs));
    let test = Action::new(|wanted: &Wanted| run(wanted.clone()));
    let sent = StoredValue::new(None::<Wanted>);
    let answer = outcome(test, move |made| runs.set(made));
    let is_asking = RwSignal::new(false);
    let is_question = move |error: &AppError| error.code() == ErrorCode::ConfirmSideEffects;
    effect(move || {
        let Some(error) = answer.get() else { return };
        if is_question(&error) {
            is_asking.set(true);
        } else if fields.with_value(|fields| InputField::place(fields, &error)) {
            focus_first_error();
        }
    });
    let elsewhere = Signal::derive(move || {
        let error = answer.get().filter(|error| !is_question(error))?;
        (!fields.with_value(|fields| InputField::has_place(fields, &error))).then_some(error)
    });
    let send = move |wanted: Wanted| {
        sent.set_value(Some(wanted.clone()));
        test.dispatch(wanted);
    };
    let submit = move || {
        if test.pending().get_untracked() {
            return;
        }
        let is_saved = saved.with_untracked(|saved| saved.version > 0);
        let of_typed = typed.filter(|_| is_dirty.get_untracked() || !is_saved);
        if of_typed.is_some_and(|typed| !typed.is_fine.run(())) {
            return;
        }
        let read: Option<BTreeMap<String, Value>> = fields.with_value(|fields| InputField::read_all(fields));
        let Some(inputs) = read else { return focus_first_error() };
        let of_saved = is_saved.then(|| saved.with_untracked(|saved| (saved.id.clone(), saved.version)));
        let of_typed = of_typed.map(|typed| save_request(typed.now.get_untracked(), None));
        send(Wanted { typed: of_typed, saved: of_saved, inputs, confirm: false });
    };
    let agree = move |()| {
        is_asking.set(false);
        if let Some(wanted) = sent.get_value() {
            send(Wanted { confirm: true, ..wanted });
        }
    };
    let question = Signal::derive(move || {
        let said = answer
            .with(|error| error.as_ref().and_then(|error| error.0.problems.first().map(|one| one.message.clone())));
        format!("{} A test runs it for real: what it sends is sent.", said.unwrap_or_default())
    });
    let controls = fields.with_value(Clone::clone).into_iter().map(|field| view! { <InputView field/> }).collect_view();
    view! {
        <form
            class="stack"
            data-gap="3"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            {controls}
            <FormError error=elsewhere/>
            <Show when=move || is_dirty.get() && typed.is_none()>
                <p class="small muted" role="status">"The test runs the saved version, without your last edits"</p>
            </Show>
            <div class="row">
                <Button kind=ButtonType::Submit icon="flask-conical" loading=test.pending()>"Run test"</Button>
            </div>
        </form>
        <ConfirmDialog
            id="test-outside"
            open=is_asking
            title="Let it act on the world outside?"
            text=question
            confirm="Test it all the same"
            on_confirm=agree
        />
    }
}

#[component]
fn Outcome(name: Option<String>, run: LoadedRun) -> impl IntoView {
    let live = LiveRun::follow(run, None);
    let key = live.run.with_untracked(|run| run.steps.first().map(|step| step.key.clone()));
    let label = name.clone().unwrap_or_else(|| "Result".to_owned());
    view! {
        <section aria-label=label>
            {name.map(|name| view! { <h3 class="small">{name}</h3> })}
            {key.map(|key| view! { <Tried live key/> })}
        </section>
    }
}
