//! The pages whose program is fetched when one of them is first opened, so that a first visit loads what it shows.
//! Must hold no page: a line names the page, its route, and the part of the program that it belongs to.

#[cfg(not(split_wasm))]
use std::future::{Ready, ready};

#[cfg(split_wasm)]
use leptos::wasm_split::wasm_split;
use leptos::{prelude::*, wasm_split::SplitLoaderError};
use leptos_router::LazyRoute;

use super::{
    account::AccountPage,
    agents::{AgentPage, AgentsPage, NewAgentPage},
    audit::AuditPage,
    compare::ComparePage,
    design::DesignPage,
    editor::EditorPage,
    not_found::for_admins,
    run::RunPage,
    start::StartPage,
    users::UsersPage,
    workflows::WorkflowsPage,
};
use crate::{
    components::Empty,
    link::{Link, use_link},
    reactive::effect_with,
    shell::Page,
};

/// For whoever is about to open a run: the pointer or the keyboard came near a link to one. Fetched once, however often asked.
pub(super) fn fetch_runs_ahead() {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async {
        // Nobody waits for it; whoever opens a run asks again.
        let _ = load_run().await;
    });
}

/// Pages of one part come together: who opens one of them will most likely open another.
macro_rules! fetched {
    ($($part:ident: $route:ident, $page:ident, $load:ident, $view:expr;)*) => {$(
        #[cfg(split_wasm)]
        #[wasm_split($part, wasm_split_path = leptos::wasm_split, fallible, preload($load))]
        fn $page() -> Result<AnyView, SplitLoaderError> {
            Ok($view)
        }

        // On the server, and in a bundle that is whole, the page is there already.
        #[cfg(not(split_wasm))]
        fn $page() -> Ready<Result<AnyView, SplitLoaderError>> {
            ready(Ok($view))
        }

        #[cfg(not(split_wasm))]
        fn $load() -> Ready<Result<(), SplitLoaderError>> {
            ready(Ok(()))
        }

        pub struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn preload() {
                // What fails here is asked for once more by the view, which shows it.
                let _ = $load().await;
            }

            async fn view(_: Self) -> AnyView {
                #[cfg(feature = "ssr")]
                name_files(stringify!($part));
                $page().await.unwrap_or_else(|_| view! { <NotFetched/> }.into_any())
            }
        }
    )*};
}

fetched! {
    runs: Run, run, load_run, view! { <RunPage/> }.into_any();
    runs: Compare, compare, load_compare, view! { <ComparePage/> }.into_any();
    forms: Start, start, load_start, view! { <StartPage/> }.into_any();
    forms: Account, account, load_account, view! { <AccountPage/> }.into_any();
    forms: Users, users, load_users, for_admins(UsersPage);
    forms: Audit, audit, load_audit, for_admins(AuditPage);
    workflows: Workflows, workflows, load_workflows, for_admins(WorkflowsPage);
    workflows: Editor, editor, load_editor, for_admins(EditorPage);
    agents: Agents, agents, load_agents, for_admins(AgentsPage);
    agents: NewAgent, new_agent, load_new_agent, for_admins(NewAgentPage);
    agents: Agent, agent, load_agent, for_admins(AgentPage);
    design: Design, design, load_design, view! { <Page title="Design system"><DesignPage/></Page> }.into_any();
}

/// Names the files of a part in the head of the document, so that the browser fetches them beside the bundle and not after it.
#[cfg(feature = "ssr")]
fn name_files(part: &str) {
    use leptos_meta::Link;

    for href in crate::site::files().parts.get(part).into_iter().flatten().cloned() {
        // Drawing a link adds it to the head; there is nothing to show.
        if href.rsplit('.').next() == Some("js") {
            view! { <Link rel="modulepreload" href/> }.to_html();
        } else {
            view! { <Link rel="preload" href as_="fetch" type_="application/wasm" crossorigin="anonymous"/> }.to_html();
        }
    }
}

/// The network failed, or the server was updated while this document was open.
#[component]
fn NotFetched() -> impl IntoView {
    // There is nothing on this page to lose: once the connection is back, it is asked for without a press.
    let link = use_link();
    effect_with(move |was_lost: Option<bool>| {
        let is_lost = link.is_some_and(Link::is_lost);
        if was_lost == Some(true) && !is_lost {
            // Where the browser refuses, the link below is still there.
            let _ = window().location().reload();
        }
        is_lost
    });
    view! {
        <Page title="Page not loaded">
            <div class="page">
                <h1 class="visually-hidden">"Page not loaded"</h1>
                <Empty
                    icon="circle-alert"
                    title="This page could not be loaded"
                    text="The connection failed, or Weft was updated while this tab was open."
                >
                    // Not the router's: the whole document is asked for again.
                    <a class="btn" data-variant="primary" href="" rel="external">
                        <span class="btn-label">"Load it again"</span>
                    </a>
                </Empty>
            </div>
        </Page>
    }
}
