//! A table as text, read into its head and its rows. Separators, quotes and line ends are those that spreadsheets write.
//! Must never read on once a table has more rows than a batch, nor keep a line of more cells than there may be columns, nor guess at text
//! that is no table.

use csv::{ReaderBuilder, StringRecord};
use workflow::{limits::MAX_BATCH_ROWS, words::count};

use crate::{Error, Result};

/// What stands between cells, the most usual first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];
const MAX_COLUMNS: usize = 1_000;
/// Of all rows together. Each takes a place in memory, however little it says.
const MAX_CELLS: usize = 1_000_000;
const FIELD: &str = "file";

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Sheet {
    pub(super) separator: char,
    pub(super) head: Vec<String>,
    /// Without those that have nothing in any cell.
    pub(super) rows: Vec<StringRecord>,
}

/// Reads a whole table.
pub(super) fn read(text: &str) -> Result<Sheet> {
    // All of them: the reader passes one over by itself, and would take for a quoted cell what we took for a plain one.
    let text = text.trim_start_matches('\u{feff}');
    let (separator, text) = told_separator(text).unwrap_or_else(|| (separator(text), text));
    let shape = shape(text, separator);
    if shape == Shape::TooWide {
        let detail = format!("The table has more than {}. Leave out what is no input.", count(MAX_COLUMNS, "column"));
        return Err(Error::too_large(FIELD, detail));
    }
    let byte = u8::try_from(separator).unwrap_or(b',');
    let mut reader =
        ReaderBuilder::new().delimiter(byte).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut n_cells = 0;
    let mut head = None;
    for record in reader.records() {
        let record = record.map_err(|error| {
            tracing::debug!(%error, "a table could not be read");
            Error::invalid(FIELD, "This is no table. Save it as CSV with the encoding UTF-8, then choose it again.")
        })?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if head.is_none() {
            head = Some(record.iter().map(|cell| cell.trim().to_owned()).collect());
            continue;
        }
        if rows.len() == MAX_BATCH_ROWS {
            let detail = format!("The table has more than {}. Split it.", count(MAX_BATCH_ROWS, "row"));
            return Err(Error::too_large(FIELD, detail));
        }
        n_cells += record.len();
        if n_cells > MAX_CELLS {
            let detail = format!("The table has more than {}. Split it.", count(MAX_CELLS, "cell"));
            return Err(Error::too_large(FIELD, detail));
        }
        rows.push(record);
    }
    let Some(head) = head else {
        let detail = "The table is empty. Its first line names the inputs, and each further line is a run.";
        return Err(Error::invalid(FIELD, detail));
    };
    if rows.is_empty() {
        let detail = "The table has a first line alone, which names the inputs. Add a line for each run.";
        return Err(Error::invalid(FIELD, detail));
    }
    if shape == Shape::LeftOpen {
        let detail = "A cell begins with a quote that is never closed, so the rest of the table would be one cell. Close it, or \
                      save the table again as CSV.";
        return Err(Error::invalid(FIELD, detail));
    }
    Ok(Sheet { separator, head, rows })
}

/// What a first line `sep=;` says, and the table behind it: programs write it for spreadsheets, and it is no row.
fn told_separator(text: &str) -> Option<(char, &str)> {
    let (_, rest) = text.split_at_checked(4).filter(|(name, _)| name.eq_ignore_ascii_case("sep="))?;
    let separator = rest.chars().next().filter(|c| SEPARATORS.contains(c))?;
    let rest = &rest[separator.len_utf8()..];
    rest.starts_with(['\r', '\n']).then_some((separator, rest))
}

/// The one that the first line has most of, outside of quotes.
fn separator(text: &str) -> char {
    let first = text.trim_start_matches(['\r', '\n']);
    let mut is_quoted = false;
    let mut counts = [0_usize; SEPARATORS.len()];
    for c in first.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\r' | '\n' if !is_quoted => break,
            c if !is_quoted => {
                if let Some(n) = SEPARATORS.iter().position(|separator| *separator == c) {
                    counts[n] += 1;
                }
            }
            _ => {}
        }
    }
    // Of several that are there as often, the most usual one: the last that is looked at.
    let best = (0..SEPARATORS.len()).rev().max_by_key(|n| counts[*n]).unwrap_or_default();
    SEPARATORS[best]
}

/// What a look at the whole text tells, before any of it is kept: a cell that is empty takes one byte there, and eight once it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Whole,
    /// It ends inside of a quoted cell.
    LeftOpen,
    /// A line has more cells than there may be columns.
    TooWide,
}

