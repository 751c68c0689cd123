//! Numbers in templates: written as they came, equal and in order by value in everything that compares, as a table for each filter,
//! test and operator of the engine that could see the difference.

use serde_json::Value as Json;

use super::*;

fn values() -> BTreeMap<String, Json> {
    let text = r#"{
        "l": [3, 1, 2.50, 10, 1.10, 2, 2.5, -1.5, 100],
        "mixed": [3, 1, 2.50, "x", null, true, 1.0, false, 0, "X", 25e-1],
        "rows": [{"n": "a", "p": 3}, {"n": "b", "p": 1.10}, {"n": "c", "p": 10}, {"n": "d", "p": 1.1}, {"n": "e", "p": 11e-1}],
        "large": [100000000000000000002, 100000000000000000001, 1e20, 12345678901234567.90, 12345678901234567.89],
        "flags": [{"k": true}, {"k": 1}, {"k": 1.0}, {"k": false}, {"k": 0}, {"k": -0.0}],
        "price": 1.10, "same": 1.1, "big": 100000000000000000001, "long": 12345678901234567.89, "longer": 12345678901234567.90,
        "power": 1e2, "two": 2.00, "flag": true, "none": null, "half": 25e-1, "tiny": 1e-5, "wide": 1e30, "huge": 1E400,
        "spellings": [1E2, 1e+02, 1.0E-7, -0, -0.0, 1E400],
        "list": [1.10, 2.50, 3], "map": {"a": 3, "b": 1.10, "c": 10}, "lists": [[2.50, 1], [2.5, 1.0], [2.50, 0.5]],
        "same_map": {"c": 1e1, "b": 1.1, "a": 3.0}, "text": "abcdef"
    }"#;
    let value = workflow::json::parse(text, workflow::json::Bounds::VALUE).unwrap();
    let Json::Object(map) = value else { unreachable!() };
    map.into_iter().collect()
}

/// What a template becomes, also where it may run in this process.
fn rendered(source: &str) -> String {
    let parsed = grammar::parse(source).unwrap_or_else(|fault| panic!("{source}: {}", fault.reason));
    let told = |is_careful| match run(source, &parsed, &values(), Insert::AsIs, SANDBOX_FUEL, is_careful) {
        Ok(text) => text,
        Err(fault) => explain("The prompt", source, &[], &fault).message,
    };
    let text = told(true);
    if matches!(&parsed, Stmt::Template(template) if plain::is_plain(&template.children)) {
        assert_eq!(told(false), text, "{source} in this process");
    }
    text
}

fn check(table: &[(&str, &str)]) {
    for (source, expected) in table {
        assert_eq!(rendered(source), *expected, "{source}");
    }
}

#[test]
fn a_number_keeps_its_digits_wherever_it_is_written() {
    check(&[
        (
            "{{ price }} {{ big }} {{ long }} {{ power }} {{ list }}",
            "1.10 100000000000000000001 12345678901234567.89 1e2 [1.10,2.50,3]",
        ),
        (
            "{{ spellings }} {{ spellings[3] == 0 }} {{ spellings[1] == power }}",
            "[1E2,1e+02,1.0E-7,-0,-0.0,1E400] true true",
        ),
        ("{{ price|tojson }} {{ price ~ '!' }} {{ list|join('/') }} {{ price|string }}", "1.10 1.10! 1.10/2.50/3 1.10"),
        (
            "{{ tiny }} {{ tiny|trim }} {{ wide|upper }} {{ wide ~ '' }} {{ tiny|urlencode }}",
            "1e-5 1e-5 1E30 1e30 1e-5",
        ),
        ("{{ price|default(1) }} {{ none|default(2.50) }} {{ missing|default(1e3) }}", "1.10 2.50 1e3"),
        (
            "{{ price|replace('.', ',') }} {{ price|trim }} {{ price|safe }} {{ price|capitalize }} {{ price|title }}",
            "1,10 1.10 1.10 1.10 1.10",
        ),
        (
            "{{ l|first }} {{ l|last }} {{ l|reverse|first }} {{ list|list }} {{ list[1:] }}",
            "3 100 100 [1.10,2.50,3] [2.50,3]",
        ),
        (
            "{{ list|batch(2)|list }} {{ list|slice(2)|list }} {{ map|items|list }}",
            r#"[[1.10,2.50],[3]] [[1.10,2.50],[3]] [["a",3],["b",1.10],["c",10]]"#,
        ),
        ("{{ rows|map(attribute='p')|list }} {{ list|map('string')|join(' ') }}", "[3,1.10,10,1.1,11e-1] 1.10 2.50 3"),
        ("{% for x in list %}{{ loop.cycle(price, two) }} {{ x }};{% endfor %}", "1.10 1.10;2.00 2.50;1.10 3;"),
        (
            "{{ flag|trim }} {{ none|upper }} {{ flag|replace('t', 'T') }} {{ list|lower }}",
            "true NULL True [1.10,2.50,3]",
        ),
    ]);
}

