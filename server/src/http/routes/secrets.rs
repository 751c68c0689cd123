//! Secrets, by name.

use workflow::api::SecretView;

use super::{ADMIN, Route, delete, get, put};
use crate::http::secrets;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/secrets",
            secrets::list,
            ADMIN,
            "`[{name, description, hosts, agents, key_id, is_readable, set_by, set_at, last_used_at}]` by name; \
             `is_readable`: this server has the key that it is under",
        )
        .list::<SecretView>(),
        put(
            "/api/secrets/{secret_name}",
            secrets::set,
            ADMIN,
            "`{value, hosts: [\"api.example.org\"], description?, agents?}`: 201 for a new one, 200 for another \
             value. A value has 8 characters to 8 KiB; `hosts` as in secrets.md, at most 20; without `agents` it \
             stays with those that may use it. 409 where the server has no key",
        )
        .gives::<SecretView>(201)
        .gives::<SecretView>(200),
        put(
            "/api/secrets/{secret_name}/agents",
            secrets::grant,
            ADMIN,
            "`{agents: [\"ID\"], expect?: [\"ID\"]}`: these and no others, at most 200. `expect`: those that may \
             use it as far as the caller knows; 409 and no change where they are others by now",
        ),
        delete("/api/secrets/{secret_name}", secrets::delete, ADMIN, "204; agents that name it fail from then on"),
    ]
}
