//! Secrets in headers: sent where they may go and nowhere else, and told nowhere.

use std::sync::{Arc, Mutex};

use agents::{AgentError, InMemory, Options, Providers, Registry, Secrets, StepOutput, WantedSecret};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, path},
};
use workflow::status::Reason;

use crate::support::{context, input, sandbox, shown};

const CANARY: &str = "c4n4ry/of+a=secret";

/// Gives one value to everybody, and remembers what it was asked.
#[derive(Debug)]
struct Keeper {
    value: String,
    asked: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Secrets for Keeper {
    async fn open(&self, wanted: &WantedSecret<'_>) -> Result<SecretString, AgentError> {
        let WantedSecret { name, agent, step, scheme, host, .. } = wanted;
        self.asked.lock().unwrap().push(format!("{name} for {agent} in {step} to {scheme}://{host}"));
        Ok(self.value.clone().into())
    }
}

fn keeper(value: &str) -> Arc<Keeper> {
    Arc::new(Keeper { value: value.to_owned(), asked: Mutex::default() })
}

async fn run(keeper: Option<&Arc<Keeper>>, config: Value, values: Value) -> Result<StepOutput, AgentError> {
    run_into(keeper, config, values, &json!({"type": "string"})).await
}

/// The same with an output of this schema.
async fn run_into(
    keeper: Option<&Arc<Keeper>>,
    mut config: Value,
    values: Value,
    schema: &Value,
) -> Result<StepOutput, AgentError> {
    config["kind"] = json!("http");
    let secrets = keeper.map(|keeper| Arc::clone(keeper) as Arc<dyn Secrets>);
    let allow_private = vec!["127.0.0.1".parse().unwrap()];
    let options = Options { allow_private, sandbox: Some(sandbox()), secrets };
    let registry = Registry::new(Providers::default(), Arc::new(InMemory::default()), options);
    let outputs = json!([{"name": "body", "schema": schema}]);
    registry.for_kind("http").unwrap().run(input(config, outputs, values), &context()).await
}

fn calling(url: &str) -> Value {
    json!({"url": url, "headers": {"Authorization": "Bearer ${secret.github}"}})
}

/// The header as it came, of each request.
async fn came(server: &MockServer) -> Vec<Option<String>> {
    let header = |request: &Request| Some(request.headers.get("authorization")?.to_str().unwrap().to_owned());
    server.received_requests().await.unwrap().iter().map(header).collect()
}

/// Answers with the header that it was sent.
fn echo(status: u16) -> impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static {
    move |request| {
        let said = request.headers.get("authorization").map_or("none", |value| value.to_str().unwrap());
        ResponseTemplate::new(status).set_body_string(format!("you sent {said}"))
    }
}

#[tokio::test]
async fn a_secret_is_sent_and_no_answer_tells_it() {
    let server = MockServer::start().await;
    Mock::given(path("/good")).respond_with(echo(200)).mount(&server).await;
    Mock::given(path("/bad")).respond_with(echo(500)).mount(&server).await;
    let keeper = keeper(CANARY);
    let output = run(Some(&keeper), calling(&format!("{}/good", server.uri())), json!({})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "you sent Bearer [secret github]")]);
    let error = run(Some(&keeper), calling(&format!("{}/bad", server.uri())), json!({})).await.unwrap_err();
    assert_eq!(error.class, Reason::Server);
    assert!(error.message.contains("you sent") && !format!("{error:?}").contains("c4n4ry"), "{error:?}");
    assert_eq!(came(&server).await, vec![Some(format!("Bearer {CANARY}")); 2]);
    assert_eq!(keeper.asked.lock().unwrap()[0], "github for a in step to http://127.0.0.1");
}

#[tokio::test]
async fn no_redirect_carries_it_on() {
    let (home, away) = (MockServer::start().await, MockServer::start().await);
    let to = |address: String| ResponseTemplate::new(307).insert_header("location", address);
    Mock::given(path("/home")).respond_with(to(format!("{}/inside", home.uri()))).mount(&home).await;
    Mock::given(path("/inside")).respond_with(echo(401)).mount(&home).await;
    Mock::given(path("/away")).respond_with(to(away.uri())).mount(&home).await;
    let carrying = format!("{}/?token=c4n4ry%2Fof%2Ba%3Dsecret", away.uri());
    Mock::given(path("/carry")).respond_with(to(carrying)).mount(&home).await;
    Mock::given(any()).respond_with(echo(200)).mount(&away).await;
    let keeper = keeper(CANARY);

    let error = run(Some(&keeper), calling(&format!("{}/home", home.uri())), json!({})).await.unwrap_err();
    assert!(error.message.contains("no secret follows") && error.message.contains("you sent none"), "{error}");
    let output = run(Some(&keeper), calling(&format!("{}/away", home.uri())), json!({})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "you sent none")]);
    assert_eq!(came(&away).await, [None]);
    let error = run(Some(&keeper), calling(&format!("{}/carry", home.uri())), json!({})).await.unwrap_err();
    assert_eq!(error.class, Reason::Blocked);
    assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
    assert_eq!(came(&away).await.len(), 1, "the address with the secret in it was not asked");
}

