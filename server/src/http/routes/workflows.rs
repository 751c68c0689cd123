//! Workflows: drafts, versions, files, tries, and for whom they are.

use serde_json::Value;
use workflow::api::{Pin, PublishedTemplate, PublishedVersion, TemplateSummary, TemplateView};

use super::{ADMIN, Route, SIGNED_IN, delete, either, get, post, put};
use crate::http::{
    entry::{CONTENT, EXCHANGE, TEXT},
    exchange, templates, trying,
};

#[expect(clippy::too_many_lines, reason = "a table, which is read row by row")]
pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/workflows/gallery",
            templates::gallery,
            SIGNED_IN,
            "the published version of every template, with its inputs, by name; `search=` for words in the name",
        )
        .list::<PublishedTemplate>(),
        get(
            "/api/workflows/templates",
            templates::list,
            SIGNED_IN,
            "published templates; for admins also drafts and what was archived; `search=` for words in the name",
        )
        .list_of(either::<TemplateSummary, PublishedTemplate>),
        post(
            "/api/workflows/templates",
            templates::create,
            ADMIN,
            "`{name, description?, definition}` makes a template",
        )
        .takes(CONTENT),
        get("/api/workflows/templates/{template_id}", templates::get, SIGNED_IN, "one")
            .any(200, |told| vec![told.shape::<TemplateView>(), told.shape::<PublishedTemplate>()]),
        put(
            "/api/workflows/templates/{template_id}",
            templates::update,
            ADMIN,
            "`{name?, description?, definition?, base_revision}` saves the draft; 409 when the base is stale",
        )
        .takes(CONTENT),
        post(
            "/api/workflows/templates/{template_id}/publish",
            templates::publish,
            ADMIN,
            "`{note?, latest?}`: what its author says about the version, at most 1,000 characters, and by agent \
             the version that was shown as its latest. 201 `{version}`, or 422 with `problems`; 409 \
             `stale_revision` where `?base_revision=` is not the draft's, 409 `conflict` where an agent in \
             `latest` has a newer version",
        )
        .takes(TEXT),
        post(
            "/api/workflows/templates/{template_id}/duplicate",
            templates::duplicate,
            ADMIN,
            "201: a draft that says what this draft says, called `NAME (copy)`",
        ),
        get(
            "/api/workflows/templates/{template_id}/export",
            exchange::export,
            ADMIN,
            "the draft as a file with all that it needs, without secrets; by its id or its slug. 409 for one \
             without a name, or that leads back to itself; 413 beyond 6 MiB; 503 with `Retry-After` while others \
             are worked on ([exchange.md](exchange.md))",
        )
        .gives::<Value>(200),
        post(
            "/api/workflows/import",
            exchange::import,
            ADMIN,
            "a file as the body, JSON or YAML, at most 6 MiB: `?dry_run=true` lists what it would do and changes \
             nothing; `?digest=` does what was listed under it, else 409; without it 409 where there are \
             conflicts. 422 with `problems`, each `field` a place in the file; 503 with `Retry-After` while \
             others are worked on ([exchange.md](exchange.md))",
        )
        .takes(EXCHANGE)
        .reads(&["application/json", "application/yaml"]),
        delete(
            "/api/workflows/templates/{template_id}",
            templates::delete,
            ADMIN,
            "deletes a workflow that was never published: 204; 409 for one that was (archive it), or where \
             `?base_revision=` is not the draft's",
        ),
        post(
            "/api/workflows/templates/{template_id}/archive",
            templates::archive,
            ADMIN,
            "starts no more runs, leaves the gallery, and no workflow that runs it can be published",
        ),
        post("/api/workflows/templates/{template_id}/unarchive", templates::unarchive, ADMIN, "takes it back"),
        post(
            "/api/workflows/templates/{template_id}/try",
            trying::start,
            ADMIN,
            "`{revision, extent?, step?, inputs?, from_run?, samples?, use_pins?, confirm?}` runs the stored \
             draft or a part of it: 202 with `{run_id, given}`; see below",
        )
        .takes(CONTENT)
        .status(202),
        get(
            "/api/workflows/templates/{template_id}/seen",
            trying::seen,
            ADMIN,
            "`?steps=a,b` (100 at most): `{runs, inputs, outputs}`: the newest 20 runs and tries, and the values \
             that runs and tries of the workflow gave last, each `{run_id, is_test, at, artifact_id?, size, \
             value?}`; a value over 16 KiB is only named",
        ),
        get(
            "/api/workflows/templates/{template_id}/pins",
            trying::pins,
            ADMIN,
            "the values that I keep for tries: `[{place, value}]`",
        )
        .list::<Pin>(),
        put(
            "/api/workflows/templates/{template_id}/pins",
            trying::set_pin,
            ADMIN,
            "`{place: {step?, side?, name}, value}` keeps one; `side` is `input` or `output`, without `step` it \
             is an input of the workflow; 413 beyond 256 KiB, or 4 MiB and 1,000 values in one workflow",
        )
        .takes(CONTENT),
        delete(
            "/api/workflows/templates/{template_id}/pins",
            trying::remove_pin,
            ADMIN,
            "`?step=&side=&name=` keeps it no longer: 204",
        ),
        get(
            "/api/workflows/templates/{template_id}/audience",
            templates::audience,
            ADMIN,
            "for whom it is: `{groups: [{group_id, may_start, may_see}]}`",
        ),
        put(
            "/api/workflows/templates/{template_id}/audience",
            templates::set_audience,
            ADMIN,
            "the same, as a whole, at most 100 groups; with `expect`, the groups as they were read, 409 where \
             another admin changed them since. While no group may start it, everybody may; others find no such \
             workflow, and in runs that they began before, what is under way may end but nothing begins anew: 403 \
             for a fork, a re-run, other inputs or prompts, `adopt`, `move`, and whatever would go on with a run \
             that is over. Members of a group that may see it see all its runs, and do nothing there; admins may \
             everything in any case. Sub-workflows of a run are started whoever they are for",
        ),
        get(
            "/api/workflows/templates/{template_id}/versions",
            templates::versions,
            SIGNED_IN,
            "the published versions, newest first: `{version, n_steps, published_at}`, and for admins (by a token \
             with `admin`) `published_by` and `note`",
        )
        .list::<PublishedVersion>(),
        get(
            "/api/workflows/templates/{template_id}/versions/{version}",
            templates::version,
            ADMIN,
            "the definition of one",
        ),
    ]
}
