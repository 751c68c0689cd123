//! The runs that a search finds, where they are few: the list then looks at these alone. Where they are many, it looks along its own order,
//! in which it soon meets enough of them. Either way costs most of a second where the other one is right.
//! Must never say which runs somebody may see: the list asks that of each.

use sqlx::PgConnection;
use uuid::Uuid;

use super::lexemes;
use crate::{Result, inbox::words::patterns};

/// So many are few.
const MOST: i64 = 1_000;

/// Whether what people call the run `r` has all of these patterns: of those that were labelled (`l`), and of those that the chore which reads
/// words may not have come to yet.
macro_rules! said {
    ($patterns:literal) => {
        concat!(
            "(r.committed_at > now() - interval '1 hour' OR l.run_id IS NOT NULL) AND concat_ws(E'\\n',
                r.template_name, l.title, r.about, array_to_string(l.tags, E'\\n')
            ) ILIKE ALL (",
            $patterns,
            ")"
        )
    };
}
pub(super) use said;

const OF_WORDS: &str = "SELECT t.run_id FROM run_texts t WHERE t.words @@ ($1::text)::tsquery LIMIT $2";

const OF_LABELS: &str = concat!(
    "SELECT r.id FROM workflow_runs r LEFT JOIN run_labels l ON l.run_id = r.id WHERE ",
    said!("$1::text[]"),
    " LIMIT $2"
);

/// None where they are many, or nothing is looked for.
pub(super) async fn few(connection: &mut PgConnection, search: Option<&str>) -> Result<Option<Vec<Uuid>>> {
    let patterns = patterns(search);
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut found: Vec<Uuid> = match search.and_then(lexemes::query) {
        Some(query) => sqlx::query_scalar(OF_WORDS).bind(query).bind(MOST + 1).fetch_all(&mut *connection).await?,
        None => Vec::new(),
    };
    if is_many(&found) {
        return Ok(None);
    }
    let labelled: Vec<Uuid> =
        sqlx::query_scalar(OF_LABELS).bind(patterns).bind(MOST + 1).fetch_all(&mut *connection).await?;
    if is_many(&labelled) {
        return Ok(None);
    }
    found.extend(labelled);
    Ok(Some(found))
}

fn is_many(found: &[Uuid]) -> bool {
    i64::try_from(found.len()).map_or(true, |n| n > MOST)
}
