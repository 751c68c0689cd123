//! The addresses that people may choose, and those that Weft gave up, which admins are told of first.

use leptos::prelude::*;
use workflow::{
    api::{ChangeNoticeAddress, NoticeAddressView, NoticeTest},
    id::NoticeAddressId,
};

use super::{
    LogOf,
    address_form::{ChangeAddress, NewAddress},
    answer::Answer,
    renew::Renew,
    row::Row,
    verbs::Verbs,
};
use crate::{
    api,
    components::{Banner, Button, Empty, Kind, RowsSkeleton, Size, use_toasts},
    form::{FormError, outcome},
    load::{Loaded, refetch_after_sign_in},
    pages::deleting::{DeleteQuestion, Deleting},
    reactive::effect,
};

/// What deleting one means.
const DELETED: &str =
    "Nothing is sent there any more, and what people chose for it is gone. Messages that wait for it are not sent.";

#[component]
pub(super) fn Addresses(is_adding: RwSignal<bool>, log_of: LogOf) -> impl IntoView {
    let addresses = Resource::new(|| (), |()| api::notice_addresses());
    refetch_after_sign_in(addresses, Result::is_err);
    view! {
        <section class="stack" data-gap="2" aria-labelledby="addresses">
            <div class="section-head"><h2 id="addresses">"Addresses"</h2></div>
            <Loaded of=addresses fallback=|| view! { <RowsSkeleton n=2/> } let:found>
                <List found is_adding log_of on_deleted=move |()| addresses.refetch()/>
            </Loaded>
        </section>
    }
}

#[component]
fn List(
    found: Vec<NoticeAddressView>,
    is_adding: RwSignal<bool>,
    log_of: LogOf,
    #[prop(into)] on_deleted: Callback<()>,
) -> impl IntoView {
    let toasts = use_toasts();
    let list = RwSignal::new(found);
    let take = move |address: NoticeAddressView| list.update(|list| replace(list, address));
    let verbs = Verbs {
        changing: RwSignal::new(None),
        renewing: RwSignal::new(None),
        deleting: Deleting::new(api::delete_notice_address, move || on_deleted.run(())),
        test: Action::new(|address: &NoticeAddressView| {
            let (id, name) = (address.id, address.name.clone());
            async move { api::test_notice_address(id).await.map(|test| (name, test)) }
        }),
        switch: Action::new(|(id, is_enabled): &(NoticeAddressId, bool)| {
            let change = ChangeNoticeAddress { is_enabled: Some(*is_enabled), ..ChangeNoticeAddress::default() };
            api::change_notice_address(*id, change)
        }),
        log_of,
    };
    let tested = RwSignal::new(None::<(String, NoticeTest)>);
    let not_tested = outcome(verbs.test, move |answer| tested.set(Some(answer)));
    effect(move || {
        if verbs.test.pending().get() {
            tested.set(None);
        }
    });
    let not_switched = outcome(verbs.switch, move |address: NoticeAddressView| {
        toasts.success(match address.disabled_at {
            None => format!("{} is told again", address.name),
            Some(_) => format!("Nothing is sent to {} any more", address.name),
        });
        take(address);
    });
    view! {
        <For each=move || list.with(|list| given_up(list)) key=|address| format!("{address:?}") let:address>
            <GivenUp address verbs/>
        </For>
        <FormError error=not_tested/>
        <FormError error=not_switched/>
        <FormError error=verbs.deleting.error/>
        {move || tested.get().map(|(to, test)| view! { <Answer to test/> })}
        <Show when=move || !list.with(Vec::is_empty) fallback=NoAddress>
            <ul class="plain-rows" aria-label="Addresses">
                // The whole address is the key: a row is drawn anew when it changes.
                <For each=move || list.get() key=|address| format!("{address:?}") let:address>
                    <Row address verbs/>
                </For>
            </ul>
        </Show>
        <NewAddress open=is_adding on_done=take/>
        <ChangeAddress of=verbs.changing on_done=take/>
        <Renew of=verbs.renewing on_done=take/>
        <DeleteQuestion deleting=verbs.deleting what="address" text=DELETED/>
    }
}

fn replace(list: &mut Vec<NoticeAddressView>, address: NoticeAddressView) {
    list.retain(|known| known.id != address.id);
    list.push(address);
    list.sort_unstable_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
}

fn given_up(list: &[NoticeAddressView]) -> Vec<NoticeAddressView> {
    list.iter().filter(|address| address.is_given_up && address.disabled_at.is_some()).cloned().collect()
}

#[component]
fn NoAddress() -> impl IntoView {
    view! {
        <Empty
            icon="bell"
            framed=true
            level=3
            title="No address yet"
            text="Register a webhook or a room of a chat, and people can choose to be told there."
        />
    }
}

/// Where nothing is sent any more, because nothing arrived.
#[component]
fn GivenUp(address: NoticeAddressView, verbs: Verbs) -> impl IntoView {
    let id = address.id;
    let error = address.last_error.clone().unwrap_or_default();
    let action = move || {
        view! {
            <Button
                size=Size::Sm
                disabled=verbs.switch.pending()
                on_click=move |()| {
                    verbs.switch.dispatch((id, true));
                }
            >
                "Switch it on again"
            </Button>
        }
    };
    view! {
        <Banner kind=Kind::Warn title=format!("{} was switched off", address.name) action>
            {match address.n_failures {
                1 => "The last attempt failed".to_owned(),
                n => format!("{} in a row failed", crate::words::count(n, "attempt")),
            }}
            {(!error.is_empty()).then(|| view! { ": " <bdi>{error}</bdi> })}
            ". People who chose it are told nothing there until it is switched on again."
        </Banner>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address(n: u128, name: &str, is_given_up: bool) -> NoticeAddressView {
        serde_json::from_value(json!({
            "id": uuid::Uuid::from_u128(n), "name": name, "kind": "webhook", "place": "https://example.org", "is_readable": true,
            "created_at": "2026-01-01T00:00:00Z", "disabled_at": is_given_up.then_some("2026-01-02T00:00:00Z"),
            "is_given_up": is_given_up, "n_failures": 0, "last_delivery_at": null, "last_error": null, "n_people": 0
        }))
        .unwrap()
    }

    #[test]
    fn an_address_that_changed_takes_its_place_by_name() {
        let mut list = vec![address(1, "a", false), address(2, "c", true)];
        replace(&mut list, address(3, "b", false));
        replace(&mut list, address(1, "d", false));
        let names: Vec<&str> = list.iter().map(|address| address.name.as_str()).collect();
        assert_eq!(names, ["b", "c", "d"]);
        assert_eq!(given_up(&list).len(), 1);
        replace(&mut list, NoticeAddressView { disabled_at: None, ..address(2, "c", true) });
        assert!(given_up(&list).is_empty(), "it is on again");
    }
}
