//! What the engines came to, as a table for people and as one JSON object for scripts, and Weft's ratio to the best of the others.
//! What was not measured is absent from the object and named in the table with the reason: there is never a number in its place.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{comparison::Comparison, peer::Peer};
use crate::{
    report::{aligned, number, rounded},
    stats::Spread,
};

const WEFT_PERSISTS: &str =
    "the events, the state and the artifact of each step, in Postgres (fsync); steps that end together share a commit";

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Engine {
    Weft,
    Peer(Peer),
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Weft => "weft",
            Self::Peer(peer) => peer.name(),
        }
    }

    fn persists(self) -> &'static str {
        match self {
            Self::Weft => WEFT_PERSISTS,
            Self::Peer(peer) => peer.persists(),
        }
    }

    fn peers() -> impl Iterator<Item = Self> {
        Peer::value_variants().iter().copied().map(Self::Peer)
    }

    fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Weft).chain(Self::peers())
    }
}

#[derive(Default)]
pub(crate) struct Table {
    figures: BTreeMap<(Comparison, Engine), Vec<f64>>,
    versions: BTreeMap<Engine, BTreeMap<String, String>>,
    /// Peers that could not be installed.
    missing: BTreeMap<Engine, String>,
    failed: BTreeMap<(Comparison, Engine), String>,
}

impl Table {
    pub(crate) fn add(&mut self, engine: Engine, comparison: Comparison, seconds: f64) {
        self.figures.entry((comparison, engine)).or_default().push(comparison.figure(seconds));
    }

    pub(crate) fn leave_out(&mut self, peer: Peer, reason: &str) {
        self.missing.insert(Engine::Peer(peer), one_line(reason));
    }

    /// There should have been a figure. What was measured of it before does not count.
    pub(crate) fn fail(&mut self, engine: Engine, comparison: Comparison, reason: &str) {
        self.figures.remove(&(comparison, engine));
        self.failed.insert((comparison, engine), one_line(reason));
    }

    pub(crate) fn has_failed(&self, engine: Engine, comparison: Comparison) -> bool {
        self.failed.contains_key(&(comparison, engine))
    }

