//! Where one is signed in, with the means to end it there.

use leptos::prelude::*;
use workflow::api::SessionView;

use crate::{
    api,
    components::{
        Badge, Button, Icon, RelativeTime, RowsSkeleton, Size, Tone, dom,
        keep_focus::{focus_first, keep_focus},
        use_toasts,
    },
    error::AppError,
    form::{FormError, outcome},
    load::Loaded,
    paged::{More, Paged},
    session::use_session,
};

const CARD: &str = "sessions";

#[component]
pub(super) fn Sessions(ends: RwSignal<u32>) -> impl IntoView {
    let session = use_session();
    let sessions = Resource::new(move || (session.epoch(), ends.get()), |_| api::list_sessions(None));
    let toasts = use_toasts();
    let revoke = Action::new(|id: &String| api::revoke_session(id.clone()));
    let error = outcome(revoke, move |()| {
        toasts.success("Session ended");
        sessions.refetch();
    });
    // The row that was ended goes with the button that was pressed: the keyboard goes on at the next one, or at the heading.
    keep_focus(
        move || sessions.track(),
        |element| element.closest(&format!("#{CARD}")).ok().flatten(),
        |card| focus_first(dom::all(&card, ".plain-row button").into_iter().chain(dom::all(&card, "h2"))),
    );
    view! {
        <section class="card" id=CARD>
            <div class="card-head"><h2 tabindex="-1">"Sessions"</h2></div>
            <div class="card-body stack">
                <p class="muted">"The browsers in which you are signed in. End any that you do not know, then change your password."</p>
                <FormError error/>
                <Loaded of=sessions fallback=|| view! { <RowsSkeleton n=1/> } let:page>
                    <List sessions=Paged::new(page, api::list_sessions) revoke/>
                </Loaded>
            </div>
        </section>
    }
}

#[component]
fn List(sessions: Paged<SessionView>, revoke: Action<String, Result<(), AppError>>) -> impl IntoView {
    view! {
        <ul class="plain-rows">
            <For each=move || sessions.items.get() key=|session| session.id.clone() let:session>
                <Row session revoke/>
            </For>
        </ul>
        <More of=sessions/>
    }
}

#[component]
fn Row(session: SessionView, revoke: Action<String, Result<(), AppError>>) -> impl IntoView {
    let device = device(&session.user_agent);
    let pending = revoke.pending();
    let id = session.id.clone();
    let end = if session.is_current {
        view! { <Badge tone=Tone::Success>"This one"</Badge> }.into_any()
    } else {
        view! {
            <Button
                size=Size::Sm
                // Not disabled meanwhile: a browser takes the focus from what is.
                on_click=move |()| {
                    if !pending.get_untracked() {
                        revoke.dispatch(id.clone());
                    }
                }
            >
                "End"
                <span class="visually-hidden">{format!("the session of {device}")}</span>
            </Button>
        }
        .into_any()
    };
    view! {
        <li class="plain-row">
            <Icon name="monitor"/>
            <div class="list-main">
                <strong>{self::device(&session.user_agent)}</strong>
                <div class="list-sub">
                    <span>"last seen " <RelativeTime at=session.last_seen_at/></span>
                    <span>"since " <RelativeTime at=session.created_at/></span>
                </div>
            </div>
            {end}
        </li>
    }
}

/// Browser and system in words; what is not known is shown as it came.
fn device(user_agent: &str) -> String {
    let has = |part: &str| user_agent.contains(part);
    // The order matters: almost every browser also names the ones that it wants to be taken for.
    let browser =
        [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chrome"), ("Safari/", "Safari")]
            .into_iter()
            .find(|(mark, _)| has(mark));
    let system = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find(|(mark, _)| has(mark));
    match (browser, system) {
        (Some((_, browser)), Some((_, system))) => format!("{browser} on {system}"),
        (Some((_, browser)), None) => browser.to_owned(),
        _ if user_agent.trim().is_empty() => "Unknown browser".to_owned(),
        _ => user_agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn browsers_are_known_by_their_names() {
        let table = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "Unknown browser"),
        ];
        for (user_agent, expected) in table {
            assert_eq!(device(user_agent), expected);
        }
    }
}
