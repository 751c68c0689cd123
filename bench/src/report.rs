//! What was measured, as a table for people and as one JSON object for scripts.
//! What was not measured is absent from the object and named in the table with the reason: there is never a number in its place.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value, json};

use crate::{
    figures::{Bar, FIGURES, Figure, PGBENCH1, PGBENCH8},
    stats::Spread,
};

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Measured {
    pub(crate) spread: Spread,
    /// What a reader has to know of this one.
    pub(crate) note: Option<String>,
}

/// Figures by key.
#[derive(Default)]
pub(crate) struct Report {
    measured: BTreeMap<&'static str, Measured>,
    missing: BTreeMap<&'static str, String>,
    n_failed: u32,
}

impl Report {
    pub(crate) fn add(&mut self, key: &'static str, values: &[f64], note: Option<String>) {
        match Spread::of(values) {
            Some(spread) => _ = self.measured.insert(key, Measured { spread, note }),
            None => self.leave_out(key, "nothing was seen that could be measured"),
        }
    }

    /// Why there is no figure.
    pub(crate) fn leave_out(&mut self, key: &'static str, reason: impl Into<String>) {
        self.missing.insert(key, reason.into());
    }

    /// There should have been one.
    pub(crate) fn fail(&mut self, key: &'static str, reason: impl Into<String>) {
        self.leave_out(key, reason);
        self.n_failed += 1;
    }

    pub(crate) fn n_failed(&self) -> u32 {
        self.n_failed
    }

    /// Medians by key, in the order of the table.
    pub(crate) fn json(&self) -> Value {
        let medians = FIGURES.iter().filter_map(|figure| {
            let measured = self.measured.get(figure.key)?;
            Some((figure.key.to_owned(), json!(rounded(measured.spread.median))))
        });
        Value::Object(medians.collect::<Map<_, _>>())
    }

    pub(crate) fn table(&self) -> String {
        let head = ["figure", "median", "min-max", "", "compared", "bar", ""].map(str::to_owned);
        let mut rows = vec![head];
        let mut notes = String::new();
        for figure in &FIGURES {
            if let Some(measured) = self.measured.get(figure.key) {
                rows.push(self.row(figure, measured));
                if let Some(note) = &measured.note {
                    // Writing to a String cannot fail.
                    let _ = writeln!(notes, "{}: {note}", figure.key);
                }
            } else if let Some(reason) = self.missing.get(figure.key) {
                let _ = writeln!(notes, "{}: not measured: {reason}", figure.key);
            }
        }
        aligned(&rows) + "\n" + &notes
    }

    fn row(&self, figure: &Figure, measured: &Measured) -> [String; 7] {
        let Spread { median, min, max } = measured.spread;
        let (compared, bar, holds) = self.against(figure.bar, median);
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "missed",
            None => "",
        };
        [
            figure.key.to_owned(),
            number(median),
            format!("{}-{}", number(min), number(max)),
            figure.unit.to_owned(),
            compared,
            bar,
            verdict.to_owned(),
        ]
    }

    /// The figure as its bar sees it, the bar, and whether it holds.
    fn against(&self, bar: Bar, median: f64) -> (String, String, Option<bool>) {
        let median_of = |key: &str| self.measured.get(key).map(|measured| measured.spread.median);
        let ratio = |key: &str| median_of(key).filter(|base| *base > 0.0).map(|base| median / base);
        let told = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} x pgbench"));
        match bar {
            Bar::None => (String::new(), String::new(), None),
            Bar::AtMost(most) => (number(median), format!("<= {}", number(most)), Some(median <= most)),
            Bar::AtLeast(least) => (number(median), format!(">= {}", number(least)), Some(median >= least)),
            Bar::TimesPgbench1(most) => {
                let ratio = ratio(PGBENCH1);
                (told(ratio), format!("<= {most:.2} x"), ratio.map(|ratio| ratio <= most))
            }
            Bar::ShareOfPgbench8(least) => {
                let ratio = ratio(PGBENCH8);
                (told(ratio), format!(">= {least:.2} x"), ratio.map(|ratio| ratio >= least))
            }
        }
    }
}

/// Three digits after the point: more would only be noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default());
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{CHAIN_HOP, FIRST, HOT_VERB, MILLION};

    fn report() -> Report {
        let mut report = Report::default();
        report.add(CHAIN_HOP, &[0.9, 0.8, 1.0], None);
        report.add(PGBENCH1, &[0.3], None);
        report.add(FIRST, &[2000.0], Some("one note".into()));
        report.add(PGBENCH8, &[9500.0], None);
        report.leave_out(MILLION, "there is no history");
        report
    }

    #[test]
    fn the_object_has_the_medians_alone_in_the_order_of_the_table() {
        let json = report().json();
        assert_eq!(
            json.to_string(),
            r#"{"pgbench1_ms":0.3,"pgbench8_tps":9500.0,"chain_hop_ms":0.9,"steps_per_s":2000.0}"#
        );
        assert!(json.as_object().unwrap().keys().all(|key| crate::figures::find(key).is_some()));
    }

    #[test]
    fn the_table_compares_with_pgbench_and_says_what_is_missing() {
        let table = report().table();
        let line = |key: &str| table.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        assert!(line(CHAIN_HOP).contains("3.00 x pgbench") && line(CHAIN_HOP).ends_with("missed"), "{table}");
        assert!(line("steps_per_s ").contains("0.21 x pgbench"), "{table}");
        assert_eq!(line(MILLION), "million_history_ratio: not measured: there is no history");
        assert!(table.contains("steps_per_s: one note"));
    }

    #[test]
    fn no_values_are_no_figure() {
        let mut report = Report::default();
        report.add(HOT_VERB, &[], None);
        assert_eq!(report.json().to_string(), "{}");
        assert!(report.table().contains("hot_verb_p95_ms: not measured"));
    }
}
