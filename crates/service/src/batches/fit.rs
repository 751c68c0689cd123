//! What the cells of a table are as inputs of a workflow, with a fault for each that is none.
//! Must never give an input a value that its cell does not say: an empty cell is no value, and a column that fits no input is a fault.

use std::collections::BTreeMap;

use csv::StringRecord;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use workflow::{
    api::{BatchColumn, BatchFault},
    definition::RunInput,
    json::{self, Bounds},
    schema::Kind,
    words::count,
};

use super::sheet::Sheet;
use crate::{runs::values, text::is_invisible};

/// Told one by one.
const MOST_FAULTS: usize = 100;
/// Values that the lists and objects of a table may have together: in memory each is many times as large as its text.
const MOST_VALUES: usize = 1_000_000;

type Inputs = BTreeMap<String, RunInput>;
pub(super) type Given = BTreeMap<String, Value>;

/// A table as inputs.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fit {
    pub(super) columns: Vec<BatchColumn>,
    /// Of each row, in their order. Worth nothing where there are faults.
    pub(super) rows: Vec<Given>,
    pub(super) faults: Faults,
}

/// The first faults, and how many there are.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Faults {
    pub(super) n: usize,
    pub(super) first: Vec<BatchFault>,
}

impl Faults {
    fn add(&mut self, row: Option<usize>, column: Option<&str>, message: impl Into<String>) {
        self.n += 1;
        if self.first.len() < MOST_FAULTS {
            self.first.push(BatchFault { row, column: column.map(str::to_owned), message: message.into() });
        }
    }
}

pub(super) fn fit(sheet: &Sheet, declared: &Inputs) -> Fit {
    let mut faults = Faults::default();
    let columns = columns(sheet, declared, &mut faults);
    if n_values(sheet) > MOST_VALUES {
        let most = count(MOST_VALUES, "value");
        faults.add(
            None,
            None,
            format!("The lists and objects in its cells have more than {most} together. Split the table."),
        );
        return Fit { columns, rows: Vec::new(), faults };
    }
    let rows = sheet.rows.iter().zip(1..).map(|(record, n)| row(record, n, &columns, declared, &mut faults)).collect();
    Fit { columns, rows, faults }
}

/// So many values the lists and objects have at most: what stands between them is counted, also where it stands in a text.
fn n_values(sheet: &Sheet) -> usize {
    let is_rich = |cell: &&str| cell.trim_start().starts_with(['[', '{']);
    let n_between = |cell: &str| cell.bytes().filter(|byte| matches!(byte, b'[' | b'{' | b':' | b',')).count();
    sheet.rows.iter().flat_map(|row| row.iter().filter(is_rich)).map(n_between).sum()
}

/// Each column with the input that it names: by its key, or by its title in whatever case.
fn columns(sheet: &Sheet, declared: &Inputs, faults: &mut Faults) -> Vec<BatchColumn> {
    let mut columns: Vec<BatchColumn> = Vec::new();
    for (n, name) in sheet.head.iter().enumerate() {
        let input = input_named(name, declared);
        let is_twice = input.is_some() && columns.iter().any(|column| column.input.as_deref() == input);
        if is_twice {
            faults.add(None, Some(name), format!("Two columns give the input “{name}”. Leave one out."));
        } else if input.is_none() && seen(name).is_empty() {
            // What a spreadsheet leaves at the right of a table.
            let is_used = sheet.rows.iter().any(|row| row.get(n).is_some_and(|cell| !cell.trim().is_empty()));
            if is_used {
                faults.add(None, None, format!("Column {} has no name in the first line. Name its input.", n + 1));
            }
        } else if input.is_none() {
            let known: Vec<&str> = declared.keys().map(String::as_str).take(20).collect();
            let known =
                if known.is_empty() { "It has none".to_owned() } else { format!("It has {}", known.join(", ")) };
            let message = format!("The workflow has no input “{name}”. {known}. Rename the column, or leave it out.");
            faults.add(None, Some(name), message);
        }
        columns.push(BatchColumn { name: name.clone(), input: input.filter(|_| !is_twice).map(str::to_owned) });
    }
    columns
}

fn input_named<'a>(name: &str, declared: &'a Inputs) -> Option<&'a str> {
    let wanted = seen(name);
    let same = |other: &str| seen(other) == wanted;
    let exact = declared.get_key_value(name).map(|(key, _)| key);
    let titled =
        || declared.iter().find(|(_, input)| !input.title.is_empty() && same(&input.title)).map(|(key, _)| key);
    let keyed = || declared.keys().find(|key| same(key));
    exact.or_else(titled).or_else(keyed).map(String::as_str)
}

