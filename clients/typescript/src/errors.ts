// What a handler throws to say what kind of failure it was, and what the worker itself fails with.
// Must never be told apart by their text.

/** The classes of failure that the server knows. */
export type ErrorClass = "timeout" | "rate_limit" | "server" | "permanent" | "refused" | "invalid_output";

/** A failure of an attempt. Anything else that is thrown counts as `Temporary`, a `TimeoutError` as a timeout. */
export abstract class TaskError extends Error {
  abstract readonly errorClass: ErrorClass;
}

/** The other side asks to come back later; the attempt is repeated then, at the earliest after `retryAfterMs`. */
export class RateLimited extends TaskError {
  override readonly name = "RateLimited";
  readonly errorClass = "rate_limit";
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Something failed that may work the next time. */
export class Temporary extends TaskError {
  override readonly name = "Temporary";
  readonly errorClass = "server";
}

/** It would fail again in the same way: nobody tries. */
export class Permanent extends TaskError {
  override readonly name = "Permanent";
  readonly errorClass = "permanent";
}

/** A model or a service declined to do this. */
export class Refused extends TaskError {
  override readonly name = "Refused";
  readonly errorClass = "refused";
}

/** The outputs are not what the agent promised. */
export class InvalidOutput extends TaskError {
  override readonly name = "InvalidOutput";
  readonly errorClass = "invalid_output";
}

/** The server refused a call. On `run` it is what ended the worker: `message` is the server's sentence. */
export class ServerRefused extends Error {
  override readonly name = "ServerRefused";

  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    /** Seconds or a date, as the server said it. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(message);
  }
}

/** Nobody knows whether the call was done: it has to be repeated. Never reaches a handler. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Why the signal of a task is aborted. */
export type StopReason =
  /** Nobody wants the result any more. */
  | "cancel"
  /** Its time is up. */
  | "timeout"
  /** It is another session's, or over. */
  | "fenced"
  /** The session is over, or its lease could not be renewed. */
  | "gone"
  /** The worker stops, and the time to drain is up. */
  | "released";

/** The reason of `ctx.signal`. A handler may let it pass through: a stopped task does not fail. */
export class Stopped extends Error {
  override readonly name = "Stopped";

  constructor(readonly reason: StopReason) {
    super(`the task was stopped: ${reason}`);
  }
}
