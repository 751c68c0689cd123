//! What was sent, attempt by attempt, with what the other side said, and the way to send it once more.

use leptos::prelude::*;
use workflow::{
    api::{DeliveryPage, DeliveryQuery, NoticeDelivery, NoticeKind, NoticeState},
    id::NoticeId,
};

use super::LogOf;
use crate::{
    address::step_of_run,
    api,
    clock::duration_words,
    components::{Badge, Button, Checkbox, Empty, RelativeTime, RowsSkeleton, Size, TableShell, Tone, use_toasts},
    error::AppError,
    form::{FormError, outcome},
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
};

#[component]
pub(super) fn Deliveries(log_of: LogOf) -> impl IntoView {
    let toasts = use_toasts();
    let is_failed_only = RwSignal::new(false);
    let query = move || DeliveryQuery {
        address: log_of.with(|of| of.as_ref().map(|(id, _)| *id)),
        failed: is_failed_only.get(),
    };
    let found = Resource::new(query, |query| api::notice_deliveries(query, None));
    refetch_after_sign_in(found, Result::is_err);
    let resend = Action::new(|id: &NoticeId| api::resend_notice(*id));
    let error = outcome(resend, move |()| {
        toasts.success("It is sent once more, and stands here once it was tried");
        found.refetch();
    });
    view! {
        <section class="stack" data-gap="2" aria-labelledby="deliveries">
            <div class="section-head">
                <h2 id="deliveries">"Messages"</h2>
                <div class="row wrap push">
                    {move || log_of.get().map(|(_, name)| view! {
                        <Badge tone=Tone::Accent>"To " <bdi>{name}</bdi></Badge>
                        <Button size=Size::Sm on_click=move |()| log_of.set(None)>"Show all"</Button>
                    })}
                    <Checkbox checked=is_failed_only label="Failed ones only"/>
                    <Button size=Size::Sm icon="refresh-cw" on_click=move |()| found.refetch()>"Look again"</Button>
                </div>
            </div>
            <FormError error/>
            <Loaded of=found fallback=|| view! { <RowsSkeleton n=3/> } let:page>
                <Log page query=untrack(query) resend/>
            </Loaded>
        </section>
    }
}

#[component]
fn Log(page: DeliveryPage, query: DeliveryQuery, resend: Action<NoticeId, Result<(), AppError>>) -> impl IntoView {
    let list = Paged::new(page, move |after| api::notice_deliveries(query.clone(), after));
    view! {
        <Show when=move || !list.items.with(Vec::is_empty) fallback=Nothing>
            <TableShell label="Log of messages" cards=true>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader" data-at="below">"When"</th>
                        <th scope="col" role="columnheader" data-at="name">"To"</th>
                        <th scope="col" role="columnheader" class="wide-only">"About"</th>
                        <th scope="col" role="columnheader" data-at="under">"What came of it"</th>
                        <th scope="col" role="columnheader" data-at="acts"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody role="rowgroup">
                    <For each=move || list.items.get() key=|delivery| delivery.id let:delivery>
                        <Row delivery resend/>
                    </For>
                </tbody>
            </TableShell>
        </Show>
        <More of=list/>
    }
}

#[component]
fn Nothing() -> impl IntoView {
    view! {
        <Empty
            icon="send"
            framed=true
            level=3
            title="Nothing was sent"
            text="What is sent to people and addresses stands here, each attempt with its answer."
        />
    }
}

/// What a message was about.
fn about(delivery: &NoticeDelivery) -> String {
    match (delivery.kind, delivery.n_gates) {
        (NoticeKind::Asks, 1) => "A review".to_owned(),
        (NoticeKind::Asks, n) => crate::words::count(n, "review"),
        (NoticeKind::Outcome, 1) => "A decision".to_owned(),
        (NoticeKind::Outcome, n) => crate::words::count(n, "decision"),
    }
}

