//! Content that stands in pieces: each is read a piece at a time and hashed, since some are larger than any one value may be.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::Invariant;

/// Names that are read at a time.
const AT_ONCE: i64 = 500;

/// What is still arriving has no hash yet and is left out.
pub(super) async fn of_blobs(connection: &mut PgConnection) -> sqlx::Result<Invariant> {
    let mut wrong = Invariant::new("blobs-have-hashes", "the pieces of large content are all there and have its hash");
    let mut after = String::new();
    loop {
        let names = "SELECT hash, size FROM blobs WHERE hash > $1 AND hash NOT LIKE 'upload:%' ORDER BY hash LIMIT $2";
        let blobs: Vec<(String, i64)> =
            sqlx::query_as(names).bind(&after).bind(AT_ONCE).fetch_all(&mut *connection).await?;
        let Some((last, _)) = blobs.last() else { return Ok(wrong) };
        after.clone_from(last);
        for (hash, size) in blobs {
            if let Some(why) = look(connection, &hash, size).await? {
                wrong.violated(&format!("{hash}: {why}"));
            }
        }
    }
}

async fn look(connection: &mut PgConnection, hash: &str, size: i64) -> sqlx::Result<Option<&'static str>> {
    let (mut hasher, mut n_bytes) = (Sha256::new(), 0_i64);
    for n in 0_i32.. {
        let piece = "SELECT bytes FROM blob_chunks WHERE hash = $1 AND n = $2";
        let bytes: Option<Vec<u8>> =
            sqlx::query_scalar(piece).bind(hash).bind(n).fetch_optional(&mut *connection).await?;
        let Some(bytes) = bytes else { break };
        n_bytes += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        hasher.update(&bytes);
    }
    Ok(if n_bytes != size {
        Some("some of it is missing")
    } else if hex::encode(hasher.finalize()) != hash {
        Some("its bytes have another hash")
    } else {
        None
    })
}
