//! The app: contexts and routes. Every route renders whole on the server, so that content, title and status are right before the WASM arrives.
//! Must hold no page; a new one is a file under `pages` and a line here.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Redirect, Route, Router, Routes},
    path,
};

use crate::{
    components::provide_toasts,
    pages::{
        AccountPage, AgentPage, AgentsPage, ComparePage, DashboardPage, DesignPage, EditorPage, LoginPage,
        NewAgentPage, NotFound, NotFoundPage, RunPage, StartPage, UsersPage, WorkflowsPage,
    },
    prefs::provide_prefs,
    session::{provide_session, use_session},
    shell::{AppShell, Page},
};

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_session();
    provide_prefs();
    provide_toasts();
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Weft".to_owned() } else { format!("{text} · Weft") }/>
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=AppShell ssr=SsrMode::Async>
                    <Route path=path!("/") view=|| view! { <Redirect path="/dashboard"/> }/>
                    <Route path=path!("/dashboard") view=DashboardPage/>
                    <Route path=path!("/start/:template_id") view=StartPage/>
                    <Route path=path!("/runs/:run_id") view=RunPage/>
                    <Route path=path!("/runs/:run_id/compare/:other_id") view=ComparePage/>
                    <Route path=path!("/account") view=AccountPage/>
                    <Route path=path!("/admin/workflows") view=|| for_admins(WorkflowsPage)/>
                    <Route path=path!("/admin/workflows/:template_id") view=|| for_admins(EditorPage)/>
                    <Route path=path!("/admin/agents") view=|| for_admins(AgentsPage)/>
                    <Route path=path!("/admin/agents/new") view=|| for_admins(NewAgentPage)/>
                    <Route path=path!("/admin/agents/:agent_id") view=|| for_admins(AgentPage)/>
                    <Route path=path!("/admin/users") view=|| for_admins(UsersPage)/>
                    <Route path=path!("/design") view=Design/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// To everybody else an admin's page is not there; the server answers its functions alike.
fn for_admins<P: IntoView + 'static>(page: impl Fn() -> P) -> AnyView {
    // Untracked: signing in again must not draw a page anew that holds unsaved work.
    if untrack(|| use_session().is_admin()) { page().into_any() } else { view! { <NotFound/> }.into_any() }
}

#[component]
fn Design() -> impl IntoView {
    view! {
        <Page title="Design system">
            <DesignPage/>
        </Page>
    }
}
