//! What a process tells of itself beside its log: where metrics are scraped, and where traces are sent. Traces have the variables that
//! OpenTelemetry has everywhere; headers and time limits among them are read by its library.

use std::net::SocketAddr;

use clap::Args;

/// Where traces go below an address that is for all signals.
const TRACES: &str = "v1/traces";
/// The one way in which they are sent.
const PROTOCOL: &str = "http/protobuf";

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Metrics and traces; OTEL_EXPORTER_OTLP_HEADERS may hold what signs in")]
pub struct Telemetry {
    /// Address and port that tell metrics (/metrics) to whoever reaches them; without it only the server does, to who has a token
    #[arg(long, env = "WEFT_METRICS_ADDR", value_name = "HOST:PORT", value_parser = address)]
    metrics_addr: Option<Address>,
    /// Collector of traces, by OTLP over HTTP, such as `http://127.0.0.1:4318`; without it nothing is traced
    #[arg(long = "otlp-endpoint", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    endpoint: Option<String>,
    /// The same, with its path
    #[arg(long = "otlp-traces-endpoint", env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value_name = "URL")]
    traces_endpoint: Option<String>,
    #[arg(long = "otlp-protocol", env = "OTEL_EXPORTER_OTLP_PROTOCOL", hide = true)]
    protocol: Option<String>,
    #[arg(long = "otlp-traces-protocol", env = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", hide = true)]
    traces_protocol: Option<String>,
    #[arg(long = "otel-traces-exporter", env = "OTEL_TRACES_EXPORTER", hide = true)]
    exporter: Option<String>,
    #[arg(long = "otel-sdk-disabled", env = "OTEL_SDK_DISABLED", hide = true)]
    disabled: Option<String>,
    #[arg(long = "otel-service-name", env = "OTEL_SERVICE_NAME", hide = true)]
    service_name: Option<String>,
    /// Put prompts, answers and errors into traces
    #[arg(long, env = "WEFT_TRACE_CONTENT", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    trace_content: Option<bool>,
}

/// Where traces go, and what they may hold.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The whole address, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Prompts, answers and errors too.
    pub wants_content: bool,
    /// What this process is: `serve` or `work`.
    pub role: &'static str,
    /// By what the collector knows it.
    pub service_name: String,
}

/// Where to listen; nowhere, where the variable is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Address(Option<SocketAddr>);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadTelemetry {
    #[error(
        "{variable} is `{value}`, and traces are sent by http/protobuf alone\nSet it to that, and the endpoint to the port for it, mostly 4318"
    )]
    Protocol { variable: &'static str, value: String },
    #[error(
        "{variable} is no address of a collector\nWrite http:// or https://, a host and a port, such as http://127.0.0.1:4318"
    )]
    Endpoint { variable: &'static str },
    #[error("OTEL_TRACES_EXPORTER is `{value}`\nUse otlp, or none for no traces")]
    Exporter { value: String },
}

impl Telemetry {
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr.and_then(|Address(address)| address)
    }

    /// Where traces go. None: they are not wanted.
    pub fn collector(&self, role: &'static str) -> Result<Option<Collector>, BadTelemetry> {
        let is_disabled = given(self.disabled.as_deref()).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let endpoint = match (given(self.traces_endpoint.as_deref()), given(self.endpoint.as_deref())) {
            (Some(endpoint), _) => ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.to_owned()),
            (None, Some(base)) => ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{}/{TRACES}", base.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        match given(self.exporter.as_deref()) {
            None | Some("otlp") if !is_disabled => {}
            None | Some("otlp" | "none") => return Ok(None),
            Some(other) => return Err(BadTelemetry::Exporter { value: other.to_owned() }),
        }
        let protocols = [
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", self.traces_protocol.as_deref()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", self.protocol.as_deref()),
        ];
        let protocol = protocols.into_iter().find_map(|(variable, protocol)| Some((variable, given(protocol)?)));
        if let Some((variable, value)) = protocol.filter(|(_, value)| *value != PROTOCOL) {
            return Err(BadTelemetry::Protocol { variable, value: value.to_owned() });
        }
        let (variable, endpoint) = endpoint;
        let is_url = endpoint.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_url {
            // Not repeated: it may hold a password.
            return Err(BadTelemetry::Endpoint { variable });
        }
        Ok(Some(Collector {
            endpoint,
            wants_content: self.trace_content.unwrap_or_default(),
            role,
            service_name: given(self.service_name.as_deref()).unwrap_or("weft").to_owned(),
        }))
    }
}

/// A variable that is empty is the same as none.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Address(None));
    }
    let address = text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:9464".to_owned())?;
    Ok(Address(Some(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Telemetry)) -> Telemetry {
        let mut telemetry = Telemetry::default();
        change(&mut telemetry);
        telemetry
    }

    #[expect(clippy::unnecessary_wraps, reason = "what is set may be left out")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn endpoint(telemetry: &Telemetry) -> Option<String> {
        telemetry.collector("serve").unwrap().map(|collector| collector.endpoint)
    }

    #[test]
    fn traces_go_where_the_standard_variables_say_and_nowhere_without_them() {
        assert_eq!(endpoint(&Telemetry::default()), None);
        assert_eq!(endpoint(&with(|it| it.endpoint = some(" "))), None);
        let base = with(|it| it.endpoint = some("http://127.0.0.1:4318/"));
        assert_eq!(endpoint(&base).as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        let whole = Telemetry { traces_endpoint: some("https://c.example.org/otlp"), ..base.clone() };
        assert_eq!(endpoint(&whole).as_deref(), Some("https://c.example.org/otlp"));
        assert_eq!(endpoint(&Telemetry { disabled: some("TRUE"), ..base.clone() }), None);
        assert_eq!(endpoint(&Telemetry { exporter: some("none"), ..base.clone() }), None);
        assert!(endpoint(&Telemetry { exporter: some("otlp"), ..base.clone() }).is_some());
        let collector = base.collector("work").unwrap().unwrap();
        assert_eq!((collector.wants_content, collector.role, &*collector.service_name), (false, "work", "weft"));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_variable_and_without_a_password() {
        let base = with(|it| it.endpoint = some("http://127.0.0.1:4318"));
        let refused = |telemetry: Telemetry| telemetry.collector("serve").unwrap_err().to_string();
        let grpc = refused(Telemetry { protocol: some("grpc"), ..base.clone() });
        assert!(grpc.contains("OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`") && grpc.contains(PROTOCOL), "{grpc}");
        let own = Telemetry { protocol: some("grpc"), traces_protocol: some(PROTOCOL), ..base.clone() };
        assert!(endpoint(&own).is_some(), "the one for traces counts");
        assert!(refused(Telemetry { exporter: some("zipkin"), ..base }).contains("zipkin"));
        for bad in ["collector:4318", "ftp://u:s3cret@c", "http://"] {
            let told = refused(with(|it| it.endpoint = some(bad)));
            assert!(told.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn an_address_for_metrics_is_read_and_an_empty_one_is_none() {
        assert_eq!(address(""), Ok(Address(None)));
        assert_eq!(address(" 127.0.0.1:9464 "), Ok(Address(Some(SocketAddr::from(([127, 0, 0, 1], 9464))))));
        assert!(address("9464").is_err());
    }
}
