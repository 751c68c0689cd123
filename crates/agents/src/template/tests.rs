//! What templates can do, what they are told when they cannot, and that none of them can take the server down.
//! A bomb must end within a second and leave the process within a few tens of MiB of where it was.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use workflow::AgentSpec;

use super::*;

fn input(template: &str, values: Value) -> StepInput {
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

async fn run(template: &str, values: Value) -> Result<String, AgentError> {
    let ctx =
        AgentContext { idempotency_key: "k".to_owned(), cancel: CancellationToken::new(), deltas: None, attempt: 1 };
    let output = TemplateAgent.run(input(template, values), &ctx).await?;
    Ok(String::from_utf8(output.outputs[0].bytes.clone()).unwrap())
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
        ("{% if notes %}{{ notes }}{% else %}no notes{% endif %}[{{ notes }}]", "no notes[]"),
        ("{% if n > 2 and 'red' in tags %}many{% elif n %}few{% endif %}", "many"),
        ("{{ 'yes' if n is odd else 'no' }}", "yes"),
        ("{{ tags|join(', ') }} {{ tags|last }} {{ tags|reverse|first }}", "red, green, blue blue blue"),
        ("{{ items|map(attribute='name')|join('+') }} {{ items|sum(attribute='n') }}", "b+a 3"),
        ("{{ map }} {{ tags }}", r#"{"a":1,"k":"v"} ["red","green","blue"]"#),
        ("{{ map|tojson(indent=2) }}", "{\n  \"a\": 1,\n  \"k\": \"v\"\n}"),
        ("{% for key, value in map|items %}{{ key }}={{ value }};{% endfor %}", "a=1;k=v;"),
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
        ("{{ text", "The template cannot be rendered: line 1: unexpected end of input, expected end of variable block"),
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
        ("{{ text is nope }}", "unknown"),
    ];
    for (template, expected) in table {
        let error = run(template, json!({"text": "x"})).await.unwrap_err();
        assert_eq!(error.class, Reason::Template, "{template}");
        assert!(error.message.contains(expected), "{template}\n  says {}\n  not  {expected}", error.message);
    }
}

#[tokio::test]
async fn values_inserted_into_an_address_are_percent_encoded() {
    let scope = Scope::new(&input("", json!({"text": "a b/c?d=é&..", "list": ["x y", 1]}))).unwrap();
    let table = [
        ("https://h/{{ text }}?q={{ text }}", "https://h/a%20b%2Fc%3Fd%3D%C3%A9%26..?q=a%20b%2Fc%3Fd%3D%C3%A9%26.."),
        ("{{ 'https://h/x'|safe }}/{{ 1 }}", "https://h/x/1"),
        ("h?{{ list }}", "h?%5B%22x%20y%22%2C1%5D"),
    ];
    for (template, expected) in table {
        assert_eq!(scope.render("The address", template, Insert::IntoUrl).await.unwrap(), expected, "{template}");
    }
}

/// Resident memory of this process in KiB, or its highest ever.
fn memory_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn bombs() -> Vec<String> {
    let mut bombs: Vec<String> = [
        "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for i in range(60) %}{% set x = x ~ x %}{{ x|length }}{% endfor %}",
        "{% set x = 'a' %}{% for i in range(60) %}{% set x = x|replace('a', 'aaaaaaaaaaaaaaaa') %}{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{{ 1000000000 * 'a' }}",
        "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
        "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('a') }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ range(100000)|join(text) }}",
        "{{ range(100000)|join(range(100000)|join('aaaaaaaaaa')) }}",
        "{{ text|replace('', text) }}",
        "{{ text|replace('a', text) }}",
        "{{ text|replace('a', text)|replace('a', text) }}",
        "{{ text|indent(10**9) }}",
        "{{ text|replace('a', '\\n')|indent(100000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ '%.1000000000f'|format(1.5) }}",
        "{{ text|list|tojson(indent=1000000000) }}",
        "{{ text|list|list|sort|unique|reverse|tojson }}",
        "{{ text|split('')|length }}",
        "{{ text|split('a')|length }}",
        "{{ text|replace('a', '\\n')|lines|length }}",
        "{{ range(100000)|slice(1000000000)|length }}",
        "{{ range(3)|batch(1000000000, text)|tojson }}",
        "{{ range(3)|batch(1000000000)|length }}",
        "{{ range(100000)|map('default', text, true)|tojson }}",
        "{{ range(100000)|map(attribute='x', default=text)|tojson }}",
        "{{ ([text] * 100000)|tojson }}",
        "{{ ('' ~ ([text] * 100000))|length }}",
        "{{ 2 ** 100000 }}",
        "{{ 10 ** 38 * 10 ** 38 }}",
        "{% for c in text %}{% for d in text %}{{ text|upper|length }}{% endfor %}{% endfor %}",
        "{% for c in text %}{{ text }}{% endfor %}",
        "{% for c in text %}{% set y = text[1:] ~ c %}{% if y in text %}x{% endif %}{% endfor %}",
        "{{ text|title|capitalize|trim|urlencode|urlencode|urlencode|urlencode|urlencode|urlencode|length }}",
        "{{ text|round(1000000000) }}",
        "{{ 1.5|round(1000000000) }}",
        "{{ dict(a=1) }}{{ debug() }}",
        "{{ text|truncate(10, end=text) }}",
        "{{ text|words|length }}{{ text|wordcount }}{{ text|sum }}",
        "{% include text %}",
    ]
    .map(str::to_owned)
    .into();
    // Depth: each of these would overflow the stack of the parser, of the compiler, or of what drops the value.
    bombs.extend([
        format!("{{{{ 1{} }}}}", "+1".repeat(100_000)),
        format!("{{{{ text{} }}}}", "|upper".repeat(40_000)),
        format!("{{{{ text{} }}}}", ".a".repeat(100_000)),
        format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(100_000)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(20_000)),
        format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(20_000)),
        "{% if 1 %}".repeat(25_000),
        "{% for a in text %}".repeat(13_000),
        format!("{}{{{{ x }}}}", "{% set x = x|default([1])|batch(1) %}".repeat(7_000)),
        format!("{}{{{{ x }}}}", "{% set x = [x, x] %}".repeat(10_000)),
        format!("{{% set x = text %}}{}{{{{ x|length }}}}", "{% set x = x ~ x %}".repeat(10_000)),
        format!("{{{{ text{} }}}}", " ~ text".repeat(120)),
        format!("{{% set x = text|list %}}{}{{{{ x }}}}", "{% set x = x|groupby('list') %}".repeat(40)),
        format!("{{{{ x{} }}}}", "|batch(1)".repeat(10_000)),
    ]);
    bombs
}