    pub(crate) fn n_failed(&self) -> u32 {
        u32::try_from(self.failed.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn tell_versions(&mut self, peer: Peer, versions: &BTreeMap<String, String>) {
        self.versions.insert(Engine::Peer(peer), versions.clone());
    }

    fn spread(&self, comparison: Comparison, engine: Engine) -> Option<Spread> {
        Spread::of(self.figures.get(&(comparison, engine))?)
    }

    fn measured(&self) -> BTreeSet<Engine> {
        self.figures.keys().map(|(_, engine)| *engine).collect()
    }

    /// The figures, what each engine has written before it goes on, and what there is no figure of.
    pub(crate) fn text(&self) -> String {
        let [chain, fan, runs, waits] = Comparison::ALL.map(|comparison| comparison.key().to_owned());
        let mut rows = vec![["median (min-max)".to_owned(), chain, fan, runs, waits]];
        for engine in self.measured() {
            let [chain, fan, runs, waits] = Comparison::ALL.map(|comparison| match self.spread(comparison, engine) {
                Some(Spread { median, min, max }) => format!("{} ({}-{})", number(median), number(min), number(max)),
                None => "-".to_owned(),
            });
            rows.push([engine.name().to_owned(), chain, fan, runs, waits]);
        }
        let mut lines = vec![aligned(&rows), "Written before the next step begins:".to_owned()];
        for engine in self.measured() {
            let versions = self.versions.get(&engine).map(|versions| {
                let told: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
                format!(" ({})", told.join(", "))
            });
            lines.push(format!("{}{}: {}", engine.name(), versions.unwrap_or_default(), engine.persists()));
        }
        for (engine, reason) in &self.missing {
            lines.push(format!("{}: not installed: {reason}", engine.name()));
        }
        for ((comparison, engine), reason) in &self.failed {
            lines.push(format!("{} of {}: not measured: {reason}", comparison.key(), engine.name()));
        }
        lines.join("\n") + "\n"
    }

    /// The best of the peers.
    fn best(&self, comparison: Comparison) -> Option<(Engine, f64)> {
        let medians = Engine::peers().filter_map(|peer| Some((peer, self.spread(comparison, peer)?.median)));
        medians.reduce(|best, next| if comparison.is_better(next.1, best.1) { next } else { best })
    }

    fn ratio(&self, comparison: Comparison) -> Option<(Engine, f64)> {
        let (peer, figure) = self.best(comparison)?;
        let weft = self.spread(comparison, Engine::Weft)?.median;
        (figure > 0.0).then(|| (peer, weft / figure))
    }

    /// One line for each workload.
    pub(crate) fn ratios(&self) -> Vec<String> {
        let line = |comparison: Comparison| {
            let key = comparison.key();
            let better = if comparison.more_is_better() { "above" } else { "below" };
            match self.ratio(comparison) {
                Some((peer, ratio)) => {
                    format!("{key}: weft / {} = {} ({better} 1: weft is faster)", peer.name(), number(ratio))
                }
                None => format!("{key}: no ratio, since weft or every peer has no figure"),
            }
        };
        Comparison::ALL.map(line).into()
    }

    /// Medians by workload and engine, the ratios, the versions, and what is missing.
    pub(crate) fn json(&self, n_unquiet: u32) -> Value {
        let mut object = Map::new();
        let (mut ratios, mut best) = (Map::new(), Map::new());
        for comparison in Comparison::ALL {
            let key = comparison.key();
            let medians = Engine::all().filter_map(|engine| {
                Some((engine.name().to_owned(), json!(rounded(self.spread(comparison, engine)?.median))))
            });
            object.insert(key.to_owned(), Value::Object(medians.collect()));
            if let Some((peer, ratio)) = self.ratio(comparison) {
                ratios.insert(key.to_owned(), json!(rounded(ratio)));
                best.insert(key.to_owned(), json!(peer.name()));
            }
        }
        object.insert("ratios".to_owned(), Value::Object(ratios));
        object.insert("best_peers".to_owned(), Value::Object(best));
        let versions = self.versions.iter().map(|(engine, versions)| (engine.name().to_owned(), json!(versions)));
        object.insert("versions".to_owned(), Value::Object(versions.collect()));
        object.insert("missing".to_owned(), self.missing_by_engine());
        object.insert("n_repeats_on_a_busy_machine".to_owned(), json!(n_unquiet));
        Value::Object(object)
    }

    fn missing_by_engine(&self) -> Value {
        let mut missing = Map::new();
        for (engine, reason) in &self.missing {
            missing.insert(engine.name().to_owned(), json!(reason));
        }
        for ((comparison, engine), reason) in &self.failed {
            missing.insert(format!("{}.{}", comparison.key(), engine.name()), json!(reason));
        }
        Value::Object(missing)
    }
}

/// A reason may be a page of a package manager's; its lines are the table's.
fn one_line(reason: &str) -> String {
    const MOST: usize = 400;
    let words: Vec<&str> = reason.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        for (engine, seconds) in
            [(Engine::Weft, 0.1), (Engine::Peer(Peer::Dbos), 0.4), (Engine::Peer(Peer::Restate), 0.2)]
        {
            table.add(engine, Comparison::Chain, seconds);
            table.add(engine, Comparison::Runs, seconds);
        }
        table.tell_versions(Peer::Dbos, &BTreeMap::from([("dbos".to_owned(), "3.4.0".to_owned())]));
        table.leave_out(Peer::Celery, "no\n redis");
        table.add(Engine::Peer(Peer::Dbos), Comparison::Waits, 5.0);
        table.fail(Engine::Peer(Peer::Dbos), Comparison::Waits, "it hung");
        table
    }

    #[test]
    fn weft_is_compared_with_the_best_peer_that_was_measured() {
        let ratios = table().ratios();
        assert_eq!(ratios[0], "chain_hop_ms: weft / restate = 0.50 (below 1: weft is faster)");
        assert_eq!(ratios[2], "steps_per_s: weft / restate = 2.00 (above 1: weft is faster)");
        assert!(ratios[1].contains("no ratio") && ratios[3].contains("no ratio"));
    }

    #[test]
    fn what_is_missing_is_named_and_has_no_number() {
        let text = table().text();
        assert!(text.contains("celery: not installed: no redis"), "{text}");
        assert!(text.contains("wait1000_s of dbos: not measured: it hung"), "{text}");
        assert!(text.contains("dbos (dbos 3.4.0): a row"), "{text}");
        let json = table().json(0);
        assert_eq!(json["chain_hop_ms"].to_string(), r#"{"weft":1.0,"restate":2.0,"dbos":4.0}"#);
        assert_eq!(json["wait1000_s"].to_string(), "{}");
        assert_eq!(json["ratios"].to_string(), r#"{"chain_hop_ms":0.5,"steps_per_s":2.0}"#);
        assert_eq!(json["missing"]["wait1000_s.dbos"], "it hung");
        assert_eq!(table().n_failed(), 1);
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        assert_eq!(one_line(&"ä".repeat(500)).chars().count(), 401);
    }
}
