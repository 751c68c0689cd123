//! Who is told of what this process writes: figures always, traces where the operator wants them.
//! Must never take time: it is called by the task that decides about runs.

use std::{sync::Arc, time::Duration};

use runs::{Witness, Written};
use workflow::{
    run::task::Task,
    transcript::{Called, Timing, Transcript},
};

use crate::{metrics::Figures, traces::Traces};

pub struct Observer {
    figures: Arc<Figures>,
    traces: Option<Traces>,
}

impl Observer {
    pub fn new(figures: Arc<Figures>, traces: Option<Traces>) -> Self {
        Self { figures, traces }
    }
}

impl Witness for Observer {
    fn answered(&self, took: Duration) {
        self.figures.answered(took);
    }

    fn follows_steps(&self) -> bool {
        self.traces.is_some()
    }

    fn written(&self, written: &Written<'_>) {
        self.figures.written(written);
        if let Some(traces) = &self.traces {
            traces.written(written);
        }
    }

    fn asked(&self, task: &Task, transcript: &Transcript, timings: &[Timing]) {
        if let Some(traces) = &self.traces {
            traces.asked(task, transcript, timings);
        }
    }

    fn called(&self, task: &Task, called: &[Called]) {
        if let Some(traces) = &self.traces {
            traces.called(task, called);
        }
    }
}
