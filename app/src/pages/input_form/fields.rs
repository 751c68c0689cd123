//! An object as fields: one for each property, objects in it as fields again, lists as rows. Pure.
//! The text that is kept is a JSON object of what stands in the controls, also while it does not fit yet; an object that fields cannot show
//! is left to JSON, no part of it lost.

use serde_json::{Map, Value};
use workflow::{
    json::{Bounds, parse},
    schema::{Kind, Schema},
};

use super::{
    rows::{Column, columns, read_list},
    value::{Control, control, read, text_of},
};

/// Of an object with more, all levels together, nobody reads a form.
const MOST_FIELDS: usize = 100;
const MISSING: &str = "Fill this in";

/// One property of an object.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Part {
    pub name: String,
    pub schema: Schema,
    pub control: Control,
    pub is_required: bool,
    /// Of a list that is shown as rows.
    pub columns: Vec<Column>,
    /// Of an object that is shown as fields.
    pub parts: Vec<Part>,
}

impl Part {
    fn read(&self, text: &str) -> Result<Option<Value>, String> {
        match self.control {
            Control::List => read_list(&self.columns, &self.schema, text),
            Control::Fields => read_fields(&self.parts, &self.schema, text),
            control => read(control, &self.schema, text),
        }
    }

    /// Whether it has to be filled in: an object of which everything may be left out is there without a word.
    fn is_wanted(&self) -> bool {
        self.is_required && !(self.control == Control::Fields && fits_empty(&self.schema))
    }
}

/// The fields of an object; none where it has no known properties, or more than a form is for.
pub(super) fn parts(object: &Schema) -> Option<Vec<Part>> {
    let mut n_left = MOST_FIELDS;
    parts_within(object, &mut n_left)
}

fn parts_within(object: &Schema, n_left: &mut usize) -> Option<Vec<Part>> {
    let is_known = object.kind == Some(Kind::Object) && object.choices.is_none() && object.format.is_empty();
    if !is_known || object.properties.is_empty() || object.required_elsewhere().next().is_some() {
        return None;
    }
    *n_left = n_left.checked_sub(object.properties.len())?;
    let part = |(name, schema): (&String, &Schema)| part(name, schema, object.required.contains(name), n_left);
    Some(object.properties.iter().map(part).collect())
}

fn part(name: &str, schema: &Schema, is_required: bool, n_left: &mut usize) -> Part {
    let columns = columns(schema).unwrap_or_default();
    let parts = parts_within(schema, n_left).unwrap_or_default();
    let control = match control(schema) {
        _ if !columns.is_empty() => Control::List,
        _ if !parts.is_empty() => Control::Fields,
        // A text file is typed or pasted here like any other text.
        Control::File => Control::Text,
        control => control,
    };
    Part { name: name.to_owned(), schema: schema.clone(), control, is_required, columns, parts }
}

/// Whether an object without a field is a value of the type.
pub(super) fn fits_empty(schema: &Schema) -> bool {
    schema.check(&Value::Object(Map::new())).is_empty()
}

/// What stands in the controls; none where the text is no object that they can show.
pub(super) fn texts(parts: &[Part], kept: &str) -> Option<Vec<String>> {
    if kept.trim().is_empty() {
        return Some(vec![String::new(); parts.len()]);
    }
    let Ok(Value::Object(fields)) = parse(kept, Bounds::VALUE) else { return None };
    if !are_known(parts, &fields) {
        return None;
    }
    let text = |part: &Part| fields.get(&part.name).map(|kept| text_in(part, kept)).unwrap_or_default();
    Some(parts.iter().map(text).collect())
}

fn are_known(parts: &[Part], fields: &Map<String, Value>) -> bool {
    fields.keys().all(|name| parts.iter().any(|part| part.name == *name))
}

/// What is kept is the text of the control; what comes from elsewhere, as with a link, may be the value itself.
fn text_in(part: &Part, kept: &Value) -> String {
    match kept {
        Value::String(text) if part.control == Control::Choice && part.read(text).is_err() => kept.to_string(),
        Value::String(text) => text.clone(),
        value => text_of(part.control, value),
    }
}

/// The text for what stands in the controls. An object in it is no text in a text, which would double its quotes at each level.
pub(super) fn text(parts: &[Part], texts: &[String]) -> String {
    let filled = parts.iter().zip(texts).filter(|(_, text)| !text.is_empty());
    let fields: Map<String, Value> = filled.map(|(part, text)| (part.name.clone(), kept(part, text))).collect();
    if fields.is_empty() { String::new() } else { Value::Object(fields).to_string() }
}

