//! No template can take the server down: whatever it does to large inputs, and however often, it ends within its budget, and at
//! once when nobody waits for it. The operations are those of the engine's own source, one by one.

use std::time::{Duration, Instant};

use agents::{AgentContext, Providers, StepInput};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde_json::{Map, Value, json};
use workflow::status::Reason;

use crate::{
    support::{context, registry},
    template::input,
};

/// Processor time that one child may take, which it takes to start included: somewhat more than what ends it.
const MOST_CPU_MS: i64 = 3_500;
/// The same for statements, far below what ends a child: each has its price, and the clock alone does not pass for one.
const MOST_PRICED_MS: i64 = 1_000;
/// Even where other tests want the processor too.
const MOST_WALL: Duration = Duration::from_secs(25);
/// Resident memory of the largest child.
const MOST_KIB: i64 = 400 * 1024;

/// Expressions, each of which may go through the whole of `text`, `same` or `list`.
const OPERATIONS: [&str; 133] = [
    // Parts.
    "text[-1]",
    "text[4000000]",
    "text[i]",
    "list[-1]",
    "list[i]",
    "(list|reverse)[-1]",
    "(list|reverse)[99999]",
    "table['k99999']",
    "table[text]",
    "table.missing is defined",
    "text[1:]",
    "text[:-1]",
    "text[-2:-1]",
    "text[::2]",
    "text[::-1]",
    "text[::-4000000]",
    "list[1:]|first",
    "list[99999:]|first",
    "list[::-1]|last",
    "list[::2]|list",
    "list[-2:-1]|first",
    // Operators.
    "text ~ 'x'",
    "'x' ~ list",
    "text == same",
    "text != same",
    "text < same",
    "text <= same",
    "text > same",
    "text >= same",
    "text < same < text",
    "text == same == text",
    "list == other",
    "list < other",
    "table == mirror",
    "table < mirror",
    "'b' in text",
    "same in text",
    "(text ~ 'b') in text",
    "list in text",
    "text in list",
    "text in texts",
    "text not in texts",
    "list in table",
    "text in table",
    "'zz' in list",
    "not text",
    "text and same",
    "text or same",
    "(text|length) + i",
    "(text|int(0)) * i",
    "-(text|length)",
    "i ** 3",
    "text if list else same",
    // Filters.
    "text|length|abs",
    "list|batch(2)|length",
    "text|bool",
    "text|capitalize",
    "text|count",
    "text|default('x', true)",
    "table|dictsort|first",
    "text|first",
    "list|first",
    "text|float(0.0)",
    "table|groupby('x')|length",
    "rows|groupby('x')|length",
    "text|indent(8)",
    "text|int(0)",
    "table|items|first",
    "list|join(',')",
    "text|join(',')",
    "texts|join(text)",
    "text|last",
    "list|last",
    "text|length",
    "list|length",
    "text|lines",
    "text|list",
    "list|list",
    "text|lower",
    "list|map('string')|first",
    "texts|map('upper')|first",
    "rows|map(attribute='x')|first",
    "list|max",
    "texts|max",
    "text|min",
    "list|reject('odd')|first",
    "texts|reject('eq', same)|list",
    "rows|rejectattr('x')|list",
    "text|replace('b', 'c')",
    "text|replace(same, same)",
    "text|reverse",
    "list|reverse|first",
    "text|length|round(2)",
    "text|safe",
    "list|select('odd')|first",
    "texts|select('eq', same)|list",
    "rows|selectattr('x', 'eq', text)|list",
    "list|slice(3)|first",
    "list|sort|first",
    "texts|sort|first",
    "text|split('b')|length",
    "text|split(same)|length",
    "text|string",
    "list|string",
    "list|sum",
    "text|title",
    "list|tojson",
    "text|tojson(indent=2)",
    "text|trim",
    "text|trim('a')",
    "text|truncate(4000000)",
    "list|unique|length",
    "texts|unique|length",
    "text|upper",
    "text|urlencode",
    "text|wordcount",
    "text|words|first",
    "list|length is divisibleby(3)",
    // Numbers of a million digits.
    "digits == likewise",
    "digits < likewise < digits",
    "digits + 1",
    "-digits",
    "digits|abs",
    "digits|float",
    "digits|int",
    "digits|round(2)",
    "digits|string",
    "digits is divisibleby(7)",
    "digits is even",
    "digits is integer",
    "digits in numbers",
    "numbers|sort|first",
    "numbers|unique|length",
];

