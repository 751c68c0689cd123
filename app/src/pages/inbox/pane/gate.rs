//! One gate as it is read: its head, what was said before, what is there with its difference and its sources, and the way to decide.
//! Must be drawn anew only for another gate or another content: votes and deadlines change in place.

use leptos::prelude::*;
use workflow::api::Company;

use super::{
    head::Head,
    newer::Newer,
    sources::Sources,
    versions::{Changes, Output},
};
use crate::{
    components::{Segment, Segmented},
    pages::{
        inbox::decide::{
            DecideBar,
            desk::{Desk, Sight, is_form},
        },
        review::rounds::Rounds,
    },
};

#[component]
pub(super) fn Gate(desk: Desk, sight: Sight, company: Memo<Option<Company>>) -> impl IntoView {
    let Some(reading) = desk.reading_now() else { return ().into_any() };
    let subject = desk.subject(&sight.gate);
    drop(sight);
    let run = subject.run;
    let has_previous = !reading.previous.is_empty() && !reading.outputs.is_empty();
    let has_sources = !reading.sources.is_empty();
    let mut segments = Vec::new();
    if has_previous {
        segments.push(Segment::new("changes", "Differences"));
    }
    segments.push(Segment::new("output", "Output"));
    if has_sources {
        // Only where there is no room for them beside the rest.
        segments.push(Segment::new("sources", "Sources"));
    }
    let has_choice = segments.len() > 1;
    let shown = RwSignal::new(if has_previous { "changes" } else { "output" }.to_owned());
    let (outputs, previous) = (StoredValue::new(reading.outputs.clone()), StoredValue::new(reading.previous.clone()));
    let main = move || {
        if shown.with(|shown| shown == "changes") {
            view! { <Changes run outputs=outputs.get_value() previous=previous.get_value()/> }.into_any()
        } else {
            view! { <Output run outputs=outputs.get_value()/> }.into_any()
        }
    };
    let feedback = reading.feedback.clone().map(|feedback| {
        let rounds = Rounds { used: feedback.round, most: reading.item.max_rounds };
        view! {
            <blockquote class="feedback">
                <strong>{rounds.feedback_title(&feedback.by)}</strong>
                <p dir="auto">{feedback.text}</p>
            </blockquote>
        }
    });
    let sources = reading.sources.clone();
    let is_form = is_form(&reading);
    view! {
        <article class="inbox-reading" data-show=move || shown.get() data-sources=has_sources>
            <Head desk subject company/>
            <Newer desk/>
            {feedback}
            {has_choice.then(|| view! {
                <div class="pane-views" data-only-sources={!has_previous && has_sources}>
                    <Segmented value=shown segments name="inbox-pane-view" label="What to show"/>
                </div>
            })}
            <div class="pane-columns">
                <div class="pane-main">
                    {(!is_form).then(|| view! { {main} })}
                </div>
                {has_sources.then(|| view! { <Sources run sources/> })}
            </div>
            <DecideBar desk subject reading/>
        </article>
    }
    .into_any()
}
