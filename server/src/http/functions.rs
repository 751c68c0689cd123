//! Every server function, in one table: how it is entered. A function that is missing here takes little, from those who are signed in.

use super::entry::{CONTENT, Entry, OPEN, SMALL, TEXT};

/// In the order of `app/src/api`: account, agents, runs, steps, templates, users.
const FUNCTIONS: &[(&str, Entry)] = &[
    ("setup_state", OPEN),
    ("current_user", OPEN),
    ("create_first_admin", OPEN),
    ("login", OPEN),
    ("logout", OPEN),
    ("change_password", SMALL),
    ("list_sessions", SMALL),
    ("revoke_session", SMALL),
    ("list_tokens", SMALL),
    ("create_token", SMALL),
    ("confirm_password", SMALL),
    ("revoke_token", SMALL),
    ("list_agents", SMALL),
    ("get_agent", SMALL),
    ("catalog_of", SMALL),
    ("save_agent", CONTENT),
    ("workflow_ports", SMALL),
    ("test_agent", CONTENT),
    ("list_providers", SMALL),
    ("start_run", CONTENT),
    ("my_runs", SMALL),
    ("waiting_for_me", SMALL),
    ("get_run", SMALL),
    ("run_events", SMALL),
    ("set_auto_run", SMALL),
    ("pause_run", SMALL),
    ("resume_run", SMALL),
    ("cancel_run", SMALL),
    ("fork_run", SMALL),
    ("adopt_run", TEXT),
    ("move_run", SMALL),
    ("compare_runs", SMALL),
    ("trigger_step", CONTENT),
    ("continue_step", SMALL),
    ("edit_step", CONTENT),
    ("reject_step", TEXT),
    ("skip_step", CONTENT),
    ("skip_needs", SMALL),
    ("supply_step", CONTENT),
    ("stop_step", SMALL),
    ("rerun_step", CONTENT),
    ("step_prompt", SMALL),
    ("prompt_fault", CONTENT),
    ("attempt_transcript", SMALL),
    ("get_artifact", SMALL),
    ("artifact_lineage", SMALL),
    ("rollback_artifact", SMALL),
    ("gallery", SMALL),
    ("get_published", SMALL),
    ("list_templates", SMALL),
    ("get_template", SMALL),
    ("get_live_definition", SMALL),
    ("create_template", CONTENT),
    ("save_draft", CONTENT),
    ("publish_template", SMALL),
    ("archive_template", SMALL),
    ("template_versions", SMALL),
    ("list_users", SMALL),
    ("find_people", SMALL),
    ("people_standing", SMALL),
    ("create_user", SMALL),
    ("set_user_role", SMALL),
    ("set_user_disabled", SMALL),
    ("reset_user_password", SMALL),
    ("list_user_tokens", SMALL),
    ("revoke_user_token", SMALL),
    ("audit_log", SMALL),
];

/// For the tests, which compare it with the functions that there are.
pub fn functions() -> impl Iterator<Item = (&'static str, Entry)> {
    FUNCTIONS.iter().copied()
}

pub(super) fn entry(name: &str) -> Entry {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map_or(SMALL, |(_, entry)| *entry)
}
