//! Traces by OTLP, where the operator named a collector: a run is a trace, in which a step, each of its attempts and each request to a
//! model are spans (docs/metrics.md). They are made of what was written to the log, so they outlive processes, and a span is sent once by
//! whoever wrote its end.
//!
//! Must never hold anybody up, nor tell what was said: content goes only where the operator asks for that. What does not fit on the way
//! is counted and lost.

mod content;
mod sender;
mod spans;

use std::sync::Arc;

use anyhow::Result;
use opentelemetry_sdk::trace::SpanData;
use runs::Written;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use workflow::{
    run::task::Task,
    transcript::{Called, Timing, Transcript},
};

use crate::{config::Collector, metrics::Figures};

/// Spans that wait to be sent, and that go in one request.
const SMALL: Room = Room { queue: 8_192, batch: 512 };
/// The same where each may hold tens of kilobytes of what was said.
const LARGE: Room = Room { queue: 512, batch: 64 };

#[derive(Clone, Copy, Debug)]
struct Room {
    queue: usize,
    batch: usize,
}

/// Hands spans on; cheap to clone.
#[derive(Clone)]
pub struct Traces {
    spans: mpsc::Sender<SpanData>,
    figures: Arc<Figures>,
    wants_content: bool,
}

impl Traces {
    /// Sends until `stop`, and then what is left.
    pub fn begin(
        collector: &Collector,
        figures: Arc<Figures>,
        stop: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>)> {
        let exporter = sender::exporter(collector)?;
        let room = if collector.wants_content { LARGE } else { SMALL };
        let (spans, receiver) = mpsc::channel(room.queue);
        let task = tokio::spawn(sender::send(exporter, receiver, room.batch, Arc::clone(&figures), stop));
        Ok((Self { spans, figures, wants_content: collector.wants_content }, task))
    }

    pub(crate) fn written(&self, written: &Written<'_>) {
        for span in spans::of(written, self.wants_content) {
            self.put(span);
        }
    }

    pub(crate) fn asked(&self, task: &Task, transcript: &Transcript, timings: &[Timing]) {
        for span in spans::calls(task, transcript, timings, self.wants_content) {
            self.put(span);
        }
    }

    pub(crate) fn called(&self, task: &Task, called: &[Called]) {
        for span in spans::requests(task, called) {
            self.put(span);
        }
    }

    fn put(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.figures.dropped_spans(1);
        }
    }
}
