//! The access matrix: every REST route, live socket and server function, as nobody, another user, who is asked at a gate, the owner and an admin.
//! It fails when an endpoint is missing here, so none can be added without a decision about who may use it.

mod batches;
mod scopes;
mod sharing;

use std::collections::BTreeSet;

use app::App;
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::verbs::{Access, RunVerb, Verb, Who, may, may_run, may_see};

use crate::harness::{ADMIN, ANNA, BEN, CARA, Client, Server, form};

/// What somebody is told. `Open` is any answer that the state of things gives, not the person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Open,
    SignIn,
    Forbidden,
    Missing,
}
use Told::{Forbidden, Missing, Open, SignIn};

/// Who is told what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// In the order of [`PEOPLE`].
    Fixed([Told; 5]),
    /// What is seen of a run, as the table of verbs says, like the next two.
    Sees,
    OnStep(Verb),
    OnRun(RunVerb),
}
use Rule::{Fixed, OnRun, OnStep, Sees};

type Row = (&'static str, &'static str, Content, Rule);
const PEOPLE: [&str; 5] = ["nobody", "ben (another user)", "cara (asked at the gate)", "anna (the owner)", "the admin"];
/// The same people in the words of the table.
const WHO: [Who; 5] = [Who::Nobody, Who::Other, Who::Assignee, Who::Owner, Who::Admin];

const EVERYBODY: Rule = Fixed([Open, Open, Open, Open, Open]);
const SIGNED_IN: Rule = Fixed([SignIn, Open, Open, Open, Open]);
const ADMINS: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Open]);
/// Going around the gate, which asks cara and so binds the owner too.
const BOUND: Rule = Fixed([SignIn, Missing, Forbidden, Forbidden, Open]);
/// For admins, who are told that there is no such thing.
const MISSING_TO_ADMINS: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]);
const NO_PERSON: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Forbidden]);
/// Addressed by an id that belongs to none of them.
const NONE_OF_THEIRS: Rule = Fixed([SignIn, Missing, Missing, Missing, Missing]);

impl Rule {
    fn told(self) -> [Told; 5] {
        let told = |access| match access {
            Access::Allowed => Open,
            Access::Forbidden => Forbidden,
            Access::NotFound => Missing,
            Access::Unauthenticated => SignIn,
        };
        match self {
            Fixed(told) => told,
            Sees => WHO.map(|who| told(may_see(who))),
            OnStep(verb) => WHO.map(|who| told(may(verb, who))),
            OnRun(verb) => WHO.map(|who| told(may_run(verb, who))),
        }
    }
}

enum Content {
    Empty,
    Json(Value),
    Form(&'static [(&'static str, &'static str)]),
}
use Content::{Empty, Form, Json};

const NOWHERE: &str = "00000000-0000-7000-8000-000000000000";

struct Fixture {
    template: String,
    run: String,
    artifact: String,
    user: String,
}

impl Fixture {
    fn gate(&self) -> Value {
        json!({"run_id": self.run, "step": "shout"})
    }

