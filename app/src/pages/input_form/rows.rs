//! A list as rows of cells: of texts, numbers or choices one cell a row, of objects one a field. Pure.
//! The text that is kept is JSON, also while it does not fit yet; a list that rows cannot show is left to JSON, no part of it lost.

use serde_json::{Map, Value};
use workflow::{
    json::{Bounds, parse},
    schema::{Kind, Schema},
};

use super::value::{Control, choice_label, control, read, text_of};

/// Of a list with more, nobody reads a form.
pub(super) const MOST_ROWS: usize = 500;
const MOST_COLUMNS: usize = 8;
const MISSING: &str = "Fill this in, or remove the row";

/// One cell of every row.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    /// None where the cell is the whole item.
    pub field: Option<String>,
    pub schema: Schema,
    pub control: Control,
    pub is_required: bool,
}

pub(super) type Cells = Vec<Vec<String>>;

/// The columns of a list; none where its items are too rich for rows.
pub(super) fn columns(list: &Schema) -> Option<Vec<Column>> {
    let items = list.items.as_deref().filter(|_| list.kind == Some(Kind::Array))?;
    if items.kind != Some(Kind::Object) {
        return Some(vec![column(None, items, true)?]);
    }
    let n = items.properties.len();
    let is_flat = (1..=MOST_COLUMNS).contains(&n) && items.choices.is_none() && items.format.is_empty();
    if !is_flat || items.required_elsewhere().next().is_some() {
        return None;
    }
    items.properties.iter().map(|(name, field)| column(Some(name), field, items.required.contains(name))).collect()
}

fn column(field: Option<&String>, schema: &Schema, is_required: bool) -> Option<Column> {
    let control = match control(schema) {
        Control::Json | Control::List | Control::File => return None,
        control => control,
    };
    Some(Column { field: field.cloned(), schema: schema.clone(), control, is_required })
}

/// What stands in the cells; none where the text is no list that they can show.
pub(super) fn cells(columns: &[Column], text: &str) -> Option<Cells> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let Ok(Value::Array(items)) = parse(text, Bounds::VALUE) else { return None };
    if items.len() > MOST_ROWS {
        return None;
    }
    items.iter().map(|item| row(columns, item)).collect()
}

fn row(columns: &[Column], item: &Value) -> Option<Vec<String>> {
    let is_whole = columns.iter().all(|column| column.field.is_none());
    let of = |column: &Column, value: &Value| match value {
        Value::Array(_) | Value::Object(_) => None,
        value => Some(text_of(column.control, value)),
    };
    match item {
        Value::Object(fields) if !is_whole => {
            let is_known = |name: &String| columns.iter().any(|column| column.field.as_ref() == Some(name));
            if !fields.keys().all(is_known) {
                return None;
            }
            let cell = |column: &Column| {
                let value = column.field.as_ref().and_then(|name| fields.get(name));
                of(column, value.unwrap_or(&Value::Null))
            };
            columns.iter().map(cell).collect()
        }
        Value::Null if !is_whole => Some(vec![String::new(); columns.len()]),
        item if is_whole => columns.iter().map(|column| of(column, item)).collect(),
        _ => None,
    }
}

/// The text for cells. What does not fit yet stays in it as it was typed.
pub(super) fn text(columns: &[Column], cells: &[Vec<String>]) -> String {
    let value = |column: &Column, cell: &str| match read(column.control, &column.schema, cell) {
        Ok(value) => value.unwrap_or_default(),
        Err(_) => Value::from(cell),
    };
    let item = |row: &Vec<String>| {
        let mut fields = Map::new();
        for (column, cell) in columns.iter().zip(row) {
            let value = value(column, cell);
            let Some(name) = &column.field else { return value };
            if !value.is_null() {
                fields.insert(name.clone(), value);
            }
        }
        Value::Object(fields)
    };
    if cells.is_empty() { String::new() } else { Value::Array(cells.iter().map(item).collect()).to_string() }
}

