//! In place of what was read and waits no more: who decided it, as far as that is known, and the way on.

use leptos::prelude::*;

use super::{
    asked::{Asked, Tab},
    gone::Gone,
    state::Inbox,
    words,
};
use crate::{
    address::step_of_run,
    components::{Avatar, Button, Icon, LinkButton, RelativeTime, Size, Variant},
};

#[component]
pub(super) fn GoneNotice(inbox: Inbox, gone: Gone) -> impl IntoView {
    let Gone { gate, title, closed } = gone;
    let title = title.unwrap_or_else(|| "This review".to_owned());
    let run = step_of_run(gate.0, &gate.1);
    let words = match closed {
        Some(closed) => {
            let text = closed.text.clone();
            view! {
                <p class="inbox-gone-who">
                    <span>{words::verdict(closed.verdict)}</span>
                    {closed.by.map(|by| view! {
                        <span class="row">"by " <Avatar name=by.clone() size=Size::Sm/> <bdi>{by}</bdi></span>
                    })}
                    <RelativeTime at=closed.closed_at/>
                </p>
                {text.map(|text| view! { <blockquote class="inbox-text" dir="auto">{text}</blockquote> })}
            }
            .into_any()
        }
        None => view! { <p>"It was decided, or somebody else is waited for now."</p> }.into_any(),
    };
    let next = move || {
        inbox.list().items.track();
        inbox.following(&gate)
    };
    let history = Asked { tab: Tab::History, ..Asked::default() }.address();
    view! {
        <div class="inbox-gone" role="status">
            <span class="empty-icon"><Icon name="check" size=Size::Lg/></span>
            <h2><bdi>{title}</bdi> " does not wait for you any more"</h2>
            {words}
            <div class="empty-actions">
                {move || next().map(|next| view! {
                    <Button variant=Variant::Primary icon="arrow-down" on_click=move |()| inbox.open(Some(next.clone()))>
                        "Read the next one"
                    </Button>
                })}
                <LinkButton href=run>"Open the run"</LinkButton>
                <LinkButton href=history>"History"</LinkButton>
            </div>
        </div>
    }
}
