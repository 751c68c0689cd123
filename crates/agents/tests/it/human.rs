//! The kinds that make nothing by themselves: `human` only asks, `workflow` is the engine's.

use std::collections::BTreeMap;

use agents::{Providers, Revision, StepInput};
use serde_json::json;
use workflow::status::Reason;

use crate::support::{class, context, input, registry};

fn form(instructions: &str) -> StepInput {
    let outputs = json!([{"name": "answer", "schema": {"type": "string"}}]);
    input(
        json!({"kind": "human", "instructions": instructions}),
        outputs,
        json!({"topic": "cats", "long": "x".repeat(300_000)}),
    )
}

#[tokio::test]
async fn a_form_says_what_is_asked_and_makes_nothing() {
    let agent = registry(Providers::default()).for_kind("human").unwrap();
    let output = agent.run(form("Approve {{ topic }}?"), &context()).await.unwrap();
    assert_eq!((output.message.as_deref(), output.outputs.len(), output.usage), (Some("Approve cats?"), 0, None));

    let overridden = StepInput { prompt: Some("Sure about {{ topic }}?".to_owned()), ..form("x") };
    assert_eq!(agent.run(overridden, &context()).await.unwrap().message.as_deref(), Some("Sure about cats?"));

    let revision =
        Revision { previous: BTreeMap::from([("answer".to_owned(), json!("no"))]), feedback: "Why?".to_owned() };
    let again = StepInput {
        revision: Some(revision),
        ..form("{% if feedback %}You said {{ previous.answer }}. {{ feedback }}{% endif %}")
    };
    assert_eq!(agent.run(again, &context()).await.unwrap().message.as_deref(), Some("You said no. Why?"));
}

#[tokio::test]
async fn instructions_that_cannot_be_shown_fail() {
    let agent = registry(Providers::default()).for_kind("human").unwrap();
    assert_eq!(class(agent.run(form("{{ nobody }}"), &context()).await), "template");
    assert_eq!(class(agent.run(form("{{ long }}"), &context()).await), "output_too_large");
    let nul = input(json!({"kind": "human", "instructions": "{{ a }}"}), json!([]), json!({"a": "x\u{0}"}));
    assert_eq!(class(agent.run(nul, &context()).await), "template");
}

#[tokio::test]
async fn a_sub_workflow_sent_to_an_agent_says_so() {
    let config =
        json!({"kind": "workflow", "template_id": "00000000-0000-0000-0000-000000000001", "version": 1, "outputs": {}});
    let agent = registry(Providers::default()).for_kind("workflow").unwrap();
    let error = agent.run(input(config, json!([]), json!({})), &context()).await.unwrap_err();
    assert_eq!(error.class, Reason::Permanent);
    assert!(error.message.contains("the engine"), "{}", error.message);
}
