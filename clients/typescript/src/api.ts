// The shapes of the REST interface, made of docs/openapi.json by `cargo xtask interface`: change the server's types, never this file.

/** Somebody who is away, as they stand just now, to whoever has their reviews. */
export interface Absent {
  readonly id: UserId;
  readonly email: string;
  /** It says which gates ask them. What an admin may do besides is not passed on. */
  readonly role: Role;
  readonly groups?: readonly GroupId[];
  /** Since when somebody else has their reviews. */
  readonly since: string;
}

/** A step that is ready, and nobody is there to do it; or one that runs, and nothing is heard of who does it. */
export interface AbsentWorker {
  readonly step: StepKey;
  readonly agent_id: AgentId;
  /** Since when there was no worker for its agent, or since the step is ready, if that was later. Of a silent one: its last beat. */
  readonly since: string;
  /** The step runs at a worker of which nothing was heard for more than half its lease. It may come back, and may be dead. */
  readonly is_silent?: boolean;
}

/** Takes an offer into the library, as the next version of its agent. */
export interface AcceptOffer {
  readonly agent_id: AgentId;
  readonly hash: string;
}

/** A signed-in person. */
export interface Actor {
  readonly id: UserId;
  readonly email: string;
  readonly role: Role;
  /** Whose member they are just now: asked for with the person, so that nobody acts for a group that they have left. */
  readonly groups?: readonly GroupId[];
  /** Those who are away just now and gave them their reviews, by email. Whom these act for is nobody's business here: nothing is passed on twice. */
  readonly acts_for?: readonly Absent[];
}

export interface AddMember {
  readonly email: string;
}

/** What an address takes. */
export type AddressKind = "webhook" | "slack";

export interface AdoptRun {
  /** The run to take versions from: of the same template. */
  readonly from: RunId;
  /** Empty for every step whose artifacts differ. */
  readonly steps?: readonly StepKey[];
}

/** The kind of an agent and its configuration. */
export type AgentConfig = {
  /** The provider's name, as in `WEFT_PROVIDER_<NAME>_*`; empty for the only or the default one. */
  readonly provider?: string;
  /** Empty for the provider's own model. */
  readonly model?: string;
  readonly system?: string;
  /** The user prompt, a template over the inputs. */
  readonly prompt?: string;
  readonly temperature?: number | null;
  readonly max_tokens?: number | null;
  readonly kind: "llm";
} | {
  readonly method?: HttpMethod;
  /** A template; each inserted value is percent-encoded. */
  readonly url?: string;
  /** Name to template. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A template; empty sends no body. */
  readonly body?: string;
  readonly kind: "http";
} | {
  readonly template?: string;
  readonly kind: "template";
} | {
  /** What the person is asked, a template over the inputs. */
  readonly instructions?: string;
  readonly kind: "human";
} | {
  readonly template_id: TemplateId;
  readonly version: number;
  /** Which artifact of the run each output is. */
  readonly outputs: Readonly<Record<string, OutputOf>>;
  readonly kind: "workflow";
} | {
  /** Of what a step's author sees: [`offer_hash`]. Tasks go only to sessions that offer this very one. */
  readonly hash: string;
  readonly side_effects?: SideEffects;
  /** How long an attempt may take, as its worker says; the step decides. */
  readonly timeout_s?: number | null;
  readonly kind: "worker";
};

/** The immutable slug of an agent: `[a-z][a-z0-9_-]*`, at most 64 characters. */
export type AgentId = string;

/** One immutable version of an agent. */
export interface AgentSpec {
  readonly id: AgentId;
  readonly version?: number;
  readonly name: string;
  readonly description?: string;
  readonly inputs?: readonly InputPort[];
  readonly outputs?: readonly OutputPort[];
  /** Attempts of this agent that run at once, over all runs. */
  readonly max_parallel?: number | null;
  readonly config: AgentConfig;
}

/** An agent as the builder's library lists it. */
export interface AgentView {
  readonly id: AgentId;
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly version: number;
  readonly inputs: readonly InputPort[];
  readonly outputs: readonly OutputPort[];
}

/** Why a request was refused: the body of every error, as `application/problem+json` over REST. */
export interface ApiError {
  readonly status: number;
  /** Stable; programs decide by it. */
  readonly code: ErrorCode;
  /** What happened, why, and what to do. */
  readonly detail: string;
  /** The field it is about. */
  readonly field?: string | null;
  readonly problems?: readonly Problem[];
  /** To quote to support; set for internal errors, whose cause is only in the log. */
  readonly id?: string | null;
  /** `urn:weft:problem:` and the code. */
  readonly type: string;
  readonly title: string;
}

export interface ArtifactComparison {
  readonly name: string;
  readonly left?: ArtifactMeta | null;
  readonly right?: ArtifactMeta | null;
  readonly is_equal: boolean;
}

/** One immutable version of one named output of one step. */
export type ArtifactId = string;

export interface ArtifactMeta {
  readonly id: ArtifactId;
  readonly producing_step_id: StepKey;
  readonly name: string;
  readonly version: number;
  readonly is_latest: boolean;
  /** SHA-256 of the bytes. */
  readonly content_hash: string;
  /** Of JSON that is not in its canonical form, the hash of what it means: two versions that only differ in spelling are equal. */
  readonly value_hash?: string | null;
  readonly media_type: string;
  readonly size: number;
  readonly origin: Origin;
  /** The attempt that made it. */
  readonly attempt?: number | null;
  readonly parent?: ArtifactId | null;
  /** The email of the person who wrote or brought it. */
  readonly made_by?: string | null;
  /** It was the latest when a gate was approved. */
  readonly is_approved?: boolean;
  /** The emails of those who approved it there. */
  readonly approved_by?: readonly string[];
  readonly created_at: string;
}

/** Versions of the artifacts of a run. */
export interface ArtifactVersions {
  readonly artifacts: readonly ArtifactMeta[];
  /** There is more: give it back as `after` for the next page. */
  readonly next?: string | null;
}

/** An artifact with its content: a JSON value, text, or base64 for what is neither. */
export type ArtifactView = ArtifactMeta & {
  readonly encoding: Encoding;
  readonly content: unknown;
};

export interface Assignees {
  readonly roles?: readonly string[];
  /** By their ids; each with whoever is in it when somebody decides. */
  readonly groups?: readonly string[];
  /** Emails. */
  readonly users?: readonly string[];
}

/** The last lines that an attempt logged, in order. */
export interface AttemptLogs {
  readonly lines: readonly LogLine[];
  /** Older lines that were not kept. */
  readonly n_dropped: number;
}

/** What an attempt told a language model and what came back; absent where no model was asked, or nothing is kept. */
export interface AttemptTranscript {
  readonly transcript?: Transcript | null;
}

export interface AttemptView {
  readonly step: StepKey;
  readonly number: number;
  readonly generation: number;
  readonly started_at: string;
  readonly ended_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly error_class?: Reason | null;
  readonly error?: string | null;
  /** What the attempt was given: port to where it came from. */
  readonly inputs?: readonly ConsumedInput[];
  readonly usage?: Usage | null;
  readonly basis?: Basis | null;
  /** What a `human` agent asks, as rendered. */
  readonly message?: string | null;
  /** Of an outside worker: which build of it did this, as it said. */
  readonly build?: string | null;
}

/** For whom a workflow is, as a whole. */
export interface Audience {
  readonly groups: readonly AudienceGroup[];
}

/** What a workflow is to one group. */
export interface AudienceGroup {
  readonly group_id: GroupId;
  /** Its members start runs; while no group may, everybody may. */
  readonly may_start?: boolean;
  /** Its members see the runs of others, and do nothing there. */
  readonly may_see?: boolean;
}

/** Something that somebody did, outside of runs: these have their own events. */
export interface AuditEntry {
  readonly id: number;
  readonly at: string;
  readonly actor?: UserId | null;
  /** Of the actor, while the account is there. */
  readonly actor_email?: string | null;
  /** `session`, `token`, `operator`, or nothing. */
  readonly via?: string | null;
  readonly address?: string | null;
  readonly action: string;
  readonly subject: string;
  /** Of the subject, where it is a person. */
  readonly subject_email?: string | null;
  /** Of the subject, where it is a workflow that is still there. */
  readonly subject_name?: string | null;
  readonly data: unknown;
}

export type AuditFormat = "csv" | "json";

/** Newest first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** The `before` of the next page, if there is more. */
  readonly next?: number | null;
}

/** What an attempt was made with besides its inputs: a difference to what is in force now makes its result stale. */
export interface Basis {
  /** SHA-256 of the prompt in force, unrendered; absent for kinds without one. */
  readonly prompt?: string | null;
  readonly agent_version: number;
  /** SHA-256 of the keys of the direct dependencies, sorted, a line each. */
  readonly dependencies: string;
}

/** What a table would do, before anything is started. */
export interface BatchCheck {
  readonly template_version: number;
  readonly separator: string;
  /** In the order of the table. */
  readonly columns: readonly BatchColumn[];
  readonly n_rows: number;
  /** The first rows, as they stand in the table, each cell cut. */
  readonly first: readonly (readonly string[])[];
  readonly n_faults: number;
  /** The first of them. */
  readonly faults: readonly BatchFault[];
  readonly earlier?: BatchId | null;
}

