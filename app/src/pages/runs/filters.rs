//! What narrows the list of runs and orders it. What is chosen acts at once, what is typed with Enter or the button.

use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::api::RunState;

use super::{
    asked::{Asked, SORTS, fault_of_amount},
    one_workflow::{OneWorkflow, WorkflowFilter},
};
use crate::{
    api,
    components::{Button, ButtonType, Field, Select, SelectOption, TextInput, status_label},
    days,
    error::AppError,
    form::{at_field, focus_first_error},
    paged,
    pages::day_fields::DayFields,
    reactive::{effect, effect_with, memo},
    session::use_session,
};

/// As many characters are looked for at most; as the server has it.
const MOST_SEARCHED: u32 = 200;

/// What stands in the filter.
#[derive(Clone, Copy)]
pub(super) struct Typed {
    search: RwSignal<String>,
    status: RwSignal<String>,
    whose: RwSignal<String>,
    person: RwSignal<String>,
    group: RwSignal<String>,
    tag: RwSignal<String>,
    workflow: RwSignal<String>,
    from: RwSignal<String>,
    to: RwSignal<String>,
    cost: RwSignal<String>,
    stale: RwSignal<String>,
    sort: RwSignal<String>,
    archived: RwSignal<String>,
}

impl Typed {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            search: RwSignal::new(asked.search),
            status: RwSignal::new(asked.status),
            whose: RwSignal::new(asked.whose),
            person: RwSignal::new(asked.person),
            group: RwSignal::new(asked.group),
            tag: RwSignal::new(asked.tag),
            workflow: RwSignal::new(asked.workflow),
            from: RwSignal::new(asked.from),
            to: RwSignal::new(asked.to),
            cost: RwSignal::new(asked.cost),
            stale: RwSignal::new(asked.stale),
            sort: RwSignal::new(asked.sort),
            archived: RwSignal::new(asked.archived),
        }
    }

    /// As it stands in the controls, for reactive places.
    fn asked(self) -> Asked {
        Asked {
            search: self.search.get(),
            status: self.status.get(),
            whose: self.whose.get(),
            person: self.person.get(),
            group: self.group.get(),
            tag: self.tag.get(),
            workflow: self.workflow.get(),
            from: self.from.get(),
            to: self.to.get(),
            cost: self.cost.get(),
            stale: self.stale.get(),
            sort: self.sort.get(),
            archived: self.archived.get(),
        }
    }

    pub(super) fn show(self, asked: Asked) {
        self.search.set(asked.search);
        self.status.set(asked.status);
        self.whose.set(asked.whose);
        self.person.set(asked.person);
        self.group.set(asked.group);
        self.tag.set(asked.tag);
        self.workflow.set(asked.workflow);
        self.from.set(asked.from);
        self.to.set(asked.to);
        self.cost.set(asked.cost);
        self.stale.set(asked.stale);
        self.sort.set(asked.sort);
        self.archived.set(asked.archived);
    }
}

