//! The try that was started last: how its steps stand, and one of them beside its panel.
//! It shows the run and steers nothing but what the step asks for.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{RunId, StepKey, StepStatus};

use super::{Trying, use_trying};
use crate::{
    api::LoadedRun,
    behind::Later,
    components::{
        Button, LinkButton, Size, StatusIcon, Variant,
        dom::{by_id, focus_if_lost},
        status_label,
    },
    later::{View, later, soon},
    pages::run::{state::LiveRun, tried::Tried},
    reactive::{effect, memo},
};

// With it comes what follows a run, and shows what it makes.
later! {
    more: outcome, View<(Trying, StoredValue<(LoadedRun, StepKey)>)>, |(trying, of)| {
        let (run, key) = of.get_value();
        view! { <OfStep trying run key/> }.into_any()
    };
    more: on_canvas, View<(Trying, StoredValue<LoadedRun>)>, |(trying, run)| {
        view! { <OnCanvas trying run=run.get_value()/> }.into_any()
    };
    more: steps, View<(Trying, StoredValue<LoadedRun>)>, |(trying, run)| {
        view! { <Progress trying run=run.get_value()/> }.into_any()
    };
}

/// After so long nothing that showed a try is there any more.
const GONE_AFTER: Duration = Duration::from_secs(2);

/// One try that is followed, and what owns all that follows it.
#[derive(Clone)]
pub(in crate::pages::editor) struct Followed {
    id: RunId,
    live: LiveRun,
    owner: Owner,
}

impl Trying {
    /// One feed and one state for all that shows the try.
    fn follow(self, run: LoadedRun) -> LiveRun {
        let id = run.snapshot.data.started.as_ref().map(|started| started.id);
        let is_this = |followed: &Followed| Some(followed.id) == id;
        if let Some(known) = self.followed.with_value(|known| known.as_ref().filter(|known| is_this(known)).cloned()) {
            return known.live;
        }
        let Some(owner) = self.owner.get_value().map(|owner| owner.child()) else { return LiveRun::follow(run, None) };
        let live = owner.with(|| LiveRun::follow(run, None));
        let before = self.followed.try_update_value(|known| known.replace(Followed { id: live.id, live, owner }));
        let_go(before.flatten());
        live
    }

    /// The try is shown no more.
    fn unfollow(self, live: LiveRun) {
        let is_this = |known: &mut Followed| known.id == live.id;
        let_go(self.followed.try_update_value(|known| known.take_if(is_this)).flatten());
    }
}

/// Not at once: what shows it is taken down only after it has heard that.
fn let_go(followed: Option<Followed>) {
    if let Some(Followed { owner, .. }) = followed {
        set_timeout(move || owner.cleanup(), GONE_AFTER);
    }
}

/// The step as the last try ran it, if it did.
#[component]
pub(in crate::pages::editor) fn StepOutcome(key: StepKey) -> impl IntoView {
    let trying = use_trying();
    move || {
        let key = key.clone();
        trying.tried.get().map(move |run| {
            let of = StoredValue::new((run, key));
            view! { <Later part=outcome of=(trying, of)/> }
        })
    }
}

#[component]
fn OfStep(trying: Trying, run: LoadedRun, key: StepKey) -> impl IntoView {
    let live = trying.follow(run);
    if live.run.with_untracked(|run| run.step(&key).is_none()) {
        return ().into_any();
    }
    let of = StoredValue::new(key.clone());
    let status = memo(move || of.with_value(|key| live.step(key).map(|step| step.status)));
    effect(move || {
        // What it made is what was seen last from now on.
        if status.get().is_some_and(|status| matches!(status, StepStatus::Completed | StepStatus::AwaitingReview)) {
            trying.look_again(of.get_value());
        }
    });
    view! { <Tried live key/> }.into_any()
}

/// All steps of the last try, each a way to its panel.
#[component]
pub(in crate::pages::editor) fn TryProgress() -> impl IntoView {
    let trying = use_trying();
    move || trying.tried.get().map(|run| view! { <Later part=steps of=(trying, StoredValue::new(run))/> })
}

/// How the steps of the last try stand, on the canvas, whatever panel is open.
#[component]
pub(in crate::pages::editor) fn TryOnCanvas() -> impl IntoView {
    let trying = use_trying();
    let is_wanted = memo(move || trying.tried.with(Option::is_some));
    view! {
        <Show when=move || is_wanted.get()>
            <WhenFetched trying/>
        </Show>
    }
}

/// It shows nothing of its own, so nothing stands in its place until it is fetched.
#[component]
fn WhenFetched(trying: Trying) -> impl IntoView {
    let part = soon(on_canvas);
    move || part.get().zip(trying.tried.get()).map(|(follow, run)| follow((trying, StoredValue::new(run))))
}

#[component]
fn OnCanvas(trying: Trying, run: LoadedRun) -> impl IntoView {
    let live = trying.follow(run);
    let handle = trying.draft.handle;
    // All steps and their items are written anew each time.
    effect(move || live.slowly(|run| handle.set_tried(Some(run))));
    // It is there for as long as the try is shown at all.
    on_cleanup(move || {
        handle.set_tried(None);
        trying.unfollow(live);
    });
}

#[component]
fn Progress(trying: Trying, run: LoadedRun) -> impl IntoView {
    let live = trying.follow(run);
    let draft = trying.draft;
    let steps = memo(move || {
        live.run.with(|run| {
            let own = run.steps.iter().filter(|step| step.item_of.is_none());
            let of = own.map(|step| (step.key.clone(), step.title.clone(), step.status)).collect::<Vec<_>>();
            let order = live.order.get();
            let mut sorted = of;
            sorted.sort_by_key(|(key, ..)| order.iter().position(|known| known == key));
            sorted
        })
    });
    let is_over = memo(move || live.run.with(|run| run.finished_at.is_some()));
    effect(move || {
        if is_over.get() {
            trying.look(Vec::new());
        }
    });
    // It takes its own button along.
    let put_away = move |()| {
        trying.tried.set(None);
        focus_if_lost(|| by_id("side-panel-title"));
    };
    let rows = move || {
        let row = move |(key, title, status): (StepKey, String, StepStatus)| {
            let open = move |()| draft.handle.select(vec![key.clone()]);
            let words =
                if status == StepStatus::AwaitingReview { "Waits for you" } else { status_label(status.as_str()) };
            view! {
                <li class="row">
                    <StatusIcon status=Signal::stored(status.as_str().to_owned()) spoken=false/>
                    <Button size=Size::Sm variant=Variant::Quiet on_click=open>{title}</Button>
                    <span class="push"></span>
                    <span class="small muted">{words.to_owned()}</span>
                </li>
            }
        };
        steps.get().into_iter().map(row).collect_view()
    };
    view! {
        <section class="panel-section" aria-label="Last try">
            <div class="section-head">
                <h3>"Last try"</h3>
                <LinkButton href=format!("/runs/{}", live.id) size=Size::Sm variant=Variant::Quiet icon="external-link">"Open the run"</LinkButton>
                <Button size=Size::Sm variant=Variant::Quiet on_click=put_away>"Put it away"</Button>
            </div>
            <ul class="try-steps" role="list">{rows}</ul>
        </section>
    }
}
