//! Where ids and secrets are made. The one home of randomness in this crate.

use std::time::SystemTime;

use rand::RngCore;
use sha2::{Digest, Sha256};
use store::secret::SecretHash;
use uuid::Uuid;

/// A version 7 id: ordered by time, so that indexes grow at one end.
pub(crate) fn new_id() -> Uuid {
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// An id that follows from a hash: the same request makes the same one.
pub(crate) fn derived(hash: &[u8; 32]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// 256 random bits from the system's generator, as hex.
pub(crate) fn new_secret() -> String {
    let mut random = [0; 32];
    rand::rng().fill_bytes(&mut random);
    hex::encode(random)
}

/// What is stored of a secret. A plain hash is enough: the secret itself is 256 random bits.
pub(crate) fn hash_secret(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}
