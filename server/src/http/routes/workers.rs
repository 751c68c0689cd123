//! Outside workers, as admins see them.

use workflow::api::{OfferView, QueueView, WorkerTokenView, WorkerView};

use super::{ADMIN, READER, Route, delete, get, patch, post};
use crate::http::{metrics, workers};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/workers",
            workers::list,
            ADMIN,
            "sessions, those of the last day that are over included (100 of a token at most): who, since when, \
             what they offer and run, their last error",
        )
        .list::<WorkerView>(),
        patch(
            "/api/workers/{session_id}",
            workers::set,
            ADMIN,
            "`{state}`: `working`, `paused` (it gets nothing), `draining` (it finishes and ends) or `gone` (it is \
             over at once)",
        ),
        get(
            "/api/workers/offers",
            workers::offers,
            ADMIN,
            "agents as they were offered, newest first; `?waiting=true` for those that nobody accepted",
        )
        .list::<OfferView>(),
        post(
            "/api/workers/offers/accept",
            workers::accept,
            ADMIN,
            "`{agent_id, hash}`: 201 with the version that it became",
        ),
        get("/metrics", metrics::scrape, READER, "figures as OpenMetrics text, see [metrics.md](metrics.md)")
            .file(200, "application/openmetrics-text"),
        get(
            "/api/queues",
            workers::queues,
            READER,
            "`?agents=a,b`: `{\"a\": {queued, running, oldest_s, workers, slots_free}}`, of these agents or of \
             all that were ever offered: steps that could start now, tasks that workers hold, how long the first \
             has waited, sessions that offer it, and their free slots. What is not there is 0, never absent; see \
             [workers.md](workers.md#scaling)",
        )
        .map::<QueueView>(),
        get("/api/worker-tokens", workers::list_tokens, ADMIN, "worker tokens").list::<WorkerTokenView>(),
        post(
            "/api/worker-tokens",
            workers::create_token,
            "session of an admin",
            "`{name, agents: [\"summarize\", \"report-*\"], labels?, expires_in_days?}`: 201 `{token, view}`; the \
             token is told once; 403 `confirm_password` as for API tokens. It ends with what ends its maker's API \
             tokens, and when they are no admin any more; `weft worker-token create` makes one that is nobody's",
        ),
        delete(
            "/api/worker-tokens/{token_id}",
            workers::revoke_token,
            ADMIN,
            "takes it back; its sessions end within seconds",
        ),
    ]
}
