//! What somebody changes about a step for one run before it begins anew: another prompt, other inputs.
//! Both belong to that run; the template is never touched. What was typed stays until the server took it.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::Value;
use workflow::{agent::InputPort, api::StepPrompt, definition::RunInput};

use super::{inputs::source_words, judged::judge, one_step::OneStep, output_form::Ports};
use crate::reactive::{effect, effect_with};
use crate::{
    components::{Button, Diff, Field, Icon, Size, TextArea, Variant, dom},
    error::AppError,
    form::focus_first_error,
    pages::input_form::field::{InputField, InputView},
};

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

/// The form: what is typed stays until the server took it.
#[derive(Clone, Copy)]
pub(super) struct Edits {
    one: OneStep,
    /// Tells its ids and drafts from those of other forms.
    name: &'static str,
    prompt_id: &'static str,
    prompt: RwSignal<String>,
    /// The prompt while it is another one than before: it stays until the server took it.
    kept: RwSignal<String>,
    ports: RwSignal<Vec<PortEdit>>,
    pub known: Ports,
}

impl Edits {
    /// `prompt_id`: of the field of the prompt.
    pub(super) fn new(one: OneStep, name: &'static str, prompt_id: &'static str) -> Self {
        Self {
            one,
            name,
            prompt_id,
            prompt: RwSignal::new(String::new()),
            kept: one.draft(name),
            ports: RwSignal::new(Vec::new()),
            known: Ports::new(one.subject()),
        }
    }

    /// Reads what is in force now; `owner` is the dialog's, whatever asks.
    pub(super) fn load(self, owner: StoredValue<Option<Owner>>) {
        self.known.load(move |known| {
            match owner.try_get_value().flatten() {
                Some(owner) => owner.with(|| self.begin(known)),
                None => self.begin(known),
            }
            // The dialog opened before there was a field to begin at.
            request_animation_frame(move || {
                request_animation_frame(move || {
                    if let Some(field) = dom::by_id(self.prompt_id) {
                        dom::focus(&field);
                    }
                });
            });
        });
    }

    /// What the server refuses stands at its field, the prompt or an input, until that is changed; and what has no place there.
    pub(super) fn refused(
        self,
        error: Signal<Option<AppError>>,
    ) -> (RwSignal<Option<String>>, Signal<Option<AppError>>) {
        let refused = RwSignal::new(None);
        effect(move || {
            let Some(error) = error.get() else { return refused.set(None) };
            if is_about_prompt(&error) {
                refused.set(Some(error.0.detail.clone()));
            } else if !place(self, &error) {
                return;
            }
            focus_first_error();
        });
        effect(move || {
            self.prompt.track();
            refused.set(None);
        });
        let elsewhere = Signal::derive(move || {
            error.get().filter(|error| !is_about_prompt(error) && !untrack(|| has_place(self, error)))
        });
        judge(self.one, self.known, self.prompt, refused);
        (refused, elsewhere)
    }

    /// The fields, once they are known.
    pub(super) fn view(self, known: StepPrompt, refused: RwSignal<Option<String>>) -> AnyView {
        view! {
            <PromptEdit form=self known refused/>
            <InputsEdit form=self/>
        }
        .into_any()
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
    pub(super) fn forget(self) {
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
        let field = InputField::of_form(self.name, &port.name, &input);
        let kept = self.one.draft(&format!("{} {}", self.name, port.name));
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
    pub(super) fn prompt_override(self) -> Option<Option<String>> {
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
    pub(super) fn inputs(self) -> Result<Option<BTreeMap<String, Value>>, ()> {
        let set = set_fields(self);
        let now = InputField::read_all(&set).ok_or(())?;
        Ok((now != self.set_before()).then_some(now))
    }
}

fn is_about_prompt(error: &AppError) -> bool {
    error.0.field.as_deref().is_some_and(|field| field.starts_with("prompt"))
}

fn place(form: Edits, error: &AppError) -> bool {
    InputField::place(&set_fields(form), error)
}

fn has_place(form: Edits, error: &AppError) -> bool {
    InputField::has_place(&set_fields(form), error)
}

/// The fields of the inputs that are set in this run.
fn set_fields(form: Edits) -> Vec<InputField> {
    let is_set = |port: &&PortEdit| port.is_set.get_untracked();
    form.ports.with_untracked(|ports| ports.iter().filter(is_set).map(|port| port.field.clone()).collect())
}

#[component]
fn PromptEdit(form: Edits, known: StepPrompt, refused: RwSignal<Option<String>>) -> impl IntoView {
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
        <Field id=form.prompt_id label="Prompt" help="A template over the step's inputs. The change stays in the run." error=refused>
            <TextArea value=text rows=8 mono=true/>
        </Field>
        <Show when=differs>
            <div class="row">
                <Button size=Size::Sm variant=Variant::Quiet icon="undo-2" on_click=move |()| text.set(template.get_value())>
                    "Use the workflow's prompt"
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
fn InputsEdit(form: Edits) -> impl IntoView {
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
