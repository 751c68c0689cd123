//! The least and the greatest that a number may be. They are compared by value, however a number is written.
//! Must never bound anything but numbers.

use serde_json::{Number, Value};

use super::{Kind, Schema};
use crate::json::{self, compare_numbers};

impl Schema {
    pub fn is_bounded(&self) -> bool {
        self.minimum.is_some() || self.maximum.is_some()
    }

    /// "from 1 to 10", "at least 1", "at most 10"; none where any number will do.
    pub fn bounds_words(&self) -> Option<String> {
        match (&self.minimum, &self.maximum) {
            (None, None) => None,
            (Some(least), None) => Some(format!("at least {least}")),
            (None, Some(greatest)) => Some(format!("at most {greatest}")),
            (Some(least), Some(greatest)) => Some(format!("from {least} to {greatest}")),
        }
    }

    /// This number, or the bound that it is beyond.
    #[must_use]
    pub fn nearest(&self, number: Number) -> Number {
        match (&self.minimum, &self.maximum) {
            (Some(least), _) if compare_numbers(&number, least).is_lt() => least.clone(),
            (_, Some(greatest)) if compare_numbers(&number, greatest).is_gt() => greatest.clone(),
            _ => number,
        }
    }

    /// Why a number is beyond them.
    pub(super) fn beyond_bounds(&self, number: &Number) -> Option<String> {
        match (&self.minimum, &self.maximum) {
            (Some(least), _) if compare_numbers(number, least).is_lt() => Some(format!("must be at least {least}")),
            (_, Some(greatest)) if compare_numbers(number, greatest).is_gt() => {
                Some(format!("must be at most {greatest}"))
            }
            _ => None,
        }
    }

    /// Whether all numbers of this type are within the bounds of the other.
    pub(super) fn is_within_bounds(&self, target: &Self) -> bool {
        let is_chosen = !self.choices().is_empty()
            && self
                .choices()
                .iter()
                .all(|choice| choice.as_number().is_none_or(|number| target.beyond_bounds(number).is_none()));
        let is_above = target
            .minimum
            .as_ref()
            .is_none_or(|least| self.minimum.as_ref().is_some_and(|own| compare_numbers(own, least).is_ge()));
        let is_below = target
            .maximum
            .as_ref()
            .is_none_or(|greatest| self.maximum.as_ref().is_some_and(|own| compare_numbers(own, greatest).is_le()));
        is_chosen || (is_above && is_below)
    }

    /// Bounds that nothing can be within, or that bound nothing.
    pub(super) fn bounds_problems(&self, path: &str, problems: &mut Vec<(String, String)>) {
        for (name, bound) in [("minimum", &self.minimum), ("maximum", &self.maximum)] {
            let Some(bound) = bound else { continue };
            let said = match self.kind {
                Some(Kind::Number) => continue,
                Some(Kind::Integer) if json::is_whole(bound) => continue,
                Some(Kind::Integer) => format!("{bound} is no bound of whole numbers: give a whole number"),
                _ => "Only numbers have a least and a greatest: leave it out".to_owned(),
            };
            problems.push((format!("{path}.{name}"), said));
        }
        if let (Some(least), Some(greatest)) = (&self.minimum, &self.maximum)
            && compare_numbers(least, greatest).is_gt()
        {
            problems.push((format!("{path}.maximum"), format!("The greatest must be at least {least}, the least")));
            return;
        }
        let beyond = |choice: &Value| Some(format!("The choice {choice} {}", self.beyond_bounds(choice.as_number()?)?));
        if let Some(said) = self.choices().iter().find_map(beyond) {
            problems.push((format!("{path}.enum"), said));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Compatibility;

    fn schema(text: &str) -> Schema {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_number_is_judged_by_value_and_the_bounds_belong_to_what_is_allowed() {
        let bounded = schema(r#"{"type":"number","minimum":0.10,"maximum":1e1}"#);
        for (text, fault) in [
            ("0.1", None),
            ("10.0", None),
            ("1E1", None),
            ("0.09999999999999999999", Some("must be at least 0.10")),
            ("-1E400", Some("must be at least 0.10")),
            ("10.000000000000000000001", Some("must be at most")),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let told = bounded.check(&value);
            assert_eq!(told.is_empty(), fault.is_none(), "{text}: {told:?}");
            assert!(fault.is_none_or(|fault| told[0].1.contains(fault)), "{text}: {told:?}");
        }
        let nested = schema(r#"{"type":"array","items":{"type":"integer","minimum":1}}"#);
        assert_eq!(nested.check(&json!([1, 0])), [("/1".to_owned(), "must be at least 1".to_owned())]);
        let words = [&bounded, &nested].map(Schema::words);
        assert!(
            words[0].starts_with("number, from 0.10 to ") && words[1] == "list of whole number, at least 1",
            "{words:?}"
        );
    }

    #[test]
    fn bounds_that_nothing_can_be_within_are_told() {
        let places = |text: &str| schema(text).problems().into_iter().map(|(place, _)| place).collect::<Vec<_>>();
        assert_eq!(places(r#"{"type":"integer","minimum":1,"maximum":1}"#), Vec::<String>::new());
        assert_eq!(places(r#"{"type":"integer","minimum":0.5}"#), [".minimum"]);
        assert_eq!(places(r#"{"type":"string","maximum":5}"#), [".maximum"]);
        assert_eq!(places(r#"{"type":"number","minimum":2,"maximum":1}"#), [".maximum"]);
        assert_eq!(places(r#"{"properties":{"n":{"minimum":2}}}"#), [".properties.n.minimum"]);
        assert_eq!(places(r#"{"type":"integer","enum":[1,10],"minimum":1,"maximum":10}"#), Vec::<String>::new());
        let beyond = schema(r#"{"type":"integer","enum":[1,11],"maximum":10}"#).problems();
        assert_eq!(beyond, [(".enum".to_owned(), "The choice 11 must be at most 10".to_owned())]);
    }

    #[test]
    fn what_may_be_beyond_is_not_sure_to_fit_and_the_nearest_does() {
        let target = schema(r#"{"type":"number","minimum":1,"maximum":10}"#);
        for (text, is_sure) in [
            (r#"{"type":"integer","minimum":1.0,"maximum":9}"#, true),
            (r#"{"type":"integer","enum":[1,10]}"#, true),
            (r#"{"type":"integer","enum":[1,11]}"#, false),
            (r#"{"type":"integer","minimum":1}"#, false),
            (r#"{"type":"number"}"#, false),
        ] {
            assert_eq!(schema(text).feeds(&target) == Compatibility::Yes, is_sure, "{text}");
        }
        assert_eq!([0, 5, 11].map(|n| target.nearest(Number::from(n)).to_string()), ["1", "5", "10"]);
        // Numbers stay as they were written, and a type without bounds says nothing of them.
        let text = r#"{"type":"number","minimum":1.50}"#;
        assert_eq!(serde_json::to_string(&schema(text)).unwrap(), text);
        assert_eq!(serde_json::to_string(&Schema::of(Kind::Number)).unwrap(), r#"{"type":"number"}"#);
    }
}