export interface BatchColumn {
  readonly name: string;
  /** The key of the input that it gives; absent where it gives none. */
  readonly input?: string | null;
}

/** What keeps a table from being started. */
export interface BatchFault {
  /** Absent where it is about the table or a column as a whole. */
  readonly row?: number | null;
  /** As the head has it. */
  readonly column?: string | null;
  readonly message: string;
}

/** A batch: many runs from one table. */
export type BatchId = string;

/** A row of a batch. */
export interface BatchRow {
  /** In the table, without its head: from 1. */
  readonly n: number;
  readonly state: BatchRowState;
  readonly run_id?: RunId | null;
  readonly status?: RunStatus | null;
  /** What the run is about. */
  readonly about?: string | null;
  /** Why it was refused. */
  readonly reason?: string | null;
}

export type BatchRowState = "waiting" | "started" | "refused";

export type BatchState = "running" | "paused" | "stopped" | "cancelled" | "done";

/** A batch, with how far it is. */
export interface BatchView {
  readonly id: BatchId;
  readonly template_id: TemplateId;
  readonly template_name: string;
  /** Every row runs on this version. */
  readonly template_version: number;
  /** Of the file that it came from. */
  readonly name: string;
  /** The email of whoever uploaded it. */
  readonly owner: string;
  readonly state: BatchState;
  /** Why it waits, or why it was stopped. */
  readonly reason?: string | null;
  readonly n_rows: number;
  readonly n_waiting: number;
  readonly n_started: number;
  readonly n_refused: number;
  /** Runs that it started and that are over. */
  readonly n_over: number;
  readonly created_at: string;
  readonly ended_at?: string | null;
}

/** What a verb would run again, and what the last attempts of it cost. */
export interface BlastRadius {
  /** By key. */
  readonly steps: readonly BlastStep[];
  readonly total_tokens: number;
  readonly total_cost_micros?: number | null;
  /** Some of the tokens are a guess. */
  readonly is_estimated?: boolean;
}

export interface BlastStep {
  readonly key: StepKey;
  readonly title: string;
  readonly status: StepStatus;
  /** Of the last attempt that ended. */
  readonly tokens: number;
  readonly cost_micros?: number | null;
  readonly seconds: number;
  readonly is_estimated?: boolean;
  /** A person wrote what is the latest of it, or of one of its items: what it makes anew takes that place. */
  readonly is_written?: boolean;
}

export interface Budget {
  readonly tokens?: number | null;
  /** Money, in millionths of the currency in which the provider's prices are given. */
  readonly cost_micros?: number | null;
  readonly on_exceed?: OnExceed;
}

export interface BudgetView {
  readonly tokens?: number | null;
  readonly cost_micros?: number | null;
}

/** For whom a workflow is to be. */
export interface ChangeAudience {
  readonly groups: readonly AudienceGroup[];
  /** What it was when whoever changes it looked. Where it is something else by now, nothing changes. */
  readonly expect?: readonly AudienceGroup[] | null;
}

/** What of an address is to be otherwise; what is absent stays. */
export interface ChangeNoticeAddress {
  readonly name?: string | null;
  readonly url?: Hidden | null;
  /** Switched on again it counts failures anew. */
  readonly is_enabled?: boolean | null;
}

export interface ChangeRuns {
  readonly action: RunAction;
  readonly runs: readonly RunId[];
  /** Only says with which of them it would be done. */
  readonly dry_run?: boolean;
}

/** With which of them it was done, or would be, and why not with the others. */
export interface ChangedRuns {
  readonly done: readonly RunId[];
  readonly refused: readonly RefusedRun[];
  /** Runs of sub-workflows that go with those that are deleted. */
  readonly n_parts?: number;
}

/** A choice to make, or to take back. */
export interface ChooseNotice {
  readonly address?: NoticeAddressId | null;
  readonly template_id?: TemplateId | null;
  readonly when?: NoticeWhen | null;
}

/** One of few colours, which hold their contrast in every theme: what they look like is for the style sheet to say. */
export type Colour = "red" | "amber" | "green" | "teal" | "blue" | "violet";

/** Two runs of one template side by side. */
export interface Comparison {
  readonly left: RunId;
  readonly right: RunId;
  readonly left_run: RunHead;
  readonly right_run: RunHead;
  /** By key; steps of either run. */
  readonly steps: readonly StepComparison[];
}

/** At most `limit` steps that name the same key run at once, whatever run they belong to. */
export interface Concurrency {
  /** A constant or a run input; its text is the key. */
  readonly key: Source;
  readonly limit: number;
}

/** One operator with what it is about. */
export interface Condition {
  readonly eq?: readonly Source[];
  readonly ne?: readonly Source[];
  readonly lt?: readonly Source[];
  readonly le?: readonly Source[];
  readonly gt?: readonly Source[];
  readonly ge?: readonly Source[];
  readonly in?: readonly Source[];
  readonly contains?: readonly Source[];
  readonly exists?: Source;
  readonly and?: readonly Condition[];
  readonly or?: readonly Condition[];
  readonly not?: Condition;
}

export interface ConfirmPassword {
  readonly password: string;
}

/** An input as one attempt consumed it. */
export interface ConsumedInput {
  readonly port: string;
  readonly artifact_id?: ArtifactId | null;
  readonly version?: number | null;
  readonly hash: string;
}

export interface ContinueStep {
  /** The digest of what was seen (`review_digest`); refused with 409 once something newer is there. */
  readonly content_hash?: string | null;
  readonly expect_generation?: number | null;
}

export interface CreateTemplate {
  readonly name: string;
  readonly description?: string;
  /** A document, read by `Definition::from_value`. */
  readonly definition?: unknown;
}

export interface CreateUser {
  readonly email: string;
  readonly role: Role;
  readonly password: string;
}

/** Shown once. */
export interface CreatedToken {
  readonly token: string;
  readonly view: TokenView;
}

/** Shown once. */
export interface CreatedWorkerToken {
  readonly token: string;
  readonly view: WorkerTokenView;
}

export interface DayTotals {
  readonly day: string;
  /** Started on that day, and how they ended; the others are not over. */
  readonly n_runs: number;
  readonly n_completed: number;
  readonly n_failed: number;
  readonly n_cancelled: number;
  readonly took?: Percentiles | null;
  readonly waited?: Percentiles | null;
  /** Of attempts that began on that day. */
  readonly tokens: number;
  readonly cost_micros: number;
}

export interface DecideGate {
  readonly run_id: RunId;
  readonly step: StepKey;
  /** What was shown: where something else is there by now, the gate is left. */
  readonly content_hash: string;
  readonly expect_generation: number;
}

/** One decision about many gates, at most `MOST_AT_ONCE`. */
export interface DecideMany {
  readonly decision: Decision;
  /** To all of them, where they are rejected. */
  readonly feedback?: string | null;
  readonly gates: readonly DecideGate[];
}

export type Decision = "approve" | "reject";

export interface Definition {
  readonly schema_version?: number;
  readonly inputs?: Readonly<Record<string, RunInput>>;
  readonly limits?: Limits;
  readonly steps?: Readonly<Record<string, Step>>;
  /** By id; which steps are in one is theirs to say. */
  readonly groups?: Readonly<Record<string, Group>>;
  readonly notes?: readonly Note[];
}

/** Reviews that somebody gave to another while they are away. */
export type DelegationId = string;

export interface DelegationView {
  readonly id: DelegationId;
  /** The email of who is away. */
  readonly principal: string;
  /** The email of who decides for them. */
  readonly delegate: string;
  readonly from_day: string;
  readonly to_day: string;
  readonly zone: string;
  readonly starts_at: string;
  /** With the end of the last day. */
  readonly ends_at: string;
  /** It was ended before that, by one of the two, by an admin, or because one of them cannot sign in any more. */
  readonly ended_at?: string | null;
  readonly created_at: string;
  /** It is so just now. */
  readonly lasts: boolean;
}

/** What an admin should know before starting a published version. */
export interface DraftNotes {
  /** Whether the draft means something else. */
  readonly has_unpublished_changes: boolean;
  /** Who is asked at the gates of the published version and cannot come any more. */
  readonly problems: readonly Problem[];
}

/** New versions by a person. JSON outputs take any JSON value, text outputs a string. */
export interface EditStep {
  /** Content by output name. */
  readonly artifacts?: Readonly<Record<string, unknown>>;
  /** Approve at once what was written. */
  readonly and_continue?: boolean;
  /** The digest of what was seen. */
  readonly content_hash?: string | null;
  readonly expect_generation?: number | null;
}

export type Encoding = "json" | "text" | "base64";

export type ErrorCode = "malformed" | "unauthenticated" | "wrong_credentials" | "forbidden" | "insufficient_scope" | "session_required" | "confirm_password" | "cross_origin" | "not_found" | "stale_revision" | "conflict" | "confirm_side_effects" | "not_published" | "idempotency_mismatch" | "protocol_unsupported" | "fenced" | "session_gone" | "invalid_output" | "too_large" | "invalid" | "invalid_definition" | "too_many_requests" | "quota_exceeded" | "internal" | "unavailable";

export interface EventActor {
  readonly id: UserId;
  readonly email: string;
}

