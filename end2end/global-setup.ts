// Starts one Weft for the whole test run, with an admin and two users, and stops it at the end.
// Specs that need a server of another kind (no user yet, another model) start one of their own.

import { ADMIN, OTHER_USER, USER } from "./support/people.ts";
import { Weft } from "./support/weft.ts";

export default async function globalSetup(): Promise<() => Promise<void>> {
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
  // Workers are started after this and inherit the environment.
  process.env.WEFT_E2E_URL = weft.url;
  process.env.WEFT_E2E_DATA_DIR = weft.dataDir;
  return () => weft.stop();
}
