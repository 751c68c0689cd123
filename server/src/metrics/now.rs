//! What is not counted but looked at when somebody scrapes: places and connections of this process, and what waits in the whole database.
//! Must never leave out what is nothing: whoever scales by it needs the zero.

use std::{collections::BTreeMap, fmt, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use store::figures::{Connections, Depths};

use super::figures::Labels;

type Series<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

/// Kinds of agents that engines run, which are told with a zero where nothing waits.
const KINDS: [&str; 5] = ["llm", "http", "template", "human", "workflow"];
/// The queue of steps whose agent is not in the library any more, and the name of what has none.
const NONE: &str = "none";

/// This process, in one moment.
#[derive(Debug, Default)]
pub(super) struct Here {
    /// How many there are, and how many are taken; none where no engine runs.
    pub(super) slots: Option<(usize, usize)>,
    /// None where no web side runs.
    pub(super) sockets: Option<usize>,
    pub(super) pools: Vec<(&'static str, Connections)>,
    /// Of the last hint that was timed.
    pub(super) notify_lag: Option<Duration>,
}

/// A registry of one scrape.
struct Told(Registry);

impl Told {
    fn new() -> Self {
        Self(Registry::with_prefix("weft"))
    }

    fn series<const N: usize>(&mut self, name: &str, help: &str) -> Series<N> {
        let series = Series::default();
        self.0.register(name, help, series.clone());
        series
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }
}

/// Appends all of it, without an end. `depths`: none where the database does not say.
pub(super) fn write(text: &mut String, here: &Here, depths: Option<&Depths>) -> fmt::Result {
    let mut told = Told::new();
    let slots: Series<1> = told.series("worker_slots", "Attempts that workers run at the same time at most");
    let used: Series<1> = told.series("worker_slots_used", "Places that attempts have");
    if let Some((all, taken)) = here.slots {
        let inside = [("workers", "inside".to_owned())];
        slots.get_or_create(&inside).set(float(all));
        used.get_or_create(&inside).set(float(taken));
    }
    if let Some(n) = here.sockets {
        told.one("live_sockets", "Live sockets that are open at this process", float(n));
    }
    if let Some(lag) = here.notify_lag {
        let help = "How long a hint took from this process to the database and back";
        told.one("notify_lag_seconds", help, lag.as_secs_f64());
    }
    let pool_used: Series<1> = told.series("pool_used", "Connections to the database that do something");
    let pool_idle: Series<1> = told.series("pool_idle", "Connections to the database that are open and do nothing");
    for (pool, Connections { used, idle }) in &here.pools {
        pool_used.get_or_create(&[("pool", (*pool).to_owned())]).set(float(*used));
        pool_idle.get_or_create(&[("pool", (*pool).to_owned())]).set(float(*idle));
    }
    told.one("database_up", "Whether the database answered", if depths.is_some() { 1.0 } else { 0.0 });
    if let Some(depths) = depths {
        let outside = [("workers", "outside".to_owned())];
        slots.get_or_create(&outside).set(float(depths.slots));
        used.get_or_create(&outside).set(float(depths.slots_used));
        queues(&mut told, depths);
        reviews(&mut told, depths);
    }
    encode_registry(text, &told.0)
}

fn queues(told: &mut Told, depths: &Depths) {
    let ready: Series<2> =
        told.series("steps_ready", "Steps that could start now, by queue and, of outside workers, by agent");
    let oldest: Series<2> = told.series("steps_oldest_ready_seconds", "How long the first of them has waited");
    let labels = |queue: &str, agent: &str| [("queue", queue.to_owned()), ("agent", agent.to_owned())];
    let mut inside: BTreeMap<&str, (i64, f64)> = KINDS.into_iter().map(|kind| (kind, (0, 0.0))).collect();
    for waiting in &depths.ready {
        inside.insert(named(&waiting.name), (waiting.n, waiting.oldest_s));
    }
    for (queue, (n, oldest_s)) in inside {
        ready.get_or_create(&labels(queue, NONE)).set(float(n));
        oldest.get_or_create(&labels(queue, NONE)).set(oldest_s);
    }
    let workers: Series<1> = told.series("workers", "Sessions of outside workers that offer the agent");
    for (agent, queue) in &depths.outside {
        let labels = labels("worker", agent.as_str());
        ready.get_or_create(&labels).set(float(queue.queued));
        oldest.get_or_create(&labels).set(float(queue.oldest_s));
        workers.get_or_create(&[("agent", agent.to_string())]).set(float(queue.workers));
    }
    told.one("steps_reserving", "Steps that wait for a place under a limit across runs", float(depths.reserving));
    told.one("steps_running", "Attempts that some worker has", float(depths.running));
}

fn reviews(told: &mut Told, depths: &Depths) {
    let waiting: Series<1> = told.series("reviews_waiting", "Open gates, by workflow");
    let age: Series<1> = told.series("review_age_seconds", "How long the first of them has been open");
    if depths.reviews.is_empty() {
        waiting.get_or_create(&[("workflow", NONE.to_owned())]).set(0.0);
        age.get_or_create(&[("workflow", NONE.to_owned())]).set(0.0);
    }
    for review in &depths.reviews {
        let labels = [("workflow", named(&review.name).to_owned())];
        waiting.get_or_create(&labels).set(float(review.n));
        age.get_or_create(&labels).set(review.oldest_s);
    }
}

fn named(name: &str) -> &str {
    if name.is_empty() { NONE } else { name }
}

/// Counts are far below what a float holds exactly.
fn float<N: TryInto<u32>>(n: N) -> f64 {
    f64::from(n.try_into().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use store::figures::Waiting;
    use workflow::api::QueueView;

    use super::*;

    fn told(here: &Here, depths: Option<&Depths>) -> String {
        let mut text = String::new();
        write(&mut text, here, depths).unwrap();
        text
    }

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }

    #[test]
    fn what_is_nothing_is_a_zero_and_a_database_that_is_away_hides_nothing_else() {
        let here = Here {
            slots: Some((64, 3)),
            sockets: Some(2),
            pools: vec![("web", Connections { used: 1, idle: 4 })],
            notify_lag: Some(Duration::from_millis(3)),
        };
        let text = told(&here, Some(&Depths::default()));
        for line in [
            r#"weft_steps_ready{queue="llm",agent="none"} 0.0"#,
            r#"weft_steps_oldest_ready_seconds{queue="http",agent="none"} 0.0"#,
            r#"weft_reviews_waiting{workflow="none"} 0.0"#,
            "weft_steps_running 0.0",
            "weft_database_up 1.0",
            r#"weft_worker_slots{workers="outside"} 0.0"#,
        ] {
            has(&text, line);
        }
        let text = told(&here, None);
        for line in [
            r#"weft_worker_slots{workers="inside"} 64.0"#,
            r#"weft_worker_slots_used{workers="inside"} 3.0"#,
            "weft_live_sockets 2.0",
            "weft_notify_lag_seconds 0.003",
            r#"weft_pool_used{pool="web"} 1.0"#,
            r#"weft_pool_idle{pool="web"} 4.0"#,
            "weft_database_up 0.0",
        ] {
            has(&text, line);
        }
        assert!(!text.contains("steps_ready{"), "{text}");
    }

    #[test]
    fn queues_are_told_by_kind_and_by_the_agents_of_outside_workers() {
        let waiting = |name: &str, n, oldest_s| Waiting { name: name.to_owned(), n, oldest_s };
        let queue = QueueView { queued: 4, running: 1, oldest_s: 9, workers: 2, slots_free: 7 };
        let depths = Depths {
            ready: vec![waiting("llm", 5, 1.5), waiting("", 1, 3.0)],
            outside: BTreeMap::from([("summarize".into(), queue)]),
            reviews: vec![waiting("brief", 2, 60.0), waiting("", 1, 1.0)],
            running: 8,
            ..Depths::default()
        };
        let text = told(&Here::default(), Some(&depths));
        for line in [
            r#"weft_steps_ready{queue="llm",agent="none"} 5.0"#,
            r#"weft_steps_ready{queue="none",agent="none"} 1.0"#,
            r#"weft_steps_ready{queue="worker",agent="summarize"} 4.0"#,
            r#"weft_steps_oldest_ready_seconds{queue="worker",agent="summarize"} 9.0"#,
            r#"weft_workers{agent="summarize"} 2.0"#,
            r#"weft_reviews_waiting{workflow="brief"} 2.0"#,
            r#"weft_review_age_seconds{workflow="none"} 1.0"#,
            "weft_steps_running 8.0",
        ] {
            has(&text, line);
        }
        assert!(!text.contains("weft_live_sockets"), "a process without a web side has none");
    }
}
