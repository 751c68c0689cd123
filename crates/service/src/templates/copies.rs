//! What a copy of a workflow is called.
//! A copy of a copy is another copy, and never "(copy) (copy)".

use workflow::limits::MAX_NAME_CHARS;

/// More copies of one name than anybody can tell apart.
const MOST: usize = 100;

/// The names that it may have, the first that is free being the best.
pub(super) fn names(name: &str) -> Vec<String> {
    let base = base(name);
    let name = |n: usize| {
        let end = if n == 1 { " (copy)".to_owned() } else { format!(" (copy {n})") };
        let room = MAX_NAME_CHARS - end.len();
        base.chars().take(room).collect::<String>().trim_end().to_owned() + &end
    };
    (1..=MOST).map(name).collect()
}

fn base(name: &str) -> &str {
    let Some((base, number)) = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (copy")) else {
        return name;
    };
    let is_number = number.is_empty() || number.strip_prefix(' ').is_some_and(|n| n.parse::<u32>().is_ok());
    if is_number && !base.is_empty() { base } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_copy_is_the_next_copy() {
        for (name, first, second) in [
            ("Brief", "Brief (copy)", "Brief (copy 2)"),
            ("Brief (copy)", "Brief (copy)", "Brief (copy 2)"),
            ("Brief (copy 7)", "Brief (copy)", "Brief (copy 2)"),
            ("Brief (copyright)", "Brief (copyright) (copy)", "Brief (copyright) (copy 2)"),
            (" (copy)", " (copy) (copy)", " (copy) (copy 2)"),
        ] {
            assert_eq!(names(name)[..2], [first, second], "{name}");
        }
        for name in ["x", "ü"] {
            assert!(names(&name.repeat(MAX_NAME_CHARS)).iter().all(|name| name.chars().count() <= MAX_NAME_CHARS));
        }
    }
}
