//! The latest version of each output as a text that a person changes: what was there, what is typed, and what is wrong with it.
//! Must never send: whoever shows it does, and says what was seen. What is typed stays until the server took it.

use std::collections::BTreeMap;

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use workflow::{
    agent::OutputPort,
    api::{ArtifactView, Encoding},
    json,
    schema::Schema,
    view::ArtifactMeta,
};

use super::{artifact::text_of, failures::LoadError, subject::Subject};
use crate::{
    api,
    components::{Button, Field, Size, Skeleton, SkeletonKind, TextArea, Variant},
    error::AppError,
    form::focus_first_error,
    reactive::{effect, effect_with},
};

/// What saving means.
pub(in crate::pages) const EDITED: &str =
    "Your text becomes the newest version. What the agent wrote stays as the version before it.";
/// Where the step has moved on since somebody began to write.
pub(in crate::pages) const STILL_HERE: &str =
    "What you typed is still here, and no version is lost: saved now, yours comes after the newest.";

/// One output as it is being written.
#[derive(Clone)]
struct Draft {
    name: String,
    is_json: bool,
    before: String,
    text: RwSignal<String>,
    /// The text while it is another one than before: it stays until the server took it.
    kept: RwSignal<String>,
    error: RwSignal<Option<String>>,
}

impl Draft {
    fn of(of: Subject, artifact: &ArtifactView) -> Option<Self> {
        let before = match artifact.encoding {
            Encoding::Json | Encoding::Text => text_of(artifact),
            Encoding::Base64 => return None,
        };
        let name = artifact.meta.name.clone();
        let kept = of.draft(&format!("edit {name}"));
        if kept.with_untracked(|kept| *kept == before) {
            kept.set(String::new());
        }
        let text = kept.with_untracked(|kept| if kept.is_empty() { before.clone() } else { kept.clone() });
        Some(Self {
            name,
            is_json: artifact.encoding == Encoding::Json,
            text: RwSignal::new(text),
            before,
            kept,
            error: RwSignal::new(None),
        })
    }

    fn is_changed(&self) -> bool {
        self.text.with(|text| *text != self.before)
    }

    fn read(&self, schema: &Schema) -> Result<Value, String> {
        let text = self.text.get_untracked();
        let value = if self.is_json {
            json::parse(&text, json::Bounds::VALUE).map_err(|fault| format!("This is not valid JSON: {fault}"))?
        } else {
            Value::String(text)
        };
        match schema.check(&value).into_iter().next() {
            None => Ok(value),
            Some((path, fault)) if path.is_empty() => Err(format!("This {fault}")),
            Some((path, fault)) => Err(format!("{path} {fault}")),
        }
    }
}

#[derive(Clone, Copy)]
pub(in crate::pages) struct EditForm {
    of: Subject,
    drafts: RwSignal<Option<Vec<Draft>>>,
    n_bytes_only: RwSignal<usize>,
    load_error: RwSignal<Option<AppError>>,
    /// What was seen when the first change was made; empty while there is none.
    began: RwSignal<String>,
    owner: StoredValue<Option<Owner>>,
}

impl EditForm {
    pub(in crate::pages) fn new(of: Subject) -> Self {
        Self {
            of,
            drafts: RwSignal::new(None),
            n_bytes_only: RwSignal::new(0),
            load_error: RwSignal::new(None),
            began: of.draft("edit"),
            owner: StoredValue::new(Owner::current()),
        }
    }

    /// What is typed belongs to the versions that were there when it was begun: `seen` says which these are, as a text.
    pub(in crate::pages) fn bind_to(self, seen: impl Fn() -> String + 'static) {
        effect(move || match self.is_changed() {
            Some(true) if self.began.with_untracked(String::is_empty) => self.began.set(untrack(&seen)),
            Some(false) => self.began.set(String::new()),
            _ => {}
        });
    }

    /// What was seen when what stands here was begun; empty where nothing does.
    pub(in crate::pages) fn began(self) -> String {
        self.began.get_untracked()
    }

    /// What is typed is kept, and is about what is there now.
    pub(in crate::pages) fn rebind(self, seen: String) {
        if !self.began.with_untracked(String::is_empty) {
            self.began.set(seen);
        }
    }

    /// The server took it, or it is not wanted.
    pub(in crate::pages) fn forget(self) {
        self.began.set(String::new());
        // The form may be gone when the answer comes.
        let kept = self
            .drafts
            .try_with_untracked(|drafts| drafts.iter().flatten().map(|draft| draft.kept).collect::<Vec<_>>());
        for kept in kept.unwrap_or_default() {
            kept.set(String::new());
        }
    }

