//! What is done with the runs that are ticked. It is counted first, and asked with what would be left out; what can be taken back says so.
//! However many they are: they go in as many requests as it takes.
//! Must never do more than was counted.

use std::{collections::BTreeSet, future::Future, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use workflow::{
    RunId,
    api::{ChangeRuns, ChangedRuns, MOST_RUNS_AT_ONCE, RefusedRun, RunAction},
};

use crate::{
    api,
    components::{
        Button, ConfirmDialog, Kind, Size, ToastAction, Toasts, Variant, dom::focus_if_lost, open_while_chosen,
        use_toasts,
    },
    error::AppError,
    form::{FormError, outcome},
    reactive::memo,
    words,
};

/// As long as what was deleted can be taken back, but for the way there.
const UNDO: Duration = Duration::from_secs(27);

/// What became of runs in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Became {
    /// They stand in it no more.
    Gone,
    /// That was taken back.
    Back,
    /// They change their rows by themselves.
    Same,
}

impl Became {
    fn by(action: RunAction) -> Self {
        match action {
            RunAction::Cancel => Self::Same,
            RunAction::Archive | RunAction::Unarchive | RunAction::Delete => Self::Gone,
            RunAction::Keep => Self::Back,
        }
    }
}

/// What takes it back, where something does.
fn undone_by(action: RunAction) -> Option<RunAction> {
    match action {
        RunAction::Archive => Some(RunAction::Unarchive),
        RunAction::Unarchive => Some(RunAction::Archive),
        RunAction::Delete => Some(RunAction::Keep),
        RunAction::Cancel | RunAction::Keep => None,
    }
}

/// What is stopped or gone afterwards.
fn is_destructive(action: RunAction) -> bool {
    matches!(action, RunAction::Cancel | RunAction::Delete)
}

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
            RunAction::Unarchive => format!("Unarchive {}?", self.n()),
            RunAction::Keep => format!("Undo the deletion of {}?", self.n()),
            RunAction::Delete => format!("Delete {}?", self.n()),
        }
    }

    fn text(&self) -> String {
        let meaning = match self.action {
            RunAction::Cancel => "What runs is stopped, and a cancelled run stays cancelled.",
            RunAction::Archive => "They leave the lists and stay as they are. You find them under Archived.",
            RunAction::Unarchive | RunAction::Keep => "They stand in the lists again.",
            RunAction::Delete => {
                "All that they were given and made goes with them. You can undo it for half a minute, and never afterwards."
            }
        };
        let parts = match usize::try_from(self.runs.n_parts) {
            Ok(0) | Err(_) => String::new(),
            Ok(n) => {
                format!(" {} of their sub-workflows {} with them.", of_runs(n), if n == 1 { "goes" } else { "go" })
            }
        };
        let left = self.left().map(|left| format!(" {left}"));
        format!("{meaning}{parts}{}", left.unwrap_or_default())
    }

    /// Of how many it is not done, and why.
    fn left(&self) -> Option<String> {
        let first = self.runs.refused.first()?;
        let n = self.runs.refused.len();
        Some(format!("{} {} left out: {}", of_runs(n), be(n), first.why))
    }

    fn confirm(&self) -> &'static str {
        match self.action {
            RunAction::Cancel => "Cancel runs",
            RunAction::Archive => "Archive",
            RunAction::Unarchive => "Unarchive",
            RunAction::Keep => "Undo",
            RunAction::Delete => "Delete",
        }
    }

    fn said(&self) -> String {
        let n = self.n();
        let verb = match self.action {
            RunAction::Cancel => "cancelled",
            RunAction::Archive => "archived",
            RunAction::Unarchive => "unarchived",
            RunAction::Keep => "kept",
            RunAction::Delete => "deleted",
        };
        format!("{n} {verb}")
    }
}

async fn change(many: ChangeRuns) -> Result<ChangedRuns, AppError> {
    in_portions(many, api::change_runs).await
}