/// What is wrong, cell by cell.
pub(super) fn faults(columns: &[Column], cells: &[Vec<String>]) -> Vec<((usize, usize), String)> {
    let mut faults = Vec::new();
    for (r, row) in cells.iter().enumerate() {
        for (c, (column, cell)) in columns.iter().zip(row).enumerate() {
            match read(column.control, &column.schema, cell) {
                Ok(None) if column.is_required => faults.push(((r, c), MISSING.to_owned())),
                Ok(_) => {}
                Err(reason) => faults.push(((r, c), reason)),
            }
        }
    }
    faults
}

/// The value of the list, none without a row, or the first thing that is wrong with it.
pub(super) fn read_list(columns: &[Column], schema: &Schema, kept: &str) -> Result<Option<Value>, String> {
    let Some(cells) = cells(columns, kept) else { return read(Control::Json, schema, kept) };
    if let Some(((row, column), fault)) = faults(columns, &cells).into_iter().next() {
        let field = columns[column].field.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        return Err(format!("Row {}{field}: {fault}", row + 1));
    }
    if cells.is_empty() { Ok(None) } else { read(Control::Json, schema, &text(columns, &cells)) }
}

/// Lines that are pasted into a cell: the first into it, if it is empty, each other one a row. Tabs tell the cells of a row apart.
pub(super) fn pasted(columns: &[Column], mut cells: Cells, at: (usize, usize), lines: &str) -> Cells {
    let (row, column) = at;
    let is_free = cells.get(row).and_then(|row| row.get(column)).is_some_and(String::is_empty);
    // Where the next line goes, and whether it is a row that is there.
    let mut place = if is_free { row } else { (row + 1).min(cells.len()) };
    let mut is_there = is_free;
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        if !is_there {
            cells.insert(place, vec![String::new(); columns.len()]);
        }
        let parts: Vec<&str> = if columns.len() > 1 { line.split('\t').collect() } else { vec![line] };
        for ((cell, column), part) in cells[place].iter_mut().zip(columns).skip(column).zip(parts) {
            *cell = typed(column, part.trim());
        }
        (place, is_there) = (place + 1, false);
    }
    cells
}

