//! The pages whose program is fetched when one of them is first opened, so that a first visit loads what it shows.
//! Must hold no page: a line names the page, its route, and the part of the program that it belongs to.

mod part;
pub mod runs;
pub mod start;

use leptos::prelude::*;

use self::part::fetched;
use super::{
    account::AccountPage,
    agents::{AgentPage, AgentsPage, NewAgentPage},
    audit::AuditPage,
    batches::{batch::BatchPage, many::StartManyPage},
    charts::ChartsPage,
    compare::ComparePage,
    dashboard::DashboardPage,
    design::DesignPage,
    editor::EditorPage,
    gallery::GalleryPage,
    groups::GroupsPage,
    import::ImportPage,
    inbox::InboxPage,
    login::LoginPage,
    not_found::for_admins,
    notices::NoticesPage,
    runs::RunsPage,
    secrets::SecretsPage,
    users::UsersPage,
    workers::WorkersPage,
    workflows::WorkflowsPage,
};
use crate::shell::Page;

// Few parts: what two of them share is a file of its own, so each further one may double the files, and small files compress badly. Beside
// those of pages there are parts that nobody opens by an address, which `later!` names: `pane`, all that is read and decided at one step, in
// a run and in the inbox; `board`, the editor itself; `watch`, what else there is to look at and to do in a run; `account`; `prose`, which
// renders Markdown; `live`, the feed of all that is mine; `more`.
fetched! {
    home: Dashboard, dashboard, load_dashboard, view! { <DashboardPage/> }.into_any();
    home: Login, login, load_login, view! { <LoginPage/> }.into_any();
    mine: Account, account, load_account, view! { <AccountPage/> }.into_any();
    mine: Inbox, inbox, load_inbox, view! { <InboxPage/> }.into_any();
    lists: RunList, run_list, load_run_list, view! { <RunsPage/> }.into_any();
    lists: Charts, charts, load_charts, view! { <ChartsPage/> }.into_any();
    lists: StartMany, start_many, load_start_many, view! { <StartManyPage/> }.into_any();
    lists: Batch, batch, load_batch, view! { <BatchPage/> }.into_any();
    more: Compare, compare, load_compare, view! { <ComparePage/> }.into_any();
    lists: Gallery, gallery, load_gallery, view! { <GalleryPage/> }.into_any();
    admin: Users, users, load_users, for_admins(UsersPage);
    admin: Groups, groups, load_groups, for_admins(GroupsPage);
    admin: Notices, notices, load_notices, for_admins(NoticesPage);
    admin: Audit, audit, load_audit, for_admins(AuditPage);
    admin: Workflows, workflows, load_workflows, for_admins(WorkflowsPage);
    admin: Import, import, load_import, for_admins(ImportPage);
    admin: Agents, agents, load_agents, for_admins(AgentsPage);
    admin: NewAgent, new_agent, load_new_agent, for_admins(NewAgentPage);
    admin: Agent, agent, load_agent, for_admins(AgentPage);
    admin: Workers, workers, load_workers, for_admins(WorkersPage);
    admin: Secrets, secrets, load_secrets, for_admins(SecretsPage);
    admin: Design, design, load_design, view! { <Page title="Design system"><DesignPage/></Page> }.into_any();
    editor: Editor, editor, load_editor, for_admins(EditorPage);
}
