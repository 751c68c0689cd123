//! Every figure that the benchmark knows: its key, its unit, and the bar that it is held to.
//! The keys are an interface: scripts read them, so one must never change its meaning.

pub(crate) struct Figure {
    pub(crate) key: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
}

/// What a figure is held to. Those against pgbench hold on any machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Bar {
    /// It is what others are held to.
    None,
    AtMost(f64),
    AtLeast(f64),
    /// At most so many of the minimal transactions of one client.
    TimesPgbench1(f64),
    /// At least this share of the minimal transactions of eight clients.
    ShareOfPgbench8(f64),
}

const fn figure(key: &'static str, unit: &'static str, bar: Bar) -> Figure {
    Figure { key, unit, bar }
}

pub(crate) const PGBENCH1: &str = "pgbench1_ms";
pub(crate) const PGBENCH8: &str = "pgbench8_tps";
pub(crate) const CHAIN_HOP: &str = "chain_hop_ms";
pub(crate) const FIRST: &str = "steps_per_s";
pub(crate) const AFTER_OTHER_WORK: &str = "steps_per_s_after_other_work";
pub(crate) const SUSTAINED: &str = "steps_per_s_sustained";
pub(crate) const STARTS: &str = "starts_per_s";
pub(crate) const FAN100: &str = "fan100_ms";
pub(crate) const FAN9998: &str = "fan9998_s";
pub(crate) const MAP10000: &str = "map10000_s";
pub(crate) const LAYERS10000: &str = "layers10000_s";
pub(crate) const WAIT1000: &str = "wait1000_s";
pub(crate) const RSS: &str = "rss_mb";
pub(crate) const START_TO_CLAIM: &str = "start_to_claim_p95_ms";
pub(crate) const COMMIT_TO_FRAME: &str = "commit_to_frame_p95_ms";
pub(crate) const HOT_VERB: &str = "hot_verb_p95_ms";
pub(crate) const FOUR_PROCESSES: &str = "four_processes_ratio";
pub(crate) const OTHER_OWNER: &str = "other_owner_wait_s";
pub(crate) const MILLION: &str = "million_history_ratio";
pub(crate) const FLATNESS: &str = "cost_flatness";

/// In the order in which they are printed.
pub(crate) static FIGURES: [Figure; 20] = [
    figure(PGBENCH1, "ms", Bar::None),
    figure(PGBENCH8, "/s", Bar::None),
    figure(CHAIN_HOP, "ms", Bar::TimesPgbench1(2.5)),
    figure(FIRST, "/s", Bar::ShareOfPgbench8(0.45)),
    figure(AFTER_OTHER_WORK, "/s", Bar::ShareOfPgbench8(0.45)),
    figure(SUSTAINED, "/s", Bar::ShareOfPgbench8(0.5)),
    figure(STARTS, "/s", Bar::AtLeast(1000.0)),
    figure(FAN100, "ms", Bar::AtMost(30.0)),
    figure(FAN9998, "s", Bar::AtMost(3.0)),
    figure(MAP10000, "s", Bar::AtMost(3.0)),
    figure(LAYERS10000, "s", Bar::AtMost(3.0)),
    figure(WAIT1000, "s", Bar::AtMost(1.2)),
    figure(RSS, "MB", Bar::AtMost(300.0)),
    figure(START_TO_CLAIM, "ms", Bar::AtMost(100.0)),
    figure(COMMIT_TO_FRAME, "ms", Bar::AtMost(50.0)),
    figure(HOT_VERB, "ms", Bar::AtMost(100.0)),
    figure(FOUR_PROCESSES, "x", Bar::AtMost(1.0)),
    figure(OTHER_OWNER, "s", Bar::AtMost(10.0)),
    figure(MILLION, "x", Bar::AtMost(2.0)),
    figure(FLATNESS, "x", Bar::AtMost(1.2)),
];

pub(crate) fn find(key: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.key == key)
}

impl Bar {
    pub(crate) fn needs_pgbench(self) -> bool {
        matches!(self, Self::TimesPgbench1(_) | Self::ShareOfPgbench8(_))
    }
}
