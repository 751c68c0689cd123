// Starts one Weft for the whole test run, with an admin and two users, and stops it at the end.
// Specs that need a server of another kind (no user yet, another model) start one of their own.

import { ADMIN, OTHER_USER, USER } from "./support/people.ts";
import { Weft } from "./support/weft.ts";

export default async function globalSetup(): Promise<() => Promise<void>> {
  // Three people stand for everybody in all specs: together they do more than one person would.
  const weft = await Weft.start({
    env: { WEFT_USER_RUNNING_RUNS: "off", WEFT_USER_REQUESTS_PER_SECOND: "off" },
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
