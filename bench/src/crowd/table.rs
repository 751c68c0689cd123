//! The figures of the crowd: a table for people and one JSON object for scripts. What was not measured is in neither.

use serde_json::{Map, Value, json};

use crate::{
    figures::Bar,
    report::{aligned, number, rounded},
    stats::percentile,
};

#[derive(Default)]
pub(super) struct Table {
    figures: Vec<Figure>,
    /// What has none, and why.
    missing: Vec<(String, String)>,
}

struct Figure {
    key: String,
    value: f64,
    unit: &'static str,
    bar: Bar,
}

impl Table {
    pub(super) fn add(&mut self, key: impl Into<String>, value: f64, unit: &'static str, bar: Bar) {
        self.figures.push(Figure { key: key.into(), value, unit, bar });
    }

    pub(super) fn count(&mut self, key: impl Into<String>, n: usize, bar: Bar) {
        self.add(key, f64::from(u32::try_from(n).unwrap_or(u32::MAX)), "", bar);
    }

    /// Half of them, 99 of a hundred, and all; the bar is for the second.
    pub(super) fn times(&mut self, key: &str, milliseconds: &[f64], bar: Bar) {
        for (name, percent, bar) in [("p50", 50, Bar::None), ("p99", 99, bar), ("max", 100, Bar::None)] {
            match percentile(milliseconds, percent) {
                Some(value) => self.add(format!("{key}_{name}_ms"), value, "ms", bar),
                None => self.leave_out(format!("{key}_{name}_ms"), "nothing was seen that could be measured"),
            }
        }
    }

    pub(super) fn leave_out(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.missing.push((key.into(), reason.into()));
    }

    pub(super) fn json(&self) -> Value {
        let figures = self.figures.iter().map(|figure| (figure.key.clone(), json!(rounded(figure.value))));
        Value::Object(figures.collect::<Map<_, _>>())
    }

    pub(super) fn text(&self) -> String {
        let mut rows = vec![["figure", "", "", "bar", ""].map(str::to_owned)];
        rows.extend(self.figures.iter().map(Figure::row));
        let missing: Vec<String> =
            self.missing.iter().map(|(key, reason)| format!("{key}: not measured: {reason}\n")).collect();
        aligned(&rows) + &missing.concat()
    }
}

impl Figure {
    fn row(&self) -> [String; 5] {
        let (bar, holds) = match self.bar {
            Bar::AtMost(most) => (format!("<= {}", number(most)), Some(self.value <= most)),
            Bar::AtLeast(least) => (format!(">= {}", number(least)), Some(self.value >= least)),
            // Nothing is compared with pgbench here.
            Bar::None | Bar::TimesPgbench1(_) | Bar::ShareOfPgbench8(_) => (String::new(), None),
        };
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "missed",
            None => "",
        };
        [self.key.clone(), number(self.value), self.unit.to_owned(), bar, verdict.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_held_to_its_bar_and_what_was_not_is_no_number() {
        let mut table = Table::default();
        table.count("lost", 0, Bar::AtMost(0.0));
        table.times("late", &[1.0, 2.0, 300.0], Bar::AtMost(100.0));
        table.times("never", &[], Bar::AtMost(100.0));
        table.leave_out("Live", "it hung");
        let text = table.text();
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        assert!(line("lost").ends_with("holds") && line("late_p99_ms").ends_with("missed"), "{text}");
        assert!(text.contains("Live: not measured: it hung"), "{text}");
        let json = table.json();
        assert_eq!((&json["late_p50_ms"], &json["late_max_ms"]), (&json!(2.0), &json!(300.0)));
        assert!(json.get("never_p50_ms").is_none() && json.get("Live").is_none());
    }
}
