//! What can be found on every page: the pages themselves, and what is on the server.
//! Must never list a place that would answer "not found" to this person.

use workflow::api::{FoundAgent, FoundWorkflow};

use super::entry::{Entry, Group};

pub(super) fn places(is_admin: bool) -> Vec<Entry> {
    let page = |icon, title: &str, href: &str| Entry::go(Group::Pages, icon, title, href);
    let mut places = vec![
        page("layout-dashboard", "Dashboard", "/dashboard").about("home my runs"),
        page("play", "Start a workflow", "/workflows").about("gallery all published"),
        page("inbox", "Inbox", "/inbox").about("waiting reviews approve approvals history"),
        page("list", "Runs", "/runs").about("find search tags archive"),
        page("list", "Charts of runs", "/runs/charts").about("totals success duration tokens cost statistics"),
    ];
    if is_admin {
        places.extend([
            page("workflow", "Workflows", "/admin/workflows").about("templates drafts"),
            page("bot", "Agents", "/admin/agents").about("library"),
            page("plus", "New agent", "/admin/agents/new"),
            page("cpu", "Workers", "/admin/workers").about("outside queues"),
            page("lock", "Secrets", "/admin/secrets").about("keys tokens headers"),
            page("users", "Users", "/admin/users").about("people accounts"),
            page("layers", "Groups", "/admin/groups").about("teams reviewers audience"),
            page("bell", "Notices", "/admin/notices").about("email mail smtp webhooks slack deliveries"),
            page("history", "Audit log", "/admin/audit"),
        ]);
    }
    places.push(page("circle-user", "Account", "/account").about("password sessions tokens theme notices"));
    places
}

pub(super) fn workflow(found: FoundWorkflow) -> Entry {
    if found.may_edit {
        let state = if found.is_published { "" } else { "Not published" };
        Entry::go(Group::Workflows, "workflow", found.name, format!("/admin/workflows/{}", found.id)).about(state)
    } else {
        Entry::go(Group::Workflows, "play", found.name, format!("/start/{}", found.id)).about("Start")
    }
}

pub(super) fn agent(found: FoundAgent) -> Entry {
    let href = format!("/admin/agents/{}", found.id);
    Entry::go(Group::Agents, "bot", found.name, href).about(found.id.to_string())
}
