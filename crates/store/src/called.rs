//! What a run is called in every list, in SQL: as somebody called it, else what it is about.
//! Must never ask for anything but the title: tags and the rest are those lists' that show them.

/// Of the run with this id, which is about this.
macro_rules! called {
    ($run:literal, $about:literal) => {
        concat!("coalesce((SELECT l.title FROM run_labels l WHERE l.run_id = ", $run, "), ", $about, ")")
    };
}
pub(crate) use called;
