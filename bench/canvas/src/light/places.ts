// Every page of the product with what it is called in the table. Who sees it is an admin, who sees most.

import { REVIEWED, type Subjects } from "./subjects.ts";

export interface Place {
  readonly name: string;
  readonly path: string;
  /** Nobody is signed in there. */
  readonly isForNobody?: boolean;
}

export function places(made: Subjects): readonly Place[] {
  return [
    { name: "sign-in", path: "/login", isForNobody: true },
    { name: "dashboard", path: "/dashboard" },
    { name: "inbox", path: "/inbox" },
    { name: "inbox, a review", path: `/inbox?q=${encodeURIComponent(REVIEWED)}&gate=${made.waiting}/draft` },
    { name: "inbox, history", path: "/inbox?tab=history" },
    { name: "runs", path: "/runs" },
    { name: "start form", path: `/start/${made.reviewed}` },
    { name: "start, a table", path: `/start/${made.reviewed}/table` },
    { name: "run in review", path: `/runs/${made.waiting}` },
    { name: "run, completed", path: `/runs/${made.completed}` },
    { name: "run, failed", path: `/runs/${made.failed}` },
    { name: "run, a form", path: `/runs/${made.form}` },
    { name: "run of 30 steps", path: `/runs/${made.large}` },
    { name: "two runs compared", path: `/runs/${made.completed}/compare/${made.other}` },
    { name: "account", path: "/account" },
    { name: "workflows", path: "/admin/workflows" },
    { name: "import", path: "/admin/workflows/import" },
    { name: "editor", path: `/admin/workflows/${made.drawn}` },
    { name: "editor, a draft", path: `/admin/workflows/${made.unpublished}` },
    { name: "agents", path: "/admin/agents" },
    { name: "new agent", path: "/admin/agents/new" },
    { name: "an agent", path: "/admin/agents/bench-draft" },
    { name: "workers", path: "/admin/workers" },
    { name: "secrets", path: "/admin/secrets" },
    { name: "users", path: "/admin/users" },
    { name: "groups", path: "/admin/groups" },
    { name: "notices", path: "/admin/notices" },
    { name: "audit log", path: "/admin/audit" },
    { name: "design system", path: "/design" },
  ];
}
