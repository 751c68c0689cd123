//! Why a result is stale, in words: what itself changed, apart from what changed before it.

use leptos::prelude::*;
use workflow::{
    RunView,
    api::{StaleReason, Staleness},
};

use super::{one_step::OneStep, state::title_of};
use crate::reactive::memo;
use crate::words;

/// Names listed before "and N more".
const NAMED: usize = 4;

fn reason_words(run: &RunView, reason: &StaleReason) -> String {
    let artifact = |step, name: &str| format!("{} · {name}", title_of(run, step));
    match reason {
        StaleReason::Artifact { step, name, consumed, now, .. } => {
            format!("because {} is now v{now}; it was made with v{consumed}", artifact(step, name))
        }
        StaleReason::ArtifactGone { step, name, .. } => {
            format!("because {} is not there any more", artifact(step, name))
        }
        StaleReason::Input { port } => format!("because the input “{port}” has another value now"),
        StaleReason::Prompt => "because the prompt changed".to_owned(),
        StaleReason::AgentVersion { consumed, now } => {
            format!("because its agent is now version {now}; it was made with version {consumed}")
        }
        StaleReason::Dependencies => "because it waits for other steps now".to_owned(),
    }
}

/// Every reason as a sentence; the last is about what comes before it.
pub(super) fn sentences(run: &RunView, staleness: &Staleness) -> Vec<String> {
    let mut sentences: Vec<String> = staleness.because.iter().map(|reason| reason_words(run, reason)).collect();
    if staleness.because.is_empty() && !staleness.through.is_empty() {
        let names: Vec<String> = staleness.through.iter().map(|key| title_of(run, key)).collect();
        sentences.push(format!("something before it is stale: {}", words::list(&names, NAMED)));
    }
    sentences
}

/// The title of a step with why it is stale, for where its mark is pointed at.
pub(super) fn tip(one: OneStep) -> String {
    let live = one.live;
    let why = live.stale.with(|stale| {
        let stale = stale.get(&one.key())?;
        Some(live.run.with_untracked(|run| sentences(run, stale)))
    });
    format!("{}. Stale: {}", one.title(), why.unwrap_or_default().join("; "))
}

/// Says that the result is stale, and why.
#[component]
pub(super) fn StaleNote(one: OneStep) -> impl IntoView {
    let live = one.live;
    let reasons = memo(move || {
        let key = one.key();
        live.stale.with(|stale| stale.get(&key).map(|stale| live.run.with_untracked(|run| sentences(run, stale))))
    });
    let list =
        move || reasons.get().unwrap_or_default().into_iter().map(|reason| view! { <li>{reason}</li> }).collect_view();
    view! {
        <Show when=move || reasons.with(Option::is_some)>
            <div class="stale-note">
                <strong>"This result is stale"</strong>
                <ul>{list}</ul>
            </div>
        </Show>
    }
}
