//! Another secret for what an address is sent: asked first, since the old one ends at once, then shown once.

use leptos::prelude::*;
use workflow::{
    api::{NoticeAddressSecret, NoticeAddressView},
    id::NoticeAddressId,
    secret::Hidden,
};

use super::address_form::secret_shown;
use crate::{
    api,
    components::{Button, Dialog, Variant, focus_in_dialog, open_while_chosen},
    form::{FormError, outcome},
    pages::new_secret::Shown,
    reactive::effect,
};

/// Opens for whatever is put into `of`.
#[component]
pub(super) fn Renew(
    of: RwSignal<Option<NoticeAddressView>>,
    #[prop(into)] on_done: Callback<NoticeAddressView>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    let shown = Shown::new();
    effect(move || {
        if !open.get() {
            shown.set(false);
        }
    });
    let title = Signal::derive(move || {
        let name = of.with(|address| address.as_ref().map(|address| address.name.clone()).unwrap_or_default());
        format!("New signing secret for {name}")
    });
    view! {
        <Dialog
            id="renew-secret"
            open
            title
            description="The one it has ends at once: its receiver refuses what is sent until it knows the new one"
            locked=shown.is_uncopied
            on_refused=move |()| shown.is_asked.set(true)
        >
            {move || of.get_untracked().map(|address| view! { <Ask id=address.id open shown on_done/> })}
        </Dialog>
    }
}

#[component]
fn Ask(id: NoticeAddressId, open: RwSignal<bool>, shown: Shown, on_done: Callback<NoticeAddressView>) -> impl IntoView {
    let made = RwSignal::new(None::<String>);
    let renew = Action::new(move |(): &()| api::renew_notice_secret(id));
    let error = outcome(renew, move |renewed: NoticeAddressSecret| {
        if let Some(Hidden(secret)) = renewed.secret {
            made.set(Some(secret));
            shown.set(true);
            focus_in_dialog("renew-secret");
        } else {
            open.set(false);
        }
        on_done.run(renewed.address);
    });
    move || {
        if let Some(secret) = made.get() {
            return secret_shown(secret, open, shown);
        }
        view! {
            <div class="form">
                <FormError error/>
                <div class="form-actions">
                    <Button on_click=move |()| open.set(false)>"Close"</Button>
                    <Button
                        variant=Variant::Danger
                        loading=renew.pending()
                        on_click=move |()| {
                            renew.dispatch(());
                        }
                    >
                        "Make a new secret"
                    </Button>
                </div>
            </div>
        }
        .into_any()
    }
}
