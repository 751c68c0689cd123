//! A page as the checks see it: its lines outside of code blocks, and in a line what is code and what is not.

/// What is wrong on a line of a page.
pub(super) fn problem(page: &Page<'_>, line: usize, words: &str) -> String {
    format!("{}:{line}: {words}", page.path)
}

pub(super) struct Page<'a> {
    pub(super) path: &'a str,
    /// All of it, with the blocks of code.
    pub(super) text: &'a str,
    /// The lines that are no code, with their numbers.
    pub(super) lines: Vec<(usize, &'a str)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        let mut is_code = false;
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                lines.push((number, line));
            }
        }
        Self { path, text, lines }
    }

    /// What stands between backticks, with its line.
    pub(super) fn spans(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().flat_map(|&(number, line)| spans(line).map(move |span| (number, span)))
    }

    /// The last cell of each row of the tables, with its line: there stand the tests of what the other cells say.
    pub(super) fn last_cells(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().filter(|(_, line)| line.starts_with('|')).map(|&(number, line)| {
            let row = line.trim_end().trim_end_matches('|');
            (number, row.rsplit_once('|').map_or(row, |(_, cell)| cell))
        })
    }
}

pub(super) fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The line without what stands between backticks.
pub(super) fn prose(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_code_are_left_out_and_lines_keep_their_numbers() {
        let page = Page::new("a.md", "# A `b`\n```\n`c`\n```\nd `e f` g `h`\n");
        assert_eq!(page.spans().collect::<Vec<_>>(), [(1, "b"), (5, "e f"), (5, "h")]);
        assert_eq!(prose("d `e f` g `h`"), "d  g ");
    }

    #[test]
    fn a_row_ends_with_its_last_cell() {
        let page = Page::new("a.md", "| a | b |\ntext | c\n| d | `e` | f\n");
        assert_eq!(page.last_cells().collect::<Vec<_>>(), [(1, " b "), (3, " f")]);
    }
}