/** What the event changed, as new values. */
export interface EventData {
  readonly step?: StepKey | null;
  readonly run?: RunChange | null;
  readonly steps?: readonly StepChange[];
  /** Attempts that began or ended. */
  readonly attempts?: readonly AttemptView[];
  /** New versions, and versions whose flags changed. One that is latest ends every other of its name. */
  readonly artifacts?: readonly ArtifactMeta[];
  readonly overrides?: Readonly<Record<string, StepOverride | null>>;
  /** Steps that are no part of the run any more: items that vanished, steps that a newer version dropped. */
  readonly removed?: readonly StepKey[];
  /** Gates that were closed, and how. */
  readonly reviews?: readonly ReviewEnd[];
  /** What people wanted when they rejected. */
  readonly rejections?: readonly RejectionView[];
  readonly moved?: MovedView | null;
}

export type EventKind = "run_started" | "run_cancelled" | "auto_run_changed" | "step_completed" | "step_awaiting_review" | "step_failed" | "step_retrying" | "step_recovered" | "step_released" | "step_triggered" | "step_approved" | "step_voted" | "step_edited" | "step_rejected" | "step_skipped" | "step_supplied" | "step_stopped" | "step_rerun" | "step_decided" | "step_expanded" | "review_timed_out" | "artifact_rolled_back" | "run_paused" | "run_resumed" | "budget_exceeded" | "run_timed_out" | "run_adopted" | "run_moved" | "steps_started" | "steps_admitted" | "steps_unreserved" | "step_suspended" | "step_resumed" | "continued";

export interface EventView {
  /** Gapless from 1 in each run. */
  readonly seq: number;
  readonly at: string;
  readonly kind: EventKind;
  readonly actor?: EventActor | null;
  /** In whose place they did it, by email. */
  readonly acted_for?: string | null;
  /** The event of the same decision that it follows from. */
  readonly cause?: number | null;
  readonly data: EventData;
}

/** How much of the draft. */
export type Extent = "whole" | "up_to" | "step";

/** What a person asked for when rejecting. */
export interface Feedback {
  readonly text: string;
  readonly by: string;
  /** 1 for the first rejection at this gate. */
  readonly round: number;
}

export interface ForkRun {
  /** The new run begins here; what is upstream or beside it is shared. */
  readonly step: StepKey;
  readonly auto_run?: boolean | null;
  /** Another prompt for the step in the new run, as with a trigger: absent leaves what the run has, null takes it back. */
  readonly prompt_override?: string | null;
  /** Literal values for its ports there; absent leaves those that the run has. */
  readonly inputs?: Readonly<Record<string, unknown>> | null;
}

/** What became of one of many. */
export interface GateAnswer {
  readonly run_id: RunId;
  readonly step: StepKey;
  readonly outcome: GateOutcome;
  /** In words, where it is left. */
  readonly message?: string | null;
}

export type GateOutcome = "done" | "counted" | "changed" | "gone" | "refused";

/** The beginning of what a gate is about, for a list. */
export interface GatePreview {
  readonly run_id: RunId;
  readonly step: StepKey;
  /** What a decision about what is shown here is bound to. */
  readonly content_hash: string;
  readonly generation: number;
  /** Of each output its name and the first 500 characters. */
  readonly outputs: readonly PreviewedOutput[];
}

/** What is read before a gate is decided. */
export interface GateReading {
  readonly item: InboxItem;
  /** What is decided about: the latest version of each output. None yet for a form that nobody answered. */
  readonly outputs: readonly ArtifactMeta[];
  /** By name of the output, the version before it that somebody saw last: what was sent back, or what a person or the agent had written before. */
  readonly previous: readonly ArtifactMeta[];
  /** What the step was given, port by port, as far as it came from artifacts. */
  readonly sources: readonly GateSource[];
  /** The digest that a decision is bound to. */
  readonly content_hash: string;
  readonly feedback?: Feedback | null;
  /** Of a form, what the person is asked to do: the message of its latest attempt, which has one. */
  readonly asked?: string | null;
  /** Whether the viewer may continue, edit and reject, as `run::decide` has it; what is refused says why. */
  readonly may: GateVerbs;
}

/** A gate among many. */
export interface GateRef {
  readonly run_id: RunId;
  readonly step: StepKey;
}

export interface GateSource {
  readonly port: string;
  /** The title of the step that made it. */
  readonly title: string;
  readonly artifact: ArtifactMeta;
}

export interface GateVerbs {
  readonly approve: boolean;
  readonly edit: boolean;
  readonly reject: boolean;
  /** In words, where one of them is not theirs. */
  readonly why_not?: string | null;
}

/** The agents that may use a secret from now on, and no others. */
export interface GrantSecret {
  readonly agents: readonly AgentId[];
  /** Those that may use it as far as whoever asks knows: if they are others by now, nothing is changed. */
  readonly expect?: readonly AgentId[] | null;
}

/** A frame around steps. Which ones is theirs to say, so that a step is in one group at most and takes it along. */
export interface Group {
  readonly title?: string;
  readonly colour?: Colour | null;
}

/** The immutable slug of a group of people: `[a-z][a-z0-9_-]*`, at most 64 characters. */
export type GroupId = string;

export interface GroupView {
  readonly id: GroupId;
  readonly name: string;
  readonly n_members: number;
  /** Those of them who can sign in. */
  readonly n_active: number;
  readonly created_at: string;
}

/** A value on its way in: no log, no message and no dump shows it. */
export type Hidden = string;

/** A gate that was closed, newest first. */
export interface HistoryItem {
  readonly run_id: RunId;
  readonly step: StepKey;
  readonly title: string;
  readonly template_id: TemplateId;
  readonly template_name: string;
  readonly about?: string | null;
  readonly owner: string;
  readonly generation: number;
  readonly number: number;
  readonly opened_at: string;
  readonly closed_at: string;
  readonly verdict: Verdict;
  /** Absent where time ran out, or nobody in particular closed it. */
  readonly by?: string | null;
  /** Whom they decided for. */
  readonly acted_for?: string | null;
  /** Emails of those who approved. */
  readonly votes: readonly string[];
  /** What was wanted instead. */
  readonly text?: string | null;
}

export type HttpMethod = "GET" | "POST";

export type ImportAct = "nothing" | "create" | "new_version" | "save_draft";

/** One workflow or agent. */
export interface ImportChange {
  readonly thing: ImportThing;
  /** A slug, or an agent's id. */
  readonly id: string;
  readonly name: string;
  readonly act: ImportAct;
  /** The version that it makes, or that is used; of a draft, the revision that it is saved over. */
  readonly version?: number | null;
  /** Fields that differ from what is here. */
  readonly fields?: readonly string[];
}

export interface ImportGrant {
  readonly kind: ImportGrantKind;
  readonly place: string;
  /** Whom or what it is about. */
  readonly name: string;
  readonly message: string;
}

export type ImportGrantKind = "secret" | "person" | "group" | "worker" | "provider";

/** Something about a place in the file. */
export interface ImportNote {
  readonly place: string;
  readonly message: string;
}

export interface ImportReport {
  /** The slug of the workflow that the file is about, and its name. */
  readonly main: string;
  readonly name: string;
  /** In the order in which it comes to be: what is run before what runs it. */
  readonly changes: readonly ImportChange[];
  /** What is here already and would be covered, or would change for others. An import goes on only for somebody who saw these. */
  readonly conflicts: readonly ImportNote[];
  /** What the file names and does not bring: to be granted one by one, by somebody who may. */
  readonly grants: readonly ImportGrant[];
  /** Where agents that it makes or changes send what they are given: an address each, without what may be secret in it. */
  readonly calls?: readonly ImportNote[];
  /** What keeps it from being imported, with its place in the file. */
  readonly problems: readonly ImportNote[];
  /** What the draft is imported with all the same; the editor shows these, too. */
  readonly warnings: readonly ImportNote[];
  /** Of all the above: give it back to import exactly this, or nothing. */
  readonly digest: string;
  /** Whether it was done. */
  readonly applied: boolean;
  readonly template_id?: TemplateId | null;
}

export type ImportThing = "workflow" | "agent";

/** How much waits, whole and by workflow. */
export interface InboxCounts {
  readonly n: number;
  /** By name. */
  readonly workflows: readonly InboxWorkflow[];
}

/** An open gate, as somebody who may decide there sees it in a list. */
export interface InboxItem {
  readonly run_id: RunId;
  /** With the key of its item, if it is one. */
  readonly step: StepKey;
  readonly title: string;
  readonly template_id: TemplateId;
  readonly template_name: string;
  /** What the run is about. */
  readonly about?: string | null;
  /** Who started the run. */
  readonly owner: string;
  readonly generation: number;
  /** Which gate of the generation it is. */
  readonly number: number;
  /** It is a form: it wants an answer, and approving alone is not enough. */
  readonly is_form: boolean;
  /** How often it was sent back, and how often it may be. */
  readonly round: number;
  readonly max_rounds: number;
  readonly opened_at: string;
  readonly due_at?: string | null;
  /** What happens then. */
  readonly on_timeout: OnReviewTimeout;
  readonly quorum: number;
  /** Emails of those who approved what is there now, as far as their votes count. */
  readonly votes: readonly string[];
  /** Of those who are asked, so many can decide; absent where nobody in particular is asked. */
  readonly n_asked?: number | null;
  /** Ids of the groups that are asked, for words such as "two approvals of legal". */
  readonly groups: readonly string[];
  /** What those of them are called that there are. */
  readonly group_names?: Readonly<Record<string, string>>;
  /** Who asked me to decide for them while they are away; absent where I am asked myself. */
  readonly acts_for?: string | null;
}

