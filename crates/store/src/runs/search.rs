//! What is looked for among runs, and the runs that it finds where these are few: a list then looks at them alone. Where they are many, it
//! looks along its own order, in which it soon meets enough of them. Either way takes most of a second where the other one is right.
//! Must never say which runs somebody may see: the list asks that of each.

use sqlx::PgConnection;
use uuid::Uuid;

use super::lexemes;
use crate::{
    Result,
    inbox::words::{pattern, words},
};

/// So many are few.
const MOST: i64 = 1_000;

/// What the name of the workflow, the title, what it is about and the tags say, in lines.
macro_rules! said {
    () => {
        "concat_ws(E'\\n', r.template_name, l.title, r.about, array_to_string(l.tags, E'\\n'))"
    };
}
pub(super) use said;

/// Whether each word stands there or among those that the chore has read, and one of them there: so one may stand in a title and another one
/// in an output.
macro_rules! told {
    ($patterns:literal, $queries:literal) => {
        concat!(
            said!(),
            " ILIKE ANY (",
            $patterns,
            ") AND NOT EXISTS (
                SELECT FROM unnest(",
            $patterns,
            "::text[], ",
            $queries,
            "::text[]) w (pattern, query)
                WHERE ",
            said!(),
            " NOT ILIKE w.pattern AND NOT EXISTS (
                    SELECT FROM run_texts t WHERE t.run_id = r.id AND t.words @@ (w.query)::tsquery))"
        )
    };
}
pub(super) use told;

/// Those in whose words all stand, that have labels, and that the chore may not have come to; some of them twice.
const FEW: &str = concat!(
    "SELECT run_id FROM (
        SELECT t.run_id FROM run_texts t WHERE t.words @@ ($1::text)::tsquery
        UNION ALL
        SELECT r.id FROM run_labels l JOIN workflow_runs r ON r.id = l.run_id
        WHERE (l.title IS NOT NULL OR cardinality(l.tags) > 0) AND ",
    told!("$2::text[]", "$3"),
    " UNION ALL
        SELECT r.id FROM workflow_runs r LEFT JOIN run_labels l ON l.run_id = r.id
        WHERE r.committed_at > now() - interval '1 hour' AND ",
    told!("$2::text[]", "$3"),
    ") found LIMIT $4"
);

/// What somebody looks for, as the database is asked for it.
pub(super) struct Search {
    /// Each word, as it stands in what is said of a run.
    pub(super) patterns: Vec<String>,
    /// All words, as they stand among those that the chore has read; none where they are none there.
    pub(super) all: Option<String>,
    /// The same of each.
    pub(super) each: Vec<Option<String>>,
}

impl Search {
    pub(super) fn of(search: Option<&str>) -> Self {
        let words = words(search);
        Self {
            patterns: words.iter().map(|word| pattern(word)).collect(),
            all: search.and_then(lexemes::query),
            each: words.iter().map(|word| lexemes::query(word)).collect(),
        }
    }

    /// The runs that it finds; none where they are many, or nothing is looked for.
    pub(super) async fn few(&self, connection: &mut PgConnection) -> Result<Option<Vec<Uuid>>> {
        if self.patterns.is_empty() {
            return Ok(None);
        }
        let found = sqlx::query_scalar(FEW).bind(&self.all).bind(&self.patterns).bind(&self.each).bind(MOST + 1);
        let found: Vec<Uuid> = found.fetch_all(connection).await?;
        let is_few = i64::try_from(found.len()).is_ok_and(|n| n <= MOST);
        Ok(is_few.then_some(found))
    }
}