#[tokio::test]
async fn an_input_names_no_secret() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(echo(200)).mount(&server).await;
    let keeper = keeper(CANARY);
    let config = json!({"url": server.uri(), "headers": {"Authorization": "{{ x }}"}});
    let output = run(Some(&keeper), config, json!({"x": "${secret.github}"})).await.unwrap();
    assert_eq!(shown(&output), [("body", "text/plain", "you sent ${secret.github}")]);
    assert!(keeper.asked.lock().unwrap().is_empty(), "nothing was opened");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_without_repeating_it() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(echo(200)).mount(&server).await;
    for value in ["c4n4ry-c4n4ry\r\nX-Other: 1", "c4n4ry-c4n4ry-é", "c4n4ry-c4n4ry\u{7f}"] {
        let error = run(Some(&keeper(value)), calling(&server.uri()), json!({})).await.unwrap_err();
        let told = format!("{error:?}");
        assert!(!told.contains("c4n4ry") && !told.contains('é'), "{told}");
    }
    let error = run(None, calling(&server.uri()), json!({})).await.unwrap_err();
    assert_eq!(error.class, Reason::Unauthorized);
    let config = json!({"url": server.uri(), "headers": {"X-A": "${secret.A}"}});
    let error = run(Some(&keeper(CANARY)), config, json!({})).await.unwrap_err();
    assert!(error.message.contains("`${secret.NAME}`"), "{error}");
    assert!(came(&server).await.is_empty());
}

#[tokio::test]
async fn nothing_is_asked_for_before_it_is_known_where_it_would_go() {
    let keeper = keeper(CANARY);
    let error = run(Some(&keeper), calling("not an address"), json!({})).await.unwrap_err();
    assert_eq!(error.class, Reason::Permanent);
    assert!(keeper.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn json_is_judged_and_kept_without_it_however_it_is_escaped() {
    let server = MockServer::start().await;
    let object = json!({"type": "object"});
    let answering = async |body: String| {
        server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
            .mount(&server)
            .await;
    };
    answering(r#"{"h": "Bearer c4n4ry\/of\u002Ba\u003dsecret", "n": 1.10}"#.to_owned()).await;
    let output = run_into(Some(&keeper(CANARY)), calling(&server.uri()), json!({}), &object).await.unwrap();
    assert_eq!(shown(&output), [("body", "application/json", r#"{"h": "Bearer [secret github]", "n": 1.10}"#)]);
    // What would be no JSON without it is not kept.
    answering(r#"{"id": 1234567890}"#.to_owned()).await;
    let error = run_into(Some(&keeper("1234567890")), calling(&server.uri()), json!({}), &object).await.unwrap_err();
    assert_eq!(error.class, Reason::InvalidOutput);
    assert!(!format!("{error:?}").contains("1234567890"), "{error:?}");
    // Nor what would be larger than it may be.
    answering(format!("[\"{}\"]", "c4n4ry-c".repeat(1_900_000))).await;
    let error = run(Some(&keeper("c4n4ry-c")), calling(&server.uri()), json!({})).await.unwrap_err();
    assert_eq!(error.class, Reason::OutputTooLarge, "{error}");
}

#[tokio::test]
async fn a_message_is_never_cut_within_a_secret() {
    let server = MockServer::start().await;
    let spelled = [CANARY, r"c4n4ry\/of+a\u003dsecret", "c4n4ry%2Fof%2Ba%3Dsecret", "c4n4ry/of&#43;a&#61;secret"];
    let paddings = (1_650..1_720).step_by(17).chain((1_900..2_000).step_by(23)).chain((4_070..4_096).step_by(5));
    for n in paddings {
        for (page, spelled) in [false, true].into_iter().flat_map(|page| spelled.map(|spelled| (page, spelled))) {
            // Of a page the padding is no word, so its end comes into the message.
            let body = if page {
                format!("<html><style>{}</style>{spelled} and more", "x".repeat(n))
            } else {
                format!("{} {spelled} and more", "x".repeat(n))
            };
            server.reset().await;
            Mock::given(any()).respond_with(ResponseTemplate::new(500).set_body_string(body)).mount(&server).await;
            let error = run(Some(&keeper(CANARY)), calling(&server.uri()), json!({})).await.unwrap_err();
            assert!(!error.message.contains("c4n4"), "{n} {page} {spelled}: {error}");
        }
    }
}
