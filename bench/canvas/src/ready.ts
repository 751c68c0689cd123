// When a page was opened: from the request until the second animation frame after the graph is there.
// Runs in the page before everything else of it, on both sides alike.

/** `isThere` is the text of a function: it is asked once a frame. */
export function watchReady(isThere: string): string {
  return `(() => {
    const isThere = ${isThere};
    const look = () => {
      if (!isThere()) return void requestAnimationFrame(look);
      requestAnimationFrame(() => requestAnimationFrame(() => { window.__openMs = performance.now(); }));
    };
    requestAnimationFrame(look);
  })();`;
}

declare global {
  interface Window {
    __openMs?: number;
  }
}
