//! What a page takes in once it is told to read its run again. Where the database was restored, what is read then is of before what is
//! shown, and yet the truth; and events that come meanwhile follow on it, not on what is shown.
//! Must never leave a page behind what it was told of: what was passed over is read as well.

/// Whether the run is to be read again, and the last event that was passed over since.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Anew {
    is_told: bool,
    /// How often it was told so.
    n_told: u32,
    passed: i64,
}

impl Anew {
    /// The page was told to.
    pub(super) fn begin(&mut self) {
        self.is_told = true;
        self.n_told = self.n_told.wrapping_add(1);
    }

    /// An event has come. Whether it is passed over.
    pub(super) fn passes_over(&mut self, seq: i64) -> bool {
        if self.is_told {
            self.passed = seq.max(self.passed);
        }
        self.is_told
    }

    /// Whether a run that was asked for now is shown as it was read, where so much of it is shown.
    pub(super) fn takes(self, read: i64, shown: i64) -> bool {
        self.is_told || read > shown
    }

    /// It was read, asked for at `asked`. Whether it has to be read once more.
    pub(super) fn has_read(&mut self, asked: Self, read: i64) -> bool {
        if self.n_told != asked.n_told {
            // What was on its way when the page was told may be of before.
            return true;
        }
        let is_behind = self.is_told && self.passed > read;
        (self.is_told, self.passed) = (false, 0);
        is_behind
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
        assert!(anew.has_read(asked, 6), "7 is missing");
        let asked = anew;
        assert!(!asked.takes(5, 6) && asked.takes(7, 6));
        assert!(!anew.has_read(asked, 7));
    }

    #[test]
    fn what_was_on_its_way_before_is_not_taken_for_it() {
        let mut anew = Anew::default();
        for _ in 0..2 {
            let asked = anew;
            anew.begin();
            assert!(anew.has_read(asked, 5), "it is read again");
        }
        let asked = anew;
        assert!(asked.takes(5, 9));
        assert!(!anew.has_read(asked, 5));
        assert!(!anew.takes(5, 9));
    }
}
