//! Trigger, retry and re-run: what runs again and what that costs, with another prompt or other inputs if wanted.
//! Both belong to this run; the template is never touched. What was typed stays until the server took it.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    StepKey, StepStatus,
    agent::InputPort,
    api::{RerunMode, RerunStep, StepPrompt, TriggerStep},
    definition::RunInput,
    rerun::closure,
};

use super::{
    blast::Blast,
    failures::VerbError,
    inputs::source_words,
    judged::judge,
    one_step::{Ask, OneStep, Sender},
    output_form::Ports,
    restored::Restored,
    seen::{OvertakenGoOn, Seen},
    verbs::Verb,
};
use crate::reactive::{effect, effect_with, memo};
use crate::{
    components::{Button, Dialog, Diff, Field, Icon, RadioList, Size, TextArea, Variant, dom},
    error::AppError,
    form::focus_first_error,
    pages::input_form::field::{InputField, InputView},
};

const MODES: [(&str, &str, &str); 3] = [
    ("step", "This step only", "Later steps keep what they have, and turn stale if the result differs"),
    ("downstream", "With everything downstream", "Every later step runs again after it"),
    ("stale", "With what is stale downstream", "Later steps whose result is stale now run again after it"),
];

/// One input as the dialog shows it: mapped as the author drew it, or set to a value in this run.
#[derive(Clone)]
struct PortEdit {
    from: String,
    is_set: RwSignal<bool>,
    field: InputField,
    /// Whether it is set, and to what, as it was before the dialog opened.
    before: String,
    /// The same as it is now, while it is another: it stays until the server took it.
    kept: RwSignal<String>,
}

/// The state of a port as one text; the value of one that is not set means nothing.
fn state_of(is_set: bool, text: &str) -> String {
    if is_set { format!("set {text}") } else { "mapped".to_owned() }
}

#[derive(Clone, Copy)]
struct Dialogue {
    one: OneStep,
    mode: RwSignal<String>,
    prompt: RwSignal<String>,
    /// The prompt while it is another one than before: it stays until the server took it.
    kept: RwSignal<String>,
    ports: RwSignal<Vec<PortEdit>>,
    known: Ports,
}

impl Dialogue {
    fn mode(self) -> RerunMode {
        match self.mode.get().as_str() {
            "downstream" => RerunMode::Downstream,
            "stale" => RerunMode::StaleDownstream,
            _ => RerunMode::StepOnly,
        }
    }

    /// What runs again then.
    fn keys(self) -> Memo<BTreeSet<StepKey>> {
        memo(move || {
            let (key, mode) = (self.one.key(), self.mode());
            self.one.live.slowly(|run| closure(run, &key, mode))
        })
    }

    /// The values set in this run before the dialog opened.
    fn set_before(self) -> BTreeMap<String, Value> {
        let key = self.one.key();
        self.one
            .live
            .run
            .with_untracked(|run| run.overrides.get(&key).map(|over| over.inputs.clone()))
            .unwrap_or_default()
    }

    fn begin(self, known: &StepPrompt) {
        let effective = known.effective.clone().unwrap_or_default();
        self.prompt.set(self.kept.with_untracked(|kept| if kept.is_empty() { effective } else { kept.clone() }));
        let before = self.set_before();
        let ports = known.inputs.iter().map(|port| self.port(port, before.get(&port.name))).collect();
        self.ports.set(ports);
    }

    /// What was typed was taken.
    fn forget(self) {
        self.kept.set(String::new());
        self.ports.with_untracked(|ports| ports.iter().for_each(|port| port.kept.set(String::new())));
    }

    fn port(self, port: &InputPort, value: Option<&Value>) -> PortEdit {
        let input =
            RunInput { schema: port.schema.clone(), required: true, default: value.cloned(), ..RunInput::default() };
        let key = self.one.key();
        let from = self.one.live.run.with_untracked(|run| {
            let step = run.step(&key)?;
            let source = run.run_definition.steps.get(step.definition_key())?.inputs.get(&port.name)?;
            let used =
                step.attempts.last().and_then(|attempt| attempt.inputs.iter().find(|used| used.port == port.name));
            Some(source_words(run, source, used, Some(&key)))
        });
        let field = InputField::of_form("again", &port.name, &input);
        let kept = self.one.draft(&format!("again {}", port.name));
        let before = field.text.with_untracked(|text| state_of(value.is_some(), text));
        let is_set = kept.with_untracked(|kept| if kept.is_empty() { value.is_some() } else { kept != "mapped" });
        if let Some(typed) = kept.get_untracked().strip_prefix("set ") {
            field.text.set(typed.to_owned());
        }
        PortEdit {
            from: from.unwrap_or_else(|| "nothing".to_owned()),
            is_set: RwSignal::new(is_set),
            field,
            before,
            kept,
        }
    }