#[component]
pub(super) fn Filters(
    typed: Typed,
    asked: Memo<Asked>,
    refused: RwSignal<Option<AppError>>,
    /// What the workflow of the first run is called.
    workflow: RwSignal<Option<String>>,
) -> impl IntoView {
    let navigate = use_navigate();
    let go = Callback::new(move |asked: Asked| {
        navigate(&asked.page_address(), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    });
    let refused = Signal::from(refused);
    let fault_of_days = memo(move || days::fault(&typed.from.get(), &typed.to.get()));
    let fault_of_cost = memo(move || typed.cost.with(|cost| fault_of_amount(cost)));
    let send = move || {
        if fault_of_days.with_untracked(Option::is_some) || fault_of_cost.with_untracked(Option::is_some) {
            focus_first_error();
        } else {
            go.run(untrack(|| typed.asked()));
        }
    };
    when_chosen(typed, asked, send);
    // What is seldom wanted is folded away: on a phone it would push the runs out of sight. It opens as soon as it narrows the list, and is
    // closed by people alone, whose keyboard may be in it.
    let more = NodeRef::<html::Details>::new();
    let is_more = memo(move || asked.with(Asked::has_more));
    effect(move || {
        if is_more.get()
            && let Some(more) = more.get()
        {
            more.set_open(true);
        }
    });
    let sorts: Vec<SelectOption> = SORTS.iter().map(|(_, name, words)| SelectOption::new(*name, *words)).collect();
    view! {
        <form
            class="audit-filters"
            novalidate
            role="search"
            aria-label="Find runs"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            <Field id="runs-search" label="Search" error=at_field(refused, "search")>
                <TextInput
                    value=typed.search
                    kind="search"
                    icon="search"
                    placeholder="Title, tag, what it is about or made"
                    maxlength=MOST_SEARCHED
                    autocomplete="off"
                />
            </Field>
            <Field id="runs-status" label="Status">
                <Select value=typed.status options=states()/>
            </Field>
            <WorkflowFilter chosen=typed.workflow asked first=workflow/>
            <Whose typed/>
            <Field id="runs-sort" label="Order">
                <Select value=typed.sort options=sorts/>
            </Field>
            <Person typed error=at_field(refused, "person")/>
            <div class="row">
                <Button kind=ButtonType::Submit icon="funnel">"Find"</Button>
                <Show when=move || asked.with(Asked::is_narrowed)>
                    <Button on_click=move |()| {
                        go.run(asked.with_untracked(Asked::plain));
                    }>"Clear"</Button>
                </Show>
            </div>
            <details node_ref=more class="filters-more" open=is_more.get_untracked()>
                <summary>"More filters"</summary>
                <div class="audit-filters">
                    <Groups typed/>
                    <Field id="runs-tag" label="Tag" error=at_field(refused, "tag")>
                        <TextInput value=typed.tag autocomplete="off"/>
                    </Field>
                    <DayFields page="runs" from=typed.from to=typed.to fault=fault_of_days refused/>
                    <Cost typed error=fault_of_cost/>
                    <Stale typed/>
                    <Field id="runs-archived" label="Show">
                        <Select
                            value=typed.archived
                            options=vec![SelectOption::new("", "Not archived"), SelectOption::new("yes", "Archived")]
                        />
                    </Field>
                </div>
            </details>
        </form>
        <OneWorkflow asked workflow go/>
    }
}

/// A choice is made with one press, and there is nothing to finish.
fn when_chosen(typed: Typed, asked: Memo<Asked>, send: impl Fn() + Copy + 'static) {
    for chosen in [typed.status, typed.workflow, typed.whose, typed.group, typed.stale, typed.sort, typed.archived] {
        effect_with(move |before: Option<String>| {
            let now = chosen.get();
            let is_new = before.is_some_and(|before| before != now);
            if is_new && asked.with_untracked(|asked| *asked != untrack(|| typed.asked())) {
                send();
            }
            now
        });
    }
}

fn states() -> Vec<SelectOption> {
    let all = SelectOption::new("", "Any status");
    let states = RunState::ALL.into_iter().map(|state| SelectOption::new(state.as_str(), status_label(state.as_str())));
    std::iter::once(all).chain(states).collect()
}

/// Mine, and those of others that there are for this person.
#[component]
fn Whose(typed: Typed) -> impl IntoView {
    let session = use_session();
    let mut options = vec![SelectOption::new("", "Mine"), SelectOption::new("with_me", "Shared with me")];
    if session.is_admin() {
        options.push(SelectOption::new("all", "Everybody's"));
    } else if session.with_user_untracked(|me| me.is_some_and(|me| !me.groups.is_empty())) {
        options.push(SelectOption::new("shared", "Of others, seen by my groups"));
    }
    view! {
        <Field id="runs-whose" label="Whose">
            <Select value=typed.whose options/>
        </Field>
    }
}

/// What they cost at least.
#[component]
fn Cost(typed: Typed, error: Memo<Option<String>>) -> impl IntoView {
    view! {
        <Field id="runs-cost" label="Cost at least" error>
            <TextInput value=typed.cost placeholder="0.05" autocomplete="off"/>
        </Field>
    }
}

/// Those in which a step is stale.
#[component]
fn Stale(typed: Typed) -> impl IntoView {
    view! {
        <Field id="runs-stale" label="Stale">
            <Select
                value=typed.stale
                options=vec![SelectOption::new("", "Any"), SelectOption::new("yes", "With stale steps")]
            />
        </Field>
    }
}

/// One person among those of others.
#[component]
fn Person(typed: Typed, error: Signal<Option<String>>) -> impl IntoView {
    let is_of_others = memo(move || typed.whose.with(|whose| !whose.is_empty()));
    view! {
        <Show when=move || is_of_others.get()>
            <Field id="runs-person" label="Started by" error=error>
                <TextInput value=typed.person placeholder="Email" autocomplete="off"/>
            </Field>
        </Show>
    }
}

/// Workflows that are for one group: of one's own, for admins of all there are.
#[component]
fn Groups(typed: Typed) -> impl IntoView {
    let session = use_session();
    let mine: Vec<String> =
        session.user_untracked().map(|me| me.groups.iter().map(ToString::to_string).collect()).unwrap_or_default();
    let known = RwSignal::new(mine.into_iter().map(|id| (id.clone(), id)).collect::<Vec<_>>());
    if session.is_admin() {
        effect(move || {
            leptos::task::spawn_local(async move {
                // Without their names one's own groups are still there to choose.
                if let Ok(groups) = paged::all(api::list_groups).await {
                    known.try_set(groups.into_iter().map(|group| (group.id.to_string(), group.name)).collect());
                }
            });
        });
    }
    let options = Signal::derive(move || {
        let chosen = typed.group.get();
        let all = SelectOption::new("", "Any group");
        known.with(|known| {
            let missing = known.iter().all(|(id, _)| *id != chosen) && !chosen.is_empty();
            let missing = missing.then(|| SelectOption::new(chosen.clone(), chosen.clone()));
            let listed = known.iter().map(|(id, name)| SelectOption::new(id.clone(), name.clone()));
            std::iter::once(all).chain(missing).chain(listed).collect::<Vec<_>>()
        })
    });
    let is_any = memo(move || typed.group.with(|group| !group.is_empty()) || known.with(|known| !known.is_empty()));
    view! {
        <Show when=move || is_any.get()>
            <Field id="runs-group" label="For group">
                <Select value=typed.group options/>
            </Field>
        </Show>
    }
}
