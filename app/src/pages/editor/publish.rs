//! Publish: what changes against the live version, and the button that makes a new one.
//! Must never publish anything but what the server has saved.

use leptos::prelude::*;
use workflow::{Definition, TemplateId, api::Published};

use super::{
    changes::{Changes, pinned},
    content::Live,
    draft::Draft,
    saving::SaveState,
};
use crate::reactive::memo;
use crate::{
    api,
    components::{Button, Dialog, Kind, LinkButton, Skeleton, ToastAction, Tooltip, Variant},
    finder::{Entry, Group, use_finder},
    form::{FormError, outcome},
};

#[component]
pub(super) fn Publish(draft: Draft) -> impl IntoView {
    let open = RwSignal::new(false);
    let n_errors = memo(move || draft.problems.with(|problems| problems.iter().filter(|p| p.is_error()).count()));
    let obstacle = memo(move || {
        let is_unchanged = draft.saving.is_saved() && !draft.live.get().has_unpublished_changes;
        match (n_errors.get(), draft.live.get().version) {
            (1, _) => Some("1 error is in the way: see Problems".to_owned()),
            (n, _) if n > 1 => Some(format!("{n} errors are in the way: see Problems")),
            (_, Some(version)) if is_unchanged => {
                Some(format!("Version {version} is live and says the same as this draft"))
            }
            _ if draft.saving.state.with(|state| *state == SaveState::Conflict) => {
                Some("Decide first about what somebody else changed too".to_owned())
            }
            _ => None,
        }
    });
    let has_obstacle = Signal::derive(move || obstacle.with(Option::is_some));
    let ask = move || {
        draft.save();
        open.set(true);
    };
    if let Some(finder) = use_finder() {
        finder.offer(move || {
            vec![Entry::run(Group::Commands, "rocket", "Publish", ask).about("release live").refused(obstacle.get())]
        });
    }
    let start = move || {
        draft.live.get().version.map(|version| {
            let href = format!("/start/{}", draft.id);
            // Edits on their way are changes that are not published, too.
            let tip = Signal::derive(move || {
                let is_behind = draft.live.get().has_unpublished_changes || !draft.saving.is_saved();
                if is_behind {
                    format!("Starts version {version}, without what was changed since")
                } else {
                    format!("Starts version {version}, which says the same as this draft")
                }
            });
            view! {
                <Tooltip text=tip>
                    <LinkButton href icon="play" variant=Variant::Quiet>
                        <span class="words-if-wide">{format!("Start version {version}")}</span>
                    </LinkButton>
                </Tooltip>
            }
        })
    };
    view! {
        {start}
        <Tooltip text=Signal::derive(move || obstacle.get().unwrap_or_default())>
            <Button
                variant=Variant::Primary
                icon="rocket"
                disabled=has_obstacle
                on_click=move |()| ask()
            >
                "Publish"
            </Button>
        </Tooltip>
        <Ask draft open has_obstacle/>
    }
}

#[component]
fn Ask(draft: Draft, open: RwSignal<bool>, has_obstacle: Signal<bool>) -> impl IntoView {
    // Read anew at each opening: somebody else may have published meanwhile.
    let before = Resource::new(
        move || open.get().then_some(draft.id),
        |id: Option<TemplateId>| async move {
            match id {
                Some(id) => Some(api::get_live_definition(id).await),
                None => None,
            }
        },
    );
    let publish = Action::new(move |(): &()| api::publish_template(draft.id));
    let error = outcome(publish, move |published: Published| {
        open.set(false);
        draft.live.set(Live { version: Some(published.version), has_unpublished_changes: false });
        let start = ToastAction::new("Start it", move || {
            let _ = window().location().set_href(&format!("/start/{}", draft.id));
        });
        let (news, version) = (format!("Version {} is live", published.version), published.version);
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
    });
    let next = move || draft.live.get().version.map_or(1, |version| version + 1);
    let title = Signal::derive(move || format!("Publish version {}", next()));
    let summary = move |live: Option<Definition>| {
        let words = draft.handle.with_definition(|mine| {
            let mine = draft.catalog.with(|agents| pinned(mine, agents));
            if let Some(live) = &live {
                Changes::between(live, &mine).words().unwrap_or_else(|| "Only its name or description".to_owned())
            } else {
                let n = mine.steps.len();
                format!("The first version: {n} step{}", if n == 1 { "" } else { "s" })
            }
        });
        let against = draft.live.get().version.map(|version| format!("Against version {version}"));
        view! {
            <dl class="facts">
                <dt>{against.unwrap_or_else(|| "What it is".to_owned())}</dt>
                <dd>{words}</dd>
                <dt>"From then on"</dt>
                <dd>"Everybody can start it; runs that have begun go on with the version they began with"</dd>
                <dt>"Agents"</dt>
                <dd>"A step on “Latest” is published with the version that is the latest now. A newer one of the agent takes part when you publish again."</dd>
            </dl>
        }
    };
    let is_saving = Signal::derive(move || !draft.saving.is_saved());
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
                <Transition fallback=|| view! { <Skeleton/> }>
                    {move || Suspend::new(async move {
                        match before.await {
                            Some(Ok(live)) => summary(live).into_any(),
                            Some(Err(error)) => {
                                view! { <FormError error=Signal::stored(Some(error))/> }.into_any()
                            }
                            None => ().into_any(),
                        }
                    })}
                </Transition>
            </div>
        </Dialog>
    }
}
