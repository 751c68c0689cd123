// A path to the server that can swallow: bytes go in and nothing comes out, and no connection is closed.
// Must never end a connection while it swallows: that is what a browser would notice.

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** What is swallowed: everything, or only what the server says. */
export type Swallowed = "everything" | "answers";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  lost: Swallowed | null;
}

export class Proxy {
  private readonly pairs = new Set<Pair>();
  private swallowed: Swallowed | null = null;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(target: string): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, new URL(target));
    server.on("connection", (client) => proxy.join(client));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** From now on nothing arrives, on the connections that there are and on new ones. */
  swallow(what: Swallowed = "everything"): void {
    this.swallowed = what;
    for (const pair of this.pairs) {
      pair.lost = what;
    }
  }

  /** The path is back, and knows nothing of the connections of before: they are reset. What was swallowed is gone. */
  forward(): void {
    this.swallowed = null;
    for (const pair of this.pairs) {
      if (pair.lost !== null) {
        pair.client.resetAndDestroy();
        pair.server.destroy();
        this.pairs.delete(pair);
      }
    }
  }

  async stop(): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
    this.server.close();
    await once(this.server, "close");
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const pair: Pair = { client, server, lost: this.swallowed };
    this.pairs.add(pair);
    client.on("data", (data) => {
      if (pair.lost !== "everything") {
        server.write(data);
      }
    });
    server.on("data", (data) => {
      if (pair.lost === null) {
        client.write(data);
      }
    });
    const end = (other: Socket) => () => {
      if (pair.lost === null) {
        other.destroy();
        this.pairs.delete(pair);
      }
    };
    client.on("close", end(server));
    server.on("close", end(client));
    // Who is cut off in the middle of a test is what the test is about.
    client.on("error", () => undefined);
    server.on("error", () => undefined);
  }
}
