//! Gates of runs at which too few can decide, because somebody left a group or was disabled since: for admins, on their dashboard and over
//! the groups. Must show nothing at all while there is none.

use leptos::prelude::*;
use workflow::api::StuckGate;

use crate::{
    address::step_of_run,
    api,
    components::{Banner, Kind, RelativeTime},
    session::use_session,
};

/// The page waits for it, within a `Transition` of its own: what stands below is not to move when it comes.
#[component]
pub(super) fn StuckGates() -> impl IntoView {
    let session = use_session();
    let gates = Resource::new(move || session.epoch(), |_| api::stuck_gates());
    move || {
        Suspend::new(async move {
            // An error shows at what stands below, which fails alike.
            let gates = gates.await.unwrap_or_default();
            (!gates.is_empty()).then(|| view! { <Stuck gates/> })
        })
    }
}

#[component]
fn Stuck(gates: Vec<StuckGate>) -> impl IntoView {
    let rows = gates
        .into_iter()
        .map(|gate| {
            let words = if gate.n_can == 0 {
                "nobody who is asked can sign in; you may decide in their place".to_owned()
            } else {
                format!("{} approvals are wanted, and {} of those asked can sign in", gate.quorum, gate.n_can)
            };
            let href = step_of_run(gate.run_id, &gate.step);
            view! {
                <li>
                    <a href=href><bdi>{gate.template_name}</bdi></a>
                    ", " <code>{gate.step.to_string()}</code> ": " {words} ", since " <RelativeTime at=gate.opened_at/>
                    {gate.about.map(|about| view! { " · " <bdi class="muted">{about}</bdi> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <Banner kind=Kind::Warn title="Reviews that too few can decide">
            <ul aria-label="Reviews that too few can decide">{rows}</ul>
        </Banner>
    }
}