fn kept(part: &Part, text: &str) -> Value {
    let is_as_written = |object: &Value| {
        let written = object.to_string();
        object.is_object() && written == text
    };
    let object = if part.control == Control::Fields { parse(text, Bounds::VALUE).ok() } else { None };
    object.filter(is_as_written).unwrap_or_else(|| Value::from(text))
}

/// The text for a value: as JSON where fields cannot show it.
pub(super) fn text_for(parts: &[Part], value: &Value) -> String {
    let fields = match value {
        Value::Object(fields) if are_known(parts, fields) => fields,
        value => return text_of(Control::Json, value),
    };
    let of = |part: &Part| match (part.control, fields.get(&part.name)) {
        (_, None) => String::new(),
        (Control::Fields, Some(value)) => text_for(&part.parts, value),
        (control, Some(value)) => text_of(control, value),
    };
    text(parts, &parts.iter().map(of).collect::<Vec<_>>())
}

/// The object, none where nothing is filled in, or the first thing that is wrong with it.
pub(super) fn read_fields(parts: &[Part], schema: &Schema, kept: &str) -> Result<Option<Value>, String> {
    let Some(texts) = texts(parts, kept) else { return read(Control::Json, schema, kept) };
    let mut fields = Map::new();
    let (mut is_filled, mut missing) = (false, None);
    for (part, text) in parts.iter().zip(&texts) {
        match part.read(text).map_err(|fault| format!("{}: {fault}", part.name))? {
            Some(value) => {
                is_filled = true;
                fields.insert(part.name.clone(), value);
            }
            None if part.is_wanted() => missing = missing.or(Some(part)),
            None if part.is_required => {
                fields.insert(part.name.clone(), Value::Object(Map::new()));
            }
            None => {}
        }
    }
    match missing {
        _ if !is_filled => Ok(None),
        Some(part) => Err(format!("{}: {MISSING}", part.name)),
        None => read(Control::Json, schema, &Value::Object(fields).to_string()),
    }
}

