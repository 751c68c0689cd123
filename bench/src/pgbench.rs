//! The yardstick: pgbench on the same Postgres in the same run. One transaction is the least that makes a step durable:
//! an UPDATE and an INSERT of 1 KB, prepared. It must stay the same for as long as bars are ratios to it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::{definitions::text, postgres::Postgres};

const DATABASE: &str = "weft_bench_pgbench";
const N_ROWS: u32 = 200_000;
const WARM_UP_S: u32 = 2;
const MEASURED_S: u32 = 5;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Rate {
    pub(crate) latency_ms: f64,
    pub(crate) per_second: f64,
}

/// What each repeat came to, with one client and with eight.
#[derive(Default)]
pub(crate) struct Rates {
    pub(crate) one: Vec<Rate>,
    pub(crate) eight: Vec<Rate>,
}

pub(crate) async fn measure(postgres: &Postgres, folder: &Path, repeats: u32) -> Result<Rates> {
    if !postgres.has_program("pgbench") {
        bail!("there is no pgbench beside this Postgres");
    }
    postgres.create_database(DATABASE).await?;
    for sql in [
        "CREATE TABLE step (id bigint PRIMARY KEY, state int NOT NULL DEFAULT 0, done_at timestamptz)",
        "CREATE TABLE step_result (id bigserial PRIMARY KEY, step_id bigint NOT NULL, body jsonb NOT NULL, \
         at timestamptz NOT NULL DEFAULT now())",
        format!("INSERT INTO step (id) SELECT generate_series(1, {N_ROWS})").as_str(),
        "VACUUM ANALYZE step",
    ] {
        postgres.execute(DATABASE, sql).await?;
    }
    let script = folder.join("pgbench.sql");
    std::fs::write(&script, transaction()).context("cannot write pgbench's script")?;
    let mut rates = Rates::default();
    for (clients, found) in [(1, &mut rates.one), (8, &mut rates.eight)] {
        run(postgres, &script, clients, WARM_UP_S).await?;
        for _ in 0..repeats {
            found.push(run(postgres, &script, clients, MEASURED_S).await?);
        }
    }
    postgres.drop_database(DATABASE).await?;
    Ok(rates)
}

fn transaction() -> String {
    let body = json!({"agent": "x", "status": "ok", "text": text(970)});
    format!(
        "\\set id random(1, {N_ROWS})\nBEGIN;\nUPDATE step SET state = 2, done_at = now() WHERE id = :id;\n\
         INSERT INTO step_result (step_id, body) VALUES (:id, '{body}');\nCOMMIT;\n"
    )
}

async fn run(postgres: &Postgres, script: &Path, clients: u32, seconds: u32) -> Result<Rate> {
    let mut pgbench = postgres.program("pgbench");
    pgbench.args(["--no-vacuum", "--protocol=prepared"]).arg("--file").arg(script);
    pgbench.arg(format!("--client={clients}")).arg(format!("--jobs={}", clients.min(2)));
    pgbench.arg(format!("--time={seconds}")).arg(DATABASE);
    let output = pgbench.output().await.context("cannot start pgbench")?;
    if !output.status.success() {
        bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).with_context(|| format!("pgbench told no rate:\n{text}"))
}

fn parse(text: &str) -> Option<Rate> {
    let number = |start: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(start))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Rate { latency_ms: number("latency average =")?, per_second: number("tps =")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let text = "pgbench (15.18)\nnumber of clients: 8\nlatency average = 0.842 ms\n\
            initial connection time = 9.1 ms\ntps = 9500.123456 (without initial connection time)\n";
        assert_eq!(parse(text), Some(Rate { latency_ms: 0.842, per_second: 9_500.123_456 }));
        assert_eq!(parse("pgbench: error\n"), None);
    }

    #[test]
    fn a_transaction_inserts_a_kilobyte() {
        let script = transaction();
        assert!(script.starts_with("\\set id") && script.contains("BEGIN;") && script.ends_with("COMMIT;\n"));
        assert!((1000..1300).contains(&script.len()), "{}", script.len());
        // pgbench would take a colon with a word behind it for a variable.
        assert_eq!(script.matches(":id").count(), 2);
    }
}
