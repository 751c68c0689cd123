//! What the entries of the audit log say to people. An action that is not known here is shown as it is written.

use workflow::{api::AuditEntry, words::count};

/// Of a list, as many are shown as fit into a row; the export has all.
const MOST_SHOWN: usize = 5;

/// The kinds that can be chosen in the filter.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("", "Everything"),
    ("session", "Signing in and out"),
    ("token", "API tokens"),
    ("user", "People"),
    ("group", "Groups"),
    ("delegation", "Reviews given to others"),
    ("batch", "Tables of runs"),
    ("agent", "Agents"),
    ("template", "Workflows"),
    ("run", "Runs"),
    ("secret", "Secrets"),
    ("notice", "Notices"),
    ("access", "Refused access"),
    ("session.refused", "Failed sign-ins"),
];

/// What was done.
pub(super) fn action(action: &str) -> &str {
    match action {
        "session.created" => "Signed in",
        "session.refused" => "Gave a wrong password",
        "session.confirmed" => "Gave the password again",
        "session.ended" => "Signed out",
        "session.revoked" => "Ended a session",
        "token.created" => "Made an API token",
        "token.revoked" => "Revoked an API token",
        "token.used" => "Used an API token",
        "token.refused" => "Came with a token that is refused",
        "access.refused" => "Was refused",
        "user.created" => "Made an account",
        "user.role_changed" => "Changed a role",
        "user.disabled" => "Disabled an account",
        "user.enabled" => "Enabled an account",
        "user.password_changed" => "Set a new password",
        "batch.created" => "Uploaded a table of runs",
        "batch.paused" => "Paused a table of runs",
        "batch.resumed" => "Let a table of runs go on",
        "batch.cancelled" => "Started no more rows of a table",
        "batch.deleted" => "Deleted a table of runs",
        "delegation.created" => "Gave their reviews to somebody",
        "delegation.ended" => "Ended that somebody has another's reviews",
        "group.created" => "Made a group",
        "group.renamed" => "Renamed a group",
        "group.deleted" => "Deleted a group",
        "group.member_added" => "Put somebody into a group",
        "group.member_removed" => "Took somebody out of a group",
        "agent.saved" => "Saved an agent",
        "agent.deleted" => "Deleted an agent",
        "template.created" => "Made a workflow",
        "template.draft_saved" => "Saved a draft",
        "template.published" => "Published a workflow",
        "template.exported" => "Exported a workflow to a file",
        "template.imported" => "Imported a workflow from a file",
        "template.audience_changed" => "Changed whom a workflow is for",
        "template.deleted" => "Deleted a workflow",
        "template.archived" => "Archived a workflow",
        "template.unarchived" => "Took a workflow back from the archive",
        "template.test_made" => "Tested an agent",
        "secret.created" => "Made a secret",
        "secret.replaced" => "Gave a secret another value",
        "secret.granted" => "Said who may use a secret",
        "secret.rotated" => "Encrypted a secret anew",
        "secret.deleted" => "Deleted a secret",
        "secret.used" => "Used a secret",
        "notice.address_added" => "Registered an address for notices",
        "notice.address_changed" => "Changed an address for notices",
        "notice.address_deleted" => "Deleted an address for notices",
        "notice.address_given_up" => "Switched off an address that failed",
        "notice.address_rotated" => "Encrypted an address anew",
        "notice.secret_renewed" => "Made another signing secret",
        "notice.settings_changed" => "Changed how notices are sent",
        "notice.resent" => "Sent a notice again",
        "notice.unsubscribed" => "Ended mail about reviews by its link",
        "run.labelled" => "Gave a run a title or tags",
        "run.shared" => "Shared a run",
        "run.share_ended" => "Ended that a run is shared",
        "run.archived" => "Archived runs",
        "run.unarchived" => "Took runs back from the archive",
        "run.deletion_asked" => "Asked to delete runs",
        "run.kept" => "Took back that runs are deleted",
        "run.deletion_dropped" => "Did not delete a run, which went on",
        "run.deleted" => "Deleted a run",
        "run.released" => "Let a run go on that was set aside",
        other => other,
    }
}

/// Who did it.
pub(super) fn who(entry: &AuditEntry) -> String {
    match (&entry.actor_email, entry.actor, entry.via.as_deref()) {
        (Some(email), ..) => email.clone(),
        (None, Some(id), _) => id.to_string(),
        (None, None, Some("operator")) => "Operator".to_owned(),
        (None, None, _) if matches!(entry.action.as_str(), "secret.used" | "notice.address_given_up") => {
            "Weft itself".to_owned()
        }
        (None, None, _) => "Not signed in".to_owned(),
    }
}

