//! What needs a decision before the draft can be saved: a newer draft of somebody else, a refusal, edits of an earlier visit.
//! A newer draft is replaced only by a button that says so.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::api::{CreateTemplate, TemplateView};

use super::{changes::Changes, draft::Draft, saving::SaveState};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{Banner, Button, Dialog, Kind, Size, Skeleton, Variant, quoted},
    form::{FormError, outcome},
};

#[component]
pub(super) fn Notices(draft: Draft) -> impl IntoView {
    let saving = draft.saving;
    let is_deciding = RwSignal::new(false);
    // One shape a notice: it is drawn anew only when it is another one.
    let refusal = memo(move || {
        saving.state.with(|state| match state {
            SaveState::Refused(error) => Some(error.0.detail.clone()),
            _ => None,
        })
    });
    let is_conflict = memo(move || saving.state.with(|state| *state == SaveState::Conflict));
    let restored = memo(move || saving.restored.get());
    view! {
        {move || {
            is_conflict.get().then(|| {
                view! {
                    <Banner
                        kind=Kind::Warn
                        title="Somebody saved a newer draft"
                        action=move || {
                            view! {
                                <Button size=Size::Sm on_click=move |()| is_deciding.set(true)>"Decide…"</Button>
                            }
                        }
                    >
                        "Yours is kept in this browser and was not saved over it"
                    </Banner>
                }
            })
        }}
        {move || {
            refusal.get().map(|detail| {
                view! {
                    <Banner
                        kind=Kind::Error
                        title="The draft could not be saved"
                        action=move || {
                            view! {
                                <Button size=Size::Sm icon="refresh-cw" on_click=move |()| draft.save()>"Try again"</Button>
                            }
                        }
                    >
                        {quoted(&detail)}
                        " What you drew is kept in this browser."
                    </Banner>
                }
            })
        }}
        {move || {
            restored.get().filter(|_| !is_conflict.get()).map(|n| {
                let words = if n == 1 { "1 edit".to_owned() } else { format!("{n} edits") };
                view! {
                    <Banner
                        kind=Kind::Info
                        title=format!("{words} of an earlier visit brought back")
                        action=move || {
                            view! {
                                <Button size=Size::Sm on_click=move |()| draft.discard_restored()>"Drop them"</Button>
                            }
                        }
                    >
                        "They were kept in this browser because they could not be saved then"
                    </Banner>
                }
            })
        }}
        <Decide draft open=is_deciding/>
    }
}

#[component]
fn Decide(draft: Draft, open: RwSignal<bool>) -> impl IntoView {
    let navigate = use_navigate();
    let theirs = draft.saving.theirs;
    effect(move || {
        if open.get() {
            draft.fetch_theirs();
        }
    });
    let copy = Action::new(move |(): &()| {
        let content = draft.content();
        let name = format!("{} (copy)", content.name.trim().chars().take(190).collect::<String>());
        api::create_template(CreateTemplate {
            name,
            description: content.description,
            definition: content.definition.to_value(),
        })
    });
    let error = outcome(copy, move |made: TemplateView| {
        draft.let_go();
        draft.toasts.success(format!("Your draft is now “{}”", made.name));
        navigate(&format!("/admin/workflows/{}", made.id), NavigateOptions::default());
    });
    let with_theirs = move |act: &dyn Fn(&TemplateView)| {
        if let Some(theirs) = theirs.get_untracked() {
            open.set(false);
            act(&theirs);
        }
    };
    let is_missing = Signal::derive(move || theirs.with(Option::is_none));
    let summary = move || {
        theirs.with(|theirs| {
            theirs.as_ref().map(|theirs| {
                let changes = draft.handle.with_definition(|mine| Changes::between(&theirs.definition, mine));
                let is_renamed = draft.name.with(|name| name.trim() != theirs.name)
                    || draft.description.with(|text| text.trim() != theirs.description);
                let named = is_renamed.then(|| "another name or description".to_owned());
                let parts: Vec<String> = changes.words().into_iter().chain(named).collect();
                let words = if parts.is_empty() { "no difference".to_owned() } else { parts.join(", ") };
                format!("Theirs is revision {}. Against it, yours has: {words}.", theirs.draft_revision)
            })
        })
    };
    let actions = move || view! { <Button on_click=move |()| open.set(false)>"Later"</Button> };
    view! {
        <Dialog
            id="conflict"
            open
            title="Two drafts of one workflow"
            description="Somebody saved this workflow after you opened it. Nothing is lost yet: choose how to go on."
            actions
        >
            <div class="stack" data-gap="3">
                <FormError error/>
                {move || match summary() {
                    Some(words) => view! { <p>{words}</p> }.into_any(),
                    None => view! { <Skeleton/> }.into_any(),
                }}
                <div class="setting">
                    <div>
                        <strong>"Keep mine as a copy"</strong>
                        <p class="muted">"Yours becomes a workflow of its own; this one stays theirs"</p>
                    </div>
                    <Button
                        variant=Variant::Primary
                        icon="copy"
                        loading=copy.pending()
                        on_click=move |()| {
                            copy.dispatch(());
                        }
                    >
                        "Keep as a copy"
                    </Button>
                </div>
                <div class="setting">
                    <div>
                        <strong>"Load theirs"</strong>
                        <p class="muted">"Your unsaved edits are dropped"</p>
                    </div>
                    <Button
                        icon="download"
                        disabled=is_missing
                        on_click=move |()| with_theirs(&|theirs| draft.take_theirs(theirs))
                    >
                        "Load theirs"
                    </Button>
                </div>
                <div class="setting">
                    <div>
                        <strong>"Save mine over theirs"</strong>
                        <p class="muted">"What they changed is replaced by what you see"</p>
                    </div>
                    <Button
                        variant=Variant::Danger
                        disabled=is_missing
                        on_click=move |()| with_theirs(&|theirs| draft.overwrite(theirs))
                    >
                        "Overwrite"
                    </Button>
                </div>
            </div>
        </Dialog>
    }
}
