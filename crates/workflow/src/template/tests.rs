//! What is told about a template: as a table of template, what it becomes, and words.

use serde_json::json;

use super::*;

fn told(source: &str, target: Target) -> String {
    let schema = |schema| serde_json::from_value::<Schema>(schema).unwrap();
    let text = schema(json!({"type": "string"}));
    let parts = json!({"name": {"type": "string"}, "city": {"type": "string"}});
    let person = schema(json!({"type": "object", "properties": parts}));
    let people = schema(json!({"type": "array", "items": {"type": "object", "properties": {"name": {}}}}));
    let inputs = [("text", &text), ("person", &person), ("people", &people), ("free", &Schema::any())];
    check(source, &inputs, target).iter().map(|fault| fault.message(source)).collect::<Vec<_>>().join(" | ")
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
