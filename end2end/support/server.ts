// The Weft that the specs of one worker share: with an admin and two users, over a database of its own.
// Specs that need a server of another kind (no user yet, another model) start one of their own.

import { ADMIN, OTHER_USER, USER } from "./people.ts";
import { Weft } from "./weft.ts";

/** What it takes on a machine that is four times slower and does the same for another worker beside it. */
export const STARTED_WITHIN_MS = 240_000;

export async function startServer(): Promise<Weft> {
  // Three people stand for everybody in all specs: together they do more than one person would.
  const weft = await Weft.start({
    env: {
      WEFT_USER_RUNNING_RUNS: "off",
      WEFT_USER_REQUESTS_PER_SECOND: "off",
      // Of the tests alone: what is kept under it is kept nowhere afterwards.
      WEFT_SECRET_KEY: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    },
  });
  try {
    for (const person of [ADMIN, USER, OTHER_USER]) {
      await weft.createUser(person);
    }
  } catch (error) {
    await weft.stop();
    throw error;
  }
  return weft;
}
