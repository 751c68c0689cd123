//! The canvas of a run: the version that ran, with the status of every step, live.
//! It draws what the run's view says and decides nothing; selecting a step is all that can be done on it.

use std::{collections::BTreeMap, time::Duration};

use crate::reactive::{effect, effect_with, memo};
use canvas::{Board, Said};
use leptos::prelude::*;
use workflow::{AgentId, RunView, StepKey, api::Staleness};

use super::{handle::BoardHandle, minimap::Minimap, surface::Surface};
use crate::{wish::Wish, words};

/// Changes told one by one; beyond it only how many there were.
const MAX_TOLD: usize = 4;

/// Camera commands for a toolbar beside the canvas.
#[derive(Clone, Copy)]
pub struct WatchHandle {
    board: BoardHandle,
}

impl WatchHandle {
    pub fn new(run: &RunView, agent_names: BTreeMap<AgentId, String>) -> Self {
        Self { board: BoardHandle::new(Board::watch(run, agent_names)) }
    }

    pub fn fit(self) {
        self.look(Board::fit);
    }

    pub fn zoom_in(self) {
        self.look(|board| board.zoom_by(1.25));
    }

    pub fn zoom_out(self) {
        self.look(|board| board.zoom_by(0.8));
    }

    /// Somebody looks where they want to.
    fn look(self, look: impl FnOnce(&mut Board)) {
        self.board.act(|board| {
            board.stop_following();
            look(board);
        });
    }

    /// Somebody chose a step beside the picture: it is shown, and the camera is theirs.
    pub fn look_at_step(self, key: &StepKey) {
        // An item of a list is no node: its map step stands for it.
        let (key, _) = key.split();
        if let Some(outputs) = self.board.act(|board| board.look_at_step(&key)) {
            self.board.emit(outputs);
        }
    }

    /// The camera keeps what runs in view.
    pub fn is_following(self) -> Signal<bool> {
        self.board.is_following.into()
    }

    pub fn toggle_following(self) {
        if let Some(outputs) = self.board.act(Board::toggle_following) {
            self.board.emit(outputs);
        }
    }

    pub fn zoom(self) -> Signal<f64> {
        self.board.zoom.into()
    }

    /// Not everything is in view, so that the small map is of use.
    pub fn needs_map(self) -> Signal<bool> {
        self.board.needs_map.into()
    }

    /// Changes whenever a step is opened by double click or Enter.
    pub fn opened(self) -> Signal<Option<StepKey>> {
        self.board.opened.into()
    }
}

/// The canvas to watch a run on. Goes into a `.canvas-stage`; `handle` is for a toolbar.
#[component]
pub fn RunCanvas(
    #[prop(into)] run: Signal<RunView>,
    #[prop(into)] stale: Signal<BTreeMap<StepKey, Staleness>>,
    /// What no event tells of a step.
    #[prop(into)]
    said: Signal<BTreeMap<StepKey, Said>>,
    /// The steps of the slowest path, while somebody wants to see it.
    #[prop(into)]
    path: Signal<Vec<StepKey>>,
    selected: RwSignal<Option<StepKey>>,
    /// A step was asked for by whoever opened the page: the camera stays with it, whatever runs.
    #[prop(optional)]
    is_led: bool,
    #[prop(optional)] handle: Option<WatchHandle>,
) -> impl IntoView {
    let handle = handle.unwrap_or_else(|| run.with_untracked(|run| WatchHandle::new(run, BTreeMap::new())));
    let board = handle.board;
    let told = StoredValue::new(Vec::<String>::new());
    let tell_soon = move |changed: Vec<String>| {
        if changed.is_empty() {
            return;
        }
        let is_first = told.with_value(Vec::is_empty);
        told.update_value(|told| told.extend(changed));
        // Many steps change at once: they are told together, or each would cut the one before short.
        if is_first {
            set_timeout(
                move || {
                    if let Some(changes) = told.try_update_value(std::mem::take) {
                        board.say(tell(&changes));
                    }
                },
                Duration::from_millis(600),
            );
        }
    };
    effect(move || {
        tell_soon(run.with(|run| board.act(|board| board.set_run(run))).unwrap_or_default());
    });
    let version = memo(move || run.with(|run| run.template_version));
    effect(move || {
        // Another version of the definition has other nodes.
        let _ = version.get();
        stale.with(|stale| board.act(|board| board.set_stale(|key| stale.contains_key(key))));
    });
    effect(move || {
        let _ = version.get();
        tell_soon(said.with(|said| board.act(|board| board.set_said(said))).unwrap_or_default());
    });
    effect(move || {
        let _ = version.get();
        path.with(|path| board.act(|board| board.set_path(path)));
    });
    effect_with(move |before: Option<i32>| {
        let now = version.get();
        // It has another extent, in which nobody has looked around yet.
        if before.is_some_and(|before| before != now) {
            board.act(Board::fit);
        }
        now
    });
    keep_following(board, is_led);
    effect(move || {
        // An item of a list is no node: its map step stands for it.
        let keys: Vec<StepKey> = selected.get().map(|key| key.split().0).into_iter().collect();
        if board.selection.with_untracked(|known| *known != keys)
            && let Some(outputs) = board.act(|board| board.select_proposed(keys))
        {
            board.emit(outputs);
        }
    });
    effect_with(move |was_first: Option<()>| {
        let last = board.selection.with(|keys| keys.last().cloned());
        // The first run would wipe out what the page selected beforehand.
        let is_other = selected.with_untracked(|known| known.as_ref().map(|key| key.split().0) != last);
        if was_first.is_some() && is_other {
            selected.set(last);
        }
    });
    view! {
        <Surface board label="Workflow run"/>
        <Minimap board/>
    }
}

/// Whether to follow is a person's choice, kept on this device: another one begins with their own. To let go is no choice.
fn keep_following(board: BoardHandle, is_led: bool) {
    let wish = Wish::of_person("follow");
    effect(move || {
        if wish.is_on() && !is_led {
            board.act(|board| board.set_following(true));
        }
    });
    effect(move || {
        if let Some(is_on) = board.followed.get() {
            wish.set(is_on);
        }
    });
}

fn tell(changes: &[String]) -> String {
    let first = changes[changes.len().saturating_sub(MAX_TOLD)..].join(". ");
    match changes.len().saturating_sub(MAX_TOLD) {
        0 => first,
        more => format!("{} changed. {first}", words::count(more, "more step")),
    }
}

#[cfg(test)]
mod tests {
    use super::tell;

    #[test]
    fn what_is_not_told_one_by_one_is_counted() {
        let changes = |n: usize| (1..=n).map(|n| format!("{n} completed")).collect::<Vec<_>>();
        assert_eq!(tell(&changes(2)), "1 completed. 2 completed");
        assert!(tell(&changes(5)).starts_with("1 more step changed. "));
        assert!(tell(&changes(6)).starts_with("2 more steps changed. "));
    }
}
