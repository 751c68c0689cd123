//! A server over a database: it publishes what is to be run, starts it over HTTP, and sees in the tables when it is over.
//! The tables are asked because a frame may be left out and a list is read late; nothing is ever written there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    client::Client,
    database::Database,
    definitions::{self, Shape},
    postgres::Psql,
    server::Process,
    watch::{At, Watch},
};

/// Longer than any bar by far: what takes longer hangs.
const OVER_WITHIN: Duration = Duration::from_mins(3);
/// A question costs a tenth of a millisecond.
const CLOCKS_OFF: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(1);
const LOOK_EVERY_OF_MANY: Duration = Duration::from_millis(5);

pub(crate) struct Session {
    pub(crate) database: Database,
    pub(crate) server: Process,
    pub(crate) client: Client,
    pub(crate) psql: Psql,
}

/// How long a batch of runs took, in seconds from its first start.
pub(crate) struct Batch {
    /// Until all starts were answered.
    pub(crate) answered: f64,
    /// Until all runs were over.
    pub(crate) over: f64,
    /// Milliseconds from an event to its frame, where a run was watched.
    pub(crate) delays: Vec<f64>,
}

/// Runs that were started from here on, each of which has to complete.
pub(crate) struct Awaited {
    since: String,
    n_runs: u32,
    began: Instant,
}

impl Session {
    /// The template of this shape, published when it is asked for first.
    pub(crate) async fn template(&mut self, shape: Shape) -> Result<String> {
        if let Some(template) = self.database.library.templates.get(&shape) {
            return Ok(template.clone());
        }
        if !self.database.library.has_agents {
            for agent in definitions::agents() {
                self.client.post("/api/agents", &agent).await?;
            }
            self.database.library.has_agents = true;
        }
        let body = json!({"name": shape.name(), "description": "", "definition": shape.definition()});
        let template = self.client.make("/api/workflows/templates", &body).await?;
        self.client.post(&format!("/api/workflows/templates/{template}/publish"), &json!({})).await?;
        self.database.library.templates.insert(shape, template.clone());
        Ok(template)
    }

    /// Starts so many runs at once under a watching socket, and waits until all are completed.
    pub(crate) async fn batch(&mut self, shape: Shape, n: u32) -> Result<Batch> {
        let template = self.template(shape).await?;
        if n == 1 {
            return self.one(shape, &template).await;
        }
        let _watch = Watch::open(&self.client, At::Mine).await?;
        let awaited = self.awaited(n).await?;
        self.client.start_many(&template, n).await?;
        let answered = awaited.began.elapsed().as_secs_f64();
        let over = self.until_over(shape, &awaited).await?;
        Ok(Batch { answered, over, delays: Vec::new() })
    }

    /// One run, under the socket of its own page.
    async fn one(&mut self, shape: Shape, template: &str) -> Result<Batch> {
        let awaited = self.awaited(1).await?;
        let run = self.client.start(template).await?;
        let answered = awaited.began.elapsed().as_secs_f64();
        // Side by side: a socket that opens slowly is no part of the run.
        let client = self.client.clone();
        let opening = tokio::spawn(async move { Watch::open(&client, At::Run(&run)).await });
        let over = self.until_over(shape, &awaited).await?;
        let watch = opening.await.context("the socket's task panicked")??;
        Ok(Batch { answered, over, delays: watch.delays() })
    }

    /// From now on so many runs.
    pub(crate) async fn awaited(&mut self, n_runs: u32) -> Result<Awaited> {
        // A server's clock follows the database's and is behind it by a few milliseconds at times, and runs are created by it.
        sleep(2 * CLOCKS_OFF).await;
        let since =
            self.psql.ask(&format!("SELECT clock_timestamp() - interval '{} ms'", CLOCKS_OFF.as_millis())).await?;
        Ok(Awaited { since, n_runs, began: Instant::now() })
    }

    /// Seconds until all of them were over. It is an error if one did not complete.
    pub(crate) async fn until_over(&mut self, shape: Shape, awaited: &Awaited) -> Result<f64> {
        let Awaited { since, n_runs, began } = awaited;
        // By the index of lists, so that what was done before costs nothing.
        let of_these =
            format!("FROM workflow_runs WHERE NOT is_test AND parent_run IS NULL AND created_at >= '{since}'");
        let is_left = format!("SELECT count(*) {of_these} AND finished_at IS NULL");
        let is_short = n_runs.saturating_mul(shape.n_steps()) < 1000;
        let pause = if is_short { LOOK_EVERY } else { LOOK_EVERY_OF_MANY };
        while self.psql.count(&is_left).await? > 0 {
            if began.elapsed() > OVER_WITHIN {
                bail!("{} after {} s: {}", shape.name(), OVER_WITHIN.as_secs(), self.standing(&of_these).await?);
            }
            sleep(pause).await;
        }
        let over = began.elapsed().as_secs_f64();
        if self.psql.count(&format!("SELECT count(*) {of_these} AND status = 'completed'")).await? != *n_runs {
            bail!("{}: not all of {n_runs} runs completed: {}", shape.name(), self.standing(&of_these).await?);
        }
        self.database.n_steps = self.database.n_steps.saturating_add(n_runs.saturating_mul(shape.n_steps()));
        Ok(over)
    }

    /// How far runs are, and what the server had to say.
    async fn standing(&mut self, of_these: &str) -> Result<String> {
        let query = format!(
            "SELECT coalesce(string_agg(status || ' ' || n, ', '), 'none') FROM (SELECT status, count(*) AS n {of_these} GROUP BY status) s"
        );
        Ok(format!("{}\n{}", self.psql.ask(&query).await?, self.server.last_words()))
    }
}
