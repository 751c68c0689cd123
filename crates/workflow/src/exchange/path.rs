//! Where a walk through a document stands, and how people are told that place.
//! Must never cost by what nobody is told: a place is written only where something is said of it, and its names are cut short.

use crate::words::{QUOTED_CHARS, shortened};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

/// From the top of the document to where the walk is.
#[derive(Default)]
pub(super) struct Path<'a>(Vec<Segment<'a>>);

impl<'a> Path<'a> {
    /// Goes one level down, looks, and comes back.
    pub(super) fn below<T>(&mut self, segment: Segment<'a>, look: impl FnOnce(&mut Self) -> T) -> T {
        self.0.push(segment);
        let seen = look(self);
        self.0.pop();
        seen
    }

    pub(super) fn segments(&self) -> &[Segment<'a>] {
        &self.0
    }

    /// Such as `steps.draft.review.assignees.users[3]`.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Key(key) => {
                    if !told.is_empty() {
                        told.push('.');
                    }
                    told.push_str(&shortened(key, QUOTED_CHARS).replace('\0', "␀"));
                }
                Segment::Index(n) => {
                    told.push('[');
                    told.push_str(&n.to_string());
                    told.push(']');
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_shortly() {
        let long = "k".repeat(1_000);
        let mut path = Path::default();
        let told = path.below(Segment::Key("steps"), |path| {
            path.below(Segment::Index(3), |path| path.below(Segment::Key(&long), |path| path.told()))
        });
        assert_eq!(told, format!("steps[3].{}…", "k".repeat(QUOTED_CHARS)));
        assert_eq!(path.told(), "", "the walk came back");
    }
}
