//! The dialogs in which an address is registered and changed. Where it leads is a key mostly: it is sent once, and never shown.

use leptos::prelude::*;
use workflow::{
    api::{
        AddressKind, ChangeNoticeAddress, MAX_ADDRESS_NAME_CHARS, NewNoticeAddress, NoticeAddressSecret,
        NoticeAddressView,
    },
    secret::Hidden,
};

use crate::{
    api,
    components::{Dialog, DialogForm, Field, RadioList, TextInput, focus_in_dialog, open_while_chosen, use_toasts},
    form::{FormError, at_field, outcome},
    pages::new_secret::{Made, Shown},
    reactive::effect,
};

#[component]
pub(super) fn NewAddress(open: RwSignal<bool>, #[prop(into)] on_done: Callback<NoticeAddressView>) -> impl IntoView {
    let shown = Shown::new();
    effect(move || {
        // Closed after all, by whatever way, there is nothing left to copy.
        if !open.get() {
            shown.set(false);
        }
    });
    view! {
        <Dialog
            id="new-address"
            open
            title="New address"
            description="People can choose it from then on; nothing is sent there until somebody does"
            locked=shown.is_uncopied
            on_refused=move |()| shown.is_asked.set(true)
        >
            <NewForm open shown on_done/>
        </Dialog>
    }
}

/// Of what a webhook is signed with.
const KEPT: &str = "whoever receives the messages checks them with it";

/// The secret that was made, in place of what asked for it.
pub(super) fn secret_shown(secret: String, open: RwSignal<bool>, shown: Shown) -> AnyView {
    view! {
        <p>"The receiver checks with this secret that a message is from this Weft and was not changed, as Standard Webhooks say."</p>
        <Made token=secret open shown what="secret" kept=KEPT copy="Copy the secret"/>
    }
    .into_any()
}

#[component]
fn NewForm(open: RwSignal<bool>, shown: Shown, on_done: Callback<NoticeAddressView>) -> impl IntoView {
    let toasts = use_toasts();
    let (name, url) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let kind = RwSignal::new(AddressKind::Webhook.as_str().to_owned());
    let made = RwSignal::new(None::<String>);
    let add = Action::new(move |(): &()| {
        api::add_notice_address(NewNoticeAddress {
            name: name.get_untracked().trim().to_owned(),
            kind: kind_of(&kind.get_untracked()),
            url: Hidden(url.get_untracked().trim().to_owned()),
        })
    });
    let error = outcome(add, move |added: NoticeAddressSecret| {
        url.set(String::new());
        if let Some(Hidden(secret)) = added.secret {
            made.set(Some(secret));
            shown.set(true);
            // The form that had the focus is gone; Esc would go past the dialog.
            focus_in_dialog("new-address");
        } else {
            open.set(false);
            toasts.success(format!("People can choose {} now", added.address.name));
        }
        on_done.run(added.address);
    });
    move || {
        if let Some(secret) = made.get() {
            return secret_shown(secret, open, shown);
        }
        view! {
            <DialogForm
                open
                submit="Add address"
                pending=add.pending()
                on_submit=move |()| {
                    add.dispatch(());
                }
            >
                <FormError error fields=&["name", "url"]/>
                <NameField name error=at_field(error, "name")/>
                <RadioList value=kind choices=kinds() name="address-kind" label="Kind"/>
                <Field id="address-url" label="Address" required=true help=URL_HELP error=at_field(error, "url")>
                    <TextInput value=url kind="url" mono=true autocomplete="off" placeholder="https://hooks.example.org/…"/>
                </Field>
            </DialogForm>
        }
        .into_any()
    }
}

fn kinds() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("webhook", "Webhook", "A program of yours: JSON, signed as Standard Webhooks say"),
        ("slack", "Slack", "An incoming webhook of Slack, or of a chat that takes the same"),
    ]
}

const URL_HELP: &str =
    "It is stored encrypted and not shown again. Networks of your own are reached only where the operator allows it.";

fn kind_of(value: &str) -> AddressKind {
    if value == AddressKind::Slack.as_str() { AddressKind::Slack } else { AddressKind::Webhook }
}

#[component]
fn NameField(name: RwSignal<String>, error: Signal<Option<String>>) -> impl IntoView {
    let most = u32::try_from(MAX_ADDRESS_NAME_CHARS).unwrap_or(u32::MAX);
    view! {
        <Field id="address-name" label="Name" required=true help="What people choose it by, such as “Room of the editors”" error>
            <TextInput value=name autocomplete="off" autofocus=true maxlength=most/>
        </Field>
    }
}

/// Opens for whatever is put into `of`.
#[component]
pub(super) fn ChangeAddress(
    of: RwSignal<Option<NoticeAddressView>>,
    #[prop(into)] on_done: Callback<NoticeAddressView>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|address| address.as_ref().map(|address| format!("Change {}", address.name)).unwrap_or_default())
    });
    view! {
        <Dialog id="change-address" open title description="What people chose for it stays">
            {move || of.get_untracked().map(|address| view! { <ChangeForm address open on_done/> })}
        </Dialog>
    }
}

#[component]
fn ChangeForm(address: NoticeAddressView, open: RwSignal<bool>, on_done: Callback<NoticeAddressView>) -> impl IntoView {
    let toasts = use_toasts();
    let (name, url) = (RwSignal::new(address.name), RwSignal::new(String::new()));
    let id = address.id;
    let change = Action::new(move |(): &()| {
        let url = url.get_untracked().trim().to_owned();
        let change = ChangeNoticeAddress {
            name: Some(name.get_untracked().trim().to_owned()),
            url: (!url.is_empty()).then_some(Hidden(url)),
            is_enabled: None,
        };
        api::change_notice_address(id, change)
    });
    let error = outcome(change, move |address: NoticeAddressView| {
        open.set(false);
        toasts.success(format!("{} is changed", address.name));
        on_done.run(address);
    });
    view! {
        <DialogForm
            open
            submit="Save"
            pending=change.pending()
            on_submit=move |()| {
                change.dispatch(());
            }
        >
            <FormError error fields=&["name", "url"]/>
            <NameField name error=at_field(error, "name")/>
            <Field
                id="address-url"
                label="Another address"
                optional=true
                help=format!("It leads to {} today. {URL_HELP}", address.place)
                error=at_field(error, "url")
            >
                <TextInput value=url kind="url" mono=true autocomplete="off"/>
            </Field>
        </DialogForm>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_chosen() {
        for kind in [AddressKind::Webhook, AddressKind::Slack] {
            assert_eq!(kind_of(kind.as_str()), kind);
        }
    }
}
