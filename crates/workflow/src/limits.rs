//! Every bound a person can run into, in one place, so that the editor, the server and the docs name the same number.

/// Steps of one definition.
pub const MAX_STEPS: usize = 10_000;
/// Dependencies of one definition, sources included.
pub const MAX_DEPENDENCIES: usize = 50_000;
/// Inputs of all steps of one definition.
pub const MAX_STEP_INPUTS: usize = 50_000;
/// Bytes of a stored definition.
pub const MAX_DEFINITION_BYTES: usize = 4 * 1024 * 1024;
/// Nesting of a stored definition or of run inputs.
pub const MAX_DEPTH: usize = 64;
/// Values in one JSON document: each takes some hundred bytes of memory, however short its text is.
pub const MAX_JSON_NODES: usize = 500_000;
/// Characters of one number: whatever compares or calculates costs by its digits.
pub const MAX_NUMBER_CHARS: usize = 1_000;
/// Bytes of all inputs of one run.
pub const MAX_RUN_INPUT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a prompt override.
pub const MAX_PROMPT_BYTES: usize = 256 * 1024;
/// Bytes of what a person writes when rejecting.
pub const MAX_FEEDBACK_BYTES: usize = 64 * 1024;
/// Bytes of all overrides of one run.
pub const MAX_OVERRIDE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one value that somebody pins for trying a draft.
pub const MAX_PIN_BYTES: usize = 256 * 1024;
/// Bytes of all that one person pins in one workflow.
pub const MAX_PINS_BYTES: usize = 4 * 1024 * 1024;
/// Values that one person pins in one workflow.
pub const MAX_PINS: usize = 1_000;
/// Bytes of a file with workflows.
pub const MAX_FILE_BYTES: usize = 6 * 1024 * 1024;
/// Versions of workflows and of agents in one such file, all together.
pub const MAX_FILE_ENTRIES: usize = 1_000;
/// Inputs, or outputs, of one agent.
pub const MAX_PORTS: usize = 1_000;
/// People, or roles, whom one step of a file may ask.
pub const MAX_ASSIGNEES: usize = 100;
/// Bytes of an email, or of the name of a role.
pub const MAX_ASSIGNEE_BYTES: usize = 254;
/// Groups of people on one server.
pub const MAX_PEOPLE_GROUPS: i64 = 1_000;
/// Sub-workflows inside each other.
pub const MAX_WORKFLOW_DEPTH: usize = 16;
/// Steps, items or attempts that a limit can allow at once.
pub const MAX_PARALLEL: u32 = 10_000;
/// Bytes of one artifact.
pub const MAX_ARTIFACT_BYTES: usize = 64 * 1024 * 1024;
/// Artifact bytes up to which the content travels inside the completion call.
pub const INLINE_ARTIFACT_BYTES: usize = 64 * 1024;
/// Characters of a title or a name.
pub const MAX_NAME_CHARS: usize = 200;
/// Tags of one run.
pub const MAX_RUN_TAGS: usize = 20;
/// Characters of one such tag.
pub const MAX_TAG_CHARS: usize = 40;
/// People and groups that one run is shared with.
pub const MAX_RUN_SHARES: i64 = 100;
/// Characters of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// Characters of what an author says about a published version.
pub const MAX_VERSION_NOTE_CHARS: usize = 1_000;
/// Notes on the canvas of one workflow.
pub const MAX_NOTES: usize = 500;
/// Characters of one such note.
pub const MAX_NOTE_TEXT_CHARS: usize = 10_000;
/// How wide or high one may be drawn, in pixels at life size.
pub const MAX_NOTE_SIDE: f64 = 4_000.0;
/// Groups of steps in one workflow.
pub const MAX_GROUPS: usize = 500;
/// Bytes of the id of a note or of a group.
pub const MAX_MARK_ID_BYTES: usize = 64;
/// Seconds that one attempt may take at most.
pub const MAX_TIMEOUT_S: u32 = 24 * 60 * 60;
/// Seconds that a step may be let wait for a worker.
pub const MAX_QUEUE_TIMEOUT_S: u32 = 30 * 24 * 60 * 60;
/// Automatic retries of one generation at most.
pub const MAX_RETRIES: u32 = 20;
/// Items of one map at most, whatever its author allows.
pub const MAX_MAP_ITEMS: u32 = 10_000;
/// Characters of the key of one item.
pub const MAX_ITEM_KEY_CHARS: usize = 200;
/// People whose approval one gate can want.
pub const MAX_QUORUM: u32 = 20;
/// Days that reviews can be somebody else's at a time, and that this can be said ahead.
pub const MAX_DELEGATION_DAYS: i64 = 366;
/// Delegations of one person that are not over.
pub const MAX_DELEGATIONS: i64 = 20;
/// Rows of one batch.
pub const MAX_BATCH_ROWS: usize = 10_000;
/// Batches of one person that are not over.
pub const MAX_BATCHES: i64 = 20;
/// Rejections that one gate can allow.
pub const MAX_ROUNDS: u32 = 50;
/// Seconds that a gate can wait for a decision.
pub const MAX_REVIEW_TIMEOUT_S: u32 = 365 * 24 * 60 * 60;
/// Seconds that a whole run may be limited to.
pub const MAX_RUN_TIMEOUT_S: u32 = 30 * 24 * 60 * 60;
/// Milliseconds between two automatic retries at most.
pub const MAX_RETRY_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest wait for which another side may ask and that a step takes by itself; `retry.max_ms` where that is longer.
pub const MAX_RETRY_AFTER_MS: u64 = 10 * 60 * 1000;
/// Losses of its worker, by a crash or for want of the database, after which a step is quarantined.
pub const MAX_CRASHES: i32 = 3;

/// How deep a JSON value is nested; a scalar is 1.
pub fn depth(value: &serde_json::Value) -> usize {
    let mut deepest = 0;
    let mut stack = vec![(value, 1)];
    while let Some((value, depth)) = stack.pop() {
        deepest = deepest.max(depth);
        match value {
            serde_json::Value::Array(items) => stack.extend(items.iter().map(|item| (item, depth + 1))),
            serde_json::Value::Object(map) => stack.extend(map.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    deepest
}
