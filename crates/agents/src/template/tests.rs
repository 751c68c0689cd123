//! What runs in this process, and what only in the sandbox.

mod numbers;

use serde_json::json;

use super::*;

/// Templates that are rendered without a sandbox, and those that are not.
#[test]
fn only_what_is_paid_for_runs_in_this_process() {
    let is_plain = |source: &str| match grammar::parse(source) {
        Ok(Stmt::Template(template)) => plain::is_plain(&template.children),
        other => panic!("{source}: {other:?}"),
    };
    for source in [
        "plain",
        "{{ text }} {{ a.b.c }} {{ a['b'] }} {{ list[0] }}",
        "{% if text and not notes %}{{ text|upper|trim }}{% elif n > 3 %}x{% else %}{{ 'a' if n == 1 else 'b' }}{% endif %}",
        "{% for row in rows %}{{ loop.index }}. {{ row.name|default('none') }}{% else %}none{% endfor %}",
        "{% for row in rows %}{% for cell in row.cells %}{{ cell|tojson }}{% endfor %}{% endfor %}",
        "{% for line in text|lines %}> {{ line }}{% endfor %}",
        "{% set x = text|trim %}{{ x }} {% if 'red' in tags %}r{% endif %}{% if kind in ['a', 'b'] %}k{% endif %}",
        "{{ tags|join(', ') }} {{ text|truncate(100) }} {{ n + 1 }} {{ n is odd }}",
    ] {
        assert!(is_plain(source), "{source}");
    }
    for source in [
        "{{ text[-1] }}",
        "{{ list[n] }}",
        "{{ list[100000] }}",
        "{{ text[1:] }}",
        "{{ a ~ b }}",
        "{% if text == same %}{% endif %}",
        "{% if a < b < c %}{% endif %}",
        "{% if text in list %}{% endif %}",
        "{% for i in range(3) %}{% endfor %}",
        "{% for a in list %}{% for c in text %}{% endfor %}{% endfor %}",
        "{% for a in list %}{% set a = text %}{% for c in a %}{% endfor %}{% endfor %}",
        "{% for a in list if a %}{% endfor %}",
        "{% for key, value in map|items %}{% endfor %}",
        "{{ list|sort|first }}",
        "{{ list|unique|length }}",
        "{{ list|map('upper')|join }}",
        "{{ text is eq(same) }}",
        "{{ text is in(list) }}",
        "{{ text|replace('a', same) }}",
        "{{ list is iterable }}",
    ] {
        assert!(!is_plain(source), "{source}");
    }
}

#[tokio::test]
async fn values_inserted_into_an_address_are_percent_encoded() {
    let values = BTreeMap::from([("text".to_owned(), json!("a b/c?d=é&..")), ("list".to_owned(), json!(["x y", 1]))]);
    let scope = Scope { values, names: Vec::new(), n_bytes: 0, sandbox: None };
    let table = [
        ("https://h/{{ text }}?q={{ text }}", "https://h/a%20b%2Fc%3Fd%3D%C3%A9%26..?q=a%20b%2Fc%3Fd%3D%C3%A9%26.."),
        ("{{ 'https://h/x'|safe }}/{{ 1 }}", "https://h/x/1"),
        ("h?{{ list }}", "h?%5B%22x%20y%22%2C1%5D"),
    ];
    for (template, expected) in table {
        assert_eq!(scope.render("The address", template, Insert::IntoUrl).await.unwrap(), expected, "{template}");
    }
}

#[tokio::test]
async fn without_a_sandbox_what_needs_one_is_refused() {
    let scope = Scope { values: BTreeMap::new(), names: Vec::new(), n_bytes: 0, sandbox: None };
    let error = scope.render("The prompt", "{{ range(3)|list }}", Insert::AsIs).await.unwrap_err();
    assert_eq!(error.message, "The prompt cannot be rendered: it needs the sandbox, which this process was not given");
}
