// What `weft-worker` offers: everything here runs wherever there is fetch.
// Must never import what only Node has; node.ts may.

export type { Agent } from "./agent.js";
export type * as api from "./api.js";
export type { Content } from "./content.js";
export type { AgentOptions, Context, Handler, Result, Streamed, Waiting } from "./context.js";
export { InvalidOutput, Permanent, RateLimited, Refused, ServerRefused, Stopped, TaskError, Temporary, type StopReason } from "./errors.js";
export type { Log } from "./live.js";
export {
  type FileRef,
  type Inputs,
  type Json,
  type NumberOptions,
  type Outputs,
  type Port,
  type PortOptions,
  type Schema,
  type ValuesOf,
  boolean,
  enumOf,
  file,
  integer,
  json,
  list,
  number,
  object,
  raw,
  string,
} from "./ports.js";
export { RawJson } from "./raw.js";
export type { Trial, TrialInputs, TrialOptions } from "./trial.js";
export type { Callback, Feedback, Level, LogLine, Offer, Progress, SideEffects, Usage } from "./wire.js";
export { type DrainOptions, Worker, type WorkerOptions } from "./worker.js";
