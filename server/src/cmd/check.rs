//! `weft check`: whether what the database holds is what must be true of it. It reads one snapshot, and changes nothing, tables included.
//! Its last line is `violations: N`; it ends with 0 where there are none, with 2 where there are some, and with 1 where it could not look.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use store::log::{Acknowledged, Checked};

use super::operator;
use crate::{
    config,
    database::{Database, Serves},
};

/// As `weft diff` ends where something differs.
const VIOLATED: u8 = 2;

#[derive(Args, Debug)]
pub(super) struct Check {
    /// Look for what somebody was told as well: a file with a line for each answer, such as
    /// {"run": "ID", "seq": 7, "key": "...", "text": "..."}: the run, the last event, what it was asked under and what was written;
    /// all but the run may be left out
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
    /// Nothing is under way any more: a run that is not over, and whatever waits for somebody, is a violation
    #[arg(long)]
    settled: bool,
}

pub(super) async fn run(command: Check, config: &config::Database) -> Result<ExitCode> {
    operator::expect_database(config)?;
    let told = match &command.acknowledged {
        Some(file) => read(file)?,
        None => Vec::new(),
    };
    let database = Database::open(config).await?;
    let checked = look(&database, &command, &told).await;
    database.close().await?;
    let checked = checked?;
    let n_violations = checked.n_violations();
    println!("{checked}");
    println!("violations: {n_violations}");
    Ok(if n_violations == 0 { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
}

async fn look(database: &Database, command: &Check, told: &[Acknowledged]) -> Result<Checked> {
    let store = database.connect(1, Serves::Engine).await?;
    let is_behind = store.is_behind().await.context("cannot ask the database how new its tables are");
    let checked = match is_behind {
        Ok(true) => Err(anyhow::anyhow!(
            "the tables are older than this program\nBring them up to date with `weft migrate` first"
        )),
        Ok(false) => store.check(command.settled, told).await.context("cannot read the database"),
        Err(error) => Err(error),
    };
    store.close().await;
    checked
}

fn read(file: &Path) -> Result<Vec<Acknowledged>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("{} is no list of answers", file.display()))
}

/// Empty lines are none. The last line may have been cut off as its writer died: then nobody was told of it whole.
fn parse(text: &str) -> Result<Vec<Acknowledged>> {
    let mut told = Vec::new();
    for (n, line) in (1..).zip(text.split_inclusive('\n')) {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(one) => told.push(one),
            Err(_) if !line.ends_with('\n') => break,
            Err(error) => bail!("line {n}: {error}"),
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#""run":"0196f5a0-0000-7000-8000-000000000001""#;

    #[test]
    fn each_line_is_an_answer_and_one_that_was_cut_off_is_none() {
        let told = parse(&format!("{{{RUN},\"seq\":7}}\n\n{{{RUN},\"text\":\"a\"}}\n{{{RUN},\"se")).unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].seq, told[0].text.as_deref()), (Some(7), None));
        assert_eq!((told[1].seq, told[1].text.as_deref()), (None, Some("a")));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_answer_is_refused_with_its_number() {
        for line in ["{}", "7", "{\"run\":\"x\"}", &format!("{{{RUN},\"sequence\":7}}")] {
            let error = parse(&format!("{{{RUN}}}\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with("line 2: "), "{line}: {error}");
        }
    }
}
