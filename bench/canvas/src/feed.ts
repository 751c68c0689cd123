// The live feed of a run as the page gets it, with frames of our own: events in the form in which the server sends them, so many
// statuses in each animation frame. It stands in place of the browser's socket; the page of Weft has no part in it.

/** Runs in the page before everything else. `window.__feed` changes statuses; all other sockets are the browser's own. */
export function standIn(): void {
  const Real = window.WebSocket;
  let feed: Feed | undefined;
  let seq = 0;
  const words = ["ready", "running", "completed"] as const;

  class Feed extends EventTarget {
    readyState = 0;
    binaryType = "blob";
    protocol = "";
    extensions = "";
    bufferedAmount = 0;
    onopen: ((event: Event) => void) | null = null;
    onmessage: ((event: MessageEvent) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;
    onclose: ((event: CloseEvent) => void) | null = null;

    constructor(readonly url: string) {
      super();
      feed = this;
      setTimeout(() => {
        this.readyState = 1;
        this.onopen?.(new Event("open"));
      });
    }

    send(text: string): void {
      const said = JSON.parse(text) as { after?: number; beat?: number };
      if (said.after !== undefined) {
        seq = said.after;
      }
      if (said.beat !== undefined) {
        this.tell({ type: "beat", beat: said.beat });
      }
    }

    tell(frame: object): void {
      this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(frame) }));
    }

    close(): void {
      this.readyState = 3;
    }
  }

  const at = new Date().toISOString();
  const step = (key: string, status: (typeof words)[number]) => ({
    key,
    status,
    reason: null,
    generation: 1,
    not_before: at,
    ...(status === "ready" ? { admission: "claimable" } : {}),
    ...(status === "running" ? { work: { attempt: { worker: "00000000-0000-0000-0000-000000000000" } } } : {}),
  });
  const change = (keys: readonly string[], frames: number, perFrame: number, untilMs: number) =>
    new Promise<void>((resolve) => {
      const end = performance.now() + untilMs;
      let n = 0;
      const next = () => {
        if (n >= frames * perFrame || (n > 4 * perFrame && performance.now() > end)) {
          return resolve();
        }
        const steps = Array.from({ length: perFrame }, () => {
          // Far apart, and each of them through all its statuses before it begins anew.
          const key = keys[Math.floor(n / words.length) * 7919 % keys.length] as string;
          return step(key, words[n++ % words.length] as (typeof words)[number]);
        });
        seq += 1;
        feed?.tell({ type: "event", people: {}, event: { seq, at, kind: "steps_started", data: { steps } } });
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    });

  Object.assign(window, { __feed: { change, isFollowed: () => feed !== undefined && seq > 0 } });
  window.WebSocket = new Proxy(Real, {
    construct: (target, [url, ...more]: [string | URL, ...unknown[]]) =>
      /\/runs\/[^/]+\/live$/.test(String(url)) ? new Feed(String(url)) : (Reflect.construct(target, [url, ...more]) as object),
  });
}
