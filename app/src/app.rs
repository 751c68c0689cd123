//! The app: contexts and routes. Every route renders whole on the server, so that content, title and status are right before the WASM arrives.
//! Must hold no page; a new one is a file under `pages` and a line here.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Redirect, Route, Router, Routes},
    path,
};

use crate::{
    components::provide_toasts,
    pages::{NotFoundPage, fetched},
    prefs::provide_prefs,
    session::provide_session,
    shell::AppShell,
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
                <Route path=path!("/login") view={Lazy::<fetched::Login>::new()} ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=AppShell ssr=SsrMode::Async>
                    <Route path=path!("/") view=|| view! { <Redirect path="/dashboard"/> }/>
                    <Route path=path!("/dashboard") view={Lazy::<fetched::Dashboard>::new()}/>
                    <Route path=path!("/inbox") view={Lazy::<fetched::Inbox>::new()}/>
                    <Route path=path!("/workflows") view={Lazy::<fetched::Gallery>::new()}/>
                    <Route path=path!("/start/:template_id") view={Lazy::<fetched::start::Start>::new()}/>
                    <Route path=path!("/runs") view={Lazy::<fetched::RunList>::new()}/>
                    <Route path=path!("/start/:template_id/table") view={Lazy::<fetched::StartMany>::new()}/>
                    <Route path=path!("/batches/:batch_id") view={Lazy::<fetched::Batch>::new()}/>
                    // Before those of one run: no id is such a word.
                    <Route path=path!("/runs/charts") view={Lazy::<fetched::Charts>::new()}/>
                    <Route path=path!("/runs/:run_id") view={Lazy::<fetched::runs::Run>::new()}/>
                    <Route path=path!("/runs/:run_id/compare/:other_id") view={Lazy::<fetched::Compare>::new()}/>
                    <Route path=path!("/account") view={Lazy::<fetched::Account>::new()}/>
                    <Route path=path!("/admin/workflows") view={Lazy::<fetched::Workflows>::new()}/>
                    <Route path=path!("/admin/workflows/import") view={Lazy::<fetched::Import>::new()}/>
                    <Route path=path!("/admin/workflows/:template_id") view={Lazy::<fetched::Editor>::new()}/>
                    <Route path=path!("/admin/agents") view={Lazy::<fetched::Agents>::new()}/>
                    <Route path=path!("/admin/agents/new") view={Lazy::<fetched::NewAgent>::new()}/>
                    <Route path=path!("/admin/agents/:agent_id") view={Lazy::<fetched::Agent>::new()}/>
                    <Route path=path!("/admin/workers") view={Lazy::<fetched::Workers>::new()}/>
                    <Route path=path!("/admin/secrets") view={Lazy::<fetched::Secrets>::new()}/>
                    <Route path=path!("/admin/users") view={Lazy::<fetched::Users>::new()}/>
                    <Route path=path!("/admin/groups") view={Lazy::<fetched::Groups>::new()}/>
                    <Route path=path!("/admin/notices") view={Lazy::<fetched::Notices>::new()}/>
                    <Route path=path!("/admin/audit") view={Lazy::<fetched::Audit>::new()}/>
                    <Route path=path!("/design") view={Lazy::<fetched::Design>::new()}/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}
