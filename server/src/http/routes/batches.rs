//! Many runs from one table.

use workflow::api::{BatchCheck, BatchRow, BatchView};

use super::{OWNER, Route, SIGNED_IN, get, post};
use crate::http::{batches, described::Kind, entry::TABLE};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/batches",
            batches::create,
            "signed in, scope `run`",
            "the table as the body, CSV, 12 MiB at most; `?template_id=ID`, `name=`, `auto_run=true` (as it is \
             unless said otherwise), `dry_run=true` for what it would do (`{template_version, separator, columns: \
             [{name, input}], n_rows, first, n_faults, faults: [{row, column, message}], earlier}`). 201 with the \
             batch; 200 where the same table was uploaded before, or the same `Idempotency-Key` came; 422 with \
             each fault in `problems` (`rows.3.topic`, `columns.colour`); 413 above 10,000 rows",
        )
        .takes(TABLE)
        .reads(&["text/csv"])
        .needs("template_id", Kind::Id, "The workflow that each row is a run of.")
        .asks("name", Kind::Text, "Of the file.")
        .asks("auto_run", Kind::Switch, "On unless said otherwise.")
        .asks("dry_run", Kind::Switch, "What it would do, and nothing is started.")
        .gives::<BatchView>(201)
        .any(200, |told| vec![told.shape::<BatchView>(), told.shape::<BatchCheck>()]),
        get(
            "/api/batches",
            batches::list,
            SIGNED_IN,
            "mine, newest first: `?template_id=ID`, `after=&limit=` (20 at most)",
        )
        .list::<BatchView>()
        .asks("template_id", Kind::Id, "Of this workflow.")
        .pages(),
        get(
            "/api/batches/{batch_id}",
            batches::get,
            OWNER,
            "`{id, template_id, template_name, template_version, name, owner, state: running, paused, stopped, \
             cancelled or done, reason, n_rows, n_waiting, n_started, n_refused, n_over, created_at, ended_at}`; \
             a `reason` while it runs says what it waits for",
        ),
        get(
            "/api/batches/{batch_id}/rows",
            batches::rows,
            OWNER,
            "`[{n, state: waiting, started or refused, run_id, status, about, reason}]`; one that was \
             started and has no `status` was deleted: `?state=`, `after=&limit=`",
        )
        .list::<BatchRow>()
        .asks("state", Kind::Word(&["waiting", "started", "refused"]), "Only these.")
        .pages(),
        get("/api/batches/{batch_id}/results.csv", batches::results, OWNER, "what the runs gave so far, as a table")
            .file(200, "text/csv"),
        post(
            "/api/batches/{batch_id}/pause",
            batches::pause,
            "owner, scope `run`",
            "starts no further rows; the batch as it is then, 409 where it does not run",
        ),
        post(
            "/api/batches/{batch_id}/resume",
            batches::resume,
            "owner, scope `run`",
            "goes on; the batch as it is then, 409 where it is not paused",
        ),
        post(
            "/api/batches/{batch_id}/cancel",
            batches::cancel,
            "owner, scope `run`",
            "starts no further rows for good, runs that it started go on; the batch as it is then, 409 where it \
             is over",
        ),
    ]
}
