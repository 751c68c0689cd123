//! The pages whose program is fetched when one of them is first opened, so that a first visit loads what it shows.
//! Must hold no page: a line names the page, its route, and the part of the program that it belongs to.

mod part;
pub mod runs;

use leptos::prelude::*;

use self::part::fetched;
use super::{
    account::AccountPage,
    agents::{AgentPage, AgentsPage, NewAgentPage},
    audit::AuditPage,
    compare::ComparePage,
    design::DesignPage,
    editor::EditorPage,
    import::ImportPage,
    not_found::for_admins,
    start::StartPage,
    users::UsersPage,
    workers::WorkersPage,
    workflows::WorkflowsPage,
};
use crate::shell::Page;

fetched! {
    comparison: Compare, compare, load_compare, view! { <ComparePage/> }.into_any();
    forms: Start, start, load_start, view! { <StartPage/> }.into_any();
    forms: Account, account, load_account, view! { <AccountPage/> }.into_any();
    forms: Users, users, load_users, for_admins(UsersPage);
    forms: Audit, audit, load_audit, for_admins(AuditPage);
    workflows: Workflows, workflows, load_workflows, for_admins(WorkflowsPage);
    workflows: Editor, editor, load_editor, for_admins(EditorPage);
    exchange: Import, import, load_import, for_admins(ImportPage);
    agents: Agents, agents, load_agents, for_admins(AgentsPage);
    agents: NewAgent, new_agent, load_new_agent, for_admins(NewAgentPage);
    agents: Agent, agent, load_agent, for_admins(AgentPage);
    agents: Workers, workers, load_workers, for_admins(WorkersPage);
    design: Design, design, load_design, view! { <Page title="Design system"><DesignPage/></Page> }.into_any();
}
