//! Whatever a document holds, reading it ends, and what is read is written and read the same.

use proptest::prelude::*;

use super::*;

proptest! {
    /// Whatever a document holds, reading it ends, and what is read is written and read the same.
    #[test]
    fn reading_never_panics_and_writing_is_its_inverse(at in 0_usize..40, value in any_value()) {
        let mut file = file();
        let mut pointers = Vec::new();
        pointers_of("", &file, &mut pointers);
        let pointer = pointers[at * pointers.len() / 40].clone();
        *file.pointer_mut(&pointer).unwrap() = value;
        if let Ok(bundle) = read(&file) {
            let text = bundle.to_text().unwrap();
            let again = read(&serde_json::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(again.to_text().unwrap(), text);
            prop_assert_eq!(&again, &bundle);
            let _ = plan(&bundle, &nowhere());
        }
    }
}

fn pointers_of(at: &str, value: &Value, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers_of(&format!("{at}/{key}"), value, pointers)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| pointers_of(&format!("{at}/{n}"), value, pointers));
        }
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        "[a-z_]{0,8}".prop_map(Value::String),
        Just(json!("__proto__")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}