export interface InboxWorkflow {
  readonly template_id: TemplateId;
  readonly name: string;
  readonly n: number;
}

export interface InputPort {
  readonly name: string;
  readonly schema?: Schema;
  readonly required?: boolean;
}

export interface Limits {
  readonly max_parallel?: number | null;
  readonly budget?: Budget | null;
  /** Seconds after its start when everything that is not over fails; a person's trigger lifts it. */
  readonly timeout_s?: number | null;
}

/** Everything an artifact was made from, back to the inputs of the run. Nodes are listed once, the asked one first. */
export interface Lineage {
  readonly artifacts: readonly LineageNode[];
}

export type LineageInput = LineageSource & {
  readonly port: string;
};

export interface LineageNode {
  readonly artifact: ArtifactMeta;
  readonly step_title: string;
  readonly agent_id: AgentId;
  readonly agent_version: number;
  readonly attempt?: AttemptView | null;
  /** Attempts before it in the same generation, that failed. */
  readonly failed_attempts: number;
  /** The prompt template in force then. */
  readonly prompt?: string | null;
  readonly model?: string | null;
  readonly feedback?: Feedback | null;
  /** What each port was fed. */
  readonly inputs: readonly LineageInput[];
}

export type LineageSource = {
  readonly id: ArtifactId;
  readonly step: StepKey;
  readonly name: string;
  readonly version: number;
  readonly from: "artifact";
} | {
  readonly key: string;
  readonly from: "run_input";
} | {
  readonly from: "const";
} | {
  readonly from: "override";
} | {
  readonly from: "item";
};

/** A run in such a list. */
export type ListedRun = RunSummary & RunLabels & ({
  /** What its attempts used and cost so far, as far as they told. */
  readonly tokens?: number | null;
  readonly cost_micros?: number | null;
  /** So many milliseconds it was over before it went on again, as far as that was read. */
  readonly rested_ms?: number;
});

export interface LockedField {
  /** Named as in `NoticeSettings`. */
  readonly field: string;
  readonly variable: string;
}

export type LogLevel = "debug" | "info" | "warning" | "error";

/** A line that an attempt logged. */
export interface LogLine {
  readonly at: string;
  readonly level?: LogLevel;
  readonly text: string;
}

export interface MapOver {
  readonly over: Source;
  readonly key?: string | null;
  readonly max_items?: number;
  readonly max_parallel?: number | null;
  readonly on_item_error?: OnItemError;
}

export interface MemberView {
  readonly id: UserId;
  readonly email: string;
  readonly is_disabled: boolean;
}

/** What moving to another version means for each step. */
export interface MovePlan {
  /** Completed, and stays so. */
  readonly kept: readonly StepKey[];
  /** Runs again, because its meaning or that of a step before it changed. */
  readonly rerun: readonly StepKey[];
  readonly added: readonly StepKey[];
  readonly removed: readonly StepKey[];
  /** What the new version calls its steps, where the run calls them otherwise or has none. */
  readonly titles?: Readonly<Record<string, string>>;
}

export interface MoveRun {
  readonly version: number;
  /** Only say which completed steps stay valid. */
  readonly dry_run?: boolean;
}

export interface MovedView {
  readonly template_version: number;
  readonly template_name: string;
  readonly run_definition: Definition;
}

/** What is not over, the first to begin first. */
export interface MyDelegations {
  /** Reviews of mine that others have. */
  readonly given: readonly DelegationView[];
  /** Reviews of others that I have. */
  readonly received: readonly DelegationView[];
}

/** What one person chose, and what they may choose among. */
export interface MyNotices {
  /** Where mail goes: the email of the account. */
  readonly email: string;
  /** Whether this instance sends mail at all. */
  readonly has_email: boolean;
  /** What holds for mail where nothing was chosen. For addresses that is always never. */
  readonly email_default: NoticeWhen;
  /** By name; those that are switched off too. */
  readonly addresses: readonly NoticeAddressOption[];
  /** For all workflows first, then by workflow. */
  readonly choices: readonly NoticeChoice[];
}

/** My reviews, to somebody, from a day to a day. */
export interface NewDelegation {
  /** The email of who decides for me. */
  readonly delegate: string;
  /** The first day, `2026-12-01`. */
  readonly from_day: string;
  /** The last one. */
  readonly to_day: string;
  /** Where these days are mine, `Europe/Berlin`; `UTC` where it is left out. */
  readonly zone?: string | null;
}

/** A group to be made. Its id is never changed. */
export interface NewGroup {
  readonly id: GroupId;
  readonly name: string;
}

/** An address to register. The url of Slack's kind is a key: it is stored encrypted, and never told again. */
export interface NewNoticeAddress {
  readonly name: string;
  readonly kind: AddressKind;
  readonly url: Hidden;
}

/** With whom: one person or one group. */
export interface NewShare {
  readonly email?: string | null;
  readonly group_id?: GroupId | null;
}

/** A token to be made. */
export interface NewToken {
  readonly name: string;
  /** Reading is always among them. */
  readonly scopes?: readonly Scope[];
  /** 90 unless said otherwise, and a year at most. */
  readonly expires_in_days?: number | null;
}

/** A worker token to be made. */
export interface NewWorkerToken {
  readonly name: string;
  readonly agents: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** 90 unless said otherwise, and a year at most. */
  readonly expires_in_days?: number | null;
}

/** A note on the canvas, in Markdown. */
export interface Note {
  readonly id?: string;
  readonly text?: string;
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly colour?: Colour | null;
}

/** An address that notices are sent to. */
export type NoticeAddressId = string;

/** An address as those see it who choose: where it leads is the admins'. */
export interface NoticeAddressOption {
  readonly id: NoticeAddressId;
  readonly name: string;
  readonly kind: AddressKind;
  /** Nothing is sent there at the moment. */
  readonly is_disabled: boolean;
}

/** An address with the secret that its webhooks are signed with: told this once. Slack's kind has none. */
export interface NoticeAddressSecret {
  readonly address: NoticeAddressView;
  readonly secret?: Hidden | null;
}

/** An address, as admins see it. Where it leads is shown as scheme and host alone: the rest is a key mostly. */
export interface NoticeAddressView {
  readonly id: NoticeAddressId;
  readonly name: string;
  readonly kind: AddressKind;
  /** Such as `https://hooks.slack.com`. */
  readonly place: string;
  /** Whether this server has the key that it is encrypted with. */
  readonly is_readable: boolean;
  readonly created_at: string;
  /** Since when nothing is sent there. */
  readonly disabled_at?: string | null;
  /** It was Weft that switched it off, after failures only. */
  readonly is_given_up: boolean;
  /** In a row, since the last success. */
  readonly n_failures: number;
  readonly last_delivery_at?: string | null;
  /** Why the last one failed, if it did. */
  readonly last_error?: string | null;
  /** People who want something there. */
  readonly n_people: number;
}

export interface NoticeChoice {
  readonly address?: NoticeAddressId | null;
  readonly template_id?: TemplateId | null;
  /** Of the workflow. */
  readonly template_name?: string | null;
  readonly when: NoticeWhen;
}

/** One attempt to send a message, newest first. */
export interface NoticeDelivery {
  readonly id: number;
  /** What the receiver is told as `webhook-id`: the same at every attempt. */
  readonly message: NoticeId;
  readonly at: string;
  readonly address?: NoticeAddressId | null;
  /** The name of the address, or the email. */
  readonly to: string;
  readonly kind: NoticeKind;
  /** Of the first gate that it told of. */
  readonly run_id: RunId;
  readonly step: StepKey;
  /** Gates that it told of. */
  readonly n_gates: number;
  /** The notice's state now. */
  readonly state: NoticeState;
  readonly is_success: boolean;
  /** Of HTTP or SMTP, if the other side answered. */
  readonly status?: number | null;
  readonly milliseconds: number;
  readonly error?: string | null;
  /** The beginning of what the other side answered. */
  readonly answer?: string | null;
}

/** A notice: one message about gates to one person or address. */
export type NoticeId = string;

/** What a message is for. */
export type NoticeKind = "asks" | "outcome";

/** How this instance sends notices. What the operator set is shown, and may not be changed here. */
export interface NoticeSettings {
  /** Empty: no mail is sent. */
  readonly host: string;
  readonly port: number;
  readonly tls: SmtpTls;
  /** Empty: nobody signs in there. */
  readonly user: string;
  readonly password?: SecretName | null;
  /** Whether a password is there at all: of that secret, or of the operator's. */
  readonly has_password: boolean;
  /** Who sends, such as `Weft <weft@example.org>`. */
  readonly from: string;
  /** Whether notices say what a step's output begins with, and why something was sent back. Else they have titles and links alone. */
  readonly content: boolean;
  /** What links begin with. */
  readonly base_url: string;
  /** Fields that the operator set, each with the variable it came by. */
  readonly locked: readonly LockedField[];
  /** Counts changes: a change names the one it began from. */
  readonly revision: number;
}

/** How far a notice is. */
export type NoticeState = "waiting" | "sent" | "dropped" | "failed";

