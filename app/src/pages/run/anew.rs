//! What a page takes in once it is told to read its run again. Where the database was restored, what is read then is of before what is
//! shown, and yet the truth; and events that come meanwhile follow on it, not on what is shown.
//! Must never leave a page behind what it was told of: what was passed over is read as well.

/// Whether the run is to be read again, and the last event that was passed over since.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Anew(Option<i64>);

impl Anew {
    /// The page was told to.
    pub(super) fn begin(&mut self) {
        self.0 = Some(self.0.unwrap_or_default());
    }

    /// An event has come. Whether it is passed over.
    pub(super) fn passes_over(&mut self, seq: i64) -> bool {
        let Some(passed) = &mut self.0 else { return false };
        *passed = seq.max(*passed);
        true
    }

    /// Whether a run that was asked for now is shown as it was read, where so much of it is shown.
    pub(super) fn takes(self, read: i64, shown: i64) -> bool {
        self.0.is_some() || read > shown
    }

    /// It was read, asked for at `asked`. Whether it has to be read once more.
    pub(super) fn has_read(&mut self, asked: Self, read: i64) -> bool {
        if asked.0.is_none() {
            // What was on its way when the page was told may be of before.
            return self.0.is_some();
        }
        self.0.take().is_some_and(|passed| passed > read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_went_back_is_shown_as_it_is_and_what_came_meanwhile_is_read() {
        let mut anew = Anew::default();
        assert!(!anew.takes(5, 9) && anew.takes(10, 9), "by itself a page never goes back");
        assert!(!anew.passes_over(10));
        anew.begin();
        let asked = anew;
        assert!(asked.takes(5, 9));
        assert!(anew.passes_over(6) && anew.passes_over(7));
        anew.begin();
        assert!(anew.has_read(asked, 6), "7 is missing");
        assert_eq!(anew, Anew::default());
        assert!(!anew.has_read(anew, 7));
    }

    #[test]
    fn what_was_on_its_way_before_is_not_taken_for_it() {
        let mut anew = Anew::default();
        let asked = anew;
        anew.begin();
        assert!(!asked.takes(5, 9));
        assert!(anew.has_read(asked, 5), "it is read again");
        assert!(!anew.has_read(anew, 5));
        assert_eq!(anew, Anew::default());
    }
}