    fn unseen(&self) -> Value {
        let mut gate = self.gate();
        gate["content_hash"] = json!("old");
        gate["expect_generation"] = json!(1);
        json!({"decision": "approve", "gates": [gate]})
    }
}

async fn fixture(server: &Server) -> Fixture {
    let review = json!({"mode": "always", "assignees": {"users": [CARA]}});
    let template = server.shouting_template_with(review).await;
    let run = server.anna.start(&template, "hello").await;
    let view = server.anna.settled(&run).await;
    let users = server.admin.get("/api/users").await.expect(200);
    let ben = users.as_array().unwrap().iter().find(|user| user["email"] == BEN).unwrap();
    Fixture {
        template,
        run,
        artifact: view["artifacts"][0]["id"].as_str().unwrap().to_owned(),
        user: ben["id"].as_str().unwrap().to_owned(),
    }
}

fn rest(it: &Fixture) -> Vec<Row> {
    let agent = json!({"id": "other", "name": "Other", "config": {"kind": "template", "template": "x"},
        "outputs": [{"name": "text"}]});
    let start = json!({"template_id": it.template, "inputs": {"text": "x"}});
    vec![
        ("GET", "/api/me", Empty, SIGNED_IN),
        ("POST", "/api/me/confirm", Json(json!({"password": "wrong wrong wrong"})), SIGNED_IN),
        ("GET", "/api/users", Empty, ADMINS),
        (
            "POST",
            "/api/users",
            Json(json!({"email": "c@example.org", "role": "user", "password": "a b c d e f g h"})),
            ADMINS,
        ),
        ("PATCH", "/api/users/{user_id}", Json(json!({"role": "user"})), ADMINS),
        ("GET", "/api/users/{user_id}/tokens", Empty, ADMINS),
        (
            "DELETE",
            "/api/users/{user_id}/tokens/{token_id}",
            Empty,
            Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]),
        ),
        ("GET", "/api/audit", Empty, ADMINS),
        ("GET", "/api/audit/export", Empty, ADMINS),
        ("GET", "/api/tokens", Empty, SIGNED_IN),
        ("POST", "/api/tokens", Json(json!({"name": "t"})), SIGNED_IN),
        ("DELETE", "/api/tokens/{token_id}", Empty, NONE_OF_THEIRS),
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

/// The inbox. What is decided about many names what nobody was shown, so the gate stays open for the next one.
fn rest_of_inbox(it: &Fixture) -> Vec<Row> {
    vec![
        ("GET", "/api/inbox", Empty, SIGNED_IN),
        ("GET", "/api/inbox/counts", Empty, SIGNED_IN),
        ("GET", "/api/inbox/history", Empty, SIGNED_IN),
        ("GET", "/api/inbox/gates/{run_id}/{step_id}", Empty, Sees),
        ("POST", "/api/inbox/previews", Json(json!({"gates": [it.gate()]})), SIGNED_IN),
        ("POST", "/api/inbox/decide", Json(it.unseen()), SIGNED_IN),
    ]
}

fn functions_of_inbox(it: &Fixture) -> Vec<Row> {
    vec![
        ("POST", "/_fn/inbox", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/inbox_counts", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/inbox_history", Json(json!({"query": {}})), SIGNED_IN),
        ("POST", "/_fn/gate_reading", Json(json!({"run": it.run, "step": "shout"})), Sees),
        ("POST", "/_fn/gate_previews", Json(json!({"gates": [it.gate()]})), SIGNED_IN),
        ("POST", "/_fn/decide_many", Json(json!({"decide": it.unseen()})), SIGNED_IN),
    ]
}

/// Drafts: trying them, and putting them away.
fn rest_of_interface() -> Vec<Row> {
    vec![("GET", "/api/openapi.json", Empty, EVERYBODY), ("GET", "/api/docs", Empty, EVERYBODY)]
}

fn rest_of_drafts() -> Vec<Row> {
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

/// Groups of people, and for whom a workflow is. No group has the id that is asked for.
fn rest_of_groups() -> Vec<Row> {
    vec![
        ("GET", "/api/groups", Empty, ADMINS),
        ("POST", "/api/groups", Json(json!({"id": "Legal", "name": "Legal"})), ADMINS),
        ("PATCH", "/api/groups/{group_id}", Json(json!({"name": "Legal"})), MISSING_TO_ADMINS),
        ("DELETE", "/api/groups/{group_id}", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/groups/{group_id}/members", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/groups/{group_id}/members", Json(json!({"email": BEN})), MISSING_TO_ADMINS),
        ("DELETE", "/api/groups/{group_id}/members/{user_id}", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/workflows/templates/{template_id}/audience", Empty, ADMINS),
        ("PUT", "/api/workflows/templates/{template_id}/audience", Json(json!({"groups": []})), ADMINS),
        ("GET", "/api/workflows/stuck", Empty, ADMINS),
    ]
}

/// Who decides in whose place. No delegation has the id that is asked for.
fn rest_of_delegations() -> Vec<Row> {
    vec![
        ("GET", "/api/me/delegations", Empty, SIGNED_IN),
        ("POST", "/api/me/delegations", Json(in_vain()), SIGNED_IN),
        ("DELETE", "/api/me/delegations/{delegation_id}", Empty, NONE_OF_THEIRS),
        ("GET", "/api/delegations", Empty, ADMINS),
        ("DELETE", "/api/delegations/{delegation_id}", Empty, MISSING_TO_ADMINS),
    ]
}

fn functions_of_delegations() -> Vec<Row> {
    vec![
        ("POST", "/_fn/my_delegations", Form(&[]), SIGNED_IN),
        ("POST", "/_fn/delegate_reviews", Json(json!({"wanted": in_vain()})), SIGNED_IN),
        ("POST", "/_fn/end_delegation", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_delegations", Json(json!({})), ADMINS),
        ("POST", "/_fn/end_any_delegation", Json(json!({"id": NOWHERE})), MISSING_TO_ADMINS),
    ]
}

/// To nobody, so that nobody's rights are others afterwards.
fn in_vain() -> Value {
    json!({"delegate": "nobody@example.org", "from_day": "2026-01-01", "to_day": "2026-01-02"})
}

/// What admins keep for agents, and nobody reads.
fn rest_of_secrets() -> Vec<Row> {
    let set = json!({"value": "a-long-enough-value", "hosts": ["a.example"]});
    vec![
        ("GET", "/api/secrets", Empty, ADMINS),
        ("PUT", "/api/secrets/{secret_name}", Json(set), ADMINS),
        ("PUT", "/api/secrets/{secret_name}/agents", Json(json!({"agents": []})), ADMINS),
        ("DELETE", "/api/secrets/{secret_name}", Empty, ADMINS),
    ]
}

fn functions_of_secrets() -> Vec<Row> {
    let set = json!({"name": "key", "secret": {"value": "a-long-enough-value", "hosts": ["a.example"]}});
    vec![
        ("POST", "/_fn/list_secrets", Json(json!({})), ADMINS),
        ("POST", "/_fn/set_secret", Json(set), ADMINS),
        ("POST", "/_fn/grant_secret", Json(json!({"name": "key", "grant": {"agents": []}})), ADMINS),
        ("POST", "/_fn/delete_secret", Json(json!({"name": "key"})), ADMINS),
    ]
}

/// What I am told where, and what admins keep for that.
fn rest_of_notices() -> Vec<Row> {
    let address = json!({"name": "Room", "kind": "slack", "url": "https://hooks.example.org/x"});
    let settings = json!({"host": "", "from": "", "expect_revision": 0});
    vec![
        ("GET", "/api/notices", Empty, SIGNED_IN),
        ("PUT", "/api/notices/choices", Json(json!({"when": "hourly"})), SIGNED_IN),
        ("GET", "/api/notices/addresses", Empty, ADMINS),
        ("POST", "/api/notices/addresses", Json(address), ADMINS),
        ("PATCH", "/api/notices/addresses/{address_id}", Json(json!({"name": "Hall"})), MISSING_TO_ADMINS),
        ("DELETE", "/api/notices/addresses/{address_id}", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/notices/addresses/{address_id}/secret", Empty, MISSING_TO_ADMINS),
        ("POST", "/api/notices/addresses/{address_id}/test", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/notices/deliveries", Empty, ADMINS),
        ("POST", "/api/notices/messages/{notice_id}/resend", Empty, MISSING_TO_ADMINS),
        ("GET", "/api/notices/settings", Empty, ADMINS),
        ("PUT", "/api/notices/settings", Json(settings), ADMINS),
        ("POST", "/api/notices/settings/test", Empty, ADMINS),
    ]
}

fn functions_of_notices() -> Vec<Row> {
    let address = json!({"address": {"name": "Hall", "kind": "slack", "url": "https://hooks.example.org/x"}});
    let settings = json!({"settings": {"host": "", "from": "", "expect_revision": 0}});
    let nowhere = || Json(json!({"id": NOWHERE}));
    vec![
        ("POST", "/_fn/my_notices", Form(&[]), SIGNED_IN),
        ("POST", "/_fn/choose_notice", Json(json!({"choice": {"when": "hourly"}})), SIGNED_IN),
        ("POST", "/_fn/notice_addresses", Form(&[]), ADMINS),
        ("POST", "/_fn/add_notice_address", Json(address), ADMINS),
        (
            "POST",
            "/_fn/change_notice_address",
            Json(json!({"id": NOWHERE, "change": {"name": "Hall"}})),
            MISSING_TO_ADMINS,
        ),
        ("POST", "/_fn/renew_notice_secret", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/delete_notice_address", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/test_notice_address", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/notice_deliveries", Json(json!({"query": {}})), ADMINS),
        ("POST", "/_fn/resend_notice", nowhere(), MISSING_TO_ADMINS),
        ("POST", "/_fn/notice_settings", Form(&[]), ADMINS),
        ("POST", "/_fn/set_notice_settings", Json(settings), ADMINS),
        ("POST", "/_fn/test_notice_email", Form(&[]), ADMINS),
    ]
}

/// Outside workers: what admins do about them, and the protocol that they speak.
fn rest_of_workers() -> Vec<Row> {
    vec![
        ("GET", "/api/workers", Empty, ADMINS),
        ("PATCH", "/api/workers/{session_id}", Json(json!({"state": "paused"})), MISSING_TO_ADMINS),
        ("GET", "/api/workers/offers", Empty, ADMINS),
        (
            "POST",
            "/api/workers/offers/accept",
            Json(json!({"agent_id": "none", "hash": "0".repeat(64)})),
            MISSING_TO_ADMINS,
        ),
        ("GET", "/metrics", Empty, ADMINS),
        ("GET", "/api/queues", Empty, ADMINS),
        ("GET", "/api/worker-tokens", Empty, ADMINS),
        ("POST", "/api/worker-tokens", Json(json!({"name": "t", "agents": ["a"]})), ADMINS),
        ("DELETE", "/api/worker-tokens/{token_id}", Empty, MISSING_TO_ADMINS),
        // The protocol of outside workers: no person's, whoever they are.
        ("POST", "/api/worker/v1/sessions", Json(json!({})), NO_PERSON),
        ("DELETE", "/api/worker/v1/sessions/{session_id}", Empty, NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/claim", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/beat", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/complete", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/tasks/{token}/complete", Json(json!({})), NO_PERSON),
        ("POST", "/api/worker/v1/sessions/{session_id}/tasks/{token}/callback", Json(json!({})), NO_PERSON),
        // Only a secret opens it.
        ("POST", "/api/worker/v1/callback", Json(json!({})), Fixed([Missing; 5])),
        ("PUT", "/api/worker/v1/sessions/{session_id}/blobs/{hash}", Empty, NO_PERSON),
        ("GET", "/api/worker/v1/sessions/{session_id}/blobs/{hash}", Empty, NO_PERSON),
    ]
}

fn functions(it: &Fixture) -> Vec<Row> {
    // Before what ends the gate: whoever is asked at it sees the run no longer than it is open.
    let mut rows = functions_of_inbox(it);
    rows.extend(sharing::functions(it));
    rows.extend(functions_of_people(it));
    rows.extend(functions_of_work(it));
    rows.extend(functions_of_workers());
    rows.extend(functions_of_groups(it));
    rows.extend(functions_of_delegations());
    rows.extend(functions_of_secrets());
    rows.extend(functions_of_notices());
    rows.extend(batches::functions(it));
    // Last: each wrong guess slows down the next one.
    rows.push((
        "POST",
        "/_fn/login",
        Form(&[("email", "nobody@example.org"), ("password", "wrong"), ("next", "")]),
        Fixed([SignIn; 5]),
    ));
    rows
}

fn functions_of_people(it: &Fixture) -> Vec<Row> {
    vec![
        ("POST", "/_fn/setup_state", Form(&[]), EVERYBODY),
        ("POST", "/_fn/current_user", Form(&[]), EVERYBODY),
        // Refused by the state of the server, not by who asks.
        (
            "POST",
            "/_fn/create_first_admin",
            Form(&[("email", "x@example.org"), ("password", "a b c d e f g h"), ("token", "")]),
            EVERYBODY,
        ),
        ("POST", "/_fn/logout", Form(&[]), EVERYBODY),
        ("POST", "/_fn/change_password", Json(json!({"current": "wrong wrong wrong", "new": "x"})), SIGNED_IN),
        ("POST", "/_fn/list_sessions", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/revoke_session", Json(json!({"id": "none"})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_tokens", Json(json!({})), SIGNED_IN),
        ("POST", "/_fn/create_token", Json(json!({"token": {"name": "t"}})), SIGNED_IN),
        ("POST", "/_fn/confirm_password", Json(json!({"password": "wrong wrong wrong"})), SIGNED_IN),
        ("POST", "/_fn/audit_log", Json(json!({"filter": {}})), ADMINS),
        ("POST", "/_fn/list_user_tokens", Json(json!({"id": it.user})), ADMINS),
        (
            "POST",
            "/_fn/revoke_user_token",
            Json(json!({"id": it.user, "token": NOWHERE})),
            Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]),
        ),
        ("POST", "/_fn/revoke_token", Json(json!({"id": NOWHERE})), NONE_OF_THEIRS),
        ("POST", "/_fn/list_users", Json(json!({})), ADMINS),
        ("POST", "/_fn/find_people", Json(json!({"text": "a"})), ADMINS),
        ("POST", "/_fn/people_standing", Json(json!({"named": {"emails": [ANNA]}})), ADMINS),
        (
            "POST",
            "/_fn/create_user",
            Json(json!({"email": "d@example.org", "role": "user", "password": "a b c d e f g h"})),
            ADMINS,
        ),
        ("POST", "/_fn/set_user_role", Json(json!({"id": it.user, "role": "user"})), ADMINS),
        ("POST", "/_fn/set_user_disabled", Json(json!({"id": it.user, "is_disabled": false})), ADMINS),
        ("POST", "/_fn/reset_user_password", Json(json!({"id": it.user, "password": "short"})), ADMINS),
    ]
}

fn functions_of_groups(it: &Fixture) -> Vec<Row> {
    let audience = json!({"id": it.template, "audience": {"groups": []}});
    vec![
        ("POST", "/_fn/list_groups", Json(json!({})), ADMINS),
        ("POST", "/_fn/create_group", Json(json!({"group": {"id": "Legal", "name": "Legal"}})), ADMINS),
        ("POST", "/_fn/rename_group", Json(json!({"id": "nobodys", "name": "Legal"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/delete_group", Json(json!({"id": "nobodys"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/group_members", Json(json!({"id": "nobodys"})), MISSING_TO_ADMINS),
        ("POST", "/_fn/add_member", Json(json!({"id": "nobodys", "email": BEN})), MISSING_TO_ADMINS),
        ("POST", "/_fn/remove_member", Json(json!({"id": "nobodys", "user": it.user})), MISSING_TO_ADMINS),
        ("POST", "/_fn/get_audience", Json(json!({"id": it.template})), ADMINS),
        ("POST", "/_fn/set_audience", Json(audience), ADMINS),
        ("POST", "/_fn/stuck_gates", Form(&[]), ADMINS),
        ("POST", "/_fn/shared_runs", Json(json!({})), SIGNED_IN),
    ]
}

fn functions_of_workers() -> Vec<Row> {
    let unknown = || Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]);
    let offer = json!({"offer": {"agent_id": "nobody", "hash": "0".repeat(64)}});
    vec![
        ("POST", "/_fn/list_workers", Json(json!({})), ADMINS),
        ("POST", "/_fn/set_worker", Json(json!({"id": NOWHERE, "state": "paused"})), unknown()),
        ("POST", "/_fn/list_offers", Json(json!({})), ADMINS),
        ("POST", "/_fn/accept_offer", Json(offer), unknown()),
        ("POST", "/_fn/list_worker_tokens", Json(json!({})), ADMINS),
        ("POST", "/_fn/create_worker_token", Json(json!({"token": {"name": "w", "agents": ["w-*"]}})), ADMINS),
        ("POST", "/_fn/revoke_worker_token", Json(json!({"id": NOWHERE})), unknown()),
    ]
}

fn functions_of_work(it: &Fixture) -> Vec<Row> {
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

fn filled(path: &str, it: &Fixture) -> String {
    if path == "/api/batches" {
        return format!("{path}?template_id={}", it.template);
    }
    path.replace("{run_id}/compare", &format!("{0}/compare?with={0}", it.run))
        .replace("{user_id}", &it.user)
        .replace("{token_id}", NOWHERE)
        .replace("{session_id}", NOWHERE)
        .replace("{token}", "00")
        .replace("{hash}", &"0".repeat(64))
        .replace("{agent_id}", "shout")
        .replace("{group_id}", "nobodys")
        .replace("{delegation_id}", NOWHERE)
        .replace("{batch_id}", NOWHERE)
        .replace("{share_id}", NOWHERE)
        .replace("{secret_name}", "key")
        .replace("{address_id}", NOWHERE)
        .replace("{notice_id}", NOWHERE)
        .replace("{template_id}", &it.template)
        .replace("{run_id}", &it.run)
        .replace("{step_id}", "shout")
        .replace("{artifact_id}", &it.artifact)
        .replace("{number}", "1")
        .replace("{version}", "1")
        .replace("/pins", "/pins?name=text")
}

async fn told(client: &Client, method: &str, path: &str, content: &Content) -> (Told, String) {
    let method: Method = method.parse().unwrap();
    let answer = match content {
        Empty => client.send(method, path, http::HeaderMap::new(), axum::body::Body::empty()).await,
        Json(body) => client.json(method, path, body).await,
        Form(pairs) => client.bytes(method, path, "application/x-www-form-urlencoded", form(pairs)).await,
    };
    let told = match answer.status.as_u16() {
        401 => SignIn,
        403 => Forbidden,
        404 => Missing,
        status => {
            assert!(status < 500, "{path}: {}", answer.text());
            Open
        }
    };
    (told, format!("{} {}", answer.status, answer.text()))
}

async fn walk(server: &Server, it: &Fixture, rows: &[Row]) {
    let mut wrong = Vec::new();
    let programs = [&server.nobody, &server.ben, &server.cara, &server.anna, &server.admin];
    let mut browsers = vec![server.nobody.clone()];
    for email in [BEN, CARA, ANNA, ADMIN] {
        browsers.push(Box::pin(server.browser(email)).await);
    }
    for (method, path, content, rule) in rows {
        // What no token may is asked for in a session.
        let in_session = scopes::of(method, path) == scopes::By::Session;
        for (((person, program), browser), expected) in PEOPLE.iter().zip(programs).zip(&browsers).zip(rule.told()) {
            let client = if in_session { browser } else { program };
            let (told, answer) = told(client, method, &filled(path, it), content).await;
            if told != expected {
                wrong.push(format!("{method} {path} as {person}: {told:?} instead of {expected:?}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scopes::walk(server, it, rows).await;
}

/// Every verb of the table is asked for, by everybody.
fn holds_every_verb(rows: &[Row]) {
    let verbs = Verb::ALL.map(OnStep).into_iter().chain(RunVerb::ALL.map(OnRun));
    let forgotten: Vec<Rule> = verbs.filter(|rule| rows.iter().all(|row| row.3 != *rule)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

fn names(rows: &[Row]) -> BTreeSet<(String, String)> {
    rows.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_rest_route_and_socket_tells_each_person_what_they_may_know(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    // First: the gate is open still.
    let mut rows = rest_of_inbox(&it);
    rows.extend(sharing::rest());
    rows.extend(rest(&it));
    rows.extend(rest_of_interface());
    rows.extend(rest_of_drafts());
    rows.extend(rest_of_groups());
    rows.extend(rest_of_delegations());
    rows.extend(rest_of_workers());
    rows.extend(rest_of_secrets());
    rows.extend(rest_of_notices());
    rows.extend(batches::rest());
    let routes: BTreeSet<_> =
        server::http::routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(routes, names(&rows), "the table of routes and this matrix name the same endpoints");
    holds_every_verb(&rows);
    walk(&server, &it, &rows).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_server_function_tells_each_person_what_they_may_know(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    let rows = functions(&it);
    // Linked in with the app, where they register themselves.
    let _ = leptos_axum::generate_route_list(App);
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, method)| (method.to_string(), path.to_owned()))
        .collect();
    assert_eq!(registered, names(&rows), "the app's server functions and this matrix are the same");
    holds_every_verb(&rows);
    walk(&server, &it, &rows).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_foreign_and_what_is_missing_are_told_alike(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    for path in [
        "",
        "/events",
        "/artifacts",
        "/stale",
        "/steps/shout/prompt",
        "/steps/shout/attempts/1/transcript",
        "/steps/shout/skip",
        "/live",
    ] {
        let foreign = server.ben.get(&format!("/api/workflows/runs/{}{path}", it.run)).await;
        let missing = server.ben.get(&format!("/api/workflows/runs/{NOWHERE}{path}")).await;
        let garbled = server.ben.get(&format!("/api/workflows/runs/not-an-id{path}")).await;
        foreign.problem(404, "not_found");
        assert_eq!((foreign.status, &foreign.bytes), (missing.status, &missing.bytes), "{path}");
        assert_eq!((foreign.status, &foreign.bytes), (garbled.status, &garbled.bytes), "{path}");
    }
    server.stop().await;
}