    /// What the prompt is to become: nothing new, the template's own again, or another text.
    #[expect(clippy::option_option, reason = "absent, null and a text are three different wishes of the request")]
    fn prompt_override(self) -> Option<Option<String>> {
        let text = self.prompt.get_untracked();
        self.known.known.with_untracked(|known| {
            let known = known.as_ref()?;
            match (&known.effective, &known.of_template) {
                (Some(now), _) if *now == text => None,
                (_, Some(template)) if *template == text => Some(None),
                (Some(_), _) => Some(Some(text)),
                (None, _) => None,
            }
        })
    }

    /// The literal values of the run, if they are others than before; `Err` while one is missing.
    fn inputs(self) -> Result<Option<BTreeMap<String, Value>>, ()> {
        let set = set_fields(self);
        let now = InputField::read_all(&set).ok_or(())?;
        Ok((now != self.set_before()).then_some(now))
    }
}

#[component]
pub(super) fn RerunDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let form = Dialogue {
        one,
        mode: RwSignal::new("step".to_owned()),
        prompt: RwSignal::new(String::new()),
        kept: one.draft("again"),
        ports: RwSignal::new(Vec::new()),
        known: Ports::new(one.subject()),
    };
    let sender = Sender::new(one, move || {
        open.set(false);
        form.forget();
    });
    let seen = Seen::generation_of(one, open, sender);
    let owner = StoredValue::new(Owner::current());
    let load = move || {
        form.known.load(move |known| {
            match owner.try_get_value().flatten() {
                Some(owner) => owner.with(|| form.begin(known)),
                None => form.begin(known),
            }
            // The dialog opened before there was a field to begin at.
            request_animation_frame(|| {
                request_animation_frame(|| {
                    if let Some(field) = dom::by_id("retry-prompt") {
                        dom::focus(&field);
                    }
                });
            });
        });
    };
    // The prompt is read when the dialog opens, so that it is the one in force then.
    effect(move || {
        if !open.get() {
            return;
        }
        seen.look();
        sender.clear();
        form.mode.set("step".to_owned());
        load();
    });
    let (refused, elsewhere) = show_refused(form, sender);
    judge(one, form.known, form.prompt, refused);
    let verb = move || Verb::Again.label(one.status.get());
    let is_ready = move || one.status.get() == StepStatus::Ready;
    let send = move || {
        let Ok(inputs) = form.inputs() else { return focus_first_error() };
        let (prompt_override, expect_generation) = (form.prompt_override(), seen.generation());
        sender.send(match untrack(|| form.mode()) {
            RerunMode::StepOnly => Ask::Trigger(TriggerStep { prompt_override, inputs, expect_generation }),
            mode => Ask::Rerun(RerunStep { mode, dry_run: false, prompt_override, inputs, expect_generation }),
        });
    };
    let body = move || match form.known.known.get() {
        None => form.known.placeholder(),
        Some(known) => view! {
            <Restored of=one.subject() form="again" on_discard=move |()| load()/>
            <PromptEdit form known refused/>
            <InputsEdit form/>
            <Show when=move || !is_ready()>
                <RadioList value=form.mode choices=MODES.to_vec() name="rerun-mode" label="What runs again"/>
                <Blast live=one.live keys=form.keys()/>
            </Show>
        }
        .into_any(),
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="rotate-cw"
                loading=sender.pending()
                disabled=Signal::derive(move || form.known.known.with(Option::is_none) || seen.is_overtaken.get())
                on_click=move |()| send()
            >
                {verb}
            </Button>
        }
    };
    let description = Signal::derive(move || {
        if is_ready() {
            "It is queued. What you change here is used when it starts, which it does at once.".to_owned()
        } else {
            "A new generation begins. Earlier versions stay, and are the latest until a new one is there.".to_owned()
        }
    });
    view! {
        <Dialog
            id="retry"
            open
            title=Signal::derive(move || format!("{} “{}”", verb(), one.title()))
            size=Size::Lg
            description
            actions=actions
        >
            <div class="stack">
                <VerbError error=elsewhere/>
                <OvertakenGoOn seen text="What you typed is still here. Sent now, it would begin the step again after that."/>
                {body}
            </div>
        </Dialog>
    }
}

