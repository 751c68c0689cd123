//! What is done with the runs that are ticked. It is counted first, and asked with what would be left out.
//! Must never do more than was counted.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ChangeRuns, ChangedRuns, RunAction},
};

use crate::{
    api,
    components::{Button, ConfirmDialog, Size, Variant, open_while_chosen, use_toasts},
    form::{FormError, outcome},
    reactive::memo,
    words,
};

/// What was done, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Counted {
    action: RunAction,
    runs: ChangedRuns,
}

impl Counted {
    fn n(&self) -> String {
        of_runs(self.runs.done.len())
    }

    fn title(&self) -> String {
        match self.action {
            RunAction::Cancel => format!("Cancel {}?", self.n()),
            RunAction::Archive => format!("Archive {}?", self.n()),
            RunAction::Unarchive => format!("Take {} back?", self.n()),
        }
    }

    fn text(&self) -> String {
        let meaning = match self.action {
            RunAction::Cancel => "What runs is stopped, and a cancelled run stays cancelled.",
            RunAction::Archive => "They leave the lists and stay as they are. You find them under Archived.",
            RunAction::Unarchive => "They stand in the lists again.",
        };
        let left = self.runs.refused.first().map(|first| {
            format!(" {} {} left out: {}", of_runs(self.runs.refused.len()), be(self.runs.refused.len()), first.why)
        });
        format!("{meaning}{}", left.unwrap_or_default())
    }

    fn confirm(&self) -> &'static str {
        match self.action {
            RunAction::Cancel => "Cancel runs",
            RunAction::Archive => "Archive",
            RunAction::Unarchive => "Take back",
        }
    }

    fn said(&self) -> String {
        let n = self.n();
        let verb = match self.action {
            RunAction::Cancel => "cancelled",
            RunAction::Archive => "archived",
            RunAction::Unarchive => "taken back",
        };
        format!("{n} {verb}")
    }
}

fn of_runs(n: usize) -> String {
    words::count(n, "run")
}

fn be(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// Shows itself while something is ticked.
#[component]
pub(super) fn BulkBar(
    ticked: RwSignal<BTreeSet<RunId>>,
    /// Whether the list is of what was archived.
    is_archived: bool,
    #[prop(into)] on_done: Callback<(RunAction, Vec<RunId>)>,
) -> impl IntoView {
    let toasts = use_toasts();
    let asking = RwSignal::new(None::<Counted>);
    let open = open_while_chosen(asking);
    let count = Action::new(move |action: &RunAction| {
        let action = *action;
        let runs = ticked.with_untracked(|ticked| ticked.iter().copied().collect());
        let asked = api::change_runs(ChangeRuns { action, runs, dry_run: true });
        async move { asked.await.map(|runs| Counted { action, runs }) }
    });
    let not_counted = outcome(count, move |counted: Counted| match counted.runs.refused.first() {
        Some(first) if counted.runs.done.is_empty() => toasts.error(first.why.clone()),
        _ => asking.set(Some(counted)),
    });
    let act = Action::new(move |counted: &Counted| {
        let action = counted.action;
        let asked = api::change_runs(ChangeRuns { action, runs: counted.runs.done.clone(), dry_run: false });
        async move { asked.await.map(|runs| Counted { action, runs }) }
    });
    let not_done = outcome(act, move |done: Counted| {
        open.set(false);
        ticked.set(BTreeSet::new());
        toasts.success(done.said());
        on_done.run((done.action, done.runs.done));
    });
    let n = memo(move || ticked.with(BTreeSet::len));
    let ask = move |action: RunAction| {
        if !count.pending().get_untracked() {
            count.dispatch(action);
        }
    };
    let said = move |words: fn(&Counted) -> String| {
        Signal::derive(move || asking.with(|asking| asking.as_ref().map(words).unwrap_or_default()))
    };
    view! {
        <FormError error=not_counted/>
        <FormError error=not_done/>
        <Show when=move || { n.get() > 0 }>
            <div class="row" role="region" aria-label="What is selected">
                <strong role="status">{move || format!("{} selected", of_runs(n.get()))}</strong>
                {if is_archived {
                    view! {
                        <Button size=Size::Sm icon="rotate-ccw" on_click=move |()| ask(RunAction::Unarchive)>"Take back…"</Button>
                    }
                        .into_any()
                } else {
                    view! {
                        <Button size=Size::Sm icon="archive" on_click=move |()| ask(RunAction::Archive)>"Archive…"</Button>
                        <Button size=Size::Sm icon="ban" on_click=move |()| ask(RunAction::Cancel)>"Cancel runs…"</Button>
                    }
                        .into_any()
                }}
                <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| ticked.set(BTreeSet::new())>"Clear selection"</Button>
            </div>
        </Show>
        <ConfirmDialog
            id="change-runs"
            open
            title=said(Counted::title)
            text=said(Counted::text)
            confirm=said(|counted| counted.confirm().to_owned())
            busy=act.pending()
            on_confirm=move |()| {
                if let Some(counted) = asking.get_untracked() {
                    act.dispatch(counted);
                }
            }
        />
    }
}

#[cfg(test)]
mod tests {
    use workflow::api::RefusedRun;

    use super::*;

    #[test]
    fn the_question_says_how_many_and_what_is_left_out() {
        let id: RunId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
        let refused = RefusedRun { id, why: "It is over already.".into() };
        let counted =
            Counted { action: RunAction::Cancel, runs: ChangedRuns { done: vec![id, id], refused: vec![refused] } };
        assert_eq!(counted.title(), "Cancel 2 runs?");
        assert!(counted.text().ends_with("1 run is left out: It is over already."), "{}", counted.text());
        let all = Counted { action: RunAction::Archive, runs: ChangedRuns { done: vec![id], refused: vec![] } };
        assert_eq!((all.title().as_str(), all.said().as_str()), ("Archive 1 run?", "1 run archived"));
        assert!(!all.text().contains("left out"));
    }
}