/// A name as one sees it: without marks that have no width, and with each letter in one of its spellings.
fn seen(name: &str) -> String {
    let shown: String = name.nfkc().filter(|c| !is_invisible(*c)).collect();
    shown.trim().to_lowercase()
}

fn row(record: &StringRecord, n: usize, columns: &[BatchColumn], declared: &Inputs, faults: &mut Faults) -> Given {
    let before = faults.n;
    let mut given = Given::new();
    for (n_column, cell) in record.iter().enumerate() {
        if cell.trim().is_empty() {
            continue;
        }
        let Some(column) = columns.get(n_column) else {
            let message =
                "The row has more cells than the first line has names. Is a cell with a separator not in quotes?";
            faults.add(Some(n), None, message);
            break;
        };
        // A column without an input is a fault already.
        let Some((key, input)) = column.input.as_deref().and_then(|key| declared.get_key_value(key)) else { continue };
        match value(cell, input) {
            Ok(value) => {
                given.insert(key.clone(), value);
            }
            Err(message) => faults.add(Some(n), Some(&column.name), message),
        }
    }
    // What is said of single cells is said once; then what a start would say, such as that a value is missing.
    if faults.n == before
        && let Err(error) = values::check(declared, &given)
    {
        let told = error.to_api();
        let key = told.field.as_deref().and_then(|field| field.strip_prefix("inputs.")).unwrap_or_default();
        let key = key.split('.').next().unwrap_or_default();
        let name =
            columns.iter().find(|column| column.input.as_deref() == Some(key)).map(|column| column.name.as_str());
        faults.add(Some(n), name.or_else(|| Some(key).filter(|key| !key.is_empty())), told.detail);
    }
    given
}

