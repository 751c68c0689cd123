//! `weft run where RUN`: what the id of a run says by itself, for whoever routes by it or has one and does not know whom to ask.
//! Must never ask a server: that there is such a run is not said.

use std::process::ExitCode;

use anyhow::{Result, bail};
use chrono::DateTime;
use serde_json::json;
use workflow::{RunId, cell::CellNumber};

use super::print;

pub(super) fn tell(run: RunId, as_json: bool) -> Result<ExitCode> {
    let Some(cell) = CellNumber::of(run) else {
        bail!("this id carries no cell, so no Weft made it\nCheck that it is the id of a run, and whole");
    };
    let began = began(run);
    if as_json {
        print::json(&json!({"cell": cell.number(), "digits": cell.digits(), "began_at": began}))?;
    } else {
        let began = began.map(|began| format!("  {began}")).unwrap_or_default();
        println!("cell {cell}  digits {}{began}", cell.digits());
    }
    Ok(ExitCode::SUCCESS)
}

/// Forks that were asked for under a key have an id that follows from it, and no time.
fn began(run: RunId) -> Option<String> {
    if run.0.get_version_num() != 7 {
        return None;
    }
    let millis = i64::try_from(run.0.as_u128() >> 80).ok()?;
    let began = DateTime::from_timestamp_millis(millis)?;
    Some(began.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_by_time_says_when_it_was_made() {
        let of = |id: &str| began(id.parse().unwrap());
        assert_eq!(of("01890a5d-ac96-7011-8000-000000000000").as_deref(), Some("2023-06-30T03:34:18.518Z"));
        assert_eq!(of("01890a5d-ac96-8011-8000-000000000000"), None);
    }
}
