//! What a page takes in once it is told to read its run again. Where the database was restored, what is read then is of before what is
//! shown, and yet the truth; and events that come meanwhile follow on it, not on what is shown: they are kept until it was read.
//! Must never take what was on its way when the page was told for the truth.

/// Whether the run is to be read again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Anew {
    is_told: bool,
    /// How often it was told so.
    n_told: u32,
}

impl Anew {
    /// The page was told to.
    pub(super) fn begin(&mut self) {
        self.is_told = true;
        self.n_told = self.n_told.wrapping_add(1);
    }

    /// What comes now follows on what has yet to be read.
    pub(super) fn is_told(self) -> bool {
        self.is_told
    }

    /// Whether a run that was asked for now is shown as it was read, where so much of it is shown.
    pub(super) fn takes(self, read: i64, shown: i64) -> bool {
        self.is_told || read > shown
    }

    /// It was read, asked for at `asked`. Whether it has to be read once more.
    pub(super) fn has_read(&mut self, asked: Self) -> bool {
        let is_of_before = self.n_told != asked.n_told;
        self.is_told = is_of_before;
        is_of_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_went_back_is_shown_as_it_is() {
        let mut anew = Anew::default();
        assert!(!anew.takes(5, 9) && anew.takes(10, 9), "by itself a page never goes back");
        assert!(!anew.is_told());
        anew.begin();
        let asked = anew;
        assert!(asked.takes(5, 9));
        assert!(anew.is_told(), "what comes meanwhile is kept");
        assert!(!anew.has_read(asked));
        assert!(!anew.is_told() && !anew.takes(5, 9));
    }

    #[test]
    fn what_was_on_its_way_before_is_not_taken_for_it() {
        let mut anew = Anew::default();
        for _ in 0..2 {
            let asked = anew;
            anew.begin();
            assert!(anew.has_read(asked), "it is read again");
            assert!(anew.is_told());
        }
        let asked = anew;
        assert!(asked.takes(5, 9));
        assert!(!anew.has_read(asked));
        assert!(!anew.takes(5, 9));
    }
}