/// What came of an attempt, and, where it failed, what becomes of its message.
fn result(delivery: &NoticeDelivery) -> (Tone, &'static str) {
    match (delivery.is_success, delivery.state) {
        (true, _) => (Tone::Success, "Sent"),
        (false, NoticeState::Waiting) => (Tone::Warn, "Failed, is tried again"),
        (false, NoticeState::Sent) => (Tone::Neutral, "Failed, sent later"),
        (false, NoticeState::Dropped) => (Tone::Neutral, "Failed, no longer needed"),
        (false, NoticeState::Failed) => (Tone::Error, "Failed"),
    }
}

/// "HTTP 503" or what a server for mail said, and how long it took.
fn answered(delivery: &NoticeDelivery) -> String {
    let took = duration_words(delivery.milliseconds);
    match (delivery.status, delivery.address) {
        (Some(status), Some(_)) => format!("HTTP {status}, {took}"),
        (Some(status), None) => format!("SMTP {status}, {took}"),
        (None, _) => took,
    }
}

#[component]
fn Row(delivery: NoticeDelivery, resend: Action<NoticeId, Result<(), AppError>>) -> impl IntoView {
    let (message, to) = (delivery.message, delivery.to.clone());
    let (tone, words) = result(&delivery);
    let href = step_of_run(delivery.run_id, &delivery.step);
    let is_over = delivery.state != NoticeState::Waiting;
    let (about, answered) = (about(&delivery), answered(&delivery));
    view! {
        <tr role="row">
            <td role="cell" data-at="below"><RelativeTime at=delivery.at/></td>
            <td role="cell" class="wrap" data-at="name"><bdi>{to.clone()}</bdi></td>
            <td role="cell" class="wide-only"><a href=href>{about}</a></td>
            <td role="cell" class="wrap" data-at="under">
                <span class="cell-line"><Badge tone>{words}</Badge> <span class="muted small">{answered}</span></span>
                {delivery.error.map(|error| view! { <div class="small"><bdi>{error}</bdi></div> })}
                {delivery.answer.filter(|answer| !answer.is_empty()).map(|answer| view! {
                    <details class="small"><summary>"Its answer"</summary><code dir="auto">{answer}</code></details>
                })}
            </td>
            <td role="cell" class="row-actions" data-at="acts">
                {is_over.then(|| view! {
                    <Button
                        size=Size::Sm
                        disabled=resend.pending()
                        on_click=move |()| {
                            resend.dispatch(message);
                        }
                    >
                        "Resend"
                        <span class="visually-hidden">{format!("to {to}")}</span>
                    </Button>
                })}
            </td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delivery(is_success: bool, state: &str, status: Option<i32>, is_mail: bool) -> NoticeDelivery {
        let address = (!is_mail).then(uuid::Uuid::nil);
        serde_json::from_value(json!({
            "id": 1, "message": uuid::Uuid::nil(), "at": "2026-01-01T00:00:00Z", "address": address, "to": "Room", "kind": "asks",
            "run_id": uuid::Uuid::nil(), "step": "a", "n_gates": 2, "state": state, "is_success": is_success, "status": status,
            "milliseconds": 840, "error": null, "answer": null
        }))
        .unwrap()
    }

    #[test]
    fn an_attempt_says_what_came_of_it() {
        for (is_success, state, expected) in [
            (true, "sent", "Sent"),
            (false, "waiting", "Failed, is tried again"),
            (false, "sent", "Failed, sent later"),
            (false, "dropped", "Failed, no longer needed"),
            (false, "failed", "Failed"),
        ] {
            assert_eq!(result(&delivery(is_success, state, None, false)).1, expected);
        }
        assert_eq!(answered(&delivery(false, "failed", Some(503), false)), "HTTP 503, 840 ms");
        assert_eq!(answered(&delivery(false, "failed", Some(451), true)), "SMTP 451, 840 ms");
        assert_eq!(answered(&delivery(false, "failed", None, true)), "840 ms");
        assert_eq!(about(&delivery(true, "sent", None, true)), "2 reviews");
    }
}