/// To whom or what it was done, by its name where it has one. Somebody who did something to their own account is named once,
/// but for the account itself.
pub(super) fn subject(entry: &AuditEntry) -> Option<String> {
    let is_own = entry.actor_email.is_some() && entry.actor_email == entry.subject_email;
    if entry.subject == "nobody" || (is_own && entry.action != "user.created") {
        return None;
    }
    if let Some(runs) = entry.data["runs"].as_array() {
        return Some(count(runs.len(), "run"));
    }
    Some(entry.subject_email.as_ref().or(entry.subject_name.as_ref()).unwrap_or(&entry.subject).clone())
}

/// By what means, where it is not the browser.
pub(super) fn via(entry: &AuditEntry) -> Option<&'static str> {
    match entry.via.as_deref() {
        Some("token") => Some("by API token"),
        Some("operator") => Some("on the command line"),
        _ => None,
    }
}

/// The rest of what is known, without what other columns show: `scopes: read, run`.
pub(super) fn details(entry: &AuditEntry) -> String {
    let Some(data) = entry.data.as_object() else { return String::new() };
    // Somebody is named by their email, where they still have one.
    let is_named = data.contains_key("email");
    let shown = data.iter().filter(|(name, _)| match name.as_str() {
        "address" | "via" | "by_token" | "token" => false,
        "user" => !is_named,
        _ => true,
    });
    let text = |value: &serde_json::Value| match value {
        // Of a time, the minute is enough.
        serde_json::Value::String(text) => text
            .parse::<chrono::DateTime<chrono::Utc>>()
            .map_or_else(|_| text.clone(), |at| at.format("%-d %b %Y, %H:%M UTC").to_string()),
        serde_json::Value::Array(items) => {
            let text = |item: &serde_json::Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            let more = items.len().saturating_sub(MOST_SHOWN);
            let more = (more > 0).then(|| format!("and {more} more"));
            items.iter().take(MOST_SHOWN).map(text).chain(more).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    shown.map(|(name, value)| format!("{}: {}", name.replace('_', " "), text(value))).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_it_was_done_to_has_its_name() {
        let entry = |action: &str, more: serde_json::Value| {
            let mut entry = json!({
                "id": 1, "at": "2026-01-01T00:00:00Z", "actor": null, "actor_email": "a@b.c", "via": null, "address": null,
                "action": action, "subject": "0196", "subject_email": null, "data": {}
            });
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<AuditEntry>(entry).unwrap()
        };
        let named = |action, more| subject(&entry(action, more));
        assert_eq!(named("template.published", json!({"subject_name": "Brief"})).as_deref(), Some("Brief"));
        assert_eq!(named("template.published", json!({})).as_deref(), Some("0196"), "it may be gone");
        assert_eq!(
            named("user.created", json!({"subject_email": "a@b.c"})).as_deref(),
            Some("a@b.c"),
            "the first account"
        );
        assert_eq!(named("session.created", json!({"subject_email": "a@b.c"})), None, "who did it says it");
        assert_eq!(named("token.refused", json!({"subject": "nobody"})), None);
    }

    #[test]
    fn details_leave_out_what_other_columns_show() {
        let entry: AuditEntry = serde_json::from_value(json!({
            "id": 1, "at": "2026-01-01T00:00:00Z", "actor": null, "actor_email": null, "via": "operator", "address": null,
            "action": "token.created", "subject": "x", "subject_email": null,
            "data": {"scopes": ["read", "run"], "via": "operator", "token": "t", "n": 3, "expires_at": "2026-02-01T10:00:00.5Z"}
        }))
        .unwrap();
        assert_eq!(details(&entry), "scopes: read, run · n: 3 · expires at: 1 Feb 2026, 10:00 UTC");
        assert_eq!((who(&entry).as_str(), via(&entry)), ("Operator", Some("on the command line")));
        let of_member = |data: serde_json::Value| details(&AuditEntry { data, ..entry.clone() });
        assert_eq!(of_member(json!({"user": "0196", "email": "ben@example.org"})), "email: ben@example.org");
        assert_eq!(of_member(json!({"user": "0196"})), "user: 0196");
        let many = AuditEntry { data: json!({"runs": ["a", "b", "c", "d", "e", "f", "g"]}), ..entry.clone() };
        assert_eq!(details(&many), "runs: a, b, c, d, e, and 2 more");
        assert_eq!(subject(&many).as_deref(), Some("7 runs"));
    }
}