#[test]
fn a_constant_is_written_as_its_author_wrote_it() {
    check(&[
        (
            "{{ 1.10 }} {{ 1e3 }} {{ 1E2 }} {{ 100000000000000000001 }} {{ 12345678901234567.89 }}",
            "1.10 1e3 1E2 100000000000000000001 12345678901234567.89",
        ),
        (
            "{{ -1.10 }} {{ -2 }} {{ -2.5 }} {{ - 1e3 }} {{ [1.10, 2.50] }} {{ (1.10, 2) }} {{ {'a': 1.10} }}",
            r#"-1.10 -2 -2.5 -1e3 [1.10,2.50] [1.10,2] {"a":1.10}"#,
        ),
        (
            "{% set x = 2.50 %}{{ x }} {{ 1.10 ~ '' }} {{ 1.10|string }} {{ 'a' ~ true ~ none }}",
            "2.50 1.10 1.10 atruenull",
        ),
        (
            "{{ 1_000 }} {{ 0x10 }} {{ 1.10 if flag else 2 }} {{ 1.50 + 1 }} {{ 1e2|int }} {{ 2.00 * 3 }}",
            "1000 16 1.10 2.5 100 6.0",
        ),
        (
            "{{ 1.10 == 1.1 }} {{ 1.10 < 1.2 }} {{ 1.10 in [1.1, 2] }} {{ 1.0 < 1.10 < 1.2 }} {{ 10.0 > 9 }} {{ 1e1 > 9 }}",
            "true true true true true true",
        ),
    ]);
}

#[test]
fn operators_go_by_value() {
    check(&[
        (
            "{{ price > 1 }} {{ price < 1.2 }} {{ 1 <= price }} {{ price == 1.1 }} {{ price == same }} {{ price != 2 }} {{ price >= same }}",
            "true true true true true true true",
        ),
        (
            "{{ long < longer }} {{ long == longer }} {{ big > 100000000000000000000 }} {{ power == 100 }}",
            "true false true true",
        ),
        (
            "{{ 1 < price < 2 }} {{ long < longer < big }} {{ long == longer == long }} {{ 1 < price > 2 }}",
            "true true false false",
        ),
        (
            "{{ 1.1 in list }} {{ 9 in list }} {{ 9 not in list }} {{ half in l }} {{ '1.10' in list }} {{ price in 'costs 1.10' }}",
            "true false true true false true",
        ),
        (
            "{{ map == same_map }} {{ lists[0] == lists[1] }} {{ lists[0] != lists[2] }} {{ lists[1] > lists[2] }} {{ lists[0] in lists }} {{ map == rows[0] }} {{ list == l }}",
            "true true true true true false false",
        ),
        (
            "{{ flag == 1 }} {{ 1 == true }} {{ flag == true }} {{ 1 in [true, 2] }} {{ false == 0 }} {{ none == 0 }} {{ flag != 1 }}",
            "false false true false false false true",
        ),
        (
            "{{ -price }} {{ -l[0] }} {{ -half }} {{ -(l|length) }} {{ -big }} {{ -long }}",
            "-1.10 -3 -25e-1 -9 -100000000000000000001 -12345678901234567.89",
        ),
        (
            "{{ price|float * 2 }} {{ price - 0.1 }} {{ power + 1 }} {{ price / 2 }} {{ power // 3 }} {{ power % 7 }} {{ two ** 3 }}",
            "2.2 1.0 101.0 0.55 33.0 2.0 8.0",
        ),
        (
            "{{ l[two] }} {{ text[two:] }} {{ text[:2.00] }} {{ list[0e0] }} {% if price %}x{% endif %}{% if spellings[4] %}y{% endif %}",
            "2.50 cdef ab 1.10 x",
        ),
        (
            "{% for i in range(two) %}{{ i }}{% endfor %} {{ range(1e0, 4.0)|list }} {% for i in range(two, 5e0, two) %}{{ i }}{% endfor %}",
            "01 [1,2,3] 24",
        ),
        (
            "{% set nan = 'nan'|float %}{{ nan == nan }} {{ nan != nan }} {{ nan < 1 }} {{ nan >= nan }} {{ 'inf'|float > huge }}",
            "false true false false true",
        ),
    ]);
}

