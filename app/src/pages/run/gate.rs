//! The gate that a step waits at: who may decide and who has, until when, and how often its result was sent back.

use leptos::prelude::*;

use super::one_step::OneStep;
use crate::reactive::memo;
use crate::{
    components::{Avatar, RelativeTime, Size},
    pages::review::{
        in_place::InPlaceOf,
        rounds::{Rounds, then_words},
    },
    words,
};

/// Who may decide at the gate, who has, and until when.
#[component]
pub(super) fn GateFacts(one: OneStep) -> impl IntoView {
    let review = memo(move || one.step.with(|step| step.as_ref().and_then(|step| step.review.clone())));
    let facts = move || {
        let review = review.get()?;
        let mut who: Vec<String> = review.users.clone();
        who.extend(review.groups.iter().map(|group| format!("group {}", one.live.group_name(group))));
        who.extend(review.roles.iter().map(|role| if role == "admin" { "admins" } else { "all users" }.to_owned()));
        let rounds = rounds_of(one);
        // The usual gate needs no words.
        let is_usual =
            who.is_empty() && review.quorum <= 1 && review.due_at.is_none() && review.allow_self && rounds.used == 0;
        if is_usual {
            return None;
        }
        let asked = if who.is_empty() { "The run's owner and admins".to_owned() } else { words::list(&who, 4) };
        let n_votes = review.approvals.len();
        let votes = (review.quorum > 1).then(|| {
            let names: Vec<AnyView> = review
                .approvals
                .iter()
                .map(|email| {
                    let whom = review.approved_for.get(email).map(|whom| format!(" for {whom}"));
                    view! { <span class="row"><Avatar name=email.clone() size=Size::Sm/> {email.clone()} {whom}</span> }
                        .into_any()
                })
                .collect();
            view! {
                <div><dt>"Approvals"</dt><dd>{format!("{n_votes} of {}", review.quorum)} {names}</dd></div>
            }
        });
        let due = review.due_at.map(|at| {
            let then = then_words(one.definition(|step| step.review.on_timeout));
            view! { <div><dt>"Due"</dt><dd><RelativeTime at ahead=true/> ", " {then}</dd></div> }
        });
        let round = (rounds.used > 0).then(|| view! { <div><dt>"Sent back"</dt><dd>{rounds.words()}</dd></div> });
        let own = (!review.allow_self)
            .then(|| view! { <div><dt>"Not by"</dt><dd>"who started the run or wrote this version"</dd></div> });
        Some(view! {
            <dl class="facts gate-facts">
                <div><dt>"May decide"</dt><dd>{asked}</dd></div>
                {votes} {due} {round} {own}
            </dl>
        })
    };
    view! { {facts} }
}

/// Said before anything is decided: in whose place that would be.
#[component]
pub(super) fn InPlace(one: OneStep) -> impl IntoView {
    let whose = memo(move || one.in_place_of());
    view! { <InPlaceOf whose/> }
}

/// How often the result of the step was sent back, and how often it may be.
pub(super) fn rounds_of(one: OneStep) -> Rounds {
    let used = one.read(|step| step.feedback.as_ref().map_or(0, |feedback| feedback.round));
    let most = one.definition(|step| step.review.max_rounds);
    Rounds { used, most: i32::try_from(most).unwrap_or(i32::MAX) }
}
