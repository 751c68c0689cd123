//! Specimens of what stands on the page of a run: marks, bars, streams, versions, events, and drawings of time and of days. Those parts
//! hang on a live run, so here is their markup alone, with the classes that it has there.
//! Must never be more than text for a reader: each page of admins loads it.

use leptos::prelude::*;

use super::specimen::{Group, Specimen};
use crate::components::{Icon, StatusIcon};

const PANEL: &str = r#"<button class="btn left-toggle" type="button" data-size="sm" aria-expanded="true" aria-controls="design-panel"><span class="btn-label">Steps</span></button>
<div class="panel design-panel" id="design-panel"><div class="panel-head"><strong>Steps</strong><span class="left-close push"><button class="btn" type="button" data-variant="quiet" data-size="sm">Close the steps</button></span></div>
<div class="panel-body">Drag the line at the right, or go there by keyboard and press the arrows.</div>
<div class="panel-handle" role="separator" tabindex="0" aria-orientation="vertical" aria-label="Resize the list of steps" aria-valuemin="200" aria-valuemax="640" aria-valuenow="280" data-side="right"></div></div>"#;
const STALE: &str = r#"<p class="row"><span class="stale-word">Stale</span></p>
<div class="stale-note"><strong>This result is stale</strong><ul><li>because Research · notes is now v3; it was made with v2</li><li>something before it is stale: Outline</li></ul></div>"#;
const BARS: &str = r#"<div class="review-bar" data-kind="review"><strong>Waiting for your review</strong><span>Read the output below. Continue hands exactly this version on to the next steps.</span></div>
<div class="review-bar" data-kind="error"><strong>This step failed</strong><span>Took too long: no answer in 60 s</span></div>
<div class="review-bar" data-kind="info"><strong>Tries again in 12 s</strong><span>The other side's fault: too many requests</span></div>"#;
const SAID: &str = r#"<div class="feedback"><strong>anna@example.org asked for changes, round 1 of 3</strong><span dir="auto">Say less of maps, and more of ships.</span></div>
<div class="chips" role="group" aria-label="Usual reasons"><button class="btn chip" type="button" data-size="sm" data-variant="default" aria-pressed="true">Too long</button><button class="btn chip" type="button" data-size="sm" data-variant="default" aria-pressed="false">Wrong tone</button></div>"#;
const STREAM: &str = r#"<p class="muted small">Waiting for the model</p>
<div class="stream-frame"><div class="stream-scroll" role="region" aria-label="Output so far" tabindex="0"><div class="streaming" data-live="true">The text argues two things: trade grew, and nobody</div></div></div>"#;
const VERSIONS: &str = r#"<ol class="versions" aria-label="Versions">
<li><button class="outline-item" type="button" aria-current="true"><span class="badge" data-tone="accent">v2</span><span class="outline-words">text · attempt 2</span><small>latest · approved by ben@example.org</small></button>
<p class="muted small version-said">anna@example.org asked for changes, round 1: <q dir="auto">Say less of maps</q></p></li>
<li><button class="outline-item" type="button" aria-current="false"><span class="badge" data-tone="neutral">v1</span><span class="outline-words">text · edited by anna@example.org</span><small></small></button></li></ol>"#;
/// A row for each phase, and for each end of what worked.
const TIMES: &str = r#"<svg class="times-chart" aria-hidden="true" height="168" viewBox="0 0 600 168" preserveAspectRatio="none">
<rect class="times-row" x="0" y="0" width="100%" height="28" data-chosen="true"></rect>
<rect class="times-path" x="0" y="3" width="3" height="22"></rect>
<rect class="times-bar" data-phase="queued" x="10" y="6" width="80" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="running" data-outcome="succeeded" x="94" y="6" width="200" height="16" rx="2" data-chosen="true"></rect>
<rect class="times-bar" data-phase="for_worker" x="10" y="34" width="120" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="running" data-outcome="failed" x="134" y="34" width="90" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="backing_off" x="228" y="34" width="60" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="running" x="292" y="34" width="200" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="outside" x="10" y="62" width="180" height="16" rx="2"></rect>
<rect class="times-bar" data-phase="review" x="194" y="62" width="160" height="16" rx="2"></rect>
<path class="times-band" d="M10 106L10 98L150 98L150 92L300 92L300 106Z"></path>
<line class="times-then" x1="360" x2="360" y1="0" y2="112"></line></svg>
<ul class="times-legend small"><li><span class="times-key" data-phase="queued"></span>Waits</li><li><span class="times-key" data-phase="for_worker"></span>Waits for a worker</li><li><span class="times-key" data-phase="running"></span>Runs</li><li><span class="times-key" data-phase="backing_off"></span>Tries again later</li><li><span class="times-key" data-phase="outside"></span>Waits for something outside</li><li><span class="times-key" data-phase="review"></span>Waits for people</li><li><span class="times-key" data-phase="running" data-outcome="succeeded"></span>Done</li><li><span class="times-key" data-phase="running" data-outcome="failed"></span>Failed</li><li><span class="times-key" data-phase="path"></span>On the slowest path</li></ul>"#;
const CHART: &str = r#"<ul class="chart-key"><li data-look="done">Completed</li><li data-look="failed">Failed</li><li data-look="off">Cancelled</li><li data-look="open">Not over</li></ul>
<div class="chart-plot" aria-hidden="true"><div class="chart-scale num"><span>4</span><span>2</span><span>0</span></div><div class="chart-drawn"><svg viewBox="0 0 1000 200" preserveAspectRatio="none"><path class="chart-line" d="M0 0H1000M0 100H1000M0 200H1000"/>
<path class="chart-bar" data-look="done" d="M40 200h120v-150h-120z"/><path class="chart-bar" data-look="failed" d="M40 50h120v-50h-120z"/><path class="chart-bar" data-look="off" d="M240 200h120v-50h-120z"/><path class="chart-bar" data-look="open" d="M240 150h120v-50h-120z"/>
<path class="chart-stroke" data-look="main" d="M500 160L650 60L800 120"/><path class="chart-stroke" data-look="second" d="M500 180L650 110L800 150"/><path class="chart-stroke" data-look="wait" d="M500 195L650 170L800 190"/></svg></div><div class="chart-days"><span>1 Nov</span><span>30 Nov</span></div></div>"#;

