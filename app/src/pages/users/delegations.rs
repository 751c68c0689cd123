//! Who decides in whose place, for admins: all that was ever given, the newest first, and the means to end what is not over.
//! Must never give reviews to anybody: whoever is away does that themselves.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use workflow::{
    api::{DelegationView, Page},
    id::DelegationId,
};

use crate::{
    api, clock,
    components::{Button, Dialog, RowsSkeleton, Tone, Variant, use_toasts},
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
    let toasts = use_toasts();
    let all = Resource::new(|| (), |()| api::list_delegations(None));
    let end: End = Action::new(|id: &DelegationId| api::end_any_delegation(*id));
    let error = outcome(end, move |()| {
        toasts.success("Ended");
        all.refetch();
    });
    view! {
        <div class="form">
            <FormError error/>
            <Loaded of=all fallback=|| view! { <RowsSkeleton n=2/> } let:page>
                <Rows page end/>
            </Loaded>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=move |()| open.set(false)>"Done"</Button>
            </div>
        </div>
    }
}

#[component]
fn Rows(page: Page<DelegationView>, end: End) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <p>"Nobody has given their reviews to anybody"</p> }.into_any();
    }
    let list = Paged::new(page, api::list_delegations);
    view! {
        <ul class="plain-rows" aria-label="Reviews that were given">
            <For each=move || list.items.get() key=|one| one.id let:one>
                {shown(&one, end)}
            </For>
        </ul>
        <More of=list/>
    }
    .into_any()
}

fn shown(one: &DelegationView, end: End) -> AnyView {
    let now = DateTime::from_timestamp_millis(clock::now()).unwrap_or_default();
    let words = format!("{} decides for {}", one.delegate, one.principal);
    let state = State::of(one, now);
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

    #[test]
    fn what_is_over_or_was_ended_is_not_ended_again() {
        let state = |lasts: bool, ended_at: Option<&str>, ends_at: &str| {
            let one = json!({"id": uuid::Uuid::nil(), "principal": "a@b.c", "delegate": "b@b.c", "from_day": "2026-12-01",
                "to_day": "2026-12-01", "zone": "UTC", "starts_at": "2026-12-01T00:00:00Z", "ends_at": ends_at,
                "ended_at": ended_at, "created_at": "2026-11-01T00:00:00Z", "lasts": lasts});
            let one: DelegationView = serde_json::from_value(one).unwrap();
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
