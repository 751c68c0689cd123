//! The rows of the matrix about what is done with workflows, agents and runs. What ends the gate comes behind what is asked of it.

use serde_json::json;
use workflow::verbs::{RunVerb, Verb};

use super::{
    ADMINS, BOUND,
    Content::{Empty, Form, Json},
    EVERYBODY, Fixture, NOWHERE, OnRun, OnStep, Row, SIGNED_IN, Sees,
};

pub(super) fn rest(it: &Fixture) -> Vec<Row> {
    let mut rows = workflows_and_runs(it);
    rows.extend(interface());
    rows.extend(drafts());
    rows
}

fn workflows_and_runs(it: &Fixture) -> Vec<Row> {
    let agent = json!({"id": "other", "name": "Other", "config": {"kind": "template", "template": "x"},
        "outputs": [{"name": "text"}]});
    let start = json!({"template_id": it.template, "inputs": {"text": "x"}});
    vec![
        ("GET", "/api/agents/list", Empty, SIGNED_IN),
        ("GET", "/api/agents/{agent_id}", Empty, ADMINS),
        ("POST", "/api/agents", Json(agent), ADMINS),
        ("DELETE", "/api/agents/{agent_id}", Empty, ADMINS),
        ("POST", "/api/agents/test", Json(json!({"agent_id": "shout", "inputs": {"text": "x"}})), ADMINS),
        ("GET", "/api/providers", Empty, ADMINS),
        ("GET", "/api/workflows/gallery", Empty, SIGNED_IN),
        ("GET", "/api/workflows/templates", Empty, SIGNED_IN),
        ("POST", "/api/workflows/templates", Json(json!({"name": "New"})), ADMINS),
        ("GET", "/api/workflows/templates/{template_id}", Empty, SIGNED_IN),
        ("PUT", "/api/workflows/templates/{template_id}", Json(json!({"base_revision": 1})), ADMINS),
        ("DELETE", "/api/workflows/templates/{template_id}", Empty, ADMINS),
        ("POST", "/api/workflows/templates/{template_id}/duplicate", Empty, ADMINS),
        ("POST", "/api/workflows/templates/{template_id}/publish", Empty, ADMINS),
        ("GET", "/api/workflows/templates/{template_id}/export", Empty, ADMINS),
        ("POST", "/api/workflows/import", Json(json!({"weft": 1})), ADMINS),
        ("GET", "/api/workflows/waiting", Empty, SIGNED_IN),
        ("GET", "/api/workflows/runs", Empty, SIGNED_IN),
        ("GET", "/api/workflows/runs/totals", Empty, SIGNED_IN),
        ("POST", "/api/workflows/runs", Json(start), SIGNED_IN),
        ("GET", "/api/workflows/templates/{template_id}/versions", Empty, SIGNED_IN),
        ("GET", "/api/workflows/templates/{template_id}/versions/{version}", Empty, ADMINS),
        ("GET", "/api/workflows/runs/{run_id}", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/events", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/export.zip", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/report.html", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/stale", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/compare", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/steps/{step_id}/prompt", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/transcript", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/artifacts", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/artifacts/{artifact_id}", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/artifacts/{artifact_id}/lineage", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/live", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/absent", Empty, Sees),
        ("GET", "/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/logs", Empty, Sees),
        ("GET", "/api/live", Empty, SIGNED_IN),
        // Refused by what is asked, not by who asks: the gate stays open for the next one.
        (
            "POST",
            "/api/workflows/runs/{run_id}/steps/{step_id}/continue",
            Json(json!({"content_hash": "old"})),
            OnStep(Verb::Continue),
        ),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/edit", Json(json!({})), OnStep(Verb::Edit)),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/reject", Json(json!({})), OnStep(Verb::Reject)),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/supply", Json(json!({})), OnStep(Verb::Supply)),
        ("GET", "/api/workflows/runs/{run_id}/steps/{step_id}/skip", Empty, OnStep(Verb::Skip)),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/skip", Json(json!({})), BOUND),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/stop", Empty, OnStep(Verb::Stop)),
        (
            "POST",
            "/api/workflows/runs/{run_id}/steps/{step_id}/rerun",
            Json(json!({"dry_run": true})),
            OnStep(Verb::Rerun),
        ),
        ("POST", "/api/workflows/runs/{run_id}/steps/{step_id}/trigger", Json(json!({})), OnStep(Verb::Trigger)),
        ("POST", "/api/workflows/runs/{run_id}/artifacts/{artifact_id}/rollback", Empty, OnStep(Verb::Rollback)),
        ("PATCH", "/api/workflows/runs/{run_id}", Json(json!({"auto_run": false})), OnRun(RunVerb::AutoRun)),
        ("POST", "/api/workflows/runs/change", Json(json!({"action": "cancel", "runs": [NOWHERE]})), SIGNED_IN),
        ("PUT", "/api/workflows/runs/{run_id}/labels", Json(json!({"tags": ["a"]})), OnRun(RunVerb::AutoRun)),
        ("POST", "/api/workflows/runs/{run_id}/pause", Empty, OnRun(RunVerb::Pause)),
        ("POST", "/api/workflows/runs/{run_id}/resume", Empty, OnRun(RunVerb::Resume)),
        ("POST", "/api/workflows/runs/{run_id}/fork", Json(json!({"step": "shout"})), OnRun(RunVerb::Fork)),
        ("POST", "/api/workflows/runs/{run_id}/adopt", Json(json!({"from": it.run})), OnRun(RunVerb::Adopt)),
        (
            "POST",
            "/api/workflows/runs/{run_id}/move",
            Json(json!({"version": 1, "dry_run": true})),
            OnRun(RunVerb::Move),
        ),
        ("POST", "/api/workflows/runs/{run_id}/cancel", Empty, OnRun(RunVerb::Cancel)),
        ("POST", "/api/workflows/runs/{run_id}/release", Empty, ADMINS),
    ]
}

