//! The slowest path of the run: whether somebody wants to see it, which one it is, and its legend on the graph.
//! Only the browser works it out, and only while it is wanted: what runs counts by its clock.

use std::{collections::BTreeSet, time::Duration};

use leptos::prelude::*;
use workflow::{
    RunView, StepKey,
    timing::{SlowestPath, slowest_path},
    words::{count, duration, lasting},
};

use super::state::LiveRun;
use crate::{
    clock,
    components::{IconButton, Size},
    later::{later, soon},
    link::{Link, use_link},
    reactive::{effect, memo},
    wish::Wish,
};

/// How often it is looked at anew while steps run: the path is seldom another one.
const PACE: Duration = Duration::from_secs(2);

type Find = fn(&RunView, Option<i64>) -> Option<SlowestPath>;

later! {
    watch: finder, Find, slowest_path;
}

#[derive(Clone, Copy)]
pub(super) struct Slowest {
    live: LiveRun,
    wish: Wish,
    path: RwSignal<Option<SlowestPath>>,
    /// Its steps, each after the one before it. How long they took grows all the time, and they are seldom others: the rows of all steps
    /// follow these alone.
    pub steps: RwSignal<Vec<StepKey>>,
    known: Memo<BTreeSet<StepKey>>,
    is_over: Memo<bool>,
}

impl Slowest {
    pub(super) fn of(live: LiveRun) -> Self {
        let steps = RwSignal::new(Vec::<StepKey>::new());
        Self {
            live,
            wish: Wish::of_person("slowest-path"),
            path: RwSignal::new(None),
            steps,
            known: memo(move || steps.with(|steps| steps.iter().cloned().collect())),
            is_over: memo(move || live.run.with(|run| run.finished_at.is_some())),
        }
    }

    /// Works it out for as long as its legend stands; answers with what does that, once it is fetched.
    fn follow(self) -> Signal<Option<Find>> {
        let (find, link) = (soon(finder), use_link());
        let turn = RwSignal::new(0_u32);
        let now = StoredValue::new(None::<i64>);
        effect(move || {
            turn.track();
            // While the server is not heard times stand.
            if now.get_value().is_none() || link.and_then(Link::lost_since_untracked).is_none() {
                now.set_value(Some(clock::now()));
            }
            let path = find.get().and_then(|find| self.live.slowly(|run| find(run, now.get_value())));
            self.tell(path);
        });
        effect(move || {
            if !self.is_over.get()
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
        on_cleanup(move || self.tell(None));
        find
    }

    /// Nobody hears of what is known, nor of anything once the page is gone.
    fn tell(self, path: Option<SlowestPath>) {
        let steps = path.as_ref().map(|path| path.steps.clone()).unwrap_or_default();
        if self.steps.try_with_untracked(|known| *known != steps) == Some(true) {
            self.steps.set(steps);
        }
        if self.path.try_with_untracked(|known| *known != path) == Some(true) {
            self.path.set(path);
        }
    }

    /// Whether the step is on it, as far as somebody wants to know.
    pub(super) fn has(self, key: &StepKey) -> bool {
        self.known.with(|known| known.contains(key))
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
            pressed=Signal::derive(move || Some(slowest.wish.is_on()))
            on_click=move |()| slowest.wish.toggle()
        />
    }
}

/// What the thick line means, and how long its steps took.
#[component]
pub(super) fn SlowestLegend(slowest: Slowest) -> impl IntoView {
    view! {
        <Show when=move || slowest.wish.is_on()>
            <Legend slowest/>
        </Show>
    }
}

#[component]
fn Legend(slowest: Slowest) -> impl IntoView {
    let find = slowest.follow();
    let words = move || {
        if find.with(Option::is_none) {
            return "Slowest path …".to_owned();
        }
        slowest.path.with(|path| legend(path.as_ref(), slowest.is_over.get()))
    };
    view! {
        <p class="canvas-legend" role="note">
            <span aria-hidden="true"></span>
            {words}
        </p>
    }
}

fn legend(path: Option<&SlowestPath>, is_over: bool) -> String {
    let Some(SlowestPath { steps, ms }) = path else { return "Slowest path: no step has run yet".to_owned() };
    let steps = count(steps.len(), "step");
    if is_over {
        format!("Slowest path: {} in {steps}", duration(*ms))
    } else {
        // What goes on is told in whole seconds, once it is one.
        let time = if *ms < 1_000 { duration(*ms) } else { lasting(*ms) };
        format!("Slowest path so far: {time} in {steps}")
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
        let short = SlowestPath { ms: 9, ..path(&["a"]) };
        assert_eq!(legend(Some(&short), false), "Slowest path so far: 9 ms in 1 step");
        assert_eq!(legend(None, false), "Slowest path: no step has run yet");
    }
}
