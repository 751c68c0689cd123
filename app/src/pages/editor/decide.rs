//! The fields that two people changed, side by side: for each, one says whose stays. Everything else of both is there already.
//! Must never save before each is decided, nor choose for anybody.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{
    StepKey,
    api::{CreateTemplate, TemplateView},
    merge::{Choices, Conflict, Merged, Side, Why, merge},
};

use super::draft::Draft;
use crate::{
    api,
    components::{Banner, Button, Dialog, Kind, Size, Variant},
    error::AppError,
    form::{FormError, outcome},
    reactive::{effect, memo},
    words,
};

/// Choosing one place may bring up another, but never one that was chosen.
const MOST_ROUNDS: usize = 8;

const LOST: &str = "This browser had no room to keep what your edits began from, so nobody can tell whose is what. \
    A copy keeps yours, and what somebody else saved stays as it is.";

#[component]
pub(super) fn Decide(draft: Draft, open: RwSignal<bool>) -> impl IntoView {
    let (copy, error) = copying(draft, open);
    let choices = RwSignal::new(Choices::new());
    let merged = memo(move || {
        let theirs = draft.saving.theirs.get()?;
        Some(choices.with(|choices| draft.handle.with_document(|mine| draft.merged(merge, mine, &theirs, choices))))
    });
    // What was chosen stays in the list, so that one can think again.
    let asked = RwSignal::new(Vec::<Conflict>::new());
    effect(move || {
        if open.get() {
            asked.set(Vec::new());
            choices.set(Choices::new());
            add_new(asked, in_conflict(merged.get_untracked()));
        }
    });
    effect(move || add_new(asked, in_conflict(merged.get())));
    let too_much = memo(move || {
        merged.with(|merged| match merged {
            Some(Err(conflicts)) => conflicts.iter().find_map(|conflict| too_much_words(&conflict.why)),
            Some(Ok(_)) | None => None,
        })
    });
    let choose_all = move |side: Side| {
        choices.update(|choices| choices.values_mut().for_each(|chosen| *chosen = side));
        for _ in 0..MOST_ROUNDS {
            let open = in_conflict(merged.get_untracked());
            if open.is_empty() {
                break;
            }
            choices.update(|choices| choices.extend(open.into_iter().map(|conflict| (conflict.change.place, side))));
        }
    };
    let is_decided = memo(move || merged.with(|merged| matches!(merged, Some(Ok(_)))));
    let n_open = memo(move || {
        let is_open = |choices: &Choices, conflict: &&Conflict| !choices.contains_key(&conflict.change.place);
        asked.with(|asked| choices.with(|choices| asked.iter().filter(|one| is_open(choices, one)).count()))
    });
    // No conflict, and yet no merge: what the edits began from is not known.
    let is_lost = memo(move || merged.with(|merged| matches!(merged, Some(Err(conflicts)) if conflicts.is_empty())));
    let places = memo(move || (0..asked.with(Vec::len)).collect::<Vec<usize>>());
    let one = move |at: usize| asked.with_untracked(|asked| asked.get(at).map(|one| row(draft, at, one, choices)));
    let save = move || {
        let theirs = draft.saving.theirs.get_untracked();
        if let (Some(theirs), Some(Ok(merged))) = (theirs, merged.get_untracked())
            && draft.go_on_with(&theirs, Merged { taken: Vec::new(), ..merged })
        {
            open.set(false);
            draft.save();
        }
    };
    let actions = move || {
        view! {
            <Button loading=copy.pending() icon="copy" on_click=move |()| { copy.dispatch(()); }>"Keep mine as a copy"</Button>
            <Button on_click=move |()| open.set(false)>"Later"</Button>
            <Button
                variant=Variant::Primary
                disabled=Signal::derive(move || !is_decided.get())
                on_click=move |()| save()
            >
                "Save both together"
            </Button>
        }
    };
    view! {
        <Dialog
            id="conflict"
            open
            size=Size::Lg
            title="You and somebody else changed the same"
            description="Everything that only one of you changed is kept. For each of these, choose whose stays."
            actions
        >
            <div class="stack" data-gap="3">
                <FormError error/>
                {move || too_much.get().map(|words| view! {
                    <Banner kind=Kind::Warn title="Both together are too much">{words}</Banner>
                })}
                <div class="row">
                    <Button size=Size::Sm on_click=move |()| choose_all(Side::Mine)>"Mine for all"</Button>
                    <Button size=Size::Sm on_click=move |()| choose_all(Side::Theirs)>"Theirs for all"</Button>
                    <span class="muted small" role="status">
                        {move || match n_open.get() {
                            _ if is_lost.get() => "Keep yours as a copy".to_owned(),
                            0 if too_much.with(Option::is_some) => "Nothing more to choose".to_owned(),
                            0 => "All decided".to_owned(),
                            n => format!("{} to decide", words::count(n, "field")),
                        }}
                    </span>
                </div>
                <Show when=move || is_lost.get()>
                    <p>{LOST}</p>
                </Show>
                <For each=move || places.get() key=|at| *at let:at>
                    {one(at)}
                </For>
            </div>
        </Dialog>
    }
}

