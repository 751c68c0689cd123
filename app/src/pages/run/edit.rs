//! Write a new version of what a step made. The agent's own stays below it, and at a gate one press also approves.

use std::collections::BTreeMap;

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use workflow::{
    StepStatus,
    api::{ArtifactView, EditStep, Encoding},
    json,
    schema::Schema,
};

use super::{
    artifact::text_of,
    failures::{LoadError, VerbError},
    one_step::{Ask, OneStep, Sender},
    output_form::Ports,
    restored::Restored,
    seen::{Overtaken, Seen},
    verbs::Verb,
};
use crate::reactive::{effect, effect_with};
use crate::{
    api,
    components::{Button, Dialog, Field, Size, Skeleton, SkeletonKind, TextArea, Variant, focus_in_dialog},
    error::AppError,
    form::focus_first_error,
};

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
    fn of(one: OneStep, artifact: &ArtifactView) -> Option<Self> {
        let before = match artifact.encoding {
            Encoding::Json | Encoding::Text => text_of(artifact),
            Encoding::Base64 => return None,
        };
        let name = artifact.meta.name.clone();
        let kept = one.draft(&format!("edit {name}"));
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

#[expect(clippy::too_many_lines, reason = "one dialog: its state, its body and its foot")]
#[component]
pub(super) fn EditDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let drafts = RwSignal::new(None::<Vec<Draft>>);
    let n_bytes_only = RwSignal::new(0_usize);
    let load_error = RwSignal::new(None::<AppError>);
    let ports = Ports::new(one);
    // What was seen when the first change was made; empty while there is none.
    let began = one.draft("edit");
    let forget = move || {
        began.set(String::new());
        drafts.with_untracked(|drafts| drafts.iter().flatten().for_each(|draft| draft.kept.set(String::new())));
    };
    let sender = Sender::new(one, move || {
        open.set(false);
        forget();
    });
    let seen = Seen::versions(one, open, sender);
    let owner = StoredValue::new(Owner::current());
    // What is typed belongs to the versions that were there when it was.
    effect(move || {
        let is_changed = drafts.with(|drafts| drafts.as_ref().map(|drafts| drafts.iter().any(Draft::is_changed)));
        match is_changed {
            Some(true) if began.with_untracked(String::is_empty) => began.set(seen.text()),
            Some(false) => began.set(String::new()),
            _ => {}
        }
    });
    let load = move || {
        sender.clear();
        drafts.set(None);
        load_error.set(None);
        seen.restore(&began.get_untracked());
        ports.load(|_| ());
        let latest = one.latest.get_untracked();
        spawn_local(async move {
            let mut read = Vec::with_capacity(latest.len());
            for meta in latest {
                match api::get_artifact(one.live.id, meta.id).await {
                    Ok(artifact) => read.push(artifact),
                    Err(error) => {
                        load_error.try_set(Some(error));
                        return;
                    }
                }
            }
            let make = || read.iter().filter_map(|artifact| Draft::of(one, artifact)).collect::<Vec<_>>();
            let fresh = match owner.try_get_value().flatten() {
                Some(owner) => owner.with(make),
                None => make(),
            };
            n_bytes_only.try_set(read.len() - fresh.len());
            drafts.try_set(Some(fresh));
            focus_in_dialog("edit");
        });
    };
    effect(move || {
        if open.get() {
            untrack(load);
        }
    });
    let take_newest = move || {
        forget();
        load();
    };
    let keep_mine = move || {
        seen.look();
        if !began.with_untracked(String::is_empty) {
            began.set(seen.text());
        }
    };
    effect(move || {
        let Some(error) = sender.error.get() else { return };
        let Some(name) = error.0.field.as_deref().and_then(|field| field.strip_prefix("artifacts.")) else { return };
        let name = name.split(['.', '/']).next().unwrap_or_default();
        drafts.with_untracked(|drafts| {
            if let Some(draft) = drafts.iter().flatten().find(|draft| draft.name == name) {
                draft.error.set(Some(error.0.detail.clone()));
            }
        });
    });
    let send = move |and_continue: bool| {
        let Some(drafts) = drafts.get_untracked() else { return };
        let outputs = ports.known.with_untracked(|known| known.as_ref().map(|known| known.outputs.clone()));
        let mut artifacts = BTreeMap::new();
        let mut is_right = true;
        for draft in drafts.iter().filter(|draft| untrack(|| draft.is_changed())) {
            let schema = outputs
                .iter()
                .flatten()
                .find(|port| port.name == draft.name)
                .map_or_else(Schema::any, |port| port.schema.clone());
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
            return focus_first_error();
        }
        sender.send(Ask::Edit(EditStep {
            artifacts,
            and_continue,
            content_hash: seen.digest(),
            expect_generation: seen.generation(),
        }));
    };
    let cannot_save = Signal::derive(move || {
        let is_changed = drafts.with(|drafts| drafts.iter().flatten().any(Draft::is_changed));
        !is_changed || seen.is_overtaken.get()
    });
    let may_continue = move || one.status.get() == StepStatus::AwaitingReview && one.refusal(Verb::Continue).is_none();
    let fields = move || match drafts.get() {
        None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
        Some(drafts) => drafts.into_iter().map(field).collect_view().into_any(),
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button icon="save" loading=sender.pending() disabled=cannot_save on_click=move |()| send(false)>"Save"</Button>
            <Show when=may_continue>
                <Button
                    variant=Variant::Primary
                    icon="play"
                    loading=sender.pending()
                    disabled=cannot_save
                    on_click=move |()| send(true)
                >
                    "Save and continue"
                </Button>
            </Show>
        }
    };
    view! {
        <Dialog
            id="edit"
            open
            size=Size::Lg
            title=Signal::derive(move || format!("Edit “{}”", one.title()))
            description="Your text becomes the newest version. What the agent wrote stays as the version before it."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <LoadError error=load_error again=move |()| load()/>
                <VerbError error=sender.error/>
                <Restored one form="edit" on_discard=move |()| take_newest()/>
                <Overtaken
                    seen
                    text="What you typed is still here, and no version is lost: saved now, yours comes after the newest."
                    action=move || {
                        view! {
                            <Button size=Size::Sm on_click=move |()| take_newest()>"Load the newest"</Button>
                            <Button size=Size::Sm on_click=move |()| keep_mine()>"Keep mine"</Button>
                        }
                    }
                />
                <Show when=move || load_error.with(Option::is_none)>{fields}</Show>
                <Show when=move || { n_bytes_only.get() > 0 }>
                    <p class="muted small">"Outputs that are no text cannot be edited here"</p>
                </Show>
            </div>
        </Dialog>
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
            error.set(None);
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
