//! The verbs on one step, and what is shown of it.

use workflow::{
    RunView,
    api::{AbsentWorker, BlastRadius, SkipNeed},
};

use super::{ASKED, OWNER, Route, get, post};
use crate::http::{
    after::Brief,
    entry::{CONTENT, TEXT},
    steps, workers,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/trigger",
            steps::trigger,
            OWNER,
            "`{prompt_override?, inputs?, expect_generation?}`: 202; a null prompt takes the override back",
        )
        .takes(CONTENT)
        .status(202),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/continue",
            steps::approve,
            ASKED,
            "`{content_hash?, expect_generation?}`; 403 where a gate wants somebody else than the owner or the \
             author",
        ),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/edit",
            steps::edit,
            ASKED,
            "`{artifacts: {output: content}, and_continue?, content_hash?, expect_generation?}`",
        )
        .takes(CONTENT),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/reject",
            steps::reject,
            ASKED,
            "`{feedback, content_hash?, expect_generation?}`; 413 above 64 KiB",
        )
        .takes(TEXT),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/supply",
            steps::supply,
            ASKED,
            "`{outputs: {output: content}, expect_generation?}`: every output of the step; answers a form",
        )
        .takes(CONTENT),
        get(
            "/api/workflows/runs/{run_id}/steps/{step_id}/skip",
            steps::skip_needs,
            OWNER,
            "the values that skipping asks for: `[{step, step_title, port, schema}]`",
        )
        .list::<SkipNeed>(),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/skip",
            steps::skip,
            OWNER,
            "`{inputs?: {step: {port: value}}, expect_generation?}`; 422 lists each value that is missing in \
             `problems`, the first as `field`",
        )
        .takes(CONTENT),
        post("/api/workflows/runs/{run_id}/steps/{step_id}/stop", steps::stop, OWNER, "`{expect_generation?}`"),
        post(
            "/api/workflows/runs/{run_id}/steps/{step_id}/rerun",
            steps::rerun,
            OWNER,
            "`{mode?: step_only, downstream, stale_downstream, stale; dry_run?, prompt_override?, inputs?, \
             expect_generation?}`: 202; dry: 200 with `{steps, total_tokens, total_cost_micros}`, a step with \
             `is_written` where a person wrote its latest version; `stale` takes all that is stale in the run and \
             that no person wrote",
        )
        .takes(CONTENT)
        .gives::<BlastRadius>(200)
        .any(202, |told| vec![told.shape::<RunView>(), told.shape::<Brief>()]),
        get(
            "/api/workflows/runs/{run_id}/steps/{step_id}/prompt",
            steps::prompt,
            ASKED,
            "the prompt in force, and the template's own",
        ),
        get(
            "/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/transcript",
            steps::transcript,
            ASKED,
            "`{transcript}`: what the attempt told a language model and what came back, as far as it came; null \
             where no model was asked",
        ),
        get(
            "/api/workflows/runs/{run_id}/steps/{step_id}/attempts/{number}/logs",
            workers::logs,
            ASKED,
            "`{lines: [{at, level, text}], n_dropped}`: the last lines that an attempt of an outside worker \
             logged",
        ),
        get(
            "/api/workflows/runs/{run_id}/absent",
            workers::absent,
            ASKED,
            "`[{step, agent_id, since, is_silent}]`: the steps that are ready, and since when no worker is there \
             for them; with `is_silent`, those that run at an outside worker of which nothing was heard for more \
             than half its lease, and when it was heard last",
        )
        .list::<AbsentWorker>(),
    ]
}
