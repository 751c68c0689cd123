//! Secrets: who may keep them, and what is said where there is no key.

use serde_json::json;
use sqlx::PgPool;
use store::vault::KeyRing;
use workflow::{SecretName, api::SetSecret};

use super::{World, body, plain, service_of, sign_in, status};
use crate::{Settings, Wanted, secrets};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn set() -> SetSecret {
    body(json!({"value": "c4n4ry-of-a-value", "hosts": ["a.example"]}))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn admins_keep_them_and_the_operator_alone_rotates(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let name = SecretName::from("github");
    // This one has no key.
    let refused = super::refusal(secrets::set(&world.admin, &name, set()).await);
    assert_eq!(refused.status, 409);
    assert!(refused.detail.contains("weft secret new-key"), "{}", refused.detail);
    for (ctx, expected) in [(&world.ada, plain(403)), (&world.nobody(), plain(401))] {
        assert_eq!(status(secrets::list(ctx, &Wanted::default()).await), expected);
        assert_eq!(status(secrets::set(ctx, &name, set()).await), expected);
        assert_eq!(status(secrets::delete(ctx, &name).await), expected);
        assert_eq!(status(secrets::rotate(ctx).await), plain(403));
    }
    assert_eq!(status(secrets::rotate(&world.admin).await), plain(403));

    let settings = Settings { secret_keys: KeyRing::read(KEY).unwrap(), ..Settings::default() };
    let keeping = service_of(pool, settings).await;
    let admin = sign_in(&keeping, world.admin.user().unwrap().id).await;
    let (made, is_new) = secrets::set(&admin, &name, set()).await.unwrap();
    assert!(is_new && !format!("{made:?}").contains("c4n4ry"));
    let operator = keeping.system_context().await.unwrap();
    let rotated = secrets::rotate(&operator).await.unwrap();
    assert_eq!((rotated.n_done, rotated.left.len()), (0, 0));
    assert_eq!(rotated.key, made.key_id);
    assert_eq!(status(secrets::rotate(&admin).await), plain(403));
}
