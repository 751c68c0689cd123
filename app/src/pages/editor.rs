//! /admin/workflows/{id}: the editor. Palette, canvas, panel and problems over one draft that saves itself.
//! What is drawn must never be lost: not by a dead network, an ended session, a reload, nor by somebody else's save.

mod arrange_menu;
mod autosave;
mod bound;
mod canvas_bar;
mod canvas_menu;
mod changes;
mod chooser;
mod clipboard;
mod collapsed;
mod company;
mod conflict;
mod content;
mod decide;
mod draft;
mod edge_panel;
mod find_items;
mod finding;
mod fixes;
mod focus;
mod keep;
mod key_field;
mod left;
mod merging;
mod more;
mod outline;
mod outline_marks;
mod outline_rows;
mod outline_verbs;
mod palette;
mod parts;
mod past;
mod problems;
mod publish;
mod publishing;
mod replace;
mod replace_form;
mod replacing;
mod save_state;
mod saving;
mod settings;
mod side_panel;
mod sources;
mod step_panel;
mod trying;
mod unsaved;
mod versions;
mod writing;
mod writing_form;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use workflow::{AgentCatalog, TemplateId, api::TemplateView, trying::Extent};

use self::{
    canvas_bar::CanvasBar,
    canvas_menu::CanvasMenu,
    chooser::Chooser,
    company::CompanyList,
    conflict::Notices,
    draft::Draft,
    left::Left,
    more::More,
    problems::Problems,
    publish::Publish,
    replace::ReplaceDialog,
    replacing::Replacing,
    save_state::SaveWords,
    side_panel::SidePanel,
    trying::{TryOnCanvas, Trying, use_trying},
    writing::Writing,
};
use crate::reactive::memo;
use crate::{
    api,
    as_sent::AsSent,
    behind::LaterDialogs,
    canvas_view::{EditorCanvas, provide_map},
    components::{
        Button, Empty, LeftPanel, LeftToggle, LinkButton, Segment, Segmented, Skeleton, SkeletonKind, Tooltip, Variant,
    },
    finder::{Entry, Group, use_finder},
    later::{View, later},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::NotFound,
    shell::PageTop,
};

// All of the editor stands on the board, half of a first load: the page that the server sent is there to be read before it.
later! {
    board: editor, View<Opened>, editor_of;
}

/// What the page came with, until it is drawn.
type Opened = StoredValue<Option<(TemplateView, AgentCatalog)>>;

fn editor_of(opened: Opened) -> AnyView {
    // A browser draws it once. Of thousands of steps a copy takes as long as a frame there, and its room is never given back.
    let opened =
        if cfg!(feature = "ssr") { opened.get_value() } else { opened.try_update_value(Option::take).flatten() };
    opened.map(|(template, agents)| view! { <Loaded template agents/> }).into_any()
}

#[component]
pub fn EditorPage() -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("template_id").and_then(|id| id.parse::<TemplateId>().ok())));
    let loaded = Resource::new(
        move || id.get(),
        |id| async move {
            match id {
                Some(id) => Some(api::open_template(id).await),
                None => None,
            }
        },
    );
    refetch_after_sign_in(loaded, |loaded| matches!(loaded, Some(Err(_))));
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match loaded.await {
                    Some(Ok(opened)) => {
                        let of = StoredValue::new(Some(opened));
                        view! { <AsSent part=editor of holds=Signal::stored(true) fallback=|| view! { <Loading/> }/> }
                            .into_any()
                    }
                    Some(Err(error)) => view! { <PageFailed error on_retry=move |()| loaded.refetch()/> }.into_any(),
                    None => view! { <NotFound/> }.into_any(),
                }
            })}
        </Transition>
    }
}

fn above() -> Vec<(String, String)> {
    vec![("Workflows".to_owned(), "/admin/workflows".to_owned())]
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <PageTop title="Workflow" above=above()/>
        <main class="main" id="main" tabindex="-1" aria-busy="true">
            <div class="page">
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Row/>
            </div>
        </main>
    }
}

const VIEWS: [Segment; 4] = [
    Segment::new("palette", "Agents"),
    Segment::new("steps", "Steps"),
    Segment::new("canvas", "Canvas"),
    Segment::new("panel", "Settings"),
];

