//! What templates can do, what they are told when they cannot, and how the values in them are written.

use std::{collections::BTreeMap, sync::Arc};

use agents::{AgentError, Providers, Revision, StepInput};
use serde_json::{Value, json};
use workflow::{AgentSpec, status::Reason};

use crate::support::{context, registry};

pub(crate) fn input(template: &str, values: Value) -> StepInput {
    let spec: AgentSpec = serde_json::from_value(json!({
        "id": "t", "name": "T",
        "inputs": [{"name": "text"}, {"name": "notes"}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": template},
    }))
    .unwrap();
    let values: BTreeMap<String, Value> = serde_json::from_value(values).unwrap();
    StepInput { spec: Arc::new(spec), prompt: None, values, revision: None }
}

async fn render(input: StepInput) -> Result<String, AgentError> {
    let agent = registry(Providers::default()).for_kind("template").unwrap();
    let output = agent.run(input, &context()).await?;
    Ok(String::from_utf8(output.outputs[0].bytes.clone()).unwrap())
}

async fn run(template: &str, values: Value) -> Result<String, AgentError> {
    render(input(template, values)).await
}

#[tokio::test]
async fn templates_render_what_people_write() {
    let values = json!({
        "text": "The quick brown fox", "n": 3, "price": 2.5,
        "items": [{"name": "b", "kind": "x", "n": 2}, {"name": "a", "kind": "y", "n": 1}],
        "map": {"k": "v", "a": 1},
        "tags": ["red", "green", "blue"],
    });
    let table = [
        ("Hello {{ text }}", "Hello The quick brown fox"),
        ("{{ text|upper }} {{ text|length }} {{ text|wordcount }}", "THE QUICK BROWN FOX 19 4"),
        ("{{ text|words|first }} {{ text[4:9] }} {{ text|truncate(12) }}", "The quick The..."),
        (
            "{% for item in items|sort(attribute='name') %}{{ loop.index }}. {{ item.name }}\n{% endfor %}",
            "1. a\n2. b\n",
        ),
        ("{% for item in items if item.kind == 'x' %}{{ item.name }}{% else %}none{% endfor %}", "b"),
        ("{% if notes %}{{ notes }}{% else %}no notes{% endif %}[{{ notes }}]", "no notes[null]"),
        ("{% if n > 2 and 'red' in tags %}many{% elif n %}few{% endif %}", "many"),
        ("{{ 'yes' if n is odd else 'no' }}", "yes"),
        ("{{ tags|join(', ') }} {{ tags|last }} {{ tags|reverse|first }}", "red, green, blue blue blue"),
        ("{{ items|map(attribute='name')|join('+') }} {{ items|sum(attribute='n') }}", "b+a 3"),
        ("{{ map }} {{ tags }}", r#"{"k":"v","a":1} ["red","green","blue"]"#),
        ("{{ map|tojson(indent=2) }}", "{\n  \"k\": \"v\",\n  \"a\": 1\n}"),
        ("{% for key, value in map|items %}{{ key }}={{ value }};{% endfor %}", "k=v;a=1;"),
        ("{% set total = price|float * n|int %}{{ total }} {{ n + 1 }} {{ (price / 2)|round(1) }}", "7.5 4 1.2"),
        ("{{ 'a' ~ n ~ text|first }}", "a3T"),
        ("{% for row in tags|batch(2) %}{{ row|join('-') }}|{% endfor %}", "red-green|blue|"),
        ("{% for n in range(3) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba"),
        ("{{ missing|default('d') }} {{ map.k|replace('v', 'w') }}", "d w"),
        ("{{ '<b>&' }} {% raw %}{{ x }}{% endraw %}{# gone #}", "<b>& {{ x }}"),
        ("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc\n"),
        ("plain", "plain"),
        (
            "{% with x = n %}{{ x }}{% endwith %}{% for t in tags %}{% if loop.first %}{% continue %}{% endif %}{{ t }}{% break %}{% endfor %}",
            "3green",
        ),
    ];
    for (template, expected) in table {
        match run(template, values.clone()).await {
            Ok(text) => assert_eq!(text, expected, "{template}"),
            Err(error) => panic!("{template}: {error}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_rendered_says_where_and_why() {
    let table = [
        (
            "a\n{{ nope }}",
            "The template cannot be rendered: line 2: there is no `nope`; the inputs are `notes`, `text`",
        ),
        (
            "{{ text.nope.deeper }}",
            "The template cannot be rendered: line 1: there is no `text.nope.deeper`; the inputs are `notes`, `text`",
        ),
        ("{{ text", "The template cannot be rendered: line 1: `{{` is not closed: write `}}` behind it"),
        ("{{ text|nope }}", "line 1: there is no filter `nope`"),
        ("{{ text + text }}", "`+` adds numbers"),
        ("{{ text * 3 }}", "`*` multiplies numbers"),
        ("{{ [text, text] }}", "can hold only constants"),
        ("{{ text() }}", "only `range(…)` and `loop.cycle(…)` can be called"),
        ("{% include 'x' %}", "`{% include %}` cannot be used here"),
        ("{% macro m() %}{% endmacro %}", "`{% macro %}` cannot be used here"),
        ("{% set x %}a{% endset %}", "write `{% set name = value %}`"),
        ("{% for x in text recursive %}{% endfor %}", "a loop cannot be recursive here"),
        ("{% set ns.x = 1 %}", "only a name can be set"),
        ("{{ text is nope }}", "there is no test `nope`"),
    ];
    for (template, expected) in table {
        let error = run(template, json!({"text": "x"})).await.unwrap_err();
        assert_eq!(error.class, Reason::Template, "{template}");
        assert!(error.message.contains(expected), "{template}\n  says {}\n  not  {expected}", error.message);
    }
}

#[tokio::test]
async fn templates_at_the_limits_of_depth_render() {
    let table = [
        (format!("{{{{ 1{} }}}}", "+1".repeat(120)), "121"),
        (format!("{{{{ text{} }}}}", "|upper".repeat(120)), "X"),
        (format!("{{{{ {}1{} }}}}", "(".repeat(10), ")".repeat(10)), "1"),
        (format!("{}x{}", "{% if 1 %}".repeat(32), "{% endif %}".repeat(32)), "x"),
        (format!("{{% if 0 %}}{}{{% else %}}x{{% endif %}}", "{% elif 0 %}".repeat(128)), "x"),
    ];
    for (template, expected) in table {
        assert_eq!(run(&template, json!({"text": "x"})).await.unwrap(), expected, "{template}");
    }
}

#[tokio::test]
async fn an_output_over_the_limit_is_refused_with_its_own_class() {
    let text = "a".repeat(3 * 1024 * 1024);
    let error = run("{{ text }}{{ text }}", json!({ "text": text })).await.unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (Reason::OutputTooLarge, "The template becomes longer than 4 MiB")
    );
    // It ends where the limit is, not where the memory does.
    let error = run(&"{{ text }}".repeat(200), json!({ "text": text })).await.unwrap_err();
    assert_eq!(error.class, Reason::OutputTooLarge, "{error}");
    assert_eq!(run("{{ text }}", json!({ "text": text })).await.unwrap().len(), text.len());
}

#[tokio::test]
async fn an_override_replaces_the_template() {
    let input = StepInput { prompt: Some("now {{ text }}".to_owned()), ..input("old", json!({"text": "x"})) };
    assert_eq!(render(input).await.unwrap(), "now x");
}

#[tokio::test]
async fn a_rejected_round_can_be_read_and_the_first_one_reads_null() {
    let source = "{% if feedback %}{{ previous.text }} -> {{ feedback }}{% else %}first{% endif %}";
    assert_eq!(run(source, json!({"text": "x"})).await.unwrap(), "first");
    let revision =
        Revision { previous: BTreeMap::from([("text".to_owned(), json!("old"))]), feedback: "shorter".to_owned() };
    let again = StepInput { revision: Some(revision.clone()), ..input(source, json!({})) };
    assert_eq!(render(again).await.unwrap(), "old -> shorter");
    // A value of that name is the author's own.
    let own = StepInput { revision: Some(revision), ..input("{{ feedback }}", json!({"feedback": "mine"})) };
    assert_eq!(render(own).await.unwrap(), "mine");
}

#[tokio::test]
async fn values_are_written_in_the_words_of_json() {
    let values = json!({
        "yes": true, "no": false, "none": null, "n": 5, "part": 2.5, "whole": 3.0, "big": 100_000_000_000_u64,
        "obj": {"z": true, "a": null, "n": 5, "list": [false, 1.0, "x"]},
    });
    let table = [
        (
            "{{ yes }} {{ no }} {{ none }} {{ n }} {{ part }} {{ whole }} {{ big }}",
            "true false null 5 2.5 3.0 100000000000",
        ),
        ("{{ obj }}", r#"{"z":true,"a":null,"n":5,"list":[false,1.0,"x"]}"#),
        ("{{ obj.z }} {{ obj.a }} {{ obj.n }} {{ obj.list }} {{ obj.list[1] }}", r#"true null 5 [false,1.0,"x"] 1.0"#),
        ("{{ 'a' ~ yes ~ none ~ obj.list }}", r#"atruenull[false,1.0,"x"]"#),
        ("{{ [true, none]|join(',') }} {{ yes|string }} {{ obj.list|join('/') }}", "true,null true false/1.0/x"),
        ("{{ obj|tojson }} {{ yes|tojson }}", r#"{"z":true,"a":null,"n":5,"list":[false,1.0,"x"]} true"#),
        ("{% for x in obj.list %}{{ x }};{% endfor %}{{ 1 == 1 }} {{ yes and no }}", "false;1.0;x;true false"),
        (
            "{{ none|default('-') }} {{ notes|default('-') }} {{ no|default('-') }} {{ no|default('-', true) }}",
            "- - false -",
        ),
    ];
    for (template, expected) in table {
        assert_eq!(run(template, values.clone()).await.unwrap(), expected, "{template}");
    }
}