/// As many at once as one request takes. What was done stays done when a later request fails: the rest is left out, and says why.
async fn in_portions<F>(many: ChangeRuns, send: impl Fn(ChangeRuns) -> F) -> Result<ChangedRuns, AppError>
where
    F: Future<Output = Result<ChangedRuns, AppError>>,
{
    let ChangeRuns { action, runs, dry_run } = many;
    let mut all = ChangedRuns::default();
    let mut left = runs.as_slice();
    while !left.is_empty() {
        let (portion, rest) = left.split_at(left.len().min(MOST_RUNS_AT_ONCE));
        match send(ChangeRuns { action, runs: portion.to_vec(), dry_run }).await {
            Ok(changed) => {
                all.done.extend(changed.done);
                all.refused.extend(changed.refused);
                all.n_parts = all.n_parts.saturating_add(changed.n_parts);
            }
            Err(error) if dry_run || left.len() == runs.len() => return Err(error),
            Err(error) => {
                let refused = |id: &RunId| RefusedRun { id: *id, why: error.0.detail.clone() };
                all.refused.extend(left.iter().map(refused));
                break;
            }
        }
        left = rest;
    }
    Ok(all)
}

/// The way back of what was done, for its toast. The page may be gone by then.
fn undo(toasts: Toasts, done: &Counted, on_done: Callback<(Became, Vec<RunId>)>) -> Option<ToastAction> {
    let action = undone_by(done.action)?;
    let runs = done.runs.done.clone();
    (!runs.is_empty()).then(|| {
        ToastAction::new("Undo", move || {
            let asked = change(ChangeRuns { action, runs: runs.clone(), dry_run: false });
            spawn_local(async move {
                match asked.await {
                    Ok(changed) => {
                        match changed.refused.first() {
                            Some(first) => toasts.error(first.why.clone()),
                            None => toasts.success("Undone"),
                        }
                        let _ = on_done.try_run((Became::Back, changed.done));
                    }
                    Err(error) => toasts.error(error.0.detail),
                }
            });
        })
    })
}

