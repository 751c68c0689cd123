//! Who I am, people, groups, delegations, tokens, agents and the audit log.

use workflow::api::{AgentView, DelegationView, GroupView, MemberView, ProviderView, TokenView, UserView};

use super::{ADMIN, Route, SIGNED_IN, delete, get, patch, post};
use crate::http::{agents, audit, delegations, entry::CONTENT, groups, people};

#[expect(clippy::too_many_lines, reason = "a table, which is read row by row")]
pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/agents/list",
            agents::list,
            SIGNED_IN,
            "the library: id, name, kind, version, inputs, outputs; `search=` for words in name, id or description",
        )
        .list::<AgentView>(),
        get("/api/agents/{agent_id}", agents::get, ADMIN, "one with its configuration; `?version=`"),
        post("/api/agents", agents::save, ADMIN, "creates an agent, or its next version").takes(CONTENT),
        delete(
            "/api/agents/{agent_id}",
            agents::delete,
            ADMIN,
            "deletes an agent that no version of a workflow ever ran and that no draft has a step of: 204, else \
             409 with what uses it. One that tests ran is hidden, for their runs refer to it; saved again under \
             its id, it goes on with its next version",
        ),
        post(
            "/api/agents/test",
            agents::test,
            ADMIN,
            "`{agent_id, version?, inputs?, unsaved?, confirm?}` runs an agent on sample input: 202 with \
             `{run_id}`. `unsaved` is what would be saved (as for `POST /api/agents`, with the same id): it is \
             judged alike and runs in place of the saved one, without being saved; 409 `confirm_side_effects` \
             unless `confirm` where it acts on the world outside",
        )
        .takes(CONTENT)
        .status(202),
        get("/api/providers", agents::providers, ADMIN, "the language-model providers, without keys")
            .list::<ProviderView>(),
        get(
            "/api/groups",
            groups::list,
            ADMIN,
            "groups of people, by name: `{id, name, n_members, n_active, created_at}`; `n_active` of them can \
             sign in",
        )
        .list::<GroupView>(),
        post(
            "/api/groups",
            groups::create,
            ADMIN,
            "`{id, name}`: 201; the id is a slug (`[a-z][a-z0-9_-]*`) by which definitions know the group, and \
             never changes; 422 where it is taken or was a group's that was deleted, 409 beyond 1,000 groups",
        ),
        patch("/api/groups/{group_id}", groups::rename, ADMIN, "`{name}`"),
        delete(
            "/api/groups/{group_id}",
            groups::delete,
            ADMIN,
            "204; 409 while the gate of a published workflow or an open gate of a run asks it, or a workflow is \
             for it. Its id is never given again: what else asks it (an older version, an archived workflow, a \
             run before its gate) asks nobody, and its gate is among those that nobody can decide",
        ),
        get(
            "/api/groups/{group_id}/members",
            groups::members,
            ADMIN,
            "who is in it, by email: `{id, email, is_disabled}`",
        )
        .list::<MemberView>(),
        post(
            "/api/groups/{group_id}/members",
            groups::add_member,
            ADMIN,
            "`{email}` puts somebody in: 201, also where they were in it; gates that are open ask them too",
        ),
        delete(
            "/api/groups/{group_id}/members/{user_id}",
            groups::remove_member,
            ADMIN,
            "takes somebody out: 204; what they approved for it at open gates counts no more",
        ),
        get(
            "/api/me",
            people::me,
            SIGNED_IN,
            "who I am, with `groups`, and with `acts_for` where others who are away gave me their reviews",
        ),
        get(
            "/api/me/delegations",
            delegations::mine,
            SIGNED_IN,
            "reviews that I gave and received ([delegation.md](delegation.md)), as far as they are not over: \
             `{given, received}`, each `{id, principal, delegate, from_day, to_day, zone, starts_at, ends_at, \
             ended_at?, created_at, lasts}`",
        ),
        post(
            "/api/me/delegations",
            delegations::create,
            "session",
            "`{delegate, from_day, to_day, zone?}` gives my reviews to somebody: 201; days are `2026-12-01`, the \
             last one included, `zone` is `Europe/Berlin` or `UTC`. 422 at its field: oneself, nobody who can \
             sign in, a circle (`delegate`), a day that is over or overlaps (`from_day`), before the first or \
             more than 366 days (`to_day`); 409 beyond 20",
        ),
        delete(
            "/api/me/delegations/{delegation_id}",
            delegations::end,
            "session",
            "ends one that I gave or received: 204; votes that were given by it count no more",
        ),
        get("/api/delegations", delegations::list, ADMIN, "all that ever were, the newest first")
            .list::<DelegationView>(),
        delete("/api/delegations/{delegation_id}", delegations::end_any, ADMIN, "ends anybody's: 204"),
        post(
            "/api/me/confirm",
            people::confirm,
            "session",
            "`{password}`: 204, and for 10 minutes this session may make tokens, for workers too",
        ),
        get("/api/users", people::list, ADMIN, "everybody with an account").list::<UserView>(),
        post("/api/users", people::create, ADMIN, "`{email, role: admin or user, password}` makes an account: 201"),
        patch(
            "/api/users/{user_id}",
            people::update,
            ADMIN,
            "`{role?}`, `{is_disabled?}` or `{password?}`, one at a time; what was signed in ends with a new \
             password and with disabling",
        ),
        get("/api/users/{user_id}/tokens", people::tokens_of, ADMIN, "the API tokens of anybody").list::<TokenView>(),
        delete("/api/users/{user_id}/tokens/{token_id}", people::revoke_token_of, ADMIN, "revokes one of them: 204"),
        get(
            "/api/audit",
            audit::list,
            ADMIN,
            "who did what, when and from where, newest first: \
             `?who=&action=&subject=&address=&from=&to=&before=&limit=`; `who` is an email or `operator` (a \
             failed sign-in is of whom it was tried as), `action` one such as `token.created` or all of a kind, \
             such as `token`; `next` is the `before` of the next page",
        ),
        get(
            "/api/audit/export",
            audit::export,
            ADMIN,
            "all of it that the same filter finds, as a file: `&format=csv` or `json` (one object a line)",
        )
        .file(200, "text/csv")
        .file(200, "application/x-ndjson"),
        get("/api/tokens", people::list_tokens, SIGNED_IN, "my API tokens").list::<TokenView>(),
        post(
            "/api/tokens",
            people::create_token,
            "session",
            "`{name, scopes?: [read, run, review, admin, metrics], expires_in_days?}`: 201 `{token, view}`, the token this \
             once; 403 `confirm_password` when the password was given more than 10 minutes ago",
        ),
        delete(
            "/api/tokens/{token_id}",
            people::revoke_token,
            "session",
            "revokes one of mine; a token may revoke itself",
        ),
    ]
}