/** What came of a test. */
export interface NoticeTest {
  readonly is_sent: boolean;
  /** What the other side said, or why it could not be asked. */
  readonly said: string;
}

/** How soon somebody is told. */
export type NoticeWhen = "at_once" | "hourly" | "never";

export type OfferState = "offered" | "accepted" | "refused";

/** An agent that outside workers offered, with these very ports. */
export interface OfferView {
  readonly agent_id: AgentId;
  readonly hash: string;
  readonly name: string;
  readonly description: string;
  readonly inputs: readonly InputPort[];
  readonly outputs: readonly OutputPort[];
  readonly side_effects: SideEffects;
  readonly timeout_s?: number | null;
  readonly token: TokenId;
  readonly token_name: string;
  readonly first_offered_at: string;
  readonly last_offered_at: string;
  /** The version that it became. None: it waits for an admin. */
  readonly accepted_version?: number | null;
  /** Sessions that offer it now. */
  readonly n_sessions: number;
  /** The agent's newest version, if it has one: what it would follow. */
  readonly latest_version?: number | null;
}

export type OnError = "fail" | "continue" | "default";

export type OnExceed = "pause" | "fail";

export type OnItemError = "fail" | "collect" | "drop";

export type OnReviewTimeout = "fail" | "approve";

export type Origin = "agent" | "human_edit" | "import";

export type Outcome = "succeeded" | "failed" | "lost" | "cancelled" | "released";

export interface OutputOf {
  readonly step: StepKey;
  readonly artifact: string;
}

export interface OutputPort {
  readonly name: string;
  readonly schema?: Schema;
}

export interface PatchRun {
  readonly auto_run: boolean;
}

/** 5 % off at most. */
export interface Percentiles {
  /** Of so many. */
  readonly n: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
}

/** A value that a person keeps for tries of one workflow. It is theirs alone: never published, never exported. */
export interface Pin {
  readonly place: PinPlace;
  readonly value: unknown;
}

/** What a pinned value stands for. */
export interface PinPlace {
  readonly step?: StepKey | null;
  readonly side?: PinSide;
  readonly name: string;
}

export type PinSide = "input" | "output";

/** Where a node stands on the canvas; outside the semantic hash. */
export interface Position {
  readonly x: number;
  readonly y: number;
  /** Tidy up leaves it there. */
  readonly pinned?: boolean;
}

export interface PreviewedOutput {
  readonly name: string;
  readonly media_type: string;
  readonly size: number;
  /** Absent for what is neither text nor JSON. */
  readonly text?: string | null;
  readonly is_cut: boolean;
}

export interface Problem {
  readonly step?: StepKey | null;
  /** The field, as a path from the step or the definition. */
  readonly field?: string | null;
  readonly severity: Severity;
  readonly code: ProblemCode;
  readonly message: string;
}

export type ProblemCode = "no_steps" | "too_many_steps" | "too_many_dependencies" | "unsupported_schema_version" | "invalid_key" | "invalid_value" | "duplicate" | "unknown_agent" | "unknown_agent_version" | "unknown_step" | "unknown_artifact" | "unknown_port" | "unknown_run_input" | "self_dependency" | "cycle" | "source_not_upstream" | "missing_input" | "missing_output" | "type_mismatch" | "type_unknown" | "no_prompt" | "unknown_name" | "unknown_path" | "unused_input" | "no_effect" | "unknown_workflow" | "archived" | "workflow_cycle" | "workflow_too_deep" | "unknown_person" | "disabled_person" | "unknown_group" | "empty_group" | "too_few_people" | "acts_outside" | "not_supported_yet";

export interface Progress {
  readonly total: number;
  readonly completed: number;
  readonly skipped: number;
  /** Whatever the failure means for the run. */
  readonly failed: number;
  readonly cancelled: number;
}

/** A language-model provider as the server is configured, without its key. */
export interface ProviderView {
  readonly name: string;
  /** `openai`, `anthropic`, `gemini`, `ollama`, ... */
  readonly kind: string;
  readonly model: string;
}

/** What the author of a version says about it. */
export interface PublishTemplate {
  readonly note?: string;
  /** What the latest version of an agent was where they looked. */
  readonly latest?: Readonly<Record<string, number>>;
}

export interface Published {
  readonly version: number;
}

/** The published version of a template, as everybody sees it: enough for the gallery card and the start form. */
export interface PublishedTemplate {
  readonly id: TemplateId;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly n_steps: number;
  readonly inputs: Readonly<Record<string, RunInput>>;
  readonly published_at: string;
  readonly draft?: DraftNotes | null;
  readonly estimate?: RunEstimate | null;
}

/** A published version of a template, as it can be started, moved to, or used as a step. */
export interface PublishedVersion {
  readonly version: number;
  readonly n_steps: number;
  readonly published_at: string;
  /** The email of whoever published it; for admins. */
  readonly published_by?: string | null;
  /** What they said about it, perhaps nothing; for admins. */
  readonly note?: string | null;
}

/** What waits for the workers of an agent, and how many they are. */
export interface QueueView {
  /** Steps that could start now. */
  readonly queued: number;
  /** Tasks that workers hold. */
  readonly running: number;
  /** How long the first of `queued` has waited. */
  readonly oldest_s: number;
  /** Sessions that live and offer the agent. */
  readonly workers: number;
  /** Of those that are not paused; a session that offers several agents counts for each. */
  readonly slots_free: number;
}

export type Reason = "condition" | "upstream_skipped" | "upstream_failed" | "person" | "timeout" | "rate_limit" | "server" | "invalid_output" | "output_too_large" | "no_worker" | "permanent" | "missing_input" | "template" | "context_length" | "unauthorized" | "refused" | "blocked" | "crash_loop" | "stopped" | "invalid_map" | "item_failed" | "child_failed" | "rejected" | "review_timeout" | "budget" | "run_timeout";

export interface RefusedRun {
  readonly id: RunId;
  /** In words. */
  readonly why: string;
}

export interface RejectStep {
  /** What to do better: the agent sees it with its last output. */
  readonly feedback?: string;
  readonly content_hash?: string | null;
  readonly expect_generation?: number | null;
}

export interface RejectionView {
  readonly step: StepKey;
  /** The generation whose result was rejected. */
  readonly generation: number;
  /** 1 for the first rejection in a row. */
  readonly round: number;
  readonly text: string;
  readonly by: string;
  /** There was no round left: it ended the step. */
  readonly is_last?: boolean;
}

export interface RenameGroup {
  readonly name: string;
}

/** What runs again. */
export type RerunMode = "step_only" | "downstream" | "stale_downstream" | "stale";

export interface RerunStep {
  readonly mode?: RerunMode;
  /** Only say what would run again. */
  readonly dry_run?: boolean;
  readonly prompt_override?: string | null;
  readonly inputs?: Readonly<Record<string, unknown>> | null;
  readonly expect_generation?: number | null;
}

export interface ResumeRun {
  readonly budget?: BudgetView | null;
}

export interface Retry {
  readonly max?: number | null;
  readonly on?: readonly string[];
  readonly initial_ms?: number;
  readonly max_ms?: number;
  readonly jitter?: number;
}

export interface Review {
  readonly mode?: ReviewMode;
  readonly assignees?: Assignees;
  readonly quorum?: number;
  readonly allow_self?: boolean;
  readonly max_rounds?: number;
  readonly timeout_s?: number | null;
  readonly on_timeout?: OnReviewTimeout;
}

/** A gate that was closed. */
export interface ReviewEnd {
  readonly step: StepKey;
  readonly generation: number;
  /** From 1 in each generation. */
  readonly number: number;
  readonly verdict: Verdict;
  /** Absent where nobody in particular closed it. */
  readonly by?: string | null;
  /** In whose place they did. */
  readonly acted_for?: string | null;
  /** What was latest. */
  readonly digest: string;
  /** Emails of those who approved that. */
  readonly approvals?: readonly string[];
  /** Of those who did in the place of somebody who was away: by their email that of whom. */
  readonly approved_for?: Readonly<Record<string, string>>;
}

export type ReviewMode = "when_manual" | "always" | "never";

/** A gate that is open: who may decide, and who has. */
export interface ReviewView {
  readonly opened_at: string;
  readonly due_at?: string | null;
  readonly quorum?: number;
  readonly allow_self?: boolean;
  /** Empty with `groups` and `users`: the run's owner and admins. */
  readonly roles?: readonly string[];
  /** Ids of groups. */
  readonly groups?: readonly string[];
  /** Emails. */
  readonly users?: readonly string[];
  /** Emails of those who approved what is latest now. */
  readonly approvals?: readonly string[];
  /** Of those who did in the place of somebody who is away: by their email that of whom. */
  readonly approved_for?: Readonly<Record<string, string>>;
}

export type Role = "admin" | "user";

export interface RollbackArtifact {
  readonly expect_generation?: number | null;
}

/** What is done with many runs. */
export type RunAction = "cancel" | "archive" | "unarchive" | "delete" | "keep";

/** A run of thousands of steps is megabytes, and who works on it in a loop wants to know that it was done. */
export interface RunBrief {
  readonly id: RunId;
  /** Of the last event that came of it. */
  readonly seq: number;
}

