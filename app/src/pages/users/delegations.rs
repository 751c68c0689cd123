//! Who decides in whose place, for admins: all that was ever given, the newest first, and the means to end what is not over.
//! Must never give reviews to anybody: whoever is away does that themselves.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use workflow::{
    api::{DelegationView, Page},
    id::DelegationId,
};

use crate::{
    api, clock,
    components::{Button, Dialog, RowsSkeleton, Tone, Variant, dom::focus_if_lost, use_toasts},
    form::{FormError, outcome},
    load::Loaded,
    paged::{More, Paged},
    pages::delegation_row::{End, Ending, row},
};

#[component]
pub(super) fn Delegations(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog
            id="delegations"
            open
            title="Reviews that were given"
            description="Who is away gives their reviews to somebody under Account. Ended here, votes that were given in their place count no more."
        >
            <All open/>
        </Dialog>
    }
}

#[component]
fn All(open: RwSignal<bool>) -> impl IntoView {
    let all = Resource::new(|| (), |()| api::list_delegations(None));
    view! {
        <div class="form">
            <Loaded of=all fallback=|| view! { <RowsSkeleton n=2/> } let:page>
                <Rows page/>
            </Loaded>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=move |()| open.set(false)>"Done"</Button>
            </div>
        </div>
    }
}

#[component]
fn Rows(page: Page<DelegationView>) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <p>"Nobody has given their reviews to anybody"</p> }.into_any();
    }
    let toasts = use_toasts();
    let list = Paged::new(page, api::list_delegations);
    let end: End = Action::new(|id: &DelegationId| {
        let id = *id;
        async move { api::end_any_delegation(id).await.map(|()| id) }
    });
    // All else stays as it is, however far the list was read.
    let error = outcome(end, move |id: DelegationId| {
        toasts.success("Ended");
        list.items.update(|items| mark_ended(items, id, now()));
        // The button of the row goes, and the focus with it.
        focus_if_lost(|| document().query_selector("#delegations .dialog-body button").ok().flatten()?.dyn_into().ok());
    });
    view! {
        <FormError error/>
        <ul class="plain-rows" aria-label="Reviews that were given">
            <For each=move || list.items.get() key=|one| (one.id, one.ended_at) let:one>
                {shown(&one, end)}
            </For>
        </ul>
        <More of=list/>
    }
    .into_any()
}

fn mark_ended(items: &mut [DelegationView], id: DelegationId, at: DateTime<Utc>) {
    if let Some(ended) = items.iter_mut().find(|one| one.id == id) {
        (ended.ended_at, ended.lasts) = (Some(at), false);
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(clock::now()).unwrap_or_default()
}

fn shown(one: &DelegationView, end: End) -> AnyView {
    let words = format!("{} decides for {}", one.delegate, one.principal);
    let state = State::of(one, now());
    let ending = state.may_end().then(|| Ending { word: "End", of_what: format!("that {words}"), end });
    row(one, words, Some(state.words()), ending)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    ToCome,
    Now,
    Over,
    Ended,
}

impl State {
    fn of(one: &DelegationView, now: DateTime<Utc>) -> Self {
        match (one.ended_at, one.lasts) {
            (Some(_), _) => Self::Ended,
            (None, true) => Self::Now,
            (None, false) if one.ends_at <= now => Self::Over,
            (None, false) => Self::ToCome,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::ToCome | Self::Now)
    }

    fn words(self) -> (&'static str, Tone) {
        match self {
            Self::ToCome => ("To come", Tone::Accent),
            Self::Now => ("Now", Tone::Success),
            Self::Over => ("Over", Tone::Neutral),
            Self::Ended => ("Ended", Tone::Neutral),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(id: u128, lasts: bool, ended_at: Option<&str>, ends_at: &str) -> DelegationView {
        let one = json!({"id": uuid::Uuid::from_u128(id), "principal": "a@b.c", "delegate": "b@b.c",
            "from_day": "2026-12-01", "to_day": "2026-12-01", "zone": "UTC", "starts_at": "2026-12-01T00:00:00Z",
            "ends_at": ends_at, "ended_at": ended_at, "created_at": "2026-11-01T00:00:00Z", "lasts": lasts});
        serde_json::from_value(one).unwrap()
    }

    #[test]
    fn the_one_that_was_ended_is_marked_and_no_other() {
        let mut items = [1, 2].map(|id| given(id, true, None, "2026-12-02T00:00:00Z"));
        let (id, at) = (items[1].id, "2026-12-01T12:00:00Z".parse().unwrap());
        mark_ended(&mut items, id, at);
        assert_eq!(items.map(|one| State::of(&one, at)), [State::Now, State::Ended]);
    }

    #[test]
    fn what_is_over_or_was_ended_is_not_ended_again() {
        let state = |lasts: bool, ended_at: Option<&str>, ends_at: &str| {
            let one = given(1, lasts, ended_at, ends_at);
            State::of(&one, "2026-12-01T12:00:00Z".parse().unwrap())
        };
        let (before, after) = ("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
        assert_eq!(state(true, None, after), State::Now);
        assert_eq!(state(false, None, after), State::ToCome);
        assert_eq!(state(false, None, before), State::Over);
        assert_eq!(state(false, Some(before), after), State::Ended);
        assert!(State::Now.may_end() && State::ToCome.may_end());
        assert!(!State::Over.may_end() && !State::Ended.may_end());
    }
}
