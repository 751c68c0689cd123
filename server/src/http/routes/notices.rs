//! What tells people that a gate asks them.

use workflow::api::{NoticeAddressView, NoticeDelivery};

use super::{ADMIN, Route, SIGNED_IN, delete, get, patch, post, put};
use crate::http::{described::Kind, notices};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/notices",
            notices::mine,
            SIGNED_IN,
            "`{email, has_email, email_default, addresses: [{id, name, kind, is_disabled}], choices: [{address, \
             template_id, template_name, when}]}`: what I chose and may choose",
        ),
        put(
            "/api/notices/choices",
            notices::choose,
            "signed in, by a token with `review`",
            "`{address?, template_id?, when?: at_once, hourly or never}`: without `address` my own mail, without \
             `template_id` all workflows, without `when` it is chosen no more. Answers like `GET`; 409 beyond 200 \
             choices",
        ),
        get(
            "/api/notices/addresses",
            notices::addresses,
            ADMIN,
            "`[{id, name, kind, place, is_readable, created_at, disabled_at, is_given_up, n_failures, \
             last_delivery_at, last_error, n_people}]` by name",
        )
        .list::<NoticeAddressView>(),
        post(
            "/api/notices/addresses",
            notices::add_address,
            ADMIN,
            "`{name, kind: webhook or slack, url}`: 201 `{address, secret}`; the secret is told once, `slack` has \
             none. 409 beyond 50, or where the server has no key",
        ),
        patch("/api/notices/addresses/{address_id}", notices::change_address, ADMIN, "`{name?, url?, is_enabled?}`"),
        delete(
            "/api/notices/addresses/{address_id}",
            notices::delete_address,
            ADMIN,
            "204, with what waits for it and what was chosen there",
        ),
        post(
            "/api/notices/addresses/{address_id}/secret",
            notices::renew_secret,
            ADMIN,
            "`{address, secret}`: another one, the old one ends at once; 409 for `slack`",
        ),
        post(
            "/api/notices/addresses/{address_id}/test",
            notices::test_address,
            ADMIN,
            "posts a test: `{is_sent, said}`",
        ),
        get(
            "/api/notices/deliveries",
            notices::deliveries,
            ADMIN,
            "attempts, newest first: `{id, message, at, address, to, kind, run_id, step, n_gates, state, \
             is_success, status, milliseconds, error, answer}`; `?address=&failed=true&after=&limit=`; a \
             parameter that is unknown, there twice or of another kind is 400 with its name in `field`",
        )
        .list::<NoticeDelivery>()
        .asks("address", Kind::Id, "Only to this address.")
        .asks("failed", Kind::Switch, "Only what failed.")
        .pages(),
        post(
            "/api/notices/messages/{notice_id}/resend",
            notices::resend,
            ADMIN,
            "204: sends it once more under its id; 409 while it waits, or where it came to nothing",
        ),
        get(
            "/api/notices/settings",
            notices::settings,
            ADMIN,
            "`{host, port, tls, user, password, has_password, from, content, base_url, locked: [{field, \
             variable}], revision}`; `password` names a secret",
        ),
        put(
            "/api/notices/settings",
            notices::set_settings,
            ADMIN,
            "`{host, port?, tls?: implicit, starttls or none, user?, password?, from, content?, \
             expect_revision}`; what is locked stays; 409 `stale_revision`",
        ),
        post(
            "/api/notices/settings/test",
            notices::test_email,
            ADMIN,
            "mail to whoever asks: `{is_sent, said}`, with what the server said",
        ),
    ]
}