#[component]
fn Loaded(template: TemplateView, agents: AgentCatalog) -> impl IntoView {
    let draft = Draft::open(template, agents);
    draft.follow_saving();
    draft.follow_merging();
    draft.take_up_unsaved();
    draft.follow();
    draft.follow_clipboard();
    collapsed::follow(draft);
    let company = company::follow(draft);
    let palette = LeftPanel::new("palette");
    step_panel::Folded::provide();
    provide_map();
    Trying::provide(draft);
    let replacing = Replacing::provide();
    let left = RwSignal::new("agents".to_owned());
    finding::offer(draft, replacing, left, palette);
    focus::keep(draft);
    let title = Signal::derive(move || {
        draft.name.with(|name| if name.trim().is_empty() { "Untitled workflow".to_owned() } else { name.clone() })
    });
    let actions = move || {
        view! {
            <CompanyList draft company/>
            <SaveWords draft/>
            <TryButton draft/>
            <Publish draft/>
            <More draft/>
        }
    };
    view! {
        <PageTop title above=above() actions/>
        <main class="main" id="main" tabindex="-1" aria-label=move || title.get()>
            <h1 class="visually-hidden">{move || title.get()}</h1>
            <div class="editor-page">
                <div class="notices">
                    <Notices draft/>
                </div>
                <div class="canvas-page editor" data-show=move || draft.shown.get() data-left=move || palette.state()>
                    <div class="view-tabs">
                        <Segmented value=draft.shown segments=VIEWS.to_vec() name="editor-view" label="What to show"/>
                    </div>
                    <Left draft panel=palette shown=left/>
                    <section class="canvas-stage" aria-label="Canvas">
                        <EditorCanvas state=draft.handle/>
                        <TryOnCanvas/>
                        <EmptyCanvas draft/>
                        <LeftToggle panel=palette icon="bot" label="Agents and steps"/>
                        <CanvasBar draft replacing/>
                        <CanvasMenu draft/>
                        <OpenSelected draft/>
                        <Chooser draft/>
                        <Writing draft/>
                    </section>
                    <SidePanel draft/>
                    <Problems draft/>
                </div>
            </div>
            <ReplaceDialog replacing/>
        </main>
    }
}

/// Leads to the question on what to try all of it.
#[component]
fn TryButton(draft: Draft) -> impl IntoView {
    let trying = use_trying();
    let is_empty = memo(move || draft.handle.with_definition(|definition| definition.steps.is_empty()));
    if let Some(finder) = use_finder() {
        finder.offer(move || {
            let refusal = is_empty.get().then(|| "There are no steps yet".to_owned());
            let run = move || trying.asking.set(Some(Extent::Whole));
            vec![Entry::run(Group::Commands, "flask-conical", "Try the draft", run).about("test run").refused(refusal)]
        });
    }
    view! {
        <Tooltip text="Runs the draft as it stands here, without publishing it">
            <Button icon="flask-conical" disabled=is_empty on_click=move |()| trying.asking.set(Some(Extent::Whole))>
                <span class="words-if-wide">"Try the draft"</span>
            </Button>
        </Tooltip>
        <LaterDialogs
            part=parts::try_dialog
            of=()
            wanted=Signal::derive(move || trying.asking.with(Option::is_some))
            on_failure=move |()| trying.asking.set(None)
        />
    }
}

/// On narrow screens: from a step that was tapped to its settings, which lie on another tab there.
#[component]
fn OpenSelected(draft: Draft) -> impl IntoView {
    let selected = draft.handle.selected();
    view! {
        {move || selected.get().map(|key| {
            let title = draft.title_of(&key);
            // Its heading and not a field: a keyboard would come up over what one wants to see.
            let open = move |()| {
                draft.shown.set("panel".to_owned());
                focus::focus_soon(String::new());
            };
            view! {
                <div class="open-selected">
                    <Button variant=Variant::Primary icon="settings" on_click=open>
                        <span class="truncate">{format!("Settings of {title}")}</span>
                    </Button>
                </div>
            }
        })}
    }
}

/// What to do first. It lets the pointer through everywhere but on its button.
#[component]
fn EmptyCanvas(draft: Draft) -> impl IntoView {
    let is_empty = memo(move || draft.handle.with_definition(|definition| definition.steps.is_empty()));
    let has_agents = memo(move || draft.catalog.with(|catalog| catalog.latest().next().is_some()));
    view! {
        <Show when=move || is_empty.get()>
            <div class="canvas-empty">
                {move || {
                    if has_agents.get() {
                        view! {
                            <Empty
                                icon="mouse-pointer-2"
                                title="Drag an agent here"
                                text="Each agent on the canvas is a step. Draw a line from one step to the next to hand its result on. Without a mouse: N adds a step, C connects it."
                            />
                        }
                            .into_any()
                    } else {
                        view! {
                            <Empty icon="bot" title="Make an agent first" text="A workflow is made of agents, and there is none yet">
                                <LinkButton href="/admin/agents/new" icon="plus">"New agent"</LinkButton>
                            </Empty>
                        }
                            .into_any()
                    }
                }}
            </div>
        </Show>
    }
}