#[component]
pub fn RunParts() -> impl IntoView {
    let parts = [
        ("Stale: mark and reasons", STALE),
        ("What a step needs", BARS),
        ("What was asked for, usual reasons", SAID),
        ("Text as it comes", STREAM),
        ("Versions", VERSIONS),
        ("Times of the steps", TIMES),
        ("Chart of days", CHART),
        ("LeftToggle, LeftClose, PanelHandle", PANEL),
    ];
    let parts = parts.into_iter().map(|(name, html)| {
        view! { <Specimen name=name><div class="stack" inner_html=html></div></Specimen> }
    });
    view! {
        <Group title="On the page of a run">
            {parts.collect_view()}
            <Specimen name="Steps, and what happened">
                <Lines/>
            </Specimen>
        </Group>
    }
}

/// A line of the list of steps, with all that may be said in it, and lines of the timeline.
#[component]
fn Lines() -> impl IntoView {
    view! {
        <button class="outline-item" type="button" aria-current="true">
            <StatusIcon status="ready"/>
            <span class="two-lines">"Summarise the text"</span>
            <small><span class="stale-word">"Stale"</span> " 3 of 10 · 2.4 s"</small>
            <span class="path-word">"On the slowest path"</span>
            <span class="no-worker">"No worker for Summarise since 14:02"</span>
        </button>
        <ol class="timeline">
            <li>
                <Icon name="check"/>
                <span>
                    <button class="timeline-step" type="button">"Summarise the text"</button>
                    " was approved"
                    <span class="muted small">" by anna@example.org"</span>
                </span>
                <time>"2 min ago"</time>
            </li>
            <li>
                <Icon name="x"/>
                <span>
                    <button class="timeline-step" type="button">"Outline"</button>
                    " was rejected"
                    <span class="timeline-said" dir="auto">"Say less of maps, and more of ships."</span>
                </span>
                <time>"5 min ago"</time>
            </li>
            <li>
                <Icon name="zap"/>
                <span>"2,003 events of its items: 1,000 completed, 2 failed"</span>
                <time>"6 min ago"</time>
            </li>
        </ol>
    }
}
