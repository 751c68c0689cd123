//! Where in a text which needle is. Must look at a text once for all of them: there may be many, and texts are long.

/// Where which needle is, one behind the other; of several at one place the longest.
pub(super) struct Hits<'a> {
    text: &'a str,
    at: usize,
    /// Those that are there at all, the longest first.
    found: Vec<Found<'a>>,
}

struct Found<'a> {
    needle: &'a str,
    instead: &'a str,
    /// None behind its last place.
    next: Option<usize>,
}

impl<'a> Hits<'a> {
    pub(super) fn of(needles: &'a [(String, String)], text: &'a str) -> Self {
        let found = needles.iter().filter_map(|(needle, instead)| {
            let first = text.find(needle.as_str())?;
            Some(Found { needle, instead, next: Some(first) })
        });
        Self { text, at: 0, found: found.collect() }
    }
}

impl<'a> Iterator for Hits<'a> {
    /// From, to, and what to put there.
    type Item = (usize, usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (text, at) = (self.text, self.at);
        let mut first: Option<(usize, usize, &'a str)> = None;
        for Found { needle, instead, next } in &mut self.found {
            if next.is_some_and(|next| next < at) {
                *next = text[at..].find(*needle).map(|n| at + n);
            }
            if let Some(start) = *next
                && first.is_none_or(|(found, ..)| start < found)
            {
                first = Some((start, start + needle.len(), *instead));
            }
        }
        self.at = first?.1;
        first
    }
}
