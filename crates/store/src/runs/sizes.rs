//! How large what a run made is, before any of it is read.

use workflow::{ArtifactId, RunId};

use crate::{Result, Store};

impl Store {
    /// Bytes and media type of an artifact of a run. The caller has made sure that the run may be seen.
    pub async fn artifact_size(&self, run: RunId, id: ArtifactId) -> Result<Option<(i64, String)>> {
        let row = sqlx::query!("SELECT size, media_type FROM artifacts WHERE run_id = $1 AND id = $2", run.0, id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| (row.size, row.media_type)))
    }
}
