// What this client calls the parts of the protocol is what the server's own description calls them. The compiler finds what is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import type * as api from "#internal/api.js";
import type { ErrorClass } from "#internal/errors.js";
import type * as wire from "#internal/wire.js";

/** Of every member of a union. */
type Names<T> = T extends unknown ? keyof T : never;
type Unknown<Ours, Theirs> = Exclude<Names<Ours>, keyof Theirs>;
/** Each has to be `never`. */
type Strangers =
  | Unknown<wire.WireAgent, api.WireOfferedAgent>
  | Unknown<wire.Offer, api.WireKnown>
  | Unknown<wire.Registered, api.WireRegistered>
  | Unknown<wire.WireValue, api.WireContent>
  | Unknown<wire.Feedback, api.WireAsked>
  | Unknown<wire.WireTask, api.WireTask>
  | Unknown<wire.Progress, api.WireProgress>
  | Unknown<wire.LogLine, api.WireLog>
  | Unknown<wire.Delta, api.WireDelta>
  | Unknown<wire.BeatAnswer, api.WireBeaten>
  | Unknown<wire.Usage, api.WireUsage>
  | Unknown<wire.Outcome, api.WireOutcome>
  | Unknown<wire.Failure, api.WireFailure>
  | Unknown<wire.Completed, api.WireCompleted>
  | Exclude<wire.SideEffects, api.SideEffects>
  | Exclude<wire.Level, api.LogLevel>
  | Exclude<wire.Outcome["outcome"], api.WireWord>
  | Exclude<ErrorClass, api.WireFailureClass>;

test("every name on the wire is one that the server knows", () => {
  const strangers: readonly Strangers[] = [] satisfies readonly never[] as readonly never[];
  const none: readonly never[] = strangers;
  assert.deepEqual(none, []);
});