/// The buttons go with the selection, and the focus with them: it goes to what selects all, else to the heading.
fn let_go(ticked: RwSignal<BTreeSet<RunId>>) {
    ticked.set(BTreeSet::new());
    focus_if_lost(|| {
        let place = |selector: &str| -> Option<HtmlElement> {
            document().query_selector(selector).ok().flatten()?.dyn_into().ok()
        };
        place("thead input[type=checkbox]").or_else(|| place(".page-head h1"))
    });
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
    #[prop(into)] on_done: Callback<(Became, Vec<RunId>)>,
) -> impl IntoView {
    let toasts = use_toasts();
    let asking = RwSignal::new(None::<Counted>);
    let open = open_while_chosen(asking);
    let count = Action::new(move |action: &RunAction| {
        let action = *action;
        let runs = ticked.with_untracked(|ticked| ticked.iter().copied().collect());
        let asked = change(ChangeRuns { action, runs, dry_run: true });
        async move { asked.await.map(|runs| Counted { action, runs }) }
    });
    let not_counted = outcome(count, move |counted: Counted| match counted.runs.refused.first() {
        Some(first) if counted.runs.done.is_empty() => toasts.error(first.why.clone()),
        _ => asking.set(Some(counted)),
    });
    let act = Action::new(move |counted: &Counted| {
        let action = counted.action;
        let asked = change(ChangeRuns { action, runs: counted.runs.done.clone(), dry_run: false });
        async move { asked.await.map(|runs| Counted { action, runs }) }
    });
    let not_done = outcome(act, move |done: Counted| {
        open.set(false);
        let_go(ticked);
        match undo(toasts, &done, on_done) {
            Some(undo) => toasts.push_for(UNDO, Kind::Success, done.said(), Some(undo)),
            None => toasts.success(done.said()),
        }
        if let Some(left) = done.left() {
            toasts.error(left);
        }
        on_done.run((Became::by(done.action), done.runs.done));
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
            <div class="bulk-bar" role="region" aria-label="What is selected">
                <strong role="status">{move || format!("{} selected", of_runs(n.get()))}</strong>
                {if is_archived {
                    view! {
                        <Button size=Size::Sm icon="rotate-ccw" on_click=move |()| ask(RunAction::Unarchive)>"Unarchive…"</Button>
                    }
                        .into_any()
                } else {
                    view! {
                        <Button size=Size::Sm icon="archive" on_click=move |()| ask(RunAction::Archive)>"Archive…"</Button>
                        <Button size=Size::Sm icon="ban" on_click=move |()| ask(RunAction::Cancel)>"Cancel runs…"</Button>
                    }
                        .into_any()
                }}
                <Button size=Size::Sm icon="trash-2" on_click=move |()| ask(RunAction::Delete)>"Delete…"</Button>
                <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| let_go(ticked)>"Clear selection"</Button>
            </div>
        </Show>
        <ConfirmDialog
            id="change-runs"
            open
            danger=Signal::derive(move || asking.with(|asking| asking.as_ref().is_some_and(|it| is_destructive(it.action))))
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
    use std::cell::RefCell;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn the_question_says_how_many_and_what_is_left_out() {
        let id: RunId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
        let refused = RefusedRun { id, why: "It is over already.".into() };
        let counted = Counted {
            action: RunAction::Cancel,
            runs: ChangedRuns { done: vec![id, id], refused: vec![refused], n_parts: 0 },
        };
        assert_eq!(counted.title(), "Cancel 2 runs?");
        assert!(counted.text().ends_with("1 run is left out: It is over already."), "{}", counted.text());
        let all =
            Counted { action: RunAction::Archive, runs: ChangedRuns { done: vec![id], ..ChangedRuns::default() } };
        assert_eq!((all.title().as_str(), all.said().as_str()), ("Archive 1 run?", "1 run archived"));
        assert!(!all.text().contains("left out"));
        let runs = ChangedRuns { done: vec![id], refused: vec![], n_parts: 2 };
        let deleted = Counted { action: RunAction::Delete, runs };
        assert_eq!(deleted.title(), "Delete 1 run?");
        assert!(deleted.text().ends_with("2 runs of their sub-workflows go with them."), "{}", deleted.text());
    }

    #[test]
    fn more_runs_than_one_request_takes_go_in_several() {
        let runs: Vec<RunId> = (1..=450).map(|n| format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()).collect();
        let attempt = |dry_run: bool, n_answered: usize| {
            let sent = RefCell::new(Vec::new());
            let many = ChangeRuns { action: RunAction::Archive, runs: runs.clone(), dry_run };
            let changed = block_on(in_portions(many, |portion: ChangeRuns| {
                sent.borrow_mut().push(portion.runs.len());
                let is_answered = sent.borrow().len() <= n_answered;
                let changed = ChangedRuns { done: portion.runs, n_parts: 1, ..ChangedRuns::default() };
                std::future::ready(if is_answered { Ok(changed) } else { Err(AppError::broke_off()) })
            }));
            (sent.into_inner(), changed)
        };
        let (sent, changed) = attempt(false, 3);
        assert_eq!(sent, [200, 200, 50]);
        assert_eq!(changed.unwrap(), ChangedRuns { done: runs.clone(), n_parts: 3, ..ChangedRuns::default() });
        let (sent, changed) = attempt(false, 1);
        let changed = changed.unwrap();
        assert_eq!((sent.len(), changed.done.len(), changed.refused.len()), (2, 200, 250));
        assert_eq!(changed.refused[0].id, runs[200]);
        assert!(attempt(false, 0).1.is_err());
        assert!(attempt(true, 2).1.is_err(), "what was not counted is not asked about");
    }

    #[test]
    fn what_takes_rows_out_of_the_list_can_be_taken_back() {
        let all = [RunAction::Cancel, RunAction::Archive, RunAction::Unarchive, RunAction::Delete, RunAction::Keep];
        for action in all {
            assert_eq!(Became::by(action) == Became::Gone, undone_by(action).is_some(), "{action:?}");
            let is_for_good = undone_by(action).is_none() && action != RunAction::Keep;
            assert_eq!(is_destructive(action), is_for_good || action == RunAction::Delete, "{action:?}");
        }
    }
}
