// Everything that needs a server, over one that they share: `WEFT_BIN` says which program it is.

import { after, describe } from "node:test";
import { blobs } from "./server/blobs.js";
import { ends } from "./server/ends.js";
import { network } from "./server/network.js";
import { steering } from "./server/steering.js";
import { values } from "./server/values.js";
import { stopServer } from "./support/fixture.js";

// Most of them wait for the server: side by side they take as long as the slowest.
describe("with a server", { concurrency: true }, () => {
  blobs();
  ends();
  network();
  steering();
  values();
});

after(stopServer);
