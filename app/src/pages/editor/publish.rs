//! The button that publishes, and why it cannot; beside it the way to start what is live.
//! Must never publish by itself: what would change is shown first.

use leptos::prelude::*;

use super::{draft::Draft, parts, saving::SaveState};
use crate::reactive::memo;
use crate::{
    behind::LaterDialogs,
    components::{Button, LinkButton, Tooltip, Variant},
    finder::{Entry, Group, use_finder},
};

#[component]
pub(super) fn Publish(draft: Draft) -> impl IntoView {
    let open = RwSignal::new(false);
    let n_errors = memo(move || draft.problems.with(|problems| problems.iter().filter(|p| p.is_error()).count()));
    let obstacle = memo(move || {
        let is_unchanged = draft.saving.is_saved() && !draft.live.get().has_unpublished_changes;
        match (n_errors.get(), draft.live.get().version) {
            (1, _) => Some("1 error is in the way: see Problems".to_owned()),
            (n, _) if n > 1 => Some(format!("{} are in the way: see Problems", crate::words::count(n, "error"))),
            (_, Some(version)) if is_unchanged => {
                Some(format!("Version {version} is live and says the same as this draft"))
            }
            _ if draft.saving.state.with(|state| *state == SaveState::Conflict) => {
                Some("Decide first about what somebody else changed too".to_owned())
            }
            _ => None,
        }
    });
    let has_obstacle = Signal::derive(move || obstacle.with(Option::is_some));
    let ask = move || {
        draft.save();
        open.set(true);
    };
    if let Some(finder) = use_finder() {
        finder.offer(move || {
            vec![Entry::run(Group::Commands, "rocket", "Publish", ask).about("release live").refused(obstacle.get())]
        });
    }
    let start = move || {
        draft.live.get().version.map(|version| {
            let href = format!("/start/{}", draft.id);
            // Edits on their way are changes that are not published, too.
            let tip = Signal::derive(move || {
                let is_behind = draft.live.get().has_unpublished_changes || !draft.saving.is_saved();
                if is_behind {
                    format!("Starts version {version}, without what was changed since")
                } else {
                    format!("Starts version {version}, which says the same as this draft")
                }
            });
            view! {
                <Tooltip text=tip>
                    <LinkButton href icon="play" variant=Variant::Quiet>
                        <span class="words-if-wide">{format!("Start version {version}")}</span>
                    </LinkButton>
                </Tooltip>
            }
        })
    };
    view! {
        {start}
        <Tooltip text=Signal::derive(move || obstacle.get().unwrap_or_default())>
            <Button
                variant=Variant::Primary
                icon="rocket"
                disabled=has_obstacle
                on_click=move |()| ask()
            >
                "Publish"
            </Button>
        </Tooltip>
        <LaterDialogs
            part=parts::publishing
            of=(draft, open, has_obstacle)
            wanted=open
            on_failure=move |()| open.set(false)
        />
    }
}