/// A text from elsewhere as the control writes it: a choice is known by its label.
fn typed(column: &Column, text: &str) -> String {
    let choice = column.schema.choices().iter().find(|choice| choice_label(choice) == text);
    choice.map_or_else(|| text.to_owned(), |choice| text_of(column.control, choice))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(items: &Value) -> Vec<Column> {
        columns(&serde_json::from_value(json!({"type": "array", "items": items})).unwrap()).unwrap()
    }

    fn people() -> Vec<Column> {
        of(&json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "age": {"type": "integer"}, "role": {"type": "string", "enum": ["writer", "editor"]}}}))
    }

    #[test]
    fn lists_of_plain_things_and_of_flat_objects_are_rows_and_the_rest_is_json() {
        let fits = |document: Value| columns(&serde_json::from_value(document).unwrap()).is_some();
        let list = |items: Value| json!({"type": "array", "items": items});
        for items in [
            json!({"type": "string"}),
            json!({"type": "number"}),
            json!({"type": "string", "enum": ["a"]}),
            json!({"type": "object", "properties": {"a": {"type": "boolean"}}}),
        ] {
            assert!(fits(list(items.clone())), "{items}");
        }
        for items in [
            json!({}),
            json!({"type": "array"}),
            json!({"type": "object"}),
            json!({"type": "object", "format": "file"}),
            json!({"type": "object", "properties": {"a": {"type": "object"}}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}),
            json!({"type": "string", "format": "file"}),
        ] {
            assert!(!fits(list(items.clone())), "{items}");
        }
        assert!(!fits(json!({"type": "array"})) && !fits(json!({"type": "string"})));
    }

    #[test]
    fn what_rows_cannot_show_is_left_to_json() {
        let texts = of(&json!({"type": "string"}));
        assert_eq!(cells(&texts, r#"["a","b"]"#), Some(vec![vec!["a".into()], vec!["b".into()]]));
        for text in ["{", "{}", r#"["a",["b"]]"#, r#"[{"a":1}]"#] {
            assert_eq!(cells(&texts, text), None, "{text}");
        }
        assert_eq!(cells(&people(), r#"[{"name":"Ada","more":1}]"#), None);
        assert_eq!(cells(&people(), r#"["Ada"]"#), None);
        assert_eq!(
            cells(&people(), r#"[{"name":"Ada"}]"#),
            Some(vec![vec!["Ada".into(), String::new(), String::new()]])
        );
    }

    #[test]
    fn a_cell_that_does_not_fit_keeps_what_was_typed_and_says_why() {
        let columns = people();
        let rows = vec![
            vec!["Ada".into(), "forty".into(), "\"writer\"".into()],
            vec![String::new(), "41".into(), String::new()],
        ];
        let kept = text(&columns, &rows);
        assert_eq!(kept, r#"[{"name":"Ada","age":"forty","role":"writer"},{"age":41}]"#);
        assert_eq!(cells(&columns, &kept), Some(rows.clone()));
        let told: Vec<_> = faults(&columns, &rows).into_iter().map(|(place, _)| place).collect();
        assert_eq!(told, [(0, 1), (1, 0)]);
        assert_eq!(text(&columns, &[]), "");
    }

    #[test]
    fn pasted_lines_become_rows_and_tabs_cells() {
        let texts = of(&json!({"type": "string"}));
        let rows = |list: &[&str]| list.iter().map(|text| vec![(*text).to_owned()]).collect::<Cells>();
        assert_eq!(pasted(&texts, rows(&["", "z"]), (0, 0), "a\r\n\r\nb\tc\n"), rows(&["a", "b\tc", "z"]));
        assert_eq!(pasted(&texts, rows(&["x", "z"]), (0, 0), "a\nb"), rows(&["x", "a", "b", "z"]));
        assert_eq!(pasted(&texts, rows(&[]), (0, 0), "a\nb"), rows(&["a", "b"]));
        let columns = people();
        let found = pasted(&columns, vec![vec![String::new(); 3]], (0, 0), "Ada\t40\teditor\nBob\t\tboss\t9");
        assert_eq!(found, [["Ada", "40", "\"editor\""], ["Bob", "", "boss"]]);
        assert_eq!(faults(&columns, &found).len(), 1);
    }

    #[test]
    fn what_stands_in_the_cells_comes_back() {
        let columns = of(&json!({"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "number"}}}));
        for a in ["", " ", "x", " x ", "\"", "[1]"] {
            for n in ["", "1", "1.50", "-0", "1e400", "012", "many"] {
                let rows: Cells = vec![vec![a.to_owned(), n.to_owned()], vec![String::new(), String::new()]];
                assert_eq!(cells(&columns, &text(&columns, &rows)), Some(rows));
            }
        }
    }

    #[test]
    fn a_list_is_read_whole_or_says_which_row_does_not_fit() {
        let schema: Schema =
            serde_json::from_value(json!({"type": "array", "items": {"type": "object", "required": ["name"],
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}}))
            .unwrap();
        let columns = columns(&schema).unwrap();
        let read = |text: &str| read_list(&columns, &schema, text);
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("[]"), Ok(None));
        assert_eq!(read(r#"[{"name":"Ada","age":40}]"#), Ok(Some(json!([{"name": "Ada", "age": 40}]))));
        assert_eq!(
            read(r#"[{"name":"Ada"},{"age":"x"}]"#),
            Err("Row 2, name: Fill this in, or remove the row".to_owned())
        );
        assert!(read(r#"[{"name":"Ada","age":"x"}]"#).unwrap_err().starts_with("Row 1, age: "));
        // As JSON, where rows cannot show it.
        assert_eq!(read(r#"[{"name":"Ada","more":1}]"#), Ok(Some(json!([{"name": "Ada", "more": 1}]))));
        assert!(read("[").is_err());
    }
}
