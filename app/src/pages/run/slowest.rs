//! The slowest path of the run: whether somebody wants to see it, which one it is, and its legend on the graph.
//! Only the browser works it out, and only while it is wanted: what runs counts by its clock.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunView, StepKey,
    timing::{SlowestPath, slowest_path},
    words::{count, duration, lasting},
};

use super::state::LiveRun;
use crate::{
    clock,
    components::{IconButton, Size, remember, remembered},
    later::later,
    link::{Link, use_link},
    reactive::{effect, memo},
    session::use_session,
};

/// How often it is looked at anew while steps run: the path is seldom another one.
const PACE: Duration = Duration::from_secs(2);

type Find = fn(&RunView, Option<i64>) -> Option<SlowestPath>;

later! {
    more: finder, Find, slowest_path;
}

#[derive(Clone, Copy)]
pub(super) struct Slowest {
    is_wanted: RwSignal<bool>,
    /// What works it out, once it is fetched.
    find: RwSignal<Option<Find>>,
    pub path: RwSignal<Option<SlowestPath>>,
    is_over: Memo<bool>,
    /// Where this device keeps what this person wants.
    place: StoredValue<Option<String>>,
}

impl Slowest {
    pub(super) fn of(live: LiveRun) -> Self {
        let user = use_session().user_untracked();
        let slowest = Self {
            is_wanted: RwSignal::new(false),
            find: RwSignal::new(None),
            path: RwSignal::new(None),
            is_over: memo(move || live.run.with(|run| run.finished_at.is_some())),
            place: StoredValue::new(user.map(|user| format!("slowest-path.{}", user.id))),
        };
        let link = use_link();
        let turn = RwSignal::new(0_u32);
        effect(move || {
            let kept = slowest.place.with_value(|place| remembered(place.as_deref()?));
            if kept.as_deref() == Some("on") {
                slowest.is_wanted.set(true);
            }
        });
        effect(move || {
            if slowest.is_wanted.get() && slowest.find.with_untracked(Option::is_none) {
                spawn_local(async move {
                    // Where it does not come, whoever presses again asks for it again.
                    if let Ok(find) = finder().await {
                        slowest.find.try_set(Some(find));
                    }
                });
            }
        });
        effect(move || {
            turn.track();
            let now = || link.and_then(Link::lost_since_untracked).unwrap_or_else(clock::now);
            let find = slowest.find.get().filter(|_| slowest.is_wanted.get());
            let path = find.and_then(|find| live.slowly(|run| find(run, Some(now()))));
            if slowest.path.with_untracked(|known| *known != path) {
                slowest.path.set(path);
            }
        });
        effect(move || {
            if slowest.is_wanted.get()
                && !slowest.is_over.get()
                && let Ok(timer) = set_interval_with_handle(
                    move || {
                        turn.try_update(|turn| *turn = turn.wrapping_add(1));
                    },
                    PACE,
                )
            {
                on_cleanup(move || timer.clear());
            }
        });
        slowest
    }

    /// Whether the step is on it, as far as somebody wants to know.
    pub(super) fn has(self, key: &StepKey) -> bool {
        self.path.with(|path| path.as_ref().is_some_and(|path| path.steps.contains(key)))
    }

    fn toggle(self) {
        self.is_wanted.update(|is_wanted| *is_wanted = !*is_wanted);
        self.place.with_value(|place| {
            if let Some(place) = place {
                remember(place, if self.is_wanted.get_untracked() { "on" } else { "off" });
            }
        });
    }
}

/// In the toolbar of the graph.
#[component]
pub(super) fn SlowestToggle(slowest: Slowest) -> impl IntoView {
    view! {
        <IconButton
            icon="hourglass"
            label="Slowest path"
            size=Size::Sm
            pressed=Signal::derive(move || Some(slowest.is_wanted.get()))
            on_click=move |()| slowest.toggle()
        />
    }
}

/// What the thick line means, and how long its steps took.
#[component]
pub(super) fn SlowestLegend(slowest: Slowest) -> impl IntoView {
    let words = move || {
        if slowest.find.with(Option::is_none) {
            return "Slowest path …".to_owned();
        }
        slowest.path.with(|path| legend(path.as_ref(), slowest.is_over.get()))
    };
    view! {
        <Show when=move || slowest.is_wanted.get()>
            <p class="canvas-legend" role="note">
                <span aria-hidden="true"></span>
                {words}
            </p>
        </Show>
    }
}

fn legend(path: Option<&SlowestPath>, is_over: bool) -> String {
    let Some(SlowestPath { steps, ms }) = path else { return "Slowest path: no step has run yet".to_owned() };
    let steps = count(steps.len(), "step");
    if is_over {
        format!("Slowest path: {} in {steps}", duration(*ms))
    } else {
        format!("Slowest path so far: {} in {steps}", lasting(*ms))
    }
}

#[cfg(test)]
mod tests {
    use super::{SlowestPath, legend};

    #[test]
    fn the_legend_says_how_long_the_steps_of_the_path_took() {
        let path = |keys: &[&str]| SlowestPath { steps: keys.iter().map(|key| (*key).into()).collect(), ms: 2_449 };
        assert_eq!(legend(Some(&path(&["a", "b"])), true), "Slowest path: 2.4 s in 2 steps");
        assert_eq!(legend(Some(&path(&["a"])), false), "Slowest path so far: 2 s in 1 step");
        assert_eq!(legend(None, false), "Slowest path: no step has run yet");
    }
}