/// Tests of a value, and statements, each with its own form.
const STATEMENTS: [&str; 42] = [
    "{% if text is boolean %}{% endif %}",
    "{% if text is defined %}{% endif %}",
    "{% if text is divisibleby(2) %}{% endif %}",
    "{% if text is endingwith(same) %}{% endif %}",
    "{% if text is eq(same) %}{% endif %}",
    "{% if list is eq(other) %}{% endif %}",
    "{% if list is even %}{% endif %}",
    "{% if text is false %}{% endif %}",
    "{% if text is float %}{% endif %}",
    "{% if text is ge(same) %}{% endif %}",
    "{% if text is gt(same) %}{% endif %}",
    "{% if same is in(text) %}{% endif %}",
    "{% if text is in(texts) %}{% endif %}",
    "{% if 'zz' is in(list) %}{% endif %}",
    "{% if list is integer %}{% endif %}",
    "{% if text is iterable %}{% endif %}",
    "{% if table is iterable %}{% endif %}",
    "{% if text is le(same) %}{% endif %}",
    "{% if list is lt(other) %}{% endif %}",
    "{% if table is mapping %}{% endif %}",
    "{% if text is ne(same) %}{% endif %}",
    "{% if text is none %}{% endif %}",
    "{% if text is number %}{% endif %}",
    "{% if text is odd %}{% endif %}",
    "{% if list is sequence %}{% endif %}",
    "{% if text is startingwith(same) %}{% endif %}",
    "{% if text is string %}{% endif %}",
    "{% if text is true %}{% endif %}",
    "{% if text is undefined %}{% endif %}",
    "{% for c in text %}{% break %}{% endfor %}",
    "{% for c in text|reverse %}{% break %}{% endfor %}",
    "{% for x in list %}{% break %}{% endfor %}",
    "{% for x in list|reverse %}{{ loop.last }}{% break %}{% endfor %}",
    "{% for k in table %}{% break %}{% endfor %}",
    "{% for k, v in table|items %}{% break %}{% endfor %}",
    "{% for x in list if x %}{% break %}{% endfor %}",
    "{% for x in list[1:][1:][1:] %}{% break %}{% endfor %}",
    "{% set x = text ~ same %}",
    "{% with x = list|list %}{% endwith %}",
    "{{ text }}",
    "{{ list }}",
    "{{ loop.cycle(text, same) }}",
];

