//! Sends spans in batches, by OTLP over HTTP: with the client and the TLS that `weft run` speaks to servers with.
//! Must never keep a process from ending for long, nor fill its log about a collector that is away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{config::Collector, metrics::Figures};

/// How long a batch gathers.
const LINGER: Duration = Duration::from_millis(500);
/// For one request, tries included: a collector that is slow loses spans, since their queue is bounded.
const PATIENCE: Duration = Duration::from_secs(10);
/// For what is left when the process ends.
const LAST: Duration = Duration::from_secs(3);
/// Between two words in the log about a collector that takes nothing.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Headers, and a time limit below ours, are read from the standard variables by the library.
pub(super) fn exporter(collector: &Collector) -> Result<SpanExporter> {
    let connector =
        hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(HyperClient::new(connector, PATIENCE, None))
        .with_endpoint(collector.endpoint.as_str())
        .build()
        .context("traces cannot be sent\nCheck OTEL_EXPORTER_OTLP_ENDPOINT and the variables beside it")?;
    let resource = Resource::builder()
        .with_attributes([
            KeyValue::new("service.name", collector.service_name.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("weft.process.role", collector.role),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// Sends what comes until `stop`, and then what has come; so many in one request at most.
pub(super) async fn send(
    exporter: SpanExporter,
    mut spans: mpsc::Receiver<SpanData>,
    most: usize,
    figures: Arc<Figures>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    let mut told = None;
    loop {
        let n = tokio::select! {
            biased;
            () = stop.cancelled() => 0,
            n = spans.recv_many(&mut batch, most) => n,
        };
        if n == 0 {
            break;
        }
        if batch.len() < most {
            stop.run_until_cancelled(sleep(LINGER)).await;
            gather(&mut spans, &mut batch, most);
        }
        let n = batch.len();
        match timeout(PATIENCE, exporter.export(std::mem::take(&mut batch))).await {
            Ok(Ok(())) => figures.sent_spans(n),
            Ok(Err(error)) => lost(&figures, n, &mut told, &error.to_string()),
            Err(_) => lost(&figures, n, &mut told, "it took too long"),
        }
    }
    let last = async {
        loop {
            gather(&mut spans, &mut batch, most);
            let n = batch.len();
            if n == 0 {
                return;
            }
            match exporter.export(std::mem::take(&mut batch)).await {
                Ok(()) => figures.sent_spans(n),
                Err(_) => return figures.dropped_spans(n),
            }
        }
    };
    if timeout(LAST, last).await.is_err() {
        tracing::warn!("the last spans were not sent in time");
    }
}

/// What has come already, up to one batch.
fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>, most: usize) {
    while batch.len() < most
        && let Ok(span) = spans.try_recv()
    {
        batch.push(span);
    }
}

fn lost(figures: &Figures, n: usize, told: &mut Option<Instant>, reason: &str) {
    figures.dropped_spans(n);
    if told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
        *told = Some(Instant::now());
        tracing::warn!(spans = n, reason, "traces were not taken by their collector; they are lost");
    }
}
