//! Where two documents differ, as a short list of fields. For people to read: the whole of it is in the two documents.
//! Must never cost more than the documents do, whatever their keys and values are.

use serde_json::Value;

use super::path::{Path, Segment};

/// More is a rewrite, which nobody reads field by field.
const MOST: usize = 12;
/// What says who decides, what is called and what acts outside: told before all else, so that nothing hides it.
const WEIGHTY: [&str; 3] = ["review", "side_effects", "agent_id"];
const WEIGHTY_OF_CONFIG: [&str; 3] = ["url", "method", "headers"];

/// The paths whose values differ, such as `steps.draft.prompt`; the weighty ones first.
pub(super) fn paths(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Found::default();
    walk(&mut Path::default(), before, after, &mut found);
    let Found { mut weighty, others, n } = found;
    weighty.extend(others);
    weighty.truncate(MOST);
    if n > weighty.len() {
        weighty.push(format!("and {} more", n - weighty.len()));
    }
    weighty
}

/// The first differences of each sort, and how many there are.
#[derive(Default)]
struct Found {
    weighty: Vec<String>,
    others: Vec<String>,
    n: usize,
}

impl Found {
    fn push(&mut self, path: &Path<'_>) {
        self.n += 1;
        let list = if is_weighty(path.segments()) { &mut self.weighty } else { &mut self.others };
        if list.len() < MOST {
            list.push(path.told());
        }
    }
}

fn is_weighty(path: &[Segment<'_>]) -> bool {
    path.iter().any(|segment| is_in(segment, &WEIGHTY))
        || path.windows(2).any(|pair| is_in(&pair[0], &["config"]) && is_in(&pair[1], &WEIGHTY_OF_CONFIG))
}

fn is_in(segment: &Segment<'_>, names: &[&str]) -> bool {
    matches!(segment, Segment::Key(key) if names.contains(key))
}

fn walk<'a>(path: &mut Path<'a>, before: &'a Value, after: &'a Value, found: &mut Found) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                path.below(Segment::Key(key), |path| match after.get(key) {
                    Some(other) => walk(path, value, other, found),
                    None => found.push(path),
                });
            }
            for key in after.keys().filter(|key| !before.contains_key(*key)) {
                path.below(Segment::Key(key), |path| found.push(path));
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (n, (value, other)) in before.iter().zip(after).enumerate() {
                path.below(Segment::Index(n), |path| walk(path, value, other, found));
            }
        }
        (before, after) if before != after => found.push(path),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_told_by_its_field() {
        let before = json!({"name": "A", "steps": {"a": {"prompt": "x", "depends_on": ["b"]}, "gone": {}}});
        let after = json!({"name": "A", "steps": {"a": {"prompt": "y", "depends_on": []}, "new": {}}});
        let told = paths(&before, &after);
        assert_eq!(told, ["steps.a.prompt", "steps.a.depends_on", "steps.gone", "steps.new"]);
        assert!(paths(&after, &after).is_empty());
        let many: Value = (0..40).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let told = paths(&json!({}), &many);
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST + 1, Some("and 28 more")));
    }

    #[test]
    fn what_is_weighty_is_told_first_however_much_there_is() {
        let step = |review: &str| {
            let mut steps: serde_json::Map<String, Value> =
                (0..40).map(|n| (format!("s{n}"), json!({"prompt": review}))).collect();
            steps.insert("last".into(), json!({"agent_id": "a", "review": {"mode": review}}));
            json!({"steps": steps})
        };
        assert_eq!(paths(&step("always"), &step("never"))[0], "steps.last.review.mode");
        let config = |url: &str| json!({"name": url, "config": {"body": url, "url": url}});
        assert_eq!(paths(&config("a"), &config("b")), ["config.url", "name", "config.body"]);
    }

    #[test]
    fn long_keys_and_many_values_cost_little() {
        let values = |first: usize| -> Value {
            let all: Vec<Value> = (first..first + 200_000).map(|n| json!(n)).collect();
            let enums = serde_json::Map::from_iter([("k".repeat(1_000_000), json!({"enum": all}))]);
            enums.into()
        };
        let began = std::time::Instant::now();
        let told = paths(&values(0), &values(1));
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST + 1, Some("and 199988 more")));
        assert!(told.iter().all(|path| path.len() < 100), "{told:?}");
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
