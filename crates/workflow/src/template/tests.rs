//! What is told about a template: as a table of template, what it becomes, and words.

use serde_json::json;

use super::*;

fn inputs() -> Vec<InputPort> {
    serde_json::from_value(json!([
        {"name": "text", "schema": {"type": "string"}},
        {"name": "person", "schema": {"type": "object", "properties": {"name": {"type": "string"}, "city": {"type": "string"}}}},
        {"name": "people", "schema": {"type": "array", "items": {"type": "object", "properties": {"name": {}}}}},
        {"name": "free"},
    ]))
    .unwrap()
}

fn told(source: &str, target: Target) -> String {
    check(source, &inputs(), target).iter().map(|fault| fault.message(source)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn templates_that_render_are_let_through() {
    for source in [
        "",
        "plain { text }",
        "{{ text }} {{ person.name }} {{ person['city'] }} {{ people[0].name }} {{ free.any.thing[1] }}",
        "{{ feedback }} {{ previous.text }}",
        "{% if text and not free %}{{ text|upper }}{% elif free is none %}x{% else %}y{% endif %}",
        "{% for one in people %}{{ loop.index }} {{ one.name }}{% else %}none{% endfor %}",
        "{% for key, value in free|items %}{{ key }}={{ value }}{% endfor %}",
        "{% set x = text %}{{ x }}{% with y = x %}{{ y }}{% endwith %}",
        "{% if free %}{% set x = 1 %}{% endif %}{{ x }}",
        "{{ missing|default('d') }}{% if other is defined %}{{ other }}{% endif %}",
        "{{ people|map(attribute='name')|join(', ') }} {{ (people|first).name }}",
        "{% raw %}{{ nobody }}{% endraw %}{# {{ nobody }} #}",
        "{{ range(3) }} {{ 'quoted' }} {{ 3 }} {{ text ~ free }} {{ true }} {{ none }}",
    ] {
        assert_eq!(told(source, Target::Text), "", "{source}");
    }
}

#[test]
fn what_would_fail_is_told_with_what_there_is_instead() {
    let table = [
        ("{{ text", "`{{` is not closed: write `}}` behind it"),
        ("a\n{{ text\nb", "Line 2: `{{` is not closed: write `}}` behind it"),
        ("{{ text and more {{ text }}", "`{{` is not closed: write `}}` behind it"),
        ("Dear {{ text!\nHello {{ text }}", "Line 1: `{{` is not closed: write `}}` behind it"),
        ("{% if text", "`{%` is not closed: write `%}` behind it"),
        ("a {# b\n", "`{#` is not closed: write `#}` behind it"),
        ("{% if text %}x", "`{% if %}` is not closed: write `{% endif %}` behind it"),
        (
            "a\n{% for x in people %}\n{% if x %}\n{% endif %}",
            "Line 2: `{% for %}` is not closed: write `{% endfor %}` behind it",
        ),
        ("{% endif %}", "`{% endif %}` closes nothing: there is no `{% if %}` before it"),
        (
            "{% if text %}{% endfor %}",
            "`{% endfor %}` stands where `{% if %}` of line 1 is still open: write `{% endif %}` first",
        ),
        ("{{ }}", "`}}` cannot stand here: something is missing before it"),
        ("{{ text text }}", "There is a name where `}}` should be"),
        ("{{ 'a }}", "A quoted text is not closed: its second quote is missing"),
        ("{{ text|uper }}", "There is no filter `uper`; is `upper` meant?"),
        ("{{ text is strng }}", "There is no test `strng`; is `string` meant?"),
        ("{{ nope }}", "There is no input `nope`; there are text, person, people, free"),
        ("a\n{{ nope }}", "Line 2: there is no input `nope`; there are text, person, people, free"),
        ("{% if nope %}x{% endif %}", "There is no input `nope`; there are text, person, people, free"),
        ("{% set x = nope %}{{ x }}", "There is no input `nope`; there are text, person, people, free"),
        ("{% for x in nope %}{% endfor %}", "There is no input `nope`; there are text, person, people, free"),
        ("{% for x in people %}{{ y }}{% endfor %}", "There is no input `y`; there are text, person, people, free"),
        ("{% for x in people %}{% endfor %}{{ x }}", "There is no input `x`; there are text, person, people, free"),
        ("{{ x }}{% set x = 1 %}", "There is no input `x`; there are text, person, people, free"),
        ("{{ text|replace('a', nope) }}", "There is no input `nope`; there are text, person, people, free"),
        ("{{ nope.deeper|upper }}", "There is no input `nope`; there are text, person, people, free"),
        ("{{ 'a' if nope else text }}", "There is no input `nope`; there are text, person, people, free"),
        ("{{ person.nmae }}", "`person` has no `nmae`: there are name, city"),
        ("{% if person['nmae'] %}{% endif %}", "`person` has no `nmae`: there are name, city"),
        ("{{ text.size }}", "`text` has no `size`: it is a text, which has no parts"),
        ("{{ people.name }}", "`people` has no `name`: it is a list, whose items have numbers"),
        ("{% for one in people %}{{ one.age }}{% endfor %}", "`one` has no `age`: there are name"),
        ("{% macro m() %}{% endmacro %}", "`{% macro %}` cannot be used here"),
        ("{% include 'x' %}", "`{% include %}` cannot be used here"),
        ("{{ text() }}", "Only `range(…)` and `loop.cycle(…)` can be called"),
    ];
    for (source, expected) in table {
        assert_eq!(told(source, Target::Text), expected, "{source}");
    }
    let many = |what| format!("There is no {what}; there are ");
    assert!(told("{{ text|capitals }}", Target::Text).starts_with(&many("filter `capitals`")));
    assert!(told("{{ text is capitals }}", Target::Text).starts_with(&many("test `capitals`")));
    assert!(told("{{ text|capitals }}", Target::Text).len() < 120, "not a page of names");
    let none = check("{{ nope }}", &[], Target::Text);
    assert_eq!(none[0].reason, "there is no input `nope`; there are no inputs");
}

#[test]
fn a_value_in_json_stands_where_it_can_be_decided() {
    let json = Target::Body(BodyKind::Json);
    for source in [
        r#"{"a": "{{ text }}", "b": {{ free }}, "c": [{{ text|tojson }}], {{ text }}: 1}"#,
        r#"{"a": "say \"{{ text }}\" \\{{ text }}"}"#,
        r#"{"a": {% if free %}"{{ text }}"{% else %}{{ free }}{% endif %}}"#,
        r#"[{% for one in people %}"{{ one.name }}"{% if not loop.last %},{% endif %}{% endfor %}]"#,
        r#"[{% for one in people %}{% if loop.last %}{% break %}{% endif %}"x",{% endfor %}1]"#,
        r#"{"a": -{{ free }}}"#,
        "{{ free }}",
        "{ {{ free|safe }} }",
    ] {
        assert_eq!(told(source, json), "", "{source}");
    }
    let ambiguous = "Whether a value stands inside a JSON text depends on the way taken: open and close each `\"` in the same branch";
    let table = [
        (r#"{"a": {% if free %}"x{% endif %}{{ text }}"}"#, ambiguous),
        (r#"[{% for one in people %}"{% endfor %}]"#, ambiguous),
        (r#"[{% for one in people %}"{% if free %}{% break %}{% endif %}"{% endfor %}]"#, ambiguous),
        (r#"{"a": "\{{ text }}"}"#, "A value cannot follow a backslash inside a JSON text"),
        (r#"{"a": "{{ text }}}"#, "The JSON ends inside a text: a `\"` is missing"),
        (r#"{"a": {{ free }},}"#, "The body is no valid JSON, whatever the values are: it goes wrong at line 1"),
    ];
    for (source, expected) in table {
        assert_eq!(told(source, json), expected, "{source}");
    }
}

#[test]
fn a_value_in_an_address_stands_behind_the_host() {
    for source in [
        "https://h/{{ text }}?q={{ text }}#{{ text }}",
        "HTTP://h:8080/",
        "https://h?q={{ text }}",
        "{{ free|safe }}",
        "{{ free|safe }}/items/{{ text }}",
        "{% if free %}https://a{% else %}https://b{% endif %}/{{ text }}",
    ] {
        assert_eq!(told(source, Target::Url), "", "{source}");
    }
    for source in [
        "https://{{ text }}/",
        "https://h{{ text }}/",
        "https://h:{{ text }}/",
        "https://{{ text }}@h/",
        "{{ text }}://h/",
        "{{ text }}",
        "https{{ text }}://h/",
    ] {
        assert!(told(source, Target::Url).starts_with("A value cannot choose the server"), "{source}");
    }
    for source in ["ftp://h/", "/relative/{{ text }}", "h/x", "http:/h/{{ text }}"] {
        assert_eq!(told(source, Target::Url), "The address begins with `https://` or `http://`", "{source}");
    }
    for source in ["{{ free|safe }}{{ text }}", "{{ free|safe }}.evil.example/", "{{ free|safe }}@h/"] {
        assert!(told(source, Target::Url).starts_with("After a whole address that is a value"), "{source}");
    }
    assert!(told("https://h{% if free %}/{% endif %}{{ text }}", Target::Url).starts_with("The branches end"));
}

#[test]
fn an_http_agent_is_judged_field_by_field() {
    let faults = |config: serde_json::Value| {
        let spec: AgentSpec = serde_json::from_value(json!({
            "id": "a", "name": "A", "inputs": inputs(), "outputs": [{"name": "o"}], "config": config,
        }))
        .unwrap();
        spec.problems().into_iter().map(|problem| problem.field.unwrap_or_default()).collect::<Vec<_>>().join(" ")
    };
    let post = |more: serde_json::Value| {
        let mut config = json!({"kind": "http", "method": "POST", "url": "https://h/"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let table = [
        (post(json!({"body": r#"{"t": "{{ text }}"}"#})), ""),
        (post(json!({"url": "https://{{ text }}/"})), "config.url"),
        (post(json!({"url": "https://h/{{ nope }}"})), "config.url"),
        (post(json!({"headers": {"X-A": "{{ text }}"}})), ""),
        (post(json!({"headers": {"X-A": "{{ nope }}"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X-A": "é"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X-A": "a\nb"}})), "config.headers.X-A"),
        (post(json!({"headers": {"X {{ text }}": "a"}})), "config.headers.X {{ text }}"),
        (post(json!({"headers": {"Host": "a"}})), "config.headers.Host"),
        (post(json!({"headers": {"x-a": "1", "X-A": "2"}})), "config.headers.x-a"),
        (post(json!({"headers": {"Content-Type": "{{ text }}"}})), "config.headers"),
        (
            post(json!({"headers": {"Content-Type": "multipart/form-data; boundary=x"}, "body": "{{ text }}"})),
            "config.headers",
        ),
        (post(json!({"body": r#"{"t": "{{ text }}}"#})), "config.body"),
        (post(json!({"headers": {"Content-Type": "text/plain"}, "body": r#"{"t": "{{ text }}}"#})), ""),
        (json!({"kind": "llm", "prompt": "x", "system": "{{ nope }}"}), "config.system"),
        (json!({"kind": "llm", "prompt": "{% if nope %}{% endif %}"}), "config.prompt"),
        (json!({"kind": "template", "template": "{{ text"}), "config.template"),
        (json!({"kind": "human", "instructions": "{{ nope }}"}), "config.instructions"),
    ];
    for (config, expected) in table {
        assert_eq!(faults(config.clone()), expected, "{config}");
    }
}

#[test]
fn what_a_body_is_follows_from_its_type_or_its_form() {
    let kind = |content_type: Option<&str>, body: &str| {
        let headers = content_type.map(|value| ("content-TYPE".to_owned(), value.to_owned())).into_iter().collect();
        HttpConfig { headers, body: body.to_owned(), ..HttpConfig::default() }.body_kind(&inputs())
    };
    for (content_type, body, expected) in [
        (Some("application/json"), "{{ text }}", BodyKind::Json),
        (Some("Application/Problem+JSON; charset=utf-8"), "", BodyKind::Json),
        (Some("application/x-ndjson"), "", BodyKind::JsonLines),
        (Some("application/x-www-form-urlencoded"), "{", BodyKind::Form),
        (Some("application/soap+xml"), "", BodyKind::Xml),
        (Some("text/plain"), r#"{"a": 1}"#, BodyKind::Text),
        (None, " {\"a\": {{ text }}}", BodyKind::Json),
        (None, "{% if free %}[1]{% else %}[2]{% endif %}", BodyKind::Json),
        (None, "{{ person }}", BodyKind::Json),
        (None, "{{ text }}", BodyKind::Text),
        (None, "{{ text }}: {", BodyKind::Text),
        (None, "hello", BodyKind::Text),
    ] {
        assert_eq!(kind(content_type, body), Ok(expected), "{content_type:?} {body}");
    }
}