fn values() -> Map<String, Value> {
    let text = "ab".repeat(2 * 1024 * 1024);
    let list: Vec<i64> = (0..100_000).collect();
    let table: Map<String, Value> = (0..100_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let large = &text[..text.len() / 8];
    let digits = serde_json::Number::from_string_unchecked(format!("{}.5", "7".repeat(1_000_000)));
    let Value::Object(values) = json!({
        "text": text, "same": text, "list": list, "other": list, "table": table, "mirror": table,
        "texts": vec![large; 8], "rows": vec![json!({"x": 1}); 20_000],
        "digits": digits, "likewise": digits, "numbers": vec![json!(digits); 8],
    }) else {
        unreachable!()
    };
    values
}

/// Only what a template names, since passing the rest on would take most of the time.
fn named(template: &str, values: &Map<String, Value>) -> Value {
    values
        .iter()
        .filter(|(name, _)| template.contains(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What children took so far: milliseconds of processor time, and KiB of the largest.
fn children() -> (i64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    (usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds(), usage.max_rss())
}

async fn explode(input: StepInput, shown: &str, most_ms: i64) {
    let agent = registry(Providers::default()).for_kind("template").unwrap();
    let (before, _) = children();
    let started = Instant::now();
    let result = agent.run(input, &context()).await;
    let (elapsed, (after, peak)) = (started.elapsed(), children());
    println!("{:>5} ms of processor, {:>5} ms  {shown}", after - before, elapsed.as_millis());
    if let Err(error) = &result {
        assert!(matches!(error.class, Reason::Template | Reason::OutputTooLarge), "{shown} gave {error:?}");
    }
    assert!(after - before < most_ms, "{shown} took {} ms of processor", after - before);
    assert!(elapsed < MOST_WALL, "{shown} took {elapsed:?}");
    assert!(peak < MOST_KIB, "{shown} took {peak} KiB");
}

#[tokio::test]
async fn every_operation_on_large_values_ends_within_its_budget() {
    let values = values();
    for operation in OPERATIONS {
        let bomb = format!("{{% for i in range(100000) %}}{{% if {operation} %}}{{% endif %}}{{% endfor %}}");
        explode(input(&bomb, named(&bomb, &values)), operation, MOST_CPU_MS).await;
    }
}

#[tokio::test]
async fn every_statement_on_large_values_ends_within_its_budget() {
    let values = values();
    for statement in STATEMENTS {
        let bomb = format!("{{% for i in range(100000) %}}{statement}{{% endfor %}}");
        explode(input(&bomb, named(&bomb, &values)), statement, MOST_PRICED_MS).await;
    }
}

#[tokio::test]
async fn no_template_can_exhaust_time_or_memory() {
    let values = json!({ "text": "a".repeat(4 * 1024 * 1024) });
    for bomb in bombs() {
        explode(input(&bomb, values.clone()), &bomb.chars().take(100).collect::<String>(), MOST_CPU_MS).await;
    }
}

/// The ids of this process's children.
fn child_ids() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let ids = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    ids.flat_map(|ids| ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// Whether a child has got so far that it does what the template says: it took half a second of processor.
fn is_at_work(id: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { return false };
    let after_name = stat.rsplit_once(')').unwrap().1;
    // In hundredths of a second, the twelfth after the name.
    after_name.split_whitespace().nth(11).is_some_and(|ticks| ticks.parse::<u64>().unwrap() >= 50)
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_bomb_ends_at_once_when_it_is_cancelled_or_forgotten() {
    let bomb = "{% for i in range(100000) %}{% if text[-2:-1] %}{% endif %}{% endfor %}";
    let values = json!({ "text": "a".repeat(4 * 1024 * 1024) });
    let agent = registry(Providers::default()).for_kind("template").unwrap();
    for is_cancelled in [true, false] {
        let context = AgentContext { cancel: tokio_util::sync::CancellationToken::new(), ..context() };
        let cancel = context.cancel.clone();
        let (agent, input) = (agent.clone(), input(bomb, values.clone()));
        let attempt = tokio::spawn(async move { agent.run(input, &context).await });
        until("the child is at work", || child_ids().into_iter().any(is_at_work)).await;
        let started = Instant::now();
        if is_cancelled {
            cancel.cancel();
            assert_eq!(attempt.await.unwrap().unwrap_err().class, Reason::Stopped);
        } else {
            attempt.abort();
            assert!(attempt.await.unwrap_err().is_cancelled());
        }
        until("the child is gone", || child_ids().is_empty()).await;
        assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_child_sees_no_environment_and_has_little_of_everything() {
    let bomb = "{% for i in range(100000) %}{% if text[-2:-1] %}{% endif %}{% endfor %}";
    let input = input(bomb, json!({ "text": "a".repeat(4 * 1024 * 1024) }));
    let agent = registry(Providers::default()).for_kind("template").unwrap();
    let attempt = tokio::spawn(async move { agent.run(input, &context()).await });
    until("the child is at work", || child_ids().into_iter().any(is_at_work)).await;
    // A process may hold children of other tests; all of them are bound alike.
    let id = child_ids().into_iter().find(|id| is_at_work(*id)).unwrap();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    assert_eq!(read("environ"), "", "keys of providers stand in the environment");
    let limits = read("limits");
    let hard = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    for (name, expected) in [
        ("Max cpu time", "3"),
        ("Max address space", "536870912"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max open files", "3"),
        ("Max processes", "0"),
    ] {
        assert_eq!(hard(name), expected, "{name}");
    }
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());
}

/// Templates that grow, loop or nest without end.
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
