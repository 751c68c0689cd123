//! Where in a text its end stands: in code, in a fence, or in a JSON string, where a tag is mere content.
//! It must never forget more than the line: what was not closed on a line is not kept open, but for a fence.

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum JsonString {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash in it.
    Escaped,
}

#[derive(Debug, Default)]
pub(super) struct Place {
    in_fence: bool,
    in_code: bool,
    string: JsonString,
    /// Backticks in a row, up to here.
    n_ticks: usize,
    /// Anything but white space and backticks stood on the line.
    has_text: bool,
    /// The last character that is no white space; a string of JSON stands behind some only.
    last: Option<char>,
}

impl Place {
    pub(super) fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.read_char(c);
        }
    }

    fn read_char(&mut self, c: char) {
        if c != '`' {
            self.end_ticks();
        }
        match c {
            '\n' => {
                (self.in_code, self.string, self.has_text) = (false, JsonString::Outside, false);
                return;
            }
            '`' if self.string == JsonString::Outside => self.n_ticks += 1,
            _ if self.string == JsonString::Escaped => self.string = JsonString::Inside,
            '\\' if self.string == JsonString::Inside => self.string = JsonString::Escaped,
            '"' if self.string == JsonString::Inside => self.string = JsonString::Outside,
            '"' if self.last.is_none_or(|last| matches!(last, '{' | '[' | ',' | ':')) => {
                self.string = JsonString::Inside;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            self.last = Some(c);
            self.has_text |= c != '`';
        }
    }

    fn end_ticks(&mut self) {
        match std::mem::take(&mut self.n_ticks) {
            0 => {}
            n if n >= 3 && !self.has_text => self.in_fence = !self.in_fence,
            _ => self.in_code = !self.in_code,
        }
    }

    /// Whether what comes next is content.
    pub(super) fn is_in_content(&mut self) -> bool {
        self.end_ticks();
        self.in_fence || self.in_code || self.string != JsonString::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_told_from_text() {
        let table = [
            ("", false),
            ("Use the tag `", true),
            ("Use `x` and ", false),
            ("Use ``", true),
            ("```\ncode ", true),
            ("```xml\n<a/>\n```\n", false),
            ("It's ```inline", true),
            ("{\"s\":\"ends with ", true),
            ("{\"s\":\"a \\\" b", true),
            ("{\"s\":\"a\", ", false),
            ("\"a text ", true),
            ("So I say \"hi ", false),
            ("so: \"hi\n", false),
            ("a ` b\n", false),
        ];
        for (text, expected) in table {
            let mut place = Place::default();
            place.read(text);
            assert_eq!(place.is_in_content(), expected, "{text}");
        }
    }
}
