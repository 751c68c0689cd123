//! Content that workers send and read: piece by piece, so that a file of a gibibyte takes the memory of one piece.
//! Must never give what is not the session's, nor tell whether bytes were there before.

use sha2::{Digest, Sha256};
use store::outside::blobs::{PIECE, Upload};
use workflow::{
    id::{TokenId, WorkerId},
    schema::is_hash,
};

use super::{Caller, Workers, limits};
use crate::{Error, Result, id};

/// Content that is being sent.
pub struct Arriving {
    workers: Workers,
    session: WorkerId,
    token: TokenId,
    hash: String,
    upload: Option<Upload>,
    digest: Sha256,
    piece: Vec<u8>,
    n_bytes: u64,
}

/// Content that may be read: where it is, and how large.
#[derive(Clone, Debug)]
pub struct Piece {
    workers: Workers,
    hash: String,
    pub size: u64,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workers")
    }
}

impl Workers {
    /// Begins to take content of this hash.
    pub async fn receive(&self, caller: &Caller, session: WorkerId, hash: &str) -> Result<Arriving> {
        let live = self.session(caller, session).await?;
        if !is_hash(hash) {
            let detail = "Name it by the SHA-256 of its bytes, as 64 hexadecimal digits in lower case.";
            return Err(Error::invalid("sha256", detail));
        }
        let upload = self.0.store.begin_upload(id::new_id()).await?;
        Ok(Arriving {
            workers: self.clone(),
            session: live.id,
            token: caller.token(),
            hash: hash.to_owned(),
            upload: Some(upload),
            digest: Sha256::new(),
            piece: Vec::with_capacity(PIECE),
            n_bytes: 0,
        })
    }

    /// Content that the session sent or was given.
    pub async fn content(&self, caller: &Caller, session: WorkerId, hash: &str) -> Result<Piece> {
        let live = self.session(caller, session).await?;
        let size = if is_hash(hash) { self.0.store.blob_of_session(live.id, hash).await? } else { None };
        let size = size.and_then(|size| u64::try_from(size).ok()).ok_or(Error::NotFound)?;
        Ok(Piece { workers: self.clone(), hash: hash.to_owned(), size })
    }
}

impl Arriving {
    /// The next bytes; too many are refused.
    pub async fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.n_bytes += bytes.len() as u64;
        if self.n_bytes > limits::MAX_BLOB_BYTES {
            return Err(Error::too_large("body", "Content is 1 GiB at most. Send less, or in parts."));
        }
        self.digest.update(bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                self.write().await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        if let Some(upload) = &mut self.upload {
            self.workers.0.store.add_to_upload(upload, self.token, &self.piece).await?;
        }
        self.piece.clear();
        Ok(())
    }

    /// All of it came. Whether it is what was announced is looked at only now.
    pub async fn end(mut self) -> Result<()> {
        if !self.piece.is_empty()
            && let Err(error) = self.write().await
        {
            self.abandon().await;
            return Err(error);
        }
        let Some(upload) = self.upload.take() else { return Ok(()) };
        let store = &self.workers.0.store;
        if hex::encode(std::mem::take(&mut self.digest).finalize()) != self.hash {
            store.drop_upload(upload).await?;
            let detail = "The bytes have another SHA-256 than the address says. Send them again.";
            return Err(Error::invalid("body", detail));
        }
        Ok(store.end_upload(upload, &self.hash, self.session).await?)
    }

    /// It broke off, or is too large: nothing of it is kept.
    pub async fn abandon(mut self) {
        if let Some(upload) = self.upload.take()
            && let Err(error) = self.workers.0.store.drop_upload(upload).await
        {
            // It is thrown away like any content that nobody names.
            tracing::debug!(error = &error as &dyn std::error::Error, "what was sent of content is left for later");
        }
    }
}

impl Piece {
    /// The bytes from `from` on, as many as one piece of them has; none at the end.
    pub async fn read(&self, from: u64) -> Result<Vec<u8>> {
        if from >= self.size {
            return Ok(Vec::new());
        }
        let piece = PIECE as u64;
        let n = i32::try_from(from / piece).unwrap_or(i32::MAX);
        let bytes = self.workers.0.store.blob_piece(&self.hash, n).await?.ok_or(Error::NotFound)?;
        let skip = usize::try_from(from % piece).unwrap_or(usize::MAX);
        Ok(bytes.get(skip..).unwrap_or_default().to_vec())
    }
}