/** All of the run itself that can change. */
export interface RunChange {
  readonly status: RunStatus;
  readonly status_reason?: StatusReason | null;
  readonly auto_run: boolean;
  readonly finished_at?: string | null;
  /** How long it was over, each time before it went on again. */
  readonly rested_ms?: number;
  readonly deadline_at?: string | null;
  readonly budget?: BudgetView | null;
  readonly held?: StatusReason | null;
  /** Totals. */
  readonly used_tokens?: number;
  readonly used_cost_micros?: number;
}

/** What the last runs of a workflow that completed took, from their start to their end, with the time that people took. */
export interface RunEstimate {
  readonly n_runs: number;
  readonly median_ms: number;
  /** Nine of ten took no longer. */
  readonly p90_ms: number;
  /** Absent where no cost is known. */
  readonly median_cost_micros?: number | null;
  readonly p90_cost_micros?: number | null;
}

/** What a run is, without its steps. */
export interface RunHead {
  readonly id: RunId;
  /** What people call it. */
  readonly title?: string;
  readonly template_name: string;
  readonly template_version: number;
  readonly status: RunStatus;
  readonly status_reason?: StatusReason | null;
  readonly user_id: UserId;
  readonly user_email: string;
  readonly created_at: string;
}

/** One execution of a published version. */
export type RunId = string;

/** An input that the starter of a run fills in. */
export interface RunInput {
  readonly title?: string;
  readonly schema?: Schema;
  readonly required?: boolean;
  readonly default?: unknown;
  /** Where the start form shows the field; equal ranks fall back to the key. */
  readonly order?: number;
}

/** What people call a run, and by what they find it again: of their lists, never of the run itself. */
export interface RunLabels {
  /** Shown in place of what it is about. */
  readonly title?: string | null;
  readonly tags?: readonly string[];
}

/** A page of runs. */
export interface RunPage {
  readonly runs: readonly ListedRun[];
  /** Give it back as `after` for the next page. */
  readonly next?: string | null;
}

/** That a run is shared with one person or one group. */
export interface RunShare {
  readonly id: ShareId;
  readonly email?: string | null;
  readonly group_id?: GroupId | null;
  /** What the group is called. */
  readonly name?: string | null;
  /** The person cannot sign in, and so sees nothing. */
  readonly is_disabled?: boolean;
  /** The email of whoever shared it. */
  readonly shared_by: string;
  readonly shared_at: string;
}

/** With whom a run is shared, and with which groups whoever asks can share it. */
export interface RunShares {
  readonly shares: readonly RunShare[];
  readonly groups: readonly ShareGroup[];
}

export type RunStatus = "pending" | "running" | "paused" | "completed" | "failed" | "cancelled";

export interface RunSummary {
  readonly id: RunId;
  readonly template_id: TemplateId;
  readonly template_name: string;
  readonly template_version: number;
  readonly status: RunStatus;
  readonly status_reason?: StatusReason | null;
  readonly auto_run: boolean;
  readonly user_id: UserId;
  readonly user_email: string;
  readonly progress: Progress;
  /** Steps and items that wait for a review. */
  readonly n_waiting: number;
  /** The beginnings of the inputs it was started on, in one line. */
  readonly about?: string | null;
  readonly created_at: string;
  readonly finished_at?: string | null;
}

export interface RunTotals {
  /** The first and the last day. */
  readonly from: string;
  readonly to: string;
  /** The first day of which anything is known, within these or before; none where nothing is. */
  readonly first?: string | null;
  /** Each day, also those without a run. */
  readonly days: readonly DayTotals[];
  readonly took?: Percentiles | null;
  readonly waited?: Percentiles | null;
  /** What used most, and the rest together under no name, of each sort. */
  readonly workflows: readonly UsedBy[];
  readonly agents: readonly UsedBy[];
  readonly models: readonly UsedBy[];
  /** Of totals over everybody's runs. */
  readonly people?: readonly UsedBy[];
  /** The workflows of which there are runs in these days, whichever one is asked for; at most 200, those with most runs. */
  readonly choices: readonly WorkflowChoice[];
}

export interface RunView {
  readonly id: RunId;
  /** The last event that it shows. */
  readonly seq: number;
  readonly template_id: TemplateId;
  readonly template_name: string;
  readonly template_version: number;
  readonly run_definition: Definition;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly overrides: Readonly<Record<string, StepOverride>>;
  readonly status: RunStatus;
  readonly status_reason?: StatusReason | null;
  readonly auto_run: boolean;
  readonly user_id: UserId;
  readonly user_email: string;
  readonly is_test: boolean;
  readonly created_at: string;
  readonly finished_at?: string | null;
  /** How long it was over, each time before it went on again. */
  readonly rested_ms?: number;
  readonly deadline_at?: string | null;
  readonly budget?: BudgetView | null;
  readonly parent?: StepOfRun | null;
  readonly forked_from?: StepOfRun | null;
  /** By key. Each is kept until it changes, so that whoever shows thousands sees by the address which are the same. */
  readonly steps: readonly StepView[];
  /** By step, name and version. */
  readonly artifacts: readonly ArtifactMeta[];
}

/** Creates an agent, or its next version. */
export interface SaveAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly description?: string;
  readonly inputs?: readonly InputPort[];
  readonly outputs?: readonly OutputPort[];
  readonly max_parallel?: number | null;
  readonly config: AgentConfig;
  /** The version this edit began from; absent to create. A newer one is a conflict. */
  readonly base_version?: number | null;
}

/** The type of a port: a closed subset of JSON Schema. */
export interface Schema {
  /** Absent means any. */
  readonly type?: "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  /** The least that a number may be. */
  readonly minimum?: number;
  /** The greatest that a number may be. */
  readonly maximum?: number;
  /** What it is for. */
  readonly description?: string;
  /** A hint for forms and viewers: `multiline`, `file`, `markdown`, `date`. */
  readonly format?: string;
}

/** What an API token may be used for. Whoever made it may do more; nothing makes it do more than they may. */
export type Scope = "read" | "run" | "review" | "admin" | "metrics";

/** What speaks for the worker. */
export interface Sdk {
  readonly name?: string;
  readonly version?: string;
  readonly language?: string;
}

/** What a secret is called: `[a-z][a-z0-9_-]*`, at most 64 characters. Never its value. */
export type SecretName = string;

/** All that anybody is told of a secret. */
export interface SecretView {
  readonly name: SecretName;
  readonly description: string;
  /** Where it may be sent. */
  readonly hosts: readonly string[];
  /** The agents that may use it. */
  readonly agents: readonly AgentId[];
  /** Which key its value was encrypted with. */
  readonly key_id: string;
  /** Whether this server has that key. */
  readonly is_readable: boolean;
  /** Who gave the value; absent for the operator. */
  readonly set_by?: string | null;
  readonly set_at: string;
  /** To the minute. */
  readonly last_used_at?: string | null;
}

/** The values that were seen last, in tries and runs of a workflow. */
export interface Seen {
  /** The newest runs and tries, newest first: those whose values a try can be run on. */
  readonly runs?: readonly SeenRun[];
  /** Of the workflow's inputs. */
  readonly inputs: Readonly<Record<string, SeenValue>>;
  /** Of the outputs of steps. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, SeenValue>>>>;
}

export interface SeenRun {
  readonly run_id: RunId;
  readonly is_test: boolean;
  readonly at: string;
}

export interface SeenValue {
  readonly run_id: RunId;
  /** Whether it comes from a try. */
  readonly is_test: boolean;
  readonly at: string;
  readonly artifact_id?: ArtifactId | null;
  /** Bytes. */
  readonly size: number;
  /** Absent where it is large, or neither text nor JSON: the artifact has it then. */
  readonly value?: unknown;
}

/** How it is to be from now on. Fields that are locked are left as they are. */
export interface SetNoticeSettings {
  readonly host: string;
  /** Absent: what is usual for `tls`. */
  readonly port?: number | null;
  readonly tls?: SmtpTls;
  readonly user?: string;
  readonly password?: SecretName | null;
  readonly from: string;
  readonly content?: boolean;
  readonly expect_revision: number;
}

/** A value, and where it may go from now on. Who widens that has to know the value. */
export interface SetSecret {
  readonly value: Hidden;
  readonly hosts: readonly string[];
  readonly description?: string;
  /** Absent: whoever may use it now. */
  readonly agents?: readonly AgentId[] | null;
}

/** An admin's wish for a session: `working`, `paused` or `draining`; `gone` ends it at once. */
export interface SetWorker {
  readonly state: WorkerState;
}

export type Severity = "error" | "warning";

/** A group that a run can be shared with. */
export interface ShareGroup {
  readonly id: GroupId;
  readonly name: string;
}

/** That a run is shared with somebody, or with a group. */
export type ShareId = string;

export type SideEffects = "none" | "idempotent" | "external";

/** A required port that reads what a step would have made: skipping the step wants a value for it. */
export interface SkipNeed {
  /** The dependent that has the port. */
  readonly step: StepKey;
  readonly step_title: string;
  readonly port: string;
  readonly schema: Schema;
}

export interface SkipStep {
  /** Values for required ports that read this step's artifacts: `{step: {port: value}}`. */
  readonly inputs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly expect_generation?: number | null;
}

/** How mail reaches its server. */
export type SmtpTls = "implicit" | "starttls" | "none";