#[tokio::test]
async fn no_template_can_exhaust_time_or_memory() {
    let text = "a".repeat(4 * 1024 * 1024);
    let bombs = bombs();
    let scope = Scope::new(&input("", json!({ "text": text }))).unwrap();
    for bomb in &bombs {
        // Starts the high-water mark afresh.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory_kib("VmRSS");
        let shown: String = bomb.chars().take(100).collect();
        let started = Instant::now();
        let result = scope.render("The template", bomb, Insert::AsIs).await;
        let elapsed = started.elapsed();
        assert!(elapsed.as_secs() < 1, "{shown} took {elapsed:?}");
        if let Ok(text) = &result {
            assert!(text.len() <= filters::MAX_RENDERED_BYTES, "{shown} gave {} bytes", text.len());
        }
        let peak = memory_kib("VmHWM").saturating_sub(before);
        println!("{:>4} ms {:>3} MiB  {shown}", elapsed.as_millis(), peak / 1024);
        assert!(peak < 64 * 1024, "{shown} took {peak} KiB");
    }
}

#[tokio::test]
async fn comparing_large_texts_over_and_over_ends_soon() {
    let text = "a".repeat(4 * 1024 * 1024);
    let scope = Scope::new(&input("", json!({ "text": text, "same": text, "list": [text, text] }))).unwrap();
    let straight = "{% if text == same %}{% endif %}".repeat(8_000);
    for bomb in [
        "{% for i in range(100000) %}{% if text == same %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{{ 'x' if text < same else '' }}{% endfor %}",
        "{% for i in range(100000) %}{% if text is eq(same) %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{% if text in list %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{% if list == list|reverse %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{% if list|unique|length > 1 %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{{ list|sort|length }}{% endfor %}",
        "{% for i in range(100000) %}{{ list|select('eq', text)|list|length }}{% endfor %}",
        "{% for i in range(100000) if text == same %}{% endfor %}",
        &straight,
    ] {
        let started = Instant::now();
        let result = scope.render("The template", bomb, Insert::AsIs).await;
        println!("{:>4} ms {}", started.elapsed().as_millis(), bomb.chars().take(100).collect::<String>());
        assert!(started.elapsed().as_secs() < 2, "{bomb} took {:?}", started.elapsed());
        assert!(result.is_err(), "{bomb}");
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
    assert_eq!(run("{{ text }}", json!({ "text": text })).await.unwrap().len(), text.len());
}

#[tokio::test]
async fn an_override_replaces_the_template() {
    let ctx =
        AgentContext { idempotency_key: "k".to_owned(), cancel: CancellationToken::new(), deltas: None, attempt: 1 };
    let input = StepInput { prompt: Some("now {{ text }}".to_owned()), ..input("old", json!({"text": "x"})) };
    assert_eq!(TemplateAgent.run(input, &ctx).await.unwrap().outputs[0].bytes, b"now x");
}

#[tokio::test]
async fn a_rejected_round_can_be_read_and_the_first_one_reads_null() {
    let source = "{% if feedback %}{{ previous.text }} -> {{ feedback }}{% else %}first{% endif %}";
    assert_eq!(run(source, json!({"text": "x"})).await.unwrap(), "first");
    let revision = crate::Revision {
        previous: BTreeMap::from([("text".to_owned(), json!("old"))]),
        feedback: "shorter".to_owned(),
    };
    let ctx =
        AgentContext { idempotency_key: "k".to_owned(), cancel: CancellationToken::new(), deltas: None, attempt: 1 };
    let again = StepInput { revision: Some(revision.clone()), ..input(source, json!({})) };
    let output = TemplateAgent.run(again, &ctx).await.unwrap();
    assert_eq!(output.outputs[0].bytes, b"old -> shorter");
    // A value of that name is the author's own.
    let own = StepInput { revision: Some(revision), ..input("{{ feedback }}", json!({"feedback": "mine"})) };
    assert_eq!(TemplateAgent.run(own, &ctx).await.unwrap().outputs[0].bytes, b"mine");
}
