//! From bytes of tokens to text that may be sent: whole characters only, and nothing from a stop string on.
//! Pure; it knows neither model nor client.

/// Collects bytes and gives out the longest run of whole characters.
/// A token may end inside a character; bytes that can never become one turn into U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Utf8Buffer {
    rest: Vec<u8>,
}

impl Utf8Buffer {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match str::from_utf8(&self.rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.rest.clear();
                    return text;
                }
                Err(error) => {
                    let (whole, rest) = self.rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    let Some(broken) = error.error_len() else {
                        self.rest = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.rest = rest[broken..].to_vec();
                }
            }
        }
    }

    /// What is left when no more bytes come; an unfinished character becomes U+FFFD.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// Holds back text that may be the beginning of a stop string until that is decided.
#[derive(Debug, Default)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    /// Text that is certainly before any stop string.
    pub(crate) text: String,
    pub(crate) is_stopped: bool,
}

impl StopMatcher {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new() }
    }

    pub(crate) fn push(&mut self, text: &str) -> Matched {
        self.held.push_str(text);
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = first {
            let mut text = std::mem::take(&mut self.held);
            text.truncate(at);
            return Matched { text, is_stopped: true };
        }
        let rest = self.held.split_off(self.held.len() - self.undecided());
        Matched { text: std::mem::replace(&mut self.held, rest), is_stopped: false }
    }

    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Length of the longest end of the held text that begins a stop string.
    fn undecided(&self) -> usize {
        self.stops
            .iter()
            .flat_map(|stop| stop.char_indices().map(move |(at, _)| &stop[..at]))
            .filter(|beginning| self.held.ends_with(beginning))
            .map(str::len)
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_split_over_tokens_come_out_whole() {
        let mut buffer = Utf8Buffer::default();
        let text = "aé漢🦀z";
        let parts: Vec<String> = text.bytes().map(|byte| buffer.push(&[byte])).collect();
        assert_eq!(parts.concat(), text);
        assert!(parts.iter().all(|part| !part.contains(char::REPLACEMENT_CHARACTER)));
        assert_eq!(buffer.finish(), "");
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced_once_and_lose_nothing_else() {
        let mut buffer = Utf8Buffer::default();
        assert_eq!(buffer.push(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(buffer.push(b"\xf0\x9f"), "");
        assert_eq!(buffer.push(b"x"), "\u{fffd}x");
        assert_eq!(buffer.push(b"\xe6\xbc"), "");
        assert_eq!(buffer.finish(), "\u{fffd}");
    }

    #[track_caller]
    fn check(stops: &[&str], pieces: &[&str], expect: &str, is_stopped: bool) {
        let mut matcher = StopMatcher::new(stops.iter().map(ToString::to_string).collect());
        let mut text = String::new();
        let mut stopped = false;
        for piece in pieces {
            let found = matcher.push(piece);
            text.push_str(&found.text);
            if found.is_stopped {
                stopped = true;
                break;
            }
        }
        if !stopped {
            text.push_str(&matcher.finish());
        }
        assert_eq!((text.as_str(), stopped), (expect, is_stopped));
    }

    #[test]
    fn text_ends_before_the_first_stop_string_however_it_is_cut() {
        check(&["END"], &["one E", "N", "D two"], "one ", true);
        check(&["END"], &["one EN", "EN", "D"], "one EN", true);
        check(&["\n\n", "."], &["a\n", "b. c"], "a\nb", true);
        check(&["aab"], &["aaaa", "b"], "aa", true);
        check(&["漢字"], &["x漢", "字y"], "x", true);
    }

    #[test]
    fn text_without_a_stop_string_comes_out_complete() {
        check(&["END"], &["one E", "N"], "one EN", false);
        check(&["END"], &["E", "x", "EN", "x"], "ExENx", false);
        check(&[], &["a", "b"], "ab", false);
    }

    #[test]
    fn only_what_may_become_a_stop_string_is_held_back() {
        let mut matcher = StopMatcher::new(vec!["<end>".into()]);
        assert_eq!(matcher.push("hello <").text, "hello ");
        assert_eq!(matcher.push("b>").text, "<b>");
    }
}
