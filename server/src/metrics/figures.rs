//! What this process counts: attempts, what they used, and how long starting and writing take. Since its start, and of this process alone:
//! whoever wants all of Weft adds up all processes.
//!
//! Must never wait: it counts in the task that decides about runs. No label has a run's id.

use std::{collections::BTreeSet, fmt, time::Duration};

use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use runs::Written;
use workflow::{
    run::{State, state::Attempt},
    status::{ErrorClass, Outcome},
    view::Usage,
};

use super::names::Names;

/// The labels of one series, in order.
pub(super) type Labels<const N: usize> = [(&'static str, String); N];

/// Agents, and models, that have series of their own.
const MOST_NAMES: usize = 500;
const MOST_CURRENCIES: usize = 20;
/// Seconds, from a chain's hop to a queue of hours.
const WAITS: [f64; 14] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0];
/// Seconds, from a statement on a fast disk to one that is nearly given up.
const COMMITS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug)]
pub struct Figures {
    registry: Registry,
    agents: Names,
    models: Names,
    currencies: Names,
    runs: Family<Labels<1>, Counter>,
    attempts: Family<Labels<3>, Counter>,
    tokens: Family<Labels<2>, Counter>,
    cost_micros: Family<Labels<1>, Counter>,
    claim: Histogram,
    commit: Histogram,
    spans: Counter,
    spans_dropped: Counter,
}

impl Default for Figures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("weft");
        let runs = Family::<Labels<1>, Counter>::default();
        let attempts = Family::<Labels<3>, Counter>::default();
        let tokens = Family::<Labels<2>, Counter>::default();
        let cost_micros = Family::<Labels<1>, Counter>::default();
        let (claim, commit) = (Histogram::new(WAITS), Histogram::new(COMMITS));
        let (spans, spans_dropped) = (Counter::default(), Counter::default());
        registry.register("runs", "Runs that ended here, by how", runs.clone());
        registry.register(
            "attempts",
            "Attempts whose end was written here, by agent, how they ended and what made them fail",
            attempts.clone(),
        );
        registry.register("tokens", "Tokens that attempts used, by model", tokens.clone());
        registry.register(
            "cost_micros",
            "What attempts cost in millionths of a currency, where it has prices",
            cost_micros.clone(),
        );
        registry.register_with_unit(
            "claim",
            "From when a step could start until an attempt of it began",
            Unit::Seconds,
            claim.clone(),
        );
        registry.register_with_unit(
            "commit",
            "How long the database took for a commit of decisions about runs",
            Unit::Seconds,
            commit.clone(),
        );
        registry.register("spans", "Spans that were sent to the collector of traces", spans.clone());
        registry.register("spans_dropped", "Spans that were not sent, or not taken", spans_dropped.clone());
        Self {
            registry,
            agents: Names::at_most(MOST_NAMES),
            models: Names::at_most(MOST_NAMES),
            currencies: Names::at_most(MOST_CURRENCIES),
            runs,
            attempts,
            tokens,
            cost_micros,
            claim,
            commit,
            spans,
            spans_dropped,
        }
    }
}

impl Figures {
    pub(crate) fn answered(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    pub(crate) fn written(&self, written: &Written<'_>) {
        let mut told = BTreeSet::new();
        for event in written.commit.events() {
            for attempt in &event.data.attempts {
                match attempt.ended_at {
                    // One that goes on after a wait began before.
                    None if attempt.worker.is_some() && attempt.started_at == event.at => {
                        self.began(written.state, attempt);
                    }
                    // What a fork copied ended before.
                    Some(at) if at == event.at && told.insert((&attempt.step, attempt.number)) => {
                        self.ended(written.state, attempt);
                    }
                    _ => {}
                }
            }
        }
        if written.has_ended {
            self.runs.get_or_create(&[("status", written.state.run.status.as_str().to_owned())]).inc();
        }
    }

    pub(crate) fn sent_spans(&self, n: usize) {
        self.spans.inc_by(u64::try_from(n).unwrap_or_default());
    }

    pub(crate) fn dropped_spans(&self, n: usize) {
        self.spans_dropped.inc_by(u64::try_from(n).unwrap_or_default());
    }

    /// Appends all of it, without an end.
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        encode_registry(text, &self.registry)
    }

    fn began(&self, state: &State, attempt: &Attempt) {
        let Some(step) = state.step(&attempt.step) else { return };
        // Not before: its commit may have set it free.
        let waited = (attempt.started_at - step.not_before).to_std().unwrap_or_default();
        self.claim.observe(waited.as_secs_f64());
    }

    fn ended(&self, state: &State, attempt: &Attempt) {
        let (of, _) = attempt.step.split();
        let agent = state.design.plan(&of).map(|plan| plan.agent_id.saved()).unwrap_or_default();
        let outcome = attempt.outcome.map_or("none", Outcome::as_str);
        let class = attempt.error_class.map_or("none", ErrorClass::as_str);
        let labels =
            [("agent", self.agents.label(agent)), ("outcome", outcome.to_owned()), ("class", class.to_owned())];
        self.attempts.get_or_create(&labels).inc();
        if let Some(usage) = &attempt.usage {
            self.used(usage);
        }
    }

    fn used(&self, usage: &Usage) {
        let model = self.models.label(usage.model.as_deref().unwrap_or_default());
        for (kind, n) in [("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)] {
            let labels = [("model", model.clone()), ("kind", kind.to_owned())];
            self.tokens.get_or_create(&labels).inc_by(u64::try_from(n).unwrap_or_default());
        }
        if let Some(cost) = usage.cost_micros {
            let currency = self.currencies.label(usage.currency.as_deref().unwrap_or_default());
            self.cost_micros.get_or_create(&[("currency", currency)]).inc_by(u64::try_from(cost).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(figures: &Figures) -> String {
        let mut text = String::new();
        figures.write(&mut text).unwrap();
        text
    }

    #[test]
    fn what_was_used_is_told_by_model_and_currency() {
        let figures = Figures::default();
        let usage = Usage {
            model: Some("gpt-5\"mini".to_owned()),
            prompt_tokens: 12,
            completion_tokens: 40,
            cost_micros: Some(130),
            currency: Some("EUR".to_owned()),
            ..Usage::default()
        };
        figures.used(&usage);
        figures.used(&Usage { prompt_tokens: 1, cost_micros: Some(-1), ..Usage::default() });
        let text = text(&figures);
        for line in [
            r#"weft_tokens_total{model="gpt-5\"mini",kind="prompt"} 12"#,
            r#"weft_tokens_total{model="gpt-5\"mini",kind="completion"} 40"#,
            r#"weft_tokens_total{model="none",kind="prompt"} 1"#,
            r#"weft_cost_micros_total{currency="EUR"} 130"#,
            r#"weft_cost_micros_total{currency="none"} 0"#,
            "# TYPE weft_tokens counter",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn how_long_a_commit_took_is_in_its_bucket() {
        let figures = Figures::default();
        figures.answered(Duration::from_millis(3));
        figures.answered(Duration::from_mins(1));
        let text = text(&figures);
        for line in [
            r#"weft_commit_seconds_bucket{le="0.002"} 0"#,
            r#"weft_commit_seconds_bucket{le="0.005"} 1"#,
            r#"weft_commit_seconds_bucket{le="+Inf"} 2"#,
            "weft_commit_seconds_count 2",
            "weft_claim_seconds_count 0",
            "weft_spans_dropped_total 0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }
}