#[test]
fn lists_are_sorted_and_told_apart_by_value() {
    check(&[
        ("{{ l|sort }}", "[-1.5,1,1.10,2,2.50,2.5,3,10,100]"),
        ("{{ l|sort(reverse=true) }}", "[100,10,3,2.50,2.5,2,1.10,1,-1.5]"),
        (
            "{{ large|sort }}",
            "[12345678901234567.89,12345678901234567.90,1e20,100000000000000000001,100000000000000000002]",
        ),
        (
            "{{ l|max }} {{ l|min }} {{ large|max }} {{ large|min }} {{ list|max }}",
            "100 -1.5 100000000000000000002 12345678901234567.89 3",
        ),
        ("{{ (rows|max(attribute='p')).n }} {{ (rows|min(attribute='p')).n }}", "c b"),
        ("{{ l|unique }} {{ large|unique|length }}", "[3,1,2.50,10,1.10,2,-1.5,100] 5"),
        ("{{ mixed|unique }}", r#"[3,1,2.50,"x",null,true,false,0]"#),
        ("{{ mixed|unique(case_sensitive=true) }}", r#"[3,1,2.50,"x",null,true,false,0,"X"]"#),
        ("{{ lists|unique }} {{ lists|sort|first }} {{ lists|max }}", "[[2.50,1],[2.50,0.5]] [2.50,0.5] [2.50,1]"),
        ("{{ rows|unique(attribute='p')|map(attribute='n')|join }}", "abc"),
        (
            "{{ rows|sort(attribute='p')|map(attribute='n')|join }} {{ rows|sort(attribute='p', reverse=true)|map(attribute='n')|join }}",
            "bdeac cabde",
        ),
        ("{{ rows|sort(attribute='p,n', reverse=true)|map(attribute='n')|join }}", "caedb"),
        (
            "{% for p, rs in rows|groupby('p') %}{{ p }}={{ rs|map(attribute='n')|join }};{% endfor %}",
            "1.10=bde;3=a;10=c;",
        ),
        (
            "{% for g in rows|groupby('p') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %} {{ rows|groupby('p')|first|last|length }}",
            "1.10:3;3:1;10:1; 3",
        ),
        ("{% for k, xs in flags|groupby('k') %}{{ k }}:{{ xs|length }};{% endfor %}", "false:1;true:1;0:2;1:2;"),
        (
            "{{ map|dictsort(by='value') }} {{ map|dictsort(by='value', reverse=true)|first }} {{ same_map|dictsort|first }}",
            r#"[["b",1.10],["a",3],["c",10]] ["c",10] ["a",3.0]"#,
        ),
        ("{{ mixed|sort }}", r#"[null,false,true,0,1,1.0,2.50,25e-1,3,"x","X"]"#),
    ]);
}

#[test]
fn tests_go_by_value_alone_and_in_filters() {
    for (test, chosen) in [
        ("'gt', 2", "[3,2.50,10,2.5,100]"),
        ("'>', 2", "[3,2.50,10,2.5,100]"),
        ("'greaterthan', 2.00", "[3,2.50,10,2.5,100]"),
        ("'ge', 2.5", "[3,2.50,10,2.5,100]"),
        ("'>=', half", "[3,2.50,10,2.5,100]"),
        ("'lt', 1.1", "[1,-1.5]"),
        ("'<', 1.10", "[1,-1.5]"),
        ("'lessthan', same", "[1,-1.5]"),
        ("'le', 1.1", "[1,1.10,-1.5]"),
        ("'<=', price", "[1,1.10,-1.5]"),
        ("'eq', 2.5", "[2.50,2.5]"),
        ("'==', half", "[2.50,2.5]"),
        ("'equalto', 2.50", "[2.50,2.5]"),
        ("'ne', 2.5", "[3,1,10,1.10,2,-1.5,100]"),
        ("'!=', 2.50", "[3,1,10,1.10,2,-1.5,100]"),
        ("'in', list", "[3,2.50,1.10,2.5]"),
        ("'integer'", "[3,1,10,2,100]"),
        ("'int'", "[3,1,10,2,100]"),
        ("'float'", "[2.50,1.10,2.5,-1.5]"),
        ("'even'", "[10,2,100]"),
        ("'odd'", "[3,1]"),
        ("'divisibleby', 5.0", "[10,100]"),
        ("'number'", "[3,1,2.50,10,1.10,2,2.5,-1.5,100]"),
        ("'string'", "[]"),
        ("'boolean'", "[]"),
        ("'none'", "[]"),
        ("'true'", "[]"),
        ("'startingwith', '2.5'", "[2.50,2.5]"),
        ("'endingwith', '0'", "[2.50,10,1.10,100]"),
    ] {
        assert_eq!(rendered(&format!("{{{{ l|select({test}) }}}}")), chosen, "{test}");
        let rest = rendered(&format!("{{{{ l|reject({test})|length }}}} {{{{ l|select({test})|length }}}}"));
        let lengths: Vec<usize> = rest.split(' ').map(|n| n.parse().unwrap()).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 9, "{test}");
    }
    check(&[
        (
            "{{ rows|selectattr('p', 'lt', 3)|map(attribute='n')|join }} {{ rows|rejectattr('p', 'lt', 3)|map(attribute='n')|join }}",
            "bde ac",
        ),
        (
            "{{ rows|selectattr('p', 'in', list)|map(attribute='n')|join }} {{ rows|rejectattr('p', 'eq', 1.1)|map(attribute='n')|join }}",
            "abde ac",
        ),
        (
            "{{ flags|selectattr('k', 'eq', 1)|length }} {{ flags|selectattr('k', 'eq', true)|length }} {{ flags|selectattr('k')|length }}",
            "2 1 3",
        ),
        (
            "{{ price is gt(1) }} {{ price is eq(same) }} {{ long is eq(longer) }} {{ long is lt(longer) }} {{ price is in(list) }} {{ price is in([1.1]) }} {{ 1 is in(5) }}",
            "true true false true true true false",
        ),
        (
            "{{ power is integer }} {{ two is integer }} {{ two is float }} {{ price is float }} {{ big is integer }} {{ big is odd }} {{ power is even }}",
            "true true false true true true true",
        ),
        (
            "{{ power is divisibleby(5) }} {{ big is divisibleby(7) }} {{ 21 is divisibleby(7.0) }} {{ price is number }} {{ '1' is number }}",
            "true false true true false",
        ),
        ("{{ missing is eq(1) }} {{ missing is in(list) }} {{ none is lt(1) }}", "false false true"),
    ]);
}

#[test]
fn calculating_filters_lose_no_more_than_they_must() {
    check(&[
        (
            "{{ list|sum }} {{ l|sum }} {{ [100000000000000000001, 1]|sum }} {{ rows|sum(attribute='p') }}",
            "6.6 120.6 100000000000000000002 16.3",
        ),
        (
            "{{ price|round }} {{ half|round }} {{ price|round(1e0) }} {{ long|round(1) }} {{ long|round(1, 'floor') }} {{ long|round(method='ceil') }}",
            "1.0 2.0 1.1 12345678901234567.9 12345678901234567.8 12345678901234568",
        ),
        (
            "{{ price|int }} {{ power|int }} {{ long|int }} {{ wide|int }} {{ '12345678901234567.89'|int }} {{ '0x1f'|int(base=16) }} {{ 'x'|int(7) }} {{ 'x'|int(default=1.10) }}",
            "1 100 12345678901234567 1000000000000000000000000000000 12345678901234567 31 7 1.10",
        ),
        (
            "{{ -price|abs }} {{ (-price)|abs }} {{ (-long)|abs }} {{ (-l[0])|abs }} {{ l|map('abs')|min }}",
            "1.10 1.10 12345678901234567.89 3 1",
        ),
        (
            "{{ price|float }} {{ power|float }} {{ 'x'|float(2.50) }} {{ flag|int }} {{ price|bool }} {{ spellings[4]|bool }}",
            "1.1 100.0 2.50 1 true false",
        ),
        (
            "{{ list|batch(2.0)|length }} {{ list|slice(two)|length }} {{ text|truncate(5e0, true) }} {{ text|indent(two) }} {{ 'a b c'|split(' ', 1.0)|length }} {{ 'aaa'|replace('a', 'b', two) }}",
            "2 2 ab... abcdef 2 bba",
        ),
    ]);
}

#[test]
fn what_is_missing_is_no_empty_list_and_no_text() {
    for source in [
        "nope == 1",
        "1 < nope < 2",
        "-nope",
        "nope ~ 'x'",
        "nope in list",
        "1 in nope",
        "1 is in(nope)",
        "nope|sort",
        "nope|max",
        "nope|min",
        "nope|unique",
        "nope|groupby('p')",
        "nope|dictsort",
        "nope|sum",
        "nope|join",
        "nope|string",
        "nope|safe",
        "nope|urlencode",
        "nope|upper",
        "nope|trim",
        "nope|replace('a', 'b')",
        "nope|int",
        "list[nope]",
    ] {
        let told = rendered(&format!("{{{{ {source} }}}}"));
        assert!(told.starts_with("The prompt cannot be rendered: line 1: there is no `"), "{source} gives {told}");
    }
}

#[test]
fn templates_and_conditions_agree_on_what_is_equal_and_order_is_total() {
    let text = r#"[null, false, true, 0, -0, -0.0, 1, 1.0, 1.10, 1.1, 11e-1, 2.50, 1e2, 100, 1e400, -1e400, 1e-400, 1e30,
        1000000000000000000000000000000, 9223372036854775807, 9223372036854775808, 9223372036854775808.0, 1e23, 100000000000000000000000,
        12345678901234567.89, 12345678901234567.9, 12345678901234567.90, "", "1", "1.10", "a", [], [1], [1.0], [1, 2], [[1.10], null],
        [[1.1], null], {}, {"a": 1}, {"a": 1.0}, {"a": 1, "b": 2.50}, {"b": 2.5, "a": 1e0}, {"a": null}, {"b": null}]"#;
    let Json::Array(all) = workflow::json::parse(text, workflow::json::Bounds::VALUE).unwrap() else { unreachable!() };
    let values: Vec<Value> = all.iter().map(values::from_json).collect();
    for (a_json, a) in all.iter().zip(&values) {
        for (b_json, b) in all.iter().zip(&values) {
            let is_same = workflow::json::is_same(a_json, b_json);
            assert_eq!(compare::is_same(a, b), is_same, "{a_json} {b_json}");
            assert_eq!(compare::order(a, b).is_eq(), is_same, "{a_json} {b_json}");
            assert_eq!(compare::order(a, b), compare::order(b, a).reverse(), "{a_json} {b_json}");
            if let Some(order) = workflow::json::compare(a_json, b_json) {
                assert_eq!(compare::order(a, b), order, "{a_json} {b_json}");
            }
            for (c_json, c) in all.iter().zip(&values) {
                let is_between = compare::order(a, b).is_le() && compare::order(b, c).is_le();
                assert!(!is_between || compare::order(a, c).is_le(), "{a_json} {b_json} {c_json}");
            }
        }
    }
}