/// What is wrong with one field of an object that has to be there.
pub(super) fn fault_at(parts: &[Part], kept: &str, n: usize) -> Option<String> {
    let texts = texts(parts, kept)?;
    let part = parts.get(n)?;
    match part.read(texts.get(n)?) {
        Err(fault) => Some(fault),
        Ok(None) if part.is_wanted() => Some(MISSING.to_owned()),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Schema {
        let address = json!({"type": "object", "required": ["street"], "properties": {
            "street": {"type": "string"}, "floor": {"type": "integer"}}});
        let document = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"},
            "size": {"type": "string", "enum": ["small", "large"]},
            "gift": {"type": "boolean"},
            "address": address,
            "lines": {"type": "array", "items": {"type": "string"}},
            "more": {}}});
        serde_json::from_value(document).unwrap()
    }

    fn typed(parts: &[Part], texts: [&str; 6]) -> String {
        text(parts, &texts.map(str::to_owned))
    }

    #[test]
    fn an_object_with_known_properties_is_fields_all_the_way_down_and_the_rest_is_json() {
        use Control::{Choice, Fields, Json, Line, List, Switch};
        let parts = parts(&order()).unwrap();
        let controls: Vec<Control> = parts.iter().map(|part| part.control).collect();
        assert_eq!(controls, [Line, Choice, Switch, Fields, List, Json]);
        assert_eq!(parts[3].parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["street", "floor"]);
        let many: Map<String, Value> =
            (0..=MOST_FIELDS).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
        for document in [
            json!({"type": "object"}),
            json!({"type": "object", "format": "file"}),
            json!({"properties": {"a": {}}}),
            json!({"type": "object", "properties": {"a": {}}, "required": ["b"]}),
            json!({"type": "object", "properties": many}),
        ] {
            assert_eq!(super::parts(&serde_json::from_value(document.clone()).unwrap()), None, "{document}");
        }
    }

    #[test]
    fn an_object_is_read_from_its_fields_and_optional_ones_are_left_out() {
        let (schema, parts) = (order(), parts(&order()).unwrap());
        let read = |texts: [&str; 6]| read_fields(&parts, &schema, &typed(&parts, texts));
        assert_eq!(read(["", "", "", "", "", ""]), Ok(None));
        assert_eq!(read(["Ada", "", "", "", "", ""]), Ok(Some(json!({"name": "Ada"}))));
        let address = text(&parts[3].parts, &["Mill Lane".to_owned(), "2".to_owned()]);
        let whole = read(["Ada", "\"large\"", "true", &address, r#"["tea"]"#, r#"{ "a": 1 }"#]);
        let expected = json!({"name": "Ada", "size": "large", "gift": true,
            "address": {"street": "Mill Lane", "floor": 2}, "lines": ["tea"], "more": {"a": 1}});
        assert_eq!(whole, Ok(Some(expected.clone())));
        assert_eq!(read_fields(&parts, &schema, &text_for(&parts, &expected)), Ok(Some(expected)));

        let fault = |texts: [&str; 6]| read(texts).unwrap_err();
        assert_eq!(fault(["", "\"small\"", "", "", "", ""]), "name: Fill this in");
        let no_street = text(&parts[3].parts, &[String::new(), "2".to_owned()]);
        assert_eq!(fault(["Ada", "", "", &no_street, "", ""]), "address: street: Fill this in");
        let high = text(&parts[3].parts, &["Mill Lane".to_owned(), "high".to_owned()]);
        assert!(fault(["Ada", "", "", &high, "", ""]).starts_with("address: floor: Enter a number"));
        assert!(fault(["Ada", "", "", "", "", "[1"]).starts_with("more: This is not valid JSON"));
    }

    #[test]
    fn a_required_object_whose_fields_are_all_optional_is_there_without_a_word() {
        let document = json!({"type": "object", "required": ["name", "options"], "properties": {
            "name": {"type": "string"}, "options": {"type": "object", "properties": {"loud": {"type": "boolean"}}}}});
        let schema: Schema = serde_json::from_value(document).unwrap();
        let parts = parts(&schema).unwrap();
        let kept = text(&parts, &["Ada".to_owned(), String::new()]);
        assert_eq!(read_fields(&parts, &schema, &kept), Ok(Some(json!({"name": "Ada", "options": {}}))));
        assert_eq!(fault_at(&parts, &kept, 1), None);
        assert!(fits_empty(&parts[1].schema) && !fits_empty(&schema));
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        let parts = parts(&order()).unwrap();
        let floor = text(&parts[3].parts, &["x".to_owned(), "high".to_owned()]);
        let kept = typed(&parts, ["", "", "", &floor, "", ""]);
        assert_eq!(fault_at(&parts, &kept, 0).as_deref(), Some("Fill this in"));
        assert_eq!(fault_at(&parts, &kept, 1), None);
        assert!(fault_at(&parts, &kept, 3).is_some_and(|fault| fault.starts_with("floor: ")));
        let shown = texts(&parts, &kept).unwrap();
        assert!(fault_at(&parts[3].parts, &shown[3], 1).is_some_and(|fault| fault.starts_with("Enter a number")));
        assert_eq!(fault_at(&parts, "{", 0), None);
    }

    #[test]
    fn what_stands_in_the_controls_comes_back_as_it_was_typed() {
        let parts = parts(&order()).unwrap();
        let inside = text(&parts[3].parts, &["a \"b\"".to_owned(), "many".to_owned()]);
        for name in ["", " ", "x", "\"", "{\"a\":1}", "1.50"] {
            for address in ["", inside.as_str(), "{", "{ \"street\": 1 }", "[]"] {
                for more in ["", "[1", "\"x\"", "x", "{\"b\": 1.10}"] {
                    let texts_now = [name, "\"large\"", "false", address, "[\"a\"", more].map(str::to_owned);
                    assert_eq!(texts(&parts, &text(&parts, &texts_now)), Some(texts_now.to_vec()));
                }
            }
        }
        assert_eq!(text(&parts, &[const { String::new() }; 6]), "");
    }

    #[test]
    fn a_value_from_elsewhere_is_shown_in_fields_or_as_json_if_they_cannot() {
        let parts = parts(&order()).unwrap();
        let link = r#"{"name":"Ada","size":"small","gift":true,"address":{"floor":3}}"#;
        let shown = texts(&parts, link).unwrap();
        assert_eq!(shown[..3], ["Ada", "\"small\"", "true"]);
        assert_eq!(texts(&parts[3].parts, &shown[3]).unwrap(), ["", "3"]);
        for other in [r#"{"name":"Ada","unknown":1}"#, "[]", "{", "7"] {
            assert_eq!(texts(&parts, other), None, "{other}");
        }
        let kept = text_for(&parts, &json!({"name": "Ada", "unknown": 1}));
        assert_eq!(texts(&parts, &kept), None);
        assert!(kept.contains("unknown"));
    }
}