fn interface() -> Vec<Row> {
    vec![("GET", "/api/openapi.json", Empty, EVERYBODY), ("GET", "/api/docs", Empty, EVERYBODY)]
}

/// Drafts: trying them, and putting them away.
fn drafts() -> Vec<Row> {
    vec![
        ("POST", "/api/workflows/templates/{template_id}/try", Json(json!({})), ADMINS),
        ("GET", "/api/workflows/templates/{template_id}/seen", Empty, ADMINS),
        ("GET", "/api/workflows/templates/{template_id}/pins", Empty, ADMINS),
        (
            "PUT",
            "/api/workflows/templates/{template_id}/pins",
            Json(json!({"place": {"name": "text"}, "value": "x"})),
            ADMINS,
        ),
        ("DELETE", "/api/workflows/templates/{template_id}/pins", Empty, ADMINS),
        ("POST", "/api/workflows/templates/{template_id}/archive", Empty, ADMINS),
        ("POST", "/api/workflows/templates/{template_id}/unarchive", Empty, ADMINS),
    ]
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    let run = || json!({"id": it.run});
    let start = json!({"start": {"template_id": it.template, "inputs": {"text": "x"}}, "key": null});
    let save = json!({"agent": {"id": "third", "name": "Third", "config": {"kind": "template", "template": "x"},
        "outputs": [{"name": "text"}]}});
    let step = |name: &str| json!({"id": it.run, "step": "shout", name: {}});
    let artifact = || json!({"run": it.run, "id": it.artifact});
    vec![
        ("POST", "/_fn/list_agents", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/get_agent", Json(json!({"id": "shout", "version": null})), ADMINS),
        ("POST", "/_fn/catalog_of", Json(json!({"template": it.template})), ADMINS),
        ("POST", "/_fn/save_agent", Json(save), ADMINS),
        ("POST", "/_fn/test_agent", Json(json!({"test": {"agent_id": "shout", "inputs": {"text": "x"}}})), ADMINS),
        ("POST", "/_fn/list_providers", Form(&[]), ADMINS),
        ("POST", "/_fn/find", Json(json!({"text": "x"})), SIGNED_IN),
        ("POST", "/_fn/gallery", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/recent_workflows", Form(&[]), SIGNED_IN),
        ("POST", "/_fn/get_published", Json(json!({"id": it.template})), SIGNED_IN),
        ("POST", "/_fn/list_templates", Json(json!({})), ADMINS),
        ("POST", "/_fn/get_template", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/open_template", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/get_version", Json(json!({"id": it.template, "version": 1})), ADMINS),
        ("POST", "/_fn/create_template", Json(json!({"template": {"name": "New"}})), ADMINS),
        ("POST", "/_fn/save_draft", Json(json!({"id": it.template, "update": {"base_revision": 1}})), ADMINS),
        ("POST", "/_fn/publish_template", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/start_run", Json(start), SIGNED_IN),
        ("POST", "/_fn/my_runs", Json(json!({"after": null})), SIGNED_IN),
        ("POST", "/_fn/import_workflow", Json(json!({"file": "{}"})), ADMINS),
        ("POST", "/_fn/template_versions", Json(json!({"id": it.template})), SIGNED_IN),
        ("POST", "/_fn/workflow_ports", Json(json!({"id": it.template, "version": 1})), ADMINS),
        ("POST", "/_fn/open_run", Json(json!({"id": it.run, "step": "shout"})), Sees),
        ("POST", "/_fn/get_run", Json(run()), Sees),
        ("POST", "/_fn/whole_run", Json(run()), Sees),
        ("POST", "/_fn/run_events", Json(json!({"id": it.run, "before": null})), Sees),
        ("POST", "/_fn/run_log", Json(json!({"id": it.run, "after": 0})), Sees),
        ("POST", "/_fn/compare_runs", Json(json!({"left": it.run, "right": it.run})), Sees),
        ("POST", "/_fn/step_prompt", Json(json!({"id": it.run, "step": "shout"})), Sees),
        ("POST", "/_fn/prompt_fault", Json(json!({"id": it.run, "step": "shout", "prompt": "{{ text"})), Sees),
        ("POST", "/_fn/attempt_transcript", Json(json!({"id": it.run, "step": "shout", "attempt": 1})), Sees),
        ("POST", "/_fn/attempt_logs", Json(json!({"id": it.run, "step": "shout", "attempt": 1})), Sees),
        ("POST", "/_fn/artifact_beginning", Json(artifact()), Sees),
        ("POST", "/_fn/get_artifact", Json(artifact()), Sees),
        ("POST", "/_fn/artifact_lineage", Json(artifact()), Sees),
        // Refused by what is asked, not by who asks: the gate stays open for the next one.
        (
            "POST",
            "/_fn/continue_step",
            Json(json!({"id": it.run, "step": "shout", "decision": {"content_hash": "old"}})),
            OnStep(Verb::Continue),
        ),
        ("POST", "/_fn/edit_step", Json(step("edit")), OnStep(Verb::Edit)),
        ("POST", "/_fn/reject_step", Json(step("rejection")), OnStep(Verb::Reject)),
        ("POST", "/_fn/supply_step", Json(step("supply")), OnStep(Verb::Supply)),
        ("POST", "/_fn/skip_needs", Json(json!({"id": it.run, "step": "shout"})), OnStep(Verb::Skip)),
        ("POST", "/_fn/skip_step", Json(step("skip")), BOUND),
        ("POST", "/_fn/stop_step", Json(step("request")), OnStep(Verb::Stop)),
        ("POST", "/_fn/rerun_step", Json(step("rerun")), OnStep(Verb::Rerun)),
        ("POST", "/_fn/trigger_step", Json(step("trigger")), OnStep(Verb::Trigger)),
        (
            "POST",
            "/_fn/rollback_artifact",
            Json(json!({"run": it.run, "id": it.artifact, "rollback": {}, "key": null})),
            OnStep(Verb::Rollback),
        ),
        ("POST", "/_fn/set_auto_run", Json(json!({"id": it.run, "auto_run": false})), OnRun(RunVerb::AutoRun)),
        ("POST", "/_fn/run_totals", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/list_runs", Json(json!({"query": {}, "after": null})), SIGNED_IN),
        ("POST", "/_fn/run_inputs", Json(run()), Sees),
        ("POST", "/_fn/change_runs", Json(json!({"many": {"action": "archive", "runs": [NOWHERE]}})), SIGNED_IN),
        ("POST", "/_fn/label_run", Json(json!({"id": it.run, "labels": {"tags": ["a"]}})), OnRun(RunVerb::AutoRun)),
        ("POST", "/_fn/pause_run", Json(run()), OnRun(RunVerb::Pause)),
        ("POST", "/_fn/resume_run", Json(json!({"id": it.run, "resume": {}})), OnRun(RunVerb::Resume)),
        ("POST", "/_fn/fork_run", Json(json!({"id": it.run, "fork": {"step": "shout"}})), OnRun(RunVerb::Fork)),
        ("POST", "/_fn/adopt_run", Json(json!({"id": it.run, "adopt": {"from": it.run}})), OnRun(RunVerb::Adopt)),
        (
            "POST",
            "/_fn/move_run",
            Json(json!({"id": it.run, "to": {"version": 1, "dry_run": true}})),
            OnRun(RunVerb::Move),
        ),
        ("POST", "/_fn/cancel_run", Json(run()), OnRun(RunVerb::Cancel)),
        ("POST", "/_fn/new_template", Form(&[]), ADMINS),
        ("POST", "/_fn/duplicate_template", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/delete_template", Json(json!({"id": it.template, "base_revision": 1})), ADMINS),
        ("POST", "/_fn/delete_agent", Json(json!({"id": "shout"})), ADMINS),
        ("POST", "/_fn/archive_template", Json(json!({"id": it.template, "is_archived": false})), ADMINS),
        ("POST", "/_fn/try_draft", Json(json!({"id": it.template, "wanted": {}})), ADMINS),
        ("POST", "/_fn/last_seen", Json(json!({"id": it.template, "steps": ["shout"]})), ADMINS),
        ("POST", "/_fn/list_pins", Json(json!({"id": it.template})), ADMINS),
        (
            "POST",
            "/_fn/set_pin",
            Json(json!({"id": it.template, "pin": {"place": {"name": "text"}, "value": "x"}})),
            ADMINS,
        ),
        ("POST", "/_fn/remove_pin", Json(json!({"id": it.template, "place": {"name": "text"}})), ADMINS),
    ]
}