/// A cell as what its input takes.
fn value(cell: &str, input: &RunInput) -> Result<Value, String> {
    let word = cell.trim();
    let value = match input.schema.kind {
        // As it stands: spaces may be meant.
        Some(Kind::String) => Value::String(cell.to_owned()),
        Some(Kind::Boolean) => match word.to_lowercase().as_str() {
            "true" | "yes" | "1" => Value::Bool(true),
            "false" | "no" | "0" => Value::Bool(false),
            _ => return Err("This is neither yes nor no. Write true or false.".to_owned()),
        },
        Some(kind @ (Kind::Number | Kind::Integer)) => match json::parse(word, Bounds::BODY) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ if kind == Kind::Integer => return Err("This is no whole number. Write one such as 1200.".to_owned()),
            _ => return Err("This is no number. Write one such as 1200.5, with a point.".to_owned()),
        },
        Some(Kind::Object | Kind::Array | Kind::Null) => {
            json::parse(word, Bounds::BODY).map_err(|refused| format!("This is no JSON: {refused}. Correct it."))?
        }
        // Of any type: what is written as JSON is meant so, everything else is a text.
        None => json::parse(word, Bounds::BODY).unwrap_or_else(|_| Value::String(cell.to_owned())),
    };
    match input.schema.check(&value).into_iter().next() {
        None => Ok(value),
        Some((path, fault)) if path.is_empty() => Err(format!("It {fault}.")),
        Some((path, fault)) => Err(format!("`{}` {fault}.", path.trim_start_matches('/').replace('/', "."))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::sheet, *};

    fn declared() -> Inputs {
        serde_json::from_value(json!({
            "topic": {"title": "Topic of the text", "schema": {"type": "string"}, "required": true},
            "n": {"schema": {"type": "integer", "minimum": 1, "maximum": 500}},
            "price": {"schema": {"type": "number"}},
            "is_long": {"schema": {"type": "boolean"}},
            "tags": {"schema": {"type": "array", "items": {"type": "string"}}},
            "tone": {"schema": {"type": "string", "enum": ["formal", "plain"]}, "required": true, "default": "plain"}
        }))
        .unwrap()
    }

    fn fitted(text: &str) -> Fit {
        fit(&sheet::read(text).unwrap(), &declared())
    }

    #[test]
    fn cells_become_what_their_inputs_take() {
        let fit = fitted(
            "TOPIC OF THE TEXT;N;price;is_long;tags;tone;\n \"=1+1\" ;7;1.10;TRUE;[\"a\"];;\n\"=1+1\";;1e3;no;;formal;\n",
        );
        assert_eq!(fit.faults, Faults::default());
        let columns: Vec<_> = fit.columns.iter().map(|column| column.input.as_deref()).collect();
        assert_eq!(
            columns,
            [Some("topic"), Some("n"), Some("price"), Some("is_long"), Some("tags"), Some("tone"), None]
        );
        assert_eq!(fit.rows.len(), 2);
        assert_eq!(fit.rows[1]["topic"], json!("=1+1"), "a formula is a text here");
        assert_eq!((fit.rows[0]["n"].to_string(), fit.rows[0]["price"].to_string()), ("7".into(), "1.10".into()));
        assert_eq!((&fit.rows[0]["is_long"], &fit.rows[0]["tags"]), (&json!(true), &json!(["a"])));
        assert!(!fit.rows[0].contains_key("tone") && !fit.rows[1].contains_key("n"), "an empty cell is no value");
    }

    #[test]
    fn a_column_is_known_by_what_one_sees_of_its_name() {
        let declared: Inputs = serde_json::from_value(json!({
            "size": {"title": "Größe der Datei", "schema": {"type": "string"}},
            "n": {"schema": {"type": "string"}},
        }))
        .unwrap();
        for head in [
            "\"\u{feff}n\",Gro\u{308}ße der Datei",
            "\u{200b}n\u{200e},Größe\u{a0}der\u{202f}Datei",
            "\u{2060}N, GRÖßE DER DATEI ",
        ] {
            let fit = fit(&sheet::read(&format!("{head},\u{200b}\n1,2,\n")).unwrap(), &declared);
            assert_eq!(fit.faults, Faults::default(), "{head:?}");
            assert_eq!((&fit.rows[0]["n"], &fit.rows[0]["size"]), (&json!("1"), &json!("2")), "{head:?}");
        }
    }

    #[test]
    fn every_fault_names_its_row_and_column() {
        for (text, row, column, word) in [
            ("topic,what\nx,1\n", None, Some("what"), "no input"),
            ("topic,Topic of the text\nx,y\n", None, Some("Topic of the text"), "Two columns"),
            ("topic,\nx,y\n", None, None, "no name"),
            ("topic,n\nx,1\ny,\"1,5\"\n", Some(2), Some("n"), "whole number"),
            ("topic,n\nx,1.5\n", Some(1), Some("n"), ""),
            ("topic,n\nx,0\n", Some(1), Some("n"), "must be at least 1."),
            ("topic,n\nx,1\ny,501\n", Some(2), Some("n"), "must be at most 500."),
            ("topic;price\nx;1,5\n", Some(1), Some("price"), "with a point"),
            ("topic,is_long\nx,maybe\n", Some(1), Some("is_long"), "yes nor no"),
            ("topic,tags\nx,[1\n", Some(1), Some("tags"), "JSON"),
            ("topic,tags\nx,[1]\n", Some(1), Some("tags"), ""),
            ("topic,tone\nx,loud\n", Some(1), Some("tone"), ""),
            ("topic,n\nx,1\n,2\n", Some(2), Some("topic"), "required"),
            ("n\n1\n", Some(1), Some("topic"), "required"),
            ("topic\nx,y\n", Some(1), None, "more cells"),
        ] {
            let faults = fitted(text).faults;
            assert_eq!(faults.n, 1, "{text:?}: {faults:?}");
            let fault = &faults.first[0];
            assert_eq!((fault.row, fault.column.as_deref()), (row, column), "{text:?}");
            assert!(fault.message.contains(word), "{text:?}: {}", fault.message);
        }
    }

    #[test]
    fn cells_of_a_million_values_are_refused_before_they_are_read() {
        // Many cells, none of which has too many.
        let row = format!("x,\"[{}[]]\"\n", "[],".repeat(MOST_VALUES / 20));
        let fit = fitted(&format!("topic,tags\n{}", row.repeat(20)));
        assert!(fit.faults.n == 1 && fit.rows.is_empty());
        assert!(fit.faults.first[0].message.contains("1,000,000 values together"), "{:?}", fit.faults);
        // A text is one value, whatever stands in it.
        let text = "a,b:[".repeat(MOST_VALUES / 2);
        let fit = fitted(&format!("topic,tags\n\"{text}\",\"[\"\"a\"\"]\"\n"));
        assert_eq!((fit.faults.n, &fit.rows[0]["tags"]), (0, &json!(["a"])));
    }

    #[test]
    fn faults_are_counted_beyond_those_that_are_told() {
        let faults = fitted(&format!("topic,n\n{}", "x,y\n".repeat(500))).faults;
        assert_eq!((faults.n, faults.first.len()), (500, MOST_FAULTS));
    }
}