/// What the server refuses stands at its field, the prompt or an input, until that is changed; and what has no place there.
fn show_refused(form: Dialogue, sender: Sender) -> (RwSignal<Option<String>>, Signal<Option<AppError>>) {
    let refused = RwSignal::new(None);
    effect(move || {
        let Some(error) = sender.error.get() else { return refused.set(None) };
        if is_about_prompt(&error) {
            refused.set(Some(error.0.detail.clone()));
        } else if !place(form, &error) {
            return;
        }
        focus_first_error();
    });
    effect(move || {
        form.prompt.track();
        refused.set(None);
    });
    let elsewhere = Signal::derive(move || {
        sender.error.get().filter(|error| !is_about_prompt(error) && !untrack(|| has_place(form, error)))
    });
    (refused, elsewhere)
}

fn is_about_prompt(error: &AppError) -> bool {
    error.0.field.as_deref().is_some_and(|field| field.starts_with("prompt"))
}

fn place(form: Dialogue, error: &AppError) -> bool {
    InputField::place(&set_fields(form), error)
}

fn has_place(form: Dialogue, error: &AppError) -> bool {
    InputField::has_place(&set_fields(form), error)
}

/// The fields of the inputs that are set in this run.
fn set_fields(form: Dialogue) -> Vec<InputField> {
    let is_set = |port: &&PortEdit| port.is_set.get_untracked();
    form.ports.with_untracked(|ports| ports.iter().filter(is_set).map(|port| port.field.clone()).collect())
}

#[component]
fn PromptEdit(form: Dialogue, known: StepPrompt, refused: RwSignal<Option<String>>) -> impl IntoView {
    let Some(effective) = known.effective else {
        return view! { <p class="muted small">"Agents of this kind have no prompt to change"</p> }.into_any();
    };
    let text = form.prompt;
    let template = StoredValue::new(known.of_template.unwrap_or_default());
    let before = StoredValue::new(effective);
    effect_with(move |last: Option<()>| {
        let now = text.get();
        if last.is_some() {
            form.kept.set(if before.with_value(|before| *before == now) { String::new() } else { now });
        }
    });
    let is_changed = move || before.with_value(|before| text.with(|text| text != before));
    let differs = move || template.with_value(|template| text.with(|text| text != template));
    view! {
        <Field id="retry-prompt" label="Prompt" help="A template over the step's inputs. The change stays in this run." error=refused>
            <TextArea value=text rows=8 mono=true/>
        </Field>
        <Show when=differs>
            <div class="row">
                <Button size=Size::Sm variant=Variant::Quiet icon="undo-2" on_click=move |()| text.set(template.get_value())>
                    "Use the template's prompt"
                </Button>
            </div>
        </Show>
        <Show when=is_changed>
            <Diff before=before.get_value() after=text title="What changes"/>
        </Show>
    }
    .into_any()
}

#[component]
fn InputsEdit(form: Dialogue) -> impl IntoView {
    let n_set = move || form.ports.with(|ports| ports.iter().filter(|port| port.is_set.get()).count());
    let rows = move || form.ports.get().into_iter().map(port_row).collect_view();
    view! {
        <Show when=move || !form.ports.with(Vec::is_empty)>
            <details class="fold" open=n_set() != 0>
                <summary>
                    <Icon name="chevron-right"/>
                    "Inputs"
                    <code>{move || if n_set() == 0 { "as mapped".to_owned() } else { format!("{} set in this run", n_set()) }}</code>
                </summary>
                <div class="fold-body stack" data-gap="3">{rows}</div>
            </details>
        </Show>
    }
}

fn port_row(port: PortEdit) -> AnyView {
    let PortEdit { from, is_set, field, before, kept } = port;
    let text = field.text;
    effect_with(move |last: Option<()>| {
        let now = text.with(|text| state_of(is_set.get(), text));
        if last.is_some() {
            kept.set(if now == before { String::new() } else { now });
        }
    });
    let name = field.key.clone();
    let field = StoredValue::new(field);
    let from = StoredValue::new(from);
    view! {
        <Show
            when=move || is_set.get()
            fallback=move || {
                view! {
                    <div class="setting">
                        <div>
                            <strong>{field.with_value(|field| field.key.clone())}</strong>
                            " "
                            <span class="muted small">{from.get_value()}</span>
                        </div>
                        <Button size=Size::Sm icon="pencil" on_click=move |()| is_set.set(true)>"Set a value"</Button>
                    </div>
                }
            }
        >
            <div class="stack" data-gap="1">
                <InputView field=field.get_value()/>
                <div class="row">
                    <Button size=Size::Sm variant=Variant::Quiet icon="undo-2" on_click=move |()| is_set.set(false)>
                        {format!("Use what {name} is mapped to: {}", from.get_value())}
                    </Button>
                </div>
            </div>
        </Show>
    }
    .into_any()
}
