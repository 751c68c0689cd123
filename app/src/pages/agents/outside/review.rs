//! What is offered, for the library and the editor's palette alike: the list of it, and one offer with what it would change, to be accepted.
//! Must never accept without having shown the ports: they are what every later workflow is drawn with.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    AgentId, AgentSpec,
    api::{AcceptOffer, OfferView, Page},
};

use super::{
    compare::Ports,
    ports::{Named, PortsTable},
};
use crate::{
    api,
    components::{Button, RelativeTime, Skeleton, SkeletonKind, Variant, use_toasts},
    error::AppError,
    form::{FormError, outcome},
    load::Loaded,
    paged::at_least,
    polled::polled,
    reactive::effect,
    session::use_session,
    words,
};

/// Workers come when they are started, and nobody tells the page.
const EVERY: Duration = Duration::from_secs(5);

/// What is offered, as far as it is shown, the newest first.
pub(in crate::pages) type Offered = RwSignal<Page<OfferView>>;

/// What is offered as it was read with the page, and read again while it is looked at.
pub(super) fn follow_offers(read: Page<OfferView>) -> Offered {
    let offers = RwSignal::new(read);
    polled(EVERY, move || first(n_shown(offers)), move |now| take(offers, now));
    offers
}

/// The same for a page that does not wait for it: read once the page is there.
pub(in crate::pages) fn provide_offers() -> Offered {
    let offers = follow_offers(Page { items: Vec::new(), next: None });
    let session = use_session();
    effect(move || {
        let _ = session.epoch();
        spawn_local(async move {
            // An error leaves the list empty; it is asked for again.
            match first(n_shown(offers)).await {
                Ok(now) => take(offers, now),
                Err(error) => session.note(&error),
            }
        });
    });
    offers
}

fn n_shown(offers: Offered) -> usize {
    offers.try_with_untracked(|offers| offers.items.len()).unwrap_or_default()
}

fn take(offers: Offered, now: Page<OfferView>) {
    if offers.try_with_untracked(|known| *known != now) == Some(true) {
        offers.set(now);
    }
}

/// So many of the first.
pub(super) async fn first(n: usize) -> Result<Page<OfferView>, AppError> {
    at_least(n, |offer| (offer.agent_id.clone(), offer.hash.clone()), api::list_offers).await
}

/// One offer beside what it follows, with the way to accept it.
#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(in crate::pages) fn OfferReview(offer: OfferView, #[prop(into)] on_accepted: Callback<AgentSpec>) -> impl IntoView {
    let toasts = use_toasts();
    let id = offer.agent_id.clone();
    let before = offer.latest_version;
    let loaded = Resource::new(|| (), move |()| follows(id.clone(), before));
    let wanted = AcceptOffer { agent_id: offer.agent_id.clone(), hash: offer.hash.clone() };
    let accept = Action::new(move |(): &()| api::accept_offer(wanted.clone()));
    let error = outcome(accept, move |spec: AgentSpec| {
        toasts.success(format!("{} is in the library as version {}", spec.name, spec.version));
        on_accepted.run(spec);
    });
    let next = before.unwrap_or(0) + 1;
    let after = StoredValue::new(Named { name: "Offered".to_owned(), ports: Ports::of_offer(&offer) });
    let who = offered_words(&offer);
    let is_changed = before.is_some();
    let (description, timeout) = (offer.description.clone(), offer.timeout_s);
    view! {
        <div class="form">
            <div class="stack" data-gap="2">
                {(!description.is_empty()).then(|| view! { <p>{description}</p> })}
                <p class="muted small">{who} ", first " <RelativeTime at=offer.first_offered_at/></p>
                {timeout.map(|seconds| view! { <p class="muted small">{format!("Its author gives it {} for each try", words::count(seconds, "second"))}</p> })}
                {is_changed.then(|| view! {
                    <p>"Workflows keep the version that they were published with. Workers that offer other ports go on with theirs: both run beside each other."</p>
                })}
            </div>
            <Loaded of=loaded fallback=|| view! { <div aria-busy="true"><Skeleton kind=SkeletonKind::Card/></div> } let:spec>
                {
                    let before = spec.map(|spec| Named {
                        name: format!("Version {}", spec.version),
                        ports: Ports::of_agent(&spec),
                    });
                    view! { <PortsTable before after=after.get_value()/> }
                }
            </Loaded>
            <FormError error/>
            <div class="form-actions">
                <Button
                    variant=Variant::Primary
                    icon="check"
                    loading=accept.pending()
                    disabled=Signal::derive(move || !matches!(loaded.get(), Some(Ok(_))))
                    on_click=move |()| {
                        accept.dispatch(());
                    }
                >
                    {format!("Accept as version {next}")}
                </Button>
            </div>
        </div>
    }
}

/// The version that it comes after, if there is one.
async fn follows(id: AgentId, version: Option<i32>) -> Result<Option<AgentSpec>, AppError> {
    match version {
        Some(version) => api::get_agent(id, Some(version)).await.map(Some),
        None => Ok(None),
    }
}

/// "Offered by 2 workers with the token reports".
pub(super) fn offered_words(offer: &OfferView) -> String {
    match offer.n_sessions {
        0 => format!("Offered with the token {}; no worker that offers it is connected now", offer.token_name),
        n => format!("Offered by {} with the token {}", words::count(n, "worker"), offer.token_name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(n_sessions: i64) -> OfferView {
        serde_json::from_value(
            json!({"agent_id": "a", "hash": "9f", "name": "A", "description": "", "inputs": [], "outputs": [],
            "side_effects": "none", "timeout_s": null, "token": uuid::Uuid::nil(), "token_name": "reports",
            "first_offered_at": "2026-01-01T00:00:00Z", "last_offered_at": "2026-01-01T00:00:00Z",
            "accepted_version": null, "n_sessions": n_sessions, "latest_version": null}),
        )
        .unwrap()
    }

    #[test]
    fn who_offers_it_is_said() {
        assert_eq!(offered_words(&offer(2)), "Offered by 2 workers with the token reports");
        assert!(offered_words(&offer(0)).ends_with("no worker that offers it is connected now"));
    }
}
