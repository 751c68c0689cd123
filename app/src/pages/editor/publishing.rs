//! Publish: what changes against the live version, what its author says about it, and the button that makes it.
//! Must never publish anything but what the server has saved and what was shown.

use std::collections::BTreeMap;

use canvas::Document;
use leptos::{prelude::*, task::spawn_local};
use workflow::{
    AgentId, TemplateId,
    api::{ErrorCode, Published},
    limits::MAX_VERSION_NOTE_CHARS,
    merge::changes,
};

use super::{
    changes::{ChangeList, pinned},
    content::Live,
    draft::Draft,
    saving::lock,
};
use crate::{
    api,
    components::{Button, Dialog, Field, Kind, Skeleton, TextArea, ToastAction, Variant, dom},
    error::AppError,
    form::{FormError, outcome},
    reactive::effect,
    words::count,
};

/// The live version as it was published; none before the first.
async fn live(id: TemplateId) -> Result<Option<(i32, Document)>, AppError> {
    match api::template_versions(id, None).await?.items.first() {
        Some(newest) => Ok(Some((newest.version, api::get_version(id, newest.version).await?))),
        None => Ok(None),
    }
}

#[component]
pub(super) fn Publishing(draft: Draft, open: RwSignal<bool>, has_obstacle: Signal<bool>) -> impl IntoView {
    let note = RwSignal::new(String::new());
    // Read anew at each opening: somebody else may have published meanwhile.
    let before = Resource::new(
        move || open.get().then_some(draft.id),
        |id: Option<TemplateId>| async move {
            match id {
                Some(id) => Some(live(id).await),
                None => None,
            }
        },
    );
    let publish = Action::new(move |(): &()| {
        let base = draft.saving.core.try_get_value().map(|core| lock(&core).base);
        api::publish_template(draft.id, base, Some(note.get_untracked()), Some(latest(draft)))
    });
    let error = outcome(publish, move |published: Published| {
        open.set(false);
        note.set(String::new());
        draft.live.set(Live { version: Some(published.version), has_unpublished_changes: false });
        tell(draft, published.version);
        // The button that asked for it has nothing more to publish, and takes no focus back.
        dom::focus_if_lost(|| dom::by_id("main"));
    });
    effect(move || {
        match error.with(|error| error.as_ref().map(AppError::code)) {
            // What they saved is merged first, and then looked at again.
            Some(ErrorCode::StaleRevision) => draft.catch_up(),
            Some(ErrorCode::Conflict) => look_again(draft),
            _ => {}
        }
    });
    let next = move || draft.live.get().version.map_or(1, |version| version + 1);
    let title = Signal::derive(move || format!("Publish version {}", next()));
    let is_saving = Signal::derive(move || !draft.saving.is_saved());
    let most = u32::try_from(MAX_VERSION_NOTE_CHARS).unwrap_or(u32::MAX);
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="rocket"
                loading=Signal::derive(move || publish.pending().get())
                disabled=Signal::derive(move || is_saving.get() || has_obstacle.get())
                on_click=move |()| {
                    publish.dispatch(());
                }
            >
                {move || format!("Publish version {}", next())}
            </Button>
        }
    };
    view! {
        <Dialog id="publish" open title actions>
            <div class="stack" data-gap="3">
                <FormError error/>
                <Show when=move || is_saving.get()>
                    <p class="muted" role="status">"Your last edits are being saved first"</p>
                </Show>
                <Field id="publish-note" label="What is new" optional=true help="For whoever looks at the versions later">
                    <TextArea value=note rows=2 maxlength=most/>
                </Field>
                <Transition fallback=|| view! { <Skeleton/> }>
                    {move || Suspend::new(async move {
                        match before.await {
                            Some(Ok(live)) => what_changes(draft, live),
                            Some(Err(error)) => {
                                view! { <FormError error=Signal::stored(Some(error))/> }.into_any()
                            }
                            None => ().into_any(),
                        }
                    })}
                </Transition>
                <dl class="facts">
                    <dt>"From then on"</dt>
                    <dd>"Everybody can start it; runs that have begun go on with the version they began with"</dd>
                    <dt>"Agents"</dt>
                    <dd>"A step on “Latest” is published with the version that is the latest now. A newer one of the agent takes part when you publish again."</dd>
                </dl>
            </div>
        </Dialog>
    }
}

/// What stands in the list for the agents of steps on "Latest".
fn latest(draft: Draft) -> BTreeMap<AgentId, i32> {
    draft.catalog.with_untracked(|agents| {
        draft.handle.with_definition_untracked(|definition| {
            let steps = definition.steps.values().filter(|step| step.agent_version.is_none());
            let version = |id: &AgentId| agents.get(id, None).map(|spec| spec.version);
            steps.filter_map(|step| Some((step.agent_id.clone(), version(&step.agent_id)?))).collect()
        })
    })
}

/// An agent has a newer version than the list says: all are asked for, and the list is there again.
fn look_again(draft: Draft) {
    spawn_local(async move {
        match api::catalog_of(draft.id).await {
            Ok(agents) => {
                if draft.catalog.try_set(agents.clone()).is_none() {
                    draft.handle.set_agents(agents);
                    // Versions that only this page's draft names.
                    draft.know_agents();
                }
            }
            Err(error) => draft.session.note(&error),
        }
    });
}

/// Against the live version, as the draft stands.
fn what_changes(draft: Draft, live: Option<(i32, Document)>) -> AnyView {
    let Some((version, live)) = live else {
        let n = move || draft.handle.with_definition(|definition| definition.steps.len());
        return view! { <p>{move || format!("The first version: {}", count(n(), "step"))}</p> }.into_any();
    };
    let live = StoredValue::new(live);
    let list = move || {
        let mine = draft.handle.with_document(|mine| draft.catalog.with(|agents| pinned(mine, agents)));
        live.with_value(|live| changes(live, &mine))
    };
    view! {
        <section class="stack" data-gap="2" aria-label=format!("Against version {version}")>
            <h3>{format!("Against version {version}")}</h3>
            {move || view! { <ChangeList changes=list()/> }}
        </section>
    }
    .into_any()
}

fn tell(draft: Draft, version: i32) {
    let start = ToastAction::new("Start it", move || {
        let _ = window().location().set_href(&format!("/start/{}", draft.id));
    });
    let news = format!("Version {version} is live");
    // Starting it is offered for as long as it is what stands on the canvas.
    let is_same = move || {
        let live = draft.live.get();
        live.version == Some(version) && !live.has_unpublished_changes && draft.saving.is_saved()
    };
    if untrack(is_same) {
        draft.toasts.push_while(Signal::derive(is_same), Kind::Success, news, Some(start));
    } else {
        draft.toasts.push(Kind::Success, news, Some(start));
    }
}
