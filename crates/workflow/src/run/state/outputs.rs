//! What one step made: every version of each of its outputs, by name. Mostly that is one output of one version, so it is a sorted list: the
//! first node of a tree, and a list that grows by itself, have room for several, which of ten thousand steps is more than all else that is
//! known of them. Must never hold a name twice.

use super::Version;

#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::run) struct Outputs(Vec<(String, Vec<Version>)>);

impl Outputs {
    /// Every version of one of them, in order.
    pub(in crate::run) fn of(&self, name: &str) -> &[Version] {
        match self.place(name) {
            Ok(n) => self.0[n].1.as_slice(),
            Err(_) => &[],
        }
    }

    pub(in crate::run) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Every version of each, in the order of their names.
    pub(in crate::run) fn all(&self) -> impl Iterator<Item = &Vec<Version>> {
        self.0.iter().map(|(_, versions)| versions)
    }

    /// A version that is new, or that is told again.
    pub(in crate::run) fn put(&mut self, version: &Version) {
        let n = match self.place(&version.name) {
            Ok(n) => n,
            Err(n) => {
                insert(&mut self.0, n, (version.name.clone(), Vec::new()));
                n
            }
        };
        let of_name = &mut self.0[n].1;
        if version.is_latest {
            for known in of_name.iter_mut() {
                known.is_latest = false;
            }
        }
        match of_name.binary_search_by_key(&version.version, |known| known.version) {
            Ok(n) => of_name[n] = version.clone(),
            Err(n) => insert(of_name, n, version.clone()),
        }
    }

    /// Where the name is, or where it belongs.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

/// Without room for more where it is the first.
pub(in crate::run) fn insert<T>(into: &mut Vec<T>, at: usize, one: T) {
    if into.is_empty() {
        into.reserve_exact(1);
    }
    into.insert(at, one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_list_has_no_empty_places_behind_it() {
        let mut list = Vec::new();
        insert(&mut list, 0, 'b');
        assert_eq!(list.capacity(), 1);
        insert(&mut list, 0, 'a');
        insert(&mut list, 2, 'c');
        assert_eq!(list, ['a', 'b', 'c']);
    }
}
