//! Every part of a type that can be named by a path, for whoever offers them; and the type that a value has, where none was declared.
//! Bounded: a type may be as large as a definition, and nobody reads a list of thousands.

use serde_json::Value;

use super::{Kind, Schema};

const MAX_DEPTH: usize = 6;
const MAX_PARTS: usize = 100;

/// A part with its JSON Pointer.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub path: String,
    pub schema: Schema,
    /// It is one of the items of a list, or within one: there may be none.
    pub is_of_item: bool,
}

impl Schema {
    /// The parts, each before the parts of it; of a list its first item.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        self.collect("", false, 0, &mut parts);
        parts
    }

    fn collect(&self, path: &str, is_of_item: bool, depth: usize, parts: &mut Vec<Part>) {
        if depth == MAX_DEPTH {
            return;
        }
        let of_file = ["blob", "media_type", "name", "size"].into_iter().filter(|_| self.is_file());
        let of_file = of_file.filter_map(|name| Some((name, self.part(name).ok()?)));
        let named = self.properties.iter().map(|(name, schema)| (name.as_str(), schema.clone())).chain(of_file);
        let item = self.items.iter().filter(|_| self.kind == Some(Kind::Array)).map(|items| ("0", (**items).clone()));
        let within = named.map(|(name, schema)| (name, schema, is_of_item));
        for (name, schema, is_of_item) in within.chain(item.map(|(name, schema)| (name, schema, true))) {
            if parts.len() == MAX_PARTS {
                return;
            }
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            parts.push(Part { path: path.clone(), schema: schema.clone(), is_of_item });
            schema.collect(&path, is_of_item, depth + 1, parts);
        }
    }

    /// The type that a value has, with its parts; of a list that of its first item.
    #[must_use]
    pub fn like(value: &Value) -> Self {
        Self::like_within(value, 0)
    }

    fn like_within(value: &Value, depth: usize) -> Self {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        };
        let mut schema = Self::of(kind);
        if depth == MAX_DEPTH {
            return schema;
        }
        match value {
            Value::Array(items) => {
                schema.items = items.first().map(|item| Box::new(Self::like_within(item, depth + 1)));
            }
            Value::Object(fields) => {
                let fields = fields.iter().take(MAX_PARTS);
                schema.properties =
                    fields.map(|(name, value)| (name.clone(), Self::like_within(value, depth + 1))).collect();
            }
            _ => {}
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(schema: &Schema) -> Vec<String> {
        schema.parts().into_iter().map(|part| format!("{} {}", part.path, part.schema.type_name())).collect()
    }

    #[test]
    fn the_parts_of_an_object_and_of_the_items_of_a_list_are_named_each_with_its_type() {
        let schema: Schema = serde_json::from_value(json!({"type": "object", "properties": {
            "title": {"type": "string"}, "a/b": {"type": "number"},
            "sections": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}}}}))
        .unwrap();
        assert_eq!(
            paths(&schema),
            ["/title text", "/a~1b number", "/sections list", "/sections/0 object", "/sections/0/text text"]
        );
        assert_eq!(paths(&Schema::file()).len(), 4);
        assert!(Schema::text().parts().is_empty() && Schema::any().parts().is_empty());
    }

    #[test]
    fn a_type_of_any_size_gives_a_list_that_can_be_read() {
        let wide: serde_json::Map<String, Value> = (0..500).map(|n| (format!("f{n}"), json!(n))).collect();
        assert_eq!(Schema::like(&wide.into()).parts().len(), MAX_PARTS);
        let deep = (0..40).fold(json!("x"), |inner, _| json!({"in": inner}));
        assert_eq!(Schema::like(&deep).parts().len(), MAX_DEPTH);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true)), Just(Value::Null)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c~/]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_has_the_type_that_it_is_said_to_have_and_every_part_leads_to_its_own(value in any_value()) {
            let schema = Schema::like(&value);
            // Lists hold items of many types; what is said is of the first one.
            for part in schema.parts() {
                let found = schema.part_at(&part.path);
                prop_assert_eq!(found.as_ref(), Ok(&part.schema));
                prop_assert!(value.pointer(&part.path).is_some(), "{} in {value}", part.path);
                let there = value.pointer(&part.path).unwrap();
                prop_assert_eq!(Schema::like(there).kind, part.schema.kind);
            }
        }
    }
}