type Made = Result<TemplateView, AppError>;

/// Mine as a workflow of its own, and what went wrong with that.
fn copying(draft: Draft, open: RwSignal<bool>) -> (Action<(), Made>, Signal<Option<AppError>>) {
    let navigate = use_navigate();
    let copy = Action::new(move |(): &()| {
        let content = draft.content();
        let name = format!("{} (copy)", content.name.trim().chars().take(190).collect::<String>());
        let definition = content.definition.to_value();
        api::create_template(CreateTemplate { name, description: content.description, definition })
    });
    let error = outcome(copy, move |made: TemplateView| {
        open.set(false);
        draft.let_go();
        draft.toasts.success(format!("Your draft is now “{}”", made.name));
        navigate(&format!("/admin/workflows/{}", made.id), NavigateOptions::default());
    });
    (copy, error)
}

/// One field: mine and theirs beside each other, each as a choice.
fn row(draft: Draft, at: usize, conflict: &Conflict, choices: RwSignal<Choices>) -> AnyView {
    let Conflict { why, change } = conflict.clone();
    let is_whole = change.place.is_whole();
    let label = (change.of.is_none() || !is_whole).then(|| change.place.label());
    let of = change.of.map(|of| view! { <bdi>{of}</bdi> {label.is_some().then_some(": ")} });
    let place = StoredValue::new(change.place);
    let option = move |side: Side, whose: &'static str, value: Option<String>| {
        let is_chosen = move || place.with_value(|place| choices.with(|choices| choices.get(place) == Some(&side)));
        let value = match value {
            Some(value) => view! { <span class="side-value"><bdi>{value}</bdi></span> }.into_any(),
            None if is_whole => view! { <span class="side-value muted">"Removed"</span> }.into_any(),
            None => view! { <span class="side-value muted">"Nothing"</span> }.into_any(),
        };
        view! {
            <label class="side">
                <input
                    type="radio"
                    name=format!("conflict-{at}")
                    prop:checked=is_chosen
                    on:change=move |_| choices.update(|choices| {
                        choices.insert(place.get_value(), side);
                    })
                />
                <strong>{whose}</strong>
                {value}
            </label>
        }
    };
    view! {
        <fieldset class="side-by-side">
            <legend class="field-label">{of} {label}</legend>
            <p class="small muted">{why_words(draft, &why)}</p>
            <div class="sides">
                {option(Side::Mine, "Mine", change.before)}
                {option(Side::Theirs, "Theirs", change.after)}
            </div>
        </fieldset>
    }
    .into_any()
}

fn why_words(draft: Draft, why: &Why) -> String {
    let titles = |keys: &[StepKey]| -> Vec<String> {
        untrack(|| keys.iter().map(|key| words::isolated(&draft.title_of(key))).collect())
    };
    match why {
        Why::Both => "Both of you changed it".to_owned(),
        Why::Removed => "One of you removed it, and the other changed it".to_owned(),
        Why::Used { by } => {
            format!("One of you removed it, and the other uses it: {}", words::list(&titles(by), 5))
        }
        Why::Circle { path } => {
            format!("The connections of both together lead in a circle: {}", titles(path).join(" → "))
        }
        Why::TooMuch { .. } => too_much_words(why).unwrap_or_default(),
    }
}

/// Of what nobody can choose: it stands above the list for as long as it is so.
fn too_much_words(why: &Why) -> Option<String> {
    let Why::TooMuch { what, n, most } = why else { return None };
    Some(format!(
        "Yours and theirs have {n} {what}, and a workflow has at most {most}. Remove some of yours, or keep yours as a copy"
    ))
}

/// What a side can be chosen for.
fn in_conflict(merged: Option<Result<Merged, Vec<Conflict>>>) -> Vec<Conflict> {
    match merged {
        Some(Err(conflicts)) => {
            conflicts.into_iter().filter(|conflict| too_much_words(&conflict.why).is_none()).collect()
        }
        Some(Ok(_)) | None => Vec::new(),
    }
}

fn add_new(asked: RwSignal<Vec<Conflict>>, mut conflicts: Vec<Conflict>) {
    asked.with_untracked(|asked| {
        conflicts.retain(|conflict| asked.iter().all(|known| known.change.place != conflict.change.place));
    });
    if !conflicts.is_empty() {
        asked.update(|asked| asked.extend(conflicts));
    }
}