    /// Reads these versions, and goes on once they are there.
    pub(in crate::pages) fn load(self, latest: Vec<ArtifactMeta>, then: impl FnOnce() + 'static) {
        self.drafts.set(None);
        self.load_error.set(None);
        spawn_local(async move {
            let mut read = Vec::with_capacity(latest.len());
            for meta in latest {
                match api::get_artifact(self.of.run, meta.id).await {
                    Ok(artifact) => read.push(artifact),
                    Err(error) => {
                        self.load_error.try_set(Some(error));
                        return;
                    }
                }
            }
            let make = || read.iter().filter_map(|artifact| Draft::of(self.of, artifact)).collect::<Vec<_>>();
            let fresh = match self.owner.try_get_value().flatten() {
                Some(owner) => owner.with(make),
                None => make(),
            };
            self.n_bytes_only.try_set(read.len() - fresh.len());
            self.drafts.try_set(Some(fresh));
            then();
        });
    }

    /// Whether something is another text than before; none while it is not there. Follows it.
    pub(in crate::pages) fn is_changed(self) -> Option<bool> {
        self.drafts.with(|drafts| drafts.as_ref().map(|drafts| drafts.iter().any(Draft::is_changed)))
    }

    /// Shows a refusal of the server at the output that it is about.
    pub(in crate::pages) fn place(self, error: &AppError) {
        let Some(name) = error.0.field.as_deref().and_then(|field| field.strip_prefix("artifacts.")) else { return };
        let name = name.split(['.', '/']).next().unwrap_or_default();
        self.drafts.with_untracked(|drafts| {
            if let Some(draft) = drafts.iter().flatten().find(|draft| draft.name == name) {
                draft.error.set(Some(error.0.detail.clone()));
            }
        });
    }

    /// What was changed, by output; none while something is wrong with it, which is said at its field then.
    pub(in crate::pages) fn read(self, outputs: &[OutputPort]) -> Option<BTreeMap<String, Value>> {
        let drafts = self.drafts.get_untracked()?;
        let mut artifacts = BTreeMap::new();
        let mut is_right = true;
        for draft in drafts.iter().filter(|draft| untrack(|| draft.is_changed())) {
            let port = outputs.iter().find(|port| port.name == draft.name);
            let schema = port.map_or_else(Schema::any, |port| port.schema.clone());
            match draft.read(&schema) {
                Ok(value) => {
                    draft.error.set(None);
                    artifacts.insert(draft.name.clone(), value);
                }
                Err(reason) => {
                    draft.error.set(Some(reason));
                    is_right = false;
                }
            }
        }
        if !is_right {
            focus_first_error();
        }
        is_right.then_some(artifacts)
    }
}

#[component]
pub(in crate::pages) fn EditFields(form: EditForm, #[prop(into)] again: Callback<()>) -> impl IntoView {
    let fields = move || match form.drafts.get() {
        None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
        Some(drafts) => drafts.into_iter().map(field).collect_view().into_any(),
    };
    view! {
        <LoadError error=form.load_error again/>
        <Show when=move || form.load_error.with(Option::is_none)>{fields}</Show>
        <Show when=move || { form.n_bytes_only.get() > 0 }>
            <p class="muted small">"Outputs that are no text cannot be edited here"</p>
        </Show>
    }
}

/// The ways out of the dialog.
#[component]
pub(in crate::pages) fn SaveActions(
    open: RwSignal<bool>,
    #[prop(into)] pending: Signal<bool>,
    #[prop(into)] disabled: Signal<bool>,
    /// Whether one press may approve what it saves.
    #[prop(into)]
    may_continue: Signal<bool>,
    /// Saves, and is told whether to go on with it.
    #[prop(into)]
    on_save: Callback<bool>,
) -> impl IntoView {
    view! {
        <Button on_click=move |()| open.set(false)>"Close"</Button>
        <Show when=move || may_continue.get()>
            <Button icon="play" loading=pending disabled on_click=move |()| on_save.run(true)>
                "Save and continue"
            </Button>
        </Show>
        // It is what editing means; going on is another wish.
        <Button variant=Variant::Primary icon="save" loading=pending disabled on_click=move |()| on_save.run(false)>
            "Save"
        </Button>
    }
}

/// What to do with what was typed about an older version.
#[component]
pub(in crate::pages) fn NewestOrMine(
    #[prop(into)] newest: Callback<()>,
    #[prop(into)] mine: Callback<()>,
) -> impl IntoView {
    view! {
        <Button size=Size::Sm on_click=newest>"Load the newest"</Button>
        <Button size=Size::Sm on_click=mine>"Keep mine"</Button>
    }
}

fn field(draft: Draft) -> AnyView {
    let id = format!("edit-output-{}", draft.name);
    let help = if draft.is_json { "As JSON" } else { "" };
    let (text, error, is_json) = (draft.text, draft.error, draft.is_json);
    let (before, kept) = (draft.before, draft.kept);
    effect_with(move |last: Option<()>| {
        let now = text.get();
        if last.is_some() {
            // Else the field is drawn anew with each key.
            if error.with_untracked(Option::is_some) {
                error.set(None);
            }
            kept.set(if now == before { String::new() } else { now });
        }
    });
    view! {
        <Field id label=draft.name help error>
            <TextArea value=text rows=12 mono=is_json/>
        </Field>
    }
    .into_any()
}
