//! Runs, and the sockets on which they are watched.

use workflow::{
    RunView,
    api::{EventView, MovePlan, RunSummary, Staleness, StuckGate},
};

use super::{ADMIN, ASKED, OWNER, Route, SIGNED_IN, delete, get, patch, post, put};
use crate::{
    http::{
        after::Brief,
        entry::{CONTENT, SOCKET, TEXT},
        export,
        openapi::Kind,
        runs, sharing,
    },
    live,
};

#[expect(clippy::too_many_lines, reason = "a table, which is read row by row")]
pub(super) fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/workflows/runs",
            runs::start,
            SIGNED_IN,
            "`{template_id, version?, inputs?, auto_run?}` starts a run: 201, or 200 for a request answered \
             before; 409 for a workflow that is unpublished or archived",
        )
        .takes(CONTENT)
        .also(200),
        get(
            "/api/workflows/runs",
            runs::list,
            SIGNED_IN,
            "mine, newest first, each with `about`: the beginnings of its inputs in a line, or the title that \
             somebody gave it, `tokens` and `cost_micros` where its attempts told any, and `rested_ms` where it was \
             over before it went on; `?after=&limit=` for pages, `?all=true` for admins, `?shared=true` for those of \
             others that I see because a group of mine sees all runs of the workflow, `?with_me=true` for those \
             that are shared with me or with a group of mine. Narrowed by `search` (words, each of which is in \
             the workflow's name, the title, a tag or what it is about, or begins a word of its text outputs), \
             `status` (`pending`, `running`, `awaiting_review`, `paused`, `completed`, `failed`, `cancelled`), \
             `workflow`, `person` (an email), `group` (one that the workflow is for, and that I am in), `tag`, \
             `from` and `to` (when it was started), `min_cost_micros` (what its attempts cost, in millionths, as \
             far as it was read), `stale=true` (those in which a step was stale some seconds after they were \
             quiet), `archived=true` (those that were archived, in place of all others); `sort` is `newest`, \
             `oldest`, `longest` or `dearest`. See [runs.md](runs.md)",
        )
        .asks("all", Kind::Switch, "Everybody's, for admins.")
        .asks("shared", Kind::Switch, "Those of others that a group of mine sees.")
        .asks("workflow", Kind::Id, "Of this workflow.")
        .asks("person", Kind::Text, "The email of whoever started it.")
        .asks("with_me", Kind::Switch, "Those that are shared with me.")
        .asks("sort", Kind::Word(&["newest", "oldest", "longest", "dearest"]), "`newest` unless said otherwise.")
        .asks("search", Kind::Text, "Words, all of which are there.")
        .asks(
            "status",
            Kind::Word(&["pending", "running", "awaiting_review", "paused", "completed", "failed", "cancelled"]),
            "As it is now.",
        )
        .asks("group", Kind::Text, "One that the workflow is for.")
        .asks("tag", Kind::Text, "With this tag.")
        .asks("from", Kind::Time, "Started then or later.")
        .asks("to", Kind::Time, "Started before.")
        .asks("min_cost_micros", Kind::Number, "What its attempts cost at least, in millionths.")
        .asks("stale", Kind::Switch, "Those in which a step was stale some seconds after they were quiet.")
        .asks("archived", Kind::Switch, "Those that were archived, in place of all others.")
        .pages(),
        get(
            "/api/workflows/runs/totals",
            runs::totals,
            SIGNED_IN,
            "what runs did, by day of UTC: `?days=` (30, at most 366, today the last), `all=true` for admins, \
             `shared=true` for those of others that my groups see, `workflow`, `person` (an email): `{from, to, \
             first?, days: [{day, n_runs, n_completed, n_failed, n_cancelled, took, waited, tokens, \
             cost_micros}], took, waited, workflows, agents, models, people?, choices}`. `took` and `waited` are \
             `{n, p50_ms, p95_ms}` of completed runs, without and of the time in which a gate was open, 5 % off \
             at most; `first` is the first day of which anything is known; what used most are `[{id, name, \
             n_attempts, tokens, cost_micros}]`, twelve of each sort and the rest under a null id; `people` with \
             `all` alone. See [charts.md](charts.md)",
        )
        .asks("all", Kind::Switch, "Everybody's, for admins.")
        .asks("shared", Kind::Switch, "Those of others that a group of mine sees.")
        .asks("workflow", Kind::Id, "Of this workflow.")
        .asks("person", Kind::Text, "The email of whoever started it.")
        .asks("days", Kind::Number, "So many days, today the last; 30 unless said otherwise."),
        post(
            "/api/workflows/runs/change",
            runs::change,
            SIGNED_IN,
            "`{action, runs, dry_run?}` with `cancel`, `archive`, `unarchive`, `delete` or `keep` and at most 200 \
             runs: `{done, refused: [{id, why}], n_parts?}`, each judged by itself; dry: with which of them it \
             would be done. Only runs that are over are archived or deleted; they are deleted half a minute \
             later, with `n_parts` runs of their sub-workflows, and `keep` takes that back until then; one that \
             is not mine to change is refused as one that there is not",
        ),
        put(
            "/api/workflows/runs/{run_id}/labels",
            runs::label,
            OWNER,
            "`{title?, tags?}`: what it is called and tagged with, in place of what it was; at most 200 \
             characters, and 20 tags of 40",
        ),
        get(
            "/api/workflows/runs/{run_id}/shares",
            sharing::list,
            OWNER,
            "`{shares, groups}`: with whom it is shared, each `{id, email?, group_id?, name?, is_disabled, \
             shared_by, shared_at}`, and the groups that I can share it with, each `{id, name}`",
        ),
        post(
            "/api/workflows/runs/{run_id}/shares",
            sharing::create,
            OWNER,
            "`{email}` or `{group_id}`, a group that I am in (admins: any): 201 with the share, twice is once. \
             422 at its field: nobody who can sign in, its owner, a group that there is not for me; 409 for a \
             try, for a sub-workflow (share the run around it), and beyond 100",
        ),
        delete(
            "/api/workflows/runs/{run_id}/shares/{share_id}",
            sharing::end,
            OWNER,
            "ends it: 204; what is open by it ends within 5 s",
        ),
        get("/api/workflows/waiting", runs::waiting, SIGNED_IN, "runs in which a step waits for my review or answer")
            .list::<RunSummary>(),
        get(
            "/api/workflows/stuck",
            runs::stuck,
            ADMIN,
            "open gates, the oldest first, 100 at most, at which fewer can decide than have to agree, or nobody \
             of those who are asked: `{run_id, step, template_id, template_name, about, quorum, n_can, \
             opened_at}`, `n_can` of those asked can",
        )
        .list::<StuckGate>(),
        get(
            "/api/workflows/runs/{run_id}",
            runs::get,
            ASKED,
            "the run with its steps, attempts (of outside workers with the `build` that did each) and artifacts",
        ),
        patch("/api/workflows/runs/{run_id}", runs::patch, OWNER, "`{auto_run}`"),
        post("/api/workflows/runs/{run_id}/pause", runs::pause, OWNER, "nothing new starts; what is running finishes"),
        post(
            "/api/workflows/runs/{run_id}/resume",
            runs::resume,
            OWNER,
            "`{budget?: {tokens?, cost_micros?}}`; a budget replaces the one there was, and an amount left out is \
             no limit; after a pause by the budget, one larger than what was used, or `{}` for none",
        ),
        post("/api/workflows/runs/{run_id}/cancel", runs::cancel, OWNER, "cancels it for good"),
        post(
            "/api/workflows/runs/{run_id}/release",
            runs::release,
            ADMIN,
            "lets a run go on that was set aside (what is stored of it did not fit together, or deciding about it \
             failed): its rows are made anew from its log; 409 where it is not set aside, and where the log \
             itself is not whole, with the reason",
        ),
        post(
            "/api/workflows/runs/{run_id}/fork",
            runs::fork,
            OWNER,
            "`{step, auto_run?, prompt_override?, inputs?}`: 201 with a new run that begins there, with another \
             prompt or other inputs of the step if given, and shares what is before or beside it",
        )
        .also(200),
        post(
            "/api/workflows/runs/{run_id}/adopt",
            runs::adopt,
            OWNER,
            "`{from, steps?}` writes versions of another run of the same workflow as the next versions here",
        )
        .takes(TEXT),
        post(
            "/api/workflows/runs/{run_id}/move",
            runs::move_to,
            OWNER,
            "`{version, dry_run?}` goes on with another published version; dry: `{kept, rerun, added, removed, \
             titles?}`, each in the order of the graph; 409 with the `field` of an input that does not fit it",
        )
        .any(200, |told| vec![told.shape::<MovePlan>(), told.shape::<RunView>(), told.shape::<Brief>()]),
        get(
            "/api/workflows/runs/{run_id}/compare",
            runs::compare,
            "asked, both",
            "`?with=RUN_ID`: two runs of one workflow side by side",
        ),
        get(
            "/api/workflows/runs/{run_id}/stale",
            runs::stale,
            ASKED,
            "the completed steps that are stale, with `because` and `through`",
        )
        .map::<Staleness>(),
        get(
            "/api/workflows/runs/{run_id}/events",
            runs::events,
            ASKED,
            "the newest 200 events, or those of them that have 2 MiB together, as below; `?before=SEQ` for \
             earlier ones, to which `Link` leads",
        )
        .list::<EventView>(),
        get(
            "/api/workflows/runs/{run_id}/export.zip",
            export::archive,
            ASKED,
            "all of the run as one archive, sent while it is written, as in [run-files.md](run-files.md)",
        )
        .file(200, "application/zip"),
        get(
            "/api/workflows/runs/{run_id}/report.html",
            export::report,
            ASKED,
            "the run as one page to read and print: latest outputs, versions, decisions, costs",
        )
        .file(200, "text/html"),
        get(
            "/api/workflows/runs/{run_id}/live",
            live::run_socket,
            ASKED,
            "WebSocket: what happens in the run, as below",
        )
        .takes(SOCKET)
        .socket(),
        get("/api/live", live::my_socket, SIGNED_IN, "WebSocket: changes among the runs that I see, as below")
            .takes(SOCKET)
            .socket(),
    ]
}