/** Where the value of an input comes from. */
export type Source = {
  readonly const: unknown;
} | {
  readonly from: "run";
  /** An input of the run. */
  readonly key: string;
  /** A JSON Pointer into it; empty for the whole. */
  readonly path?: string;
} | {
  readonly from: "step";
  readonly step: StepKey;
  /** An output of that step. */
  readonly artifact: string;
  /** A JSON Pointer into it; empty for the whole. */
  readonly path?: string;
} | {
  readonly from: "item";
  /** A JSON Pointer into it; empty for the whole. */
  readonly path?: string;
};

export type StaleReason = {
  readonly port: string;
  readonly step: StepKey;
  readonly name: string;
  readonly consumed: number;
  readonly now: number;
  readonly kind: "artifact";
} | {
  readonly port: string;
  readonly step: StepKey;
  readonly name: string;
  readonly kind: "artifact_gone";
} | {
  readonly port: string;
  readonly kind: "input";
} | {
  readonly kind: "prompt";
} | {
  readonly consumed: number;
  readonly now: number;
  readonly kind: "agent_version";
} | {
  readonly kind: "dependencies";
};

/** Why a completed step is stale. */
export interface Staleness {
  /** Empty when only something before it is stale. */
  readonly because: readonly StaleReason[];
  /** The stale steps it consumed from. */
  readonly through: readonly StepKey[];
}

/** Whether tasks of an offered agent come, and why not. */
export interface Standing {
  readonly state: OfferState;
  /** The newest version with these very ports. */
  readonly version?: number | null;
  /** Of what is refused. */
  readonly reason?: string | null;
}

export interface StartRun {
  readonly template_id: TemplateId;
  /** Absent for the published version. */
  readonly version?: number | null;
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** On unless switched off. */
  readonly auto_run?: boolean;
}

export type StatusReason = "person" | "review" | "budget";

/** A node of the DAG. */
export interface Step {
  readonly title?: string;
  readonly agent_id: AgentId;
  readonly agent_version?: number | null;
  readonly depends_on?: readonly StepKey[];
  readonly trigger_rule?: TriggerRule;
  readonly when?: Condition | null;
  readonly inputs?: Readonly<Record<string, Source>>;
  readonly map?: MapOver | null;
  readonly prompt?: string | null;
  readonly review?: Review;
  readonly retry?: Retry;
  readonly timeout_s?: number;
  /** How long it may wait for a worker, once nothing else keeps it; absent: as long as it takes. */
  readonly queue_timeout_s?: number | null;
  readonly on_error?: OnError;
  /** Values by output name, for `on_error: default`. */
  readonly default_output?: unknown;
  readonly side_effects?: SideEffects;
  readonly cache?: boolean;
  readonly concurrency?: Concurrency | null;
  readonly colour?: Colour | null;
  /** The id of the group that it is drawn in; outside the semantic hash, as its colour and its place are. */
  readonly group?: string | null;
  readonly ui?: Position | null;
}

export interface StepChange {
  readonly key: StepKey;
  readonly status: StepStatus;
  readonly reason?: Reason | null;
  readonly generation: number;
  /** When a step that backs off may start again. */
  readonly not_before?: string | null;
  readonly item_of?: StepKey | null;
  readonly item_index?: number | null;
  readonly child_run?: RunId | null;
  readonly review?: ReviewView | null;
  readonly feedback?: Feedback | null;
}

export interface StepComparison {
  readonly key: StepKey;
  readonly title: string;
  /** One item of a list: it is taken over with its list or not at all. */
  readonly is_item: boolean;
  readonly left?: StepStatus | null;
  readonly right?: StepStatus | null;
  /** The prompt in force differs. */
  readonly prompt_differs: boolean;
  readonly artifacts: readonly ArtifactComparison[];
}

/** The stable key of a step: `[a-z][a-z0-9_]*`, at most 64 characters. References use it, never the title. */
export type StepKey = string;

export interface StepOfRun {
  readonly run: RunId;
  readonly step: StepKey;
}