/// It goes by the rules of the reader.
fn shape(text: &str, separator: char) -> Shape {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum At {
        Begin,
        Plain,
        Quoted,
        /// After a quote in a quoted cell: its end, or the first of two that stand for one.
        Quote,
    }
    let mut at = At::Begin;
    let mut n_cells = 1;
    for c in text.chars() {
        at = match at {
            At::Quoted if c == '"' => At::Quote,
            At::Quoted => At::Quoted,
            At::Begin | At::Quote if c == '"' => At::Quoted,
            _ if c == separator => {
                n_cells += 1;
                if n_cells > MAX_COLUMNS {
                    return Shape::TooWide;
                }
                At::Begin
            }
            _ if matches!(c, '\r' | '\n') => {
                n_cells = 1;
                At::Begin
            }
            At::Begin | At::Plain | At::Quote => At::Plain,
        };
    }
    if at == At::Quoted { Shape::LeftOpen } else { Shape::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> (char, Vec<String>, Vec<Vec<String>>) {
        let sheet = read(text).unwrap();
        let rows = sheet.rows.iter().map(|row| row.iter().map(ToOwned::to_owned).collect()).collect();
        (sheet.separator, sheet.head, rows)
    }

    fn refusal(text: &str) -> (u16, String) {
        let refused = read(text).unwrap_err().to_api();
        assert_eq!(refused.field.as_deref(), Some("file"));
        (refused.status, refused.detail)
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let owned = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
        };
        for (text, separator, rows) in [
            ("a,b\r\n1,2\r\n", ',', owned(&[&["1", "2"]])),
            ("\u{feff}a;b\n1;\"2,5\"\n", ';', owned(&[&["1", "2,5"]])),
            ("a\tb\n1\t2", '\t', owned(&[&["1", "2"]])),
            ("\"a\",\"b\"\n\"say \"\"no\"\"\",\"two\r\nlines\"\n", ',', owned(&[&["say \"no\"", "two\r\nlines"]])),
            ("\n\na,b\n\n1,2\n,\n3,4\n\n", ',', owned(&[&["1", "2"], &["3", "4"]])),
            ("a,b\n5\" pipe,=1+1\n", ',', owned(&[&["5\" pipe", "=1+1"]])),
            ("a,b\n1\n1,2,3\n", ',', owned(&[&["1"], &["1", "2", "3"]])),
            ("sep=;\r\na;b\r\n\"1,5,5\";2\r\n", ';', owned(&[&["1,5,5", "2"]])),
            ("\u{feff}SEP=,\na,b\n1,2\n", ',', owned(&[&["1", "2"]])),
        ] {
            assert_eq!(cells(text), (separator, vec!["a".to_owned(), "b".to_owned()], rows), "{text:?}");
        }
        assert_eq!(cells("\"x;y\",b\n1,2").0, ',', "a separator in quotes separates nothing");
        for head in ["sep=x", "sep=", "separate"] {
            assert_eq!(cells(&format!("{head}\n1")).1, [head], "that is a column");
        }
    }

    #[test]
    fn what_is_no_table_is_refused_with_what_to_do() {
        for (text, word) in [
            ("", "empty"),
            ("\u{feff}\r\n\r\n", "empty"),
            ("topic\n", "first line alone"),
            ("topic\n,\n", "first line alone"),
            ("topic\n\"never closed\nmore\n", "never closed"),
        ] {
            let (status, detail) = refusal(text);
            assert_eq!(status, 422, "{text:?}");
            assert!(detail.contains(word), "{text:?}: {detail}");
        }
    }

    #[test]
    fn a_million_rows_are_refused_and_ten_thousand_are_not() {
        let table = |n: usize| format!("a\n{}", "1\n".repeat(n));
        assert_eq!(read(&table(MAX_BATCH_ROWS)).unwrap().rows.len(), MAX_BATCH_ROWS);
        let (status, detail) = refusal(&table(MAX_BATCH_ROWS + 1));
        assert!(status == 413 && detail.contains("10,000"), "{detail}");
        // What comes after the row that is too many is not even looked at: it ends in an open quote.
        let (status, _) = refusal(&format!("{}\"", table(1_000_000)));
        assert_eq!(status, 413);
        assert_eq!(refusal(&format!("{}\n1", "a,".repeat(MAX_COLUMNS + 1))).0, 413);
    }

    #[test]
    fn a_line_of_very_many_cells_is_refused_before_it_is_read() {
        let wide = ",".repeat(MAX_COLUMNS);
        for text in [
            format!("a\n{}x\n", ",".repeat(4_000_000)),
            format!("{wide}\na\n1\n"),
            format!("a\n\"x\"{wide}\n"),
            // What a reader that knows the second mark takes for a quoted cell, and one that does not for a plain one.
            format!("\u{feff}\u{feff}\"a\"\n\"x,\"{wide}\n"),
            format!("\u{feff}\u{feff}\"a,\"{wide}\n1\n"),
        ] {
            let (status, detail) = refusal(&text);
            assert!(status == 413 && detail.contains("1,000 columns"), "{status} {detail}");
        }
        let (_, head, rows) = cells(&format!("\u{feff}\u{feff}\"a\",b\n\"{wide}\",2{}\n", ",".repeat(MAX_COLUMNS - 2)));
        assert_eq!(
            (head, rows[0].len(), rows[0][0].len()),
            (vec!["a".to_owned(), "b".to_owned()], MAX_COLUMNS, wide.len())
        );
    }

    #[test]
    fn rows_have_so_many_cells_together() {
        let row = format!("1{}\n", ",".repeat(MAX_COLUMNS - 1));
        let n_rows = MAX_CELLS / MAX_COLUMNS;
        assert_eq!(read(&format!("a\n{}", row.repeat(n_rows))).unwrap().rows.len(), n_rows);
        let (status, detail) = refusal(&format!("a\n{}", row.repeat(n_rows + 1)));
        assert!(status == 413 && detail.contains("1,000,000 cells"), "{detail}");
    }

    #[test]
    fn a_cell_of_a_megabyte_stays_whole() {
        let cell = "x\"\"y, ".repeat(200_000);
        let sheet = read(&format!("a,b\n\"{cell}\",2\n")).unwrap();
        assert_eq!(sheet.rows[0][0].len(), "x\"y, ".len() * 200_000);
        assert_eq!(&sheet.rows[0][1], "2");
    }
}