/** What this run changes about a step; it never touches the template. */
export interface StepOverride {
  readonly prompt?: string | null;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** What the run page needs to show a step's prompt: the text in force and where it comes from. */
export interface StepPrompt {
  /** Absent for kinds without a prompt. */
  readonly effective?: string | null;
  /** What the template says, without the run's override. */
  readonly of_template?: string | null;
  readonly inputs: readonly InputPort[];
  /** What an edit, a supplied output or the answer to a form consists of. */
  readonly outputs?: readonly OutputPort[];
}

export type StepStatus = "pending" | "ready" | "running" | "awaiting_review" | "completed" | "failed" | "skipped" | "cancelled";

export interface StepView {
  readonly key: StepKey;
  readonly title: string;
  readonly agent_id: AgentId;
  readonly agent_version: number;
  readonly kind: string;
  /** SHA-256 of the agent version's own prompt; absent for kinds without one. What the step or the run puts in its place is not in it. */
  readonly prompt_hash?: string | null;
  readonly status: StepStatus;
  readonly reason?: Reason | null;
  readonly generation: number;
  readonly not_before?: string | null;
  readonly item_of?: StepKey | null;
  /** Its place in the list. */
  readonly item_index?: number | null;
  readonly child_run?: RunId | null;
  readonly review?: ReviewView | null;
  readonly feedback?: Feedback | null;
  /** By number. */
  readonly attempts: readonly AttemptView[];
}

export interface StopStep {
  readonly expect_generation?: number | null;
}

/** An open gate at which too few can decide. */
export interface StuckGate {
  readonly run_id: RunId;
  readonly step: StepKey;
  readonly template_id: TemplateId;
  readonly template_name: string;
  /** What the run is about. */
  readonly about?: string | null;
  /** So many have to agree. */
  readonly quorum: number;
  /** So many of those who are asked can sign in. Admins may decide as well. */
  readonly n_can: number;
  readonly opened_at: string;
}

export interface SupplyStep {
  /** Content by output name; every output of the agent. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly expect_generation?: number | null;
}

/** A workflow template: its draft and all its published versions. */
export type TemplateId = string;

export interface TemplateSummary {
  readonly id: TemplateId;
  readonly name: string;
  readonly description: string;
  readonly draft_revision: number;
  readonly published_version?: number | null;
  readonly n_steps: number;
  readonly created_by: UserId;
  readonly updated_at: string;
  /** Set aside: no new runs, not in the gallery. */
  readonly archived_at?: string | null;
}

/** A template with its draft, as admins see it. */
export interface TemplateView {
  readonly id: TemplateId;
  readonly name: string;
  readonly description: string;
  readonly definition: Definition;
  readonly draft_revision: number;
  readonly published_version?: number | null;
  /** Whether the draft means something else than the published version. */
  readonly has_unpublished_changes: boolean;
  readonly created_by: UserId;
  readonly updated_at: string;
  /** Set aside: no new runs, not in the gallery. */
  readonly archived_at?: string | null;
  readonly problems: readonly Problem[];
}

/** Tries an agent on sample input: a run of kind `test`. */
export interface TestAgent {
  readonly agent_id: AgentId;
  readonly version?: number | null;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly unsaved?: SaveAgent | null;
  /** It may act on the world outside. */
  readonly confirm?: boolean;
}

export interface TestStarted {
  readonly run_id: RunId;
}

/** An API token (never its secret). */
export type TokenId = string;

export interface TokenView {
  readonly id: TokenId;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly created_at: string;
  /** To the minute. */
  readonly last_used_at?: string | null;
  /** Afterwards it is refused. */
  readonly expires_at: string;
  readonly is_expired: boolean;
}

export interface Transcript {
  /** The provider's name here. */
  readonly provider: string;
  readonly model: string;
  /** One, and another one where an answer had to be repaired. */
  readonly rounds: readonly TranscriptRound[];
}

/** One request and its answer. */
export interface TranscriptRound {
  /** What was said in this round, as it was sent; what an earlier round said was sent again before it. */
  readonly sent: readonly TranscriptSaid[];
  /** All else of the request, in the provider's words. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** What the model wrote, as far as it came. */
  readonly wrote: string;
  readonly thoughts?: string;
  /** Why it ended, in the provider's word; absent where it did not say so. */
  readonly finish_reason?: string | null;
  /** Under which the provider knows this request. */
  readonly request_id?: string | null;
  /** Some text was longer than what is kept. */
  readonly is_shortened?: boolean;
}

export interface TranscriptSaid {
  /** `system`, `user` or `assistant`. */
  readonly role: string;
  readonly text: string;
}

/** When a step may run, judged once every direct dependency is terminal. */
export type TriggerRule = "none_failed" | "all_success" | "all_done" | "one_success";

export interface TriggerStep {
  /** Absent leaves the override as it is, null takes it back, a text replaces it. */
  readonly prompt_override?: string | null;
  /** Literal values for ports; absent leaves them as they are. */
  readonly inputs?: Readonly<Record<string, unknown>> | null;
  /** The generation that was seen: of many equal clicks one has an effect, the others get 409. */
  readonly expect_generation?: number | null;
}

/** Runs the stored draft, or a part of it; nothing is published. */
export interface TryDraft {
  /** The revision of the draft that is to be tried: the `draft_revision` that was given. 422 without one, 409 when it is stale. */
  readonly revision?: number | null;
  readonly extent?: Extent;
  readonly step?: StepKey | null;
  /** Values for the workflow's inputs; for a step alone those of the step's own. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly from_run?: RunId | null;
  /** What is still missing is made up. */
  readonly samples?: boolean;
  /** What the person has pinned counts. */
  readonly use_pins?: boolean;
  /** Steps that may act on the world outside. */
  readonly confirm?: readonly StepKey[];
}

export interface TryStarted {
  readonly run_id: RunId;
  /** Steps that do not run, because their outputs are pinned. */
  readonly given: readonly StepKey[];
}

export interface UpdateTemplate {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly definition?: unknown;
  /** The revision this edit began from. 422 without one, 409 when it is stale. */
  readonly base_revision?: number | null;
}

export interface UpdateUser {
  readonly role?: Role | null;
  readonly is_disabled?: boolean | null;
  readonly password?: string | null;
}

/** What an attempt cost. */
export interface Usage {
  readonly model?: string | null;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  /** Money in millionths; absent where the provider has no prices. */
  readonly cost_micros?: number | null;
  /** In which that money is, by its three letters; absent where nobody said so. */
  readonly currency?: string | null;
  /** Whether the answer broke off at the longest one that the agent allows: what it made may not be whole. */
  readonly is_cut?: boolean;
  /** The provider did not say what it counted: the tokens are a guess by the length of the texts. */
  readonly is_estimated?: boolean;
  /** Parameters that were not sent, because the model does not take them. */
  readonly left_out?: readonly string[];
}

/** What was used in these days, by a workflow, an agent, a model or a person. */
export interface UsedBy {
  /** The id of the workflow or the agent, the name of the model, the email; none of the rest, and empty where it is not known. */
  readonly id?: string | null;
  readonly name: string;
  readonly n_attempts: number;
  readonly tokens: number;
  readonly cost_micros: number;
}

/** A person's account. */
export type UserId = string;

export interface UserView {
  readonly id: UserId;
  readonly email: string;
  readonly role: Role;
  readonly is_disabled: boolean;
  readonly created_at: string;
}

export type Verdict = "approved" | "rejected" | "released" | "cancelled" | "timed_out" | "superseded";

/** Gates whose beginnings are wanted. */
export interface WantPreviews {
  readonly gates: readonly GateRef[];
}

export interface WireAsked {
  readonly round: number;
  readonly by: string;
  readonly text: string;
}

export interface WireBeat {
  readonly wait_ms?: number;
  readonly tasks?: readonly WireBeatOfTask[];
}

export interface WireBeatOfTask {
  readonly token: string;
  readonly progress?: WireProgress | null;
  readonly deltas?: readonly WireDelta[];
  readonly logs?: readonly WireLog[];
  readonly checkpoint?: unknown;
}

export interface WireBeaten {
  readonly session: WireSessionState;
  readonly server_time: string;
  readonly lease_until: string;
  readonly agents: Readonly<Record<string, WireKnown>>;
  readonly tasks: readonly WireStateOfTask[];
}

export interface WireCallback {
  readonly callback: string;
  readonly url: string;
  readonly expires_at: string;
}

export interface WireClaim {
  readonly max: number;
  readonly wait_ms?: number;
}

export interface WireComplete {
  readonly results?: readonly WireOutcome[];
  readonly claim?: WireClaim | null;
}

export interface WireCompleted {
  readonly results: readonly WireStatusOfResult[];
  readonly tasks: readonly WireTask[];
}

/** A value: as it is, or as content of its own. */
export interface WireContent {
  readonly media_type: string;
  /** Null is a value: it is not the same as none. */
  readonly value?: unknown;
  readonly text?: string | null;
  readonly blob?: string | null;
  readonly size?: number | null;
}

export interface WireDelta {
  readonly output: string;
  readonly text: string;
}

export interface WireFailure {
  readonly class: WireFailureClass;
  readonly message?: string;
  readonly retry_after_ms?: number | null;
  readonly no_retry?: boolean;
}

export type WireFailureClass = "timeout" | "rate_limit" | "server" | "permanent" | "refused" | "invalid_output";

/** How an offered agent stands, as its worker is told. */
export type WireKnown = Standing & {
  readonly hash: string;
};

export interface WireLog {
  readonly at?: string | null;
  readonly level?: LogLevel;
  readonly text: string;
}

export interface WireOfferedAgent {
  readonly id: AgentId;
  readonly name?: string;
  readonly description?: string;
  readonly inputs?: Readonly<Record<string, WireOfferedInput>>;
  readonly outputs: Readonly<Record<string, WireOfferedOutput>>;
  readonly side_effects?: SideEffects;
  readonly timeout_s?: number | null;
}

export interface WireOfferedInput {
  readonly title?: string;
  readonly schema?: Schema;
  readonly required?: boolean;
}

export interface WireOfferedOutput {
  readonly title?: string;
  readonly schema?: Schema;
}

/** How an attempt ended. The result of a callback has no token. */
export interface WireOutcome {
  readonly token?: string;
  readonly outcome: WireWord;
  readonly outputs?: Readonly<Record<string, WireContent>>;
  readonly usage?: WireUsage | null;
  readonly error?: WireFailure | null;
  readonly resume_within_s?: number | null;
}

export interface WireOutputProblem {
  readonly field: string;
  readonly message: string;
}

export interface WireProgress {
  readonly done?: number;
  readonly total?: number;
  readonly note?: string;
}

export interface WireRegister {
  readonly protocol: number;
  readonly sdk?: Sdk;
  readonly name: string;
  readonly host?: string;
  readonly pid?: number;
  readonly build_id?: string | null;
  readonly slots: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly agents: readonly WireOfferedAgent[];
}

export interface WireRegistered {
  readonly session: WorkerId;
  readonly beat_every_ms: number;
  readonly lease_ms: number;
  readonly wait_ms_max: number;
  readonly inline_max: number;
  readonly server_time: string;
  readonly agents: Readonly<Record<string, WireKnown>>;
}

export interface WireRevision {
  readonly outputs: Readonly<Record<string, WireContent>>;
  readonly feedback: readonly WireAsked[];
}

export type WireSessionState = "ok" | "paused" | "drain";

export interface WireStateOfTask {
  readonly token: string;
  readonly state: WireTaskState;
}

export type WireStatus = {
  readonly status: "committed";
} | {
  readonly status: "already";
} | {
  readonly status: "fenced";
} | {
  readonly problems: readonly WireOutputProblem[];
  readonly status: "invalid_output";
};

export type WireStatusOfOne = WireStatus;

export type WireStatusOfResult = WireStatus & {
  readonly token: string;
};

export interface WireTask {
  readonly token: string;
  readonly agent: AgentId;
  readonly agent_version: number;
  readonly hash: string;
  readonly run: RunId;
  readonly step: StepKey;
  readonly item?: string | null;
  readonly generation: number;
  readonly attempt: number;
  readonly idempotency_key: string;
  readonly inputs: Readonly<Record<string, WireContent>>;
  readonly prompt?: string | null;
  readonly revision?: WireRevision | null;
  readonly checkpoint?: unknown;
  readonly started_at: string;
  readonly timeout_at: string;
  readonly lease_until: string;
  readonly traceparent: string;
}

export type WireTaskState = "ok" | "cancel" | "timeout" | "fenced";

export interface WireTasks {
  readonly tasks: readonly WireTask[];
}

export interface WireUsage {
  readonly model?: string;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly cost_micros?: number | null;
}

export interface WireWantCallback {
  readonly within_s: number;
}

export type WireWord = "completed" | "failed" | "cancelled" | "released" | "waiting";

/** An agent that a session offers. */
export interface WorkerAgent {
  readonly id: AgentId;
  readonly hash: string;
  readonly standing: Standing;
}

/** One incarnation of a process that executes steps. */
export type WorkerId = string;

export type WorkerState = "working" | "paused" | "draining" | "gone";

/** What a session runs. */
export interface WorkerTask {
  readonly run: RunId;
  readonly step: StepKey;
  readonly attempt: number;
  readonly started_at: string;
}

export interface WorkerTokenView {
  readonly id: TokenId;
  readonly name: string;
  /** The agents that it may offer: ids, or beginnings such as `report-*`. */
  readonly agents: readonly string[];
  /** What each of its sessions has to say of itself; none: anything. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absent where the operator made it. */
  readonly created_by?: string | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly is_expired: boolean;
  /** To the minute. */
  readonly last_used_at?: string | null;
}

/** A session of an outside worker. */
export interface WorkerView {
  readonly id: WorkerId;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly sdk: Sdk;
  readonly build_id?: string | null;
  /** How many tasks it takes at a time. */
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly token: TokenId;
  readonly token_name: string;
  readonly state: WorkerState;
  readonly agents: readonly WorkerAgent[];
  readonly connected_at: string;
  readonly last_beat_at: string;
  /** The last beat is longer ago than its lease: it will be taken for gone. */
  readonly is_late: boolean;
  readonly n_running: number;
  /** What it runs, the oldest first; the first 20. */
  readonly running: readonly WorkerTask[];
  readonly last_error?: string | null;
  readonly last_error_at?: string | null;
}

export interface WorkflowChoice {
  readonly id: TemplateId;
  readonly name: string;
  readonly n_runs: number;
}
