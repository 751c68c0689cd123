//! A task's token: where its attempt is, in a form that stands in an address and says nothing to who reads it.
//! It proves nothing: every call shows whose session it is, and the attempt is fenced by it.

use store::outside::beats::Place;
use workflow::RunId;

/// Longer than any that we make.
const MAX_CHARS: usize = 8 * 1024;

pub(super) fn token_of(place: &Place) -> String {
    hex::encode(format!("{}.{}.{}", place.run.0.simple(), place.number, place.step))
}

/// None where it is not one of ours.
pub(super) fn read(token: &str) -> Option<Place> {
    let bytes = (token.len() <= MAX_CHARS).then(|| hex::decode(token).ok()).flatten()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.splitn(3, '.');
    let run = RunId(parts.next()?.parse().ok()?);
    let number = parts.next()?.parse().ok()?;
    let step = workflow::StepKey::new(parts.next()?);
    step.is_addressable().then_some(Place { run, step, number })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_leads_back_to_its_attempt_and_what_is_none_leads_nowhere() {
        for step in ["digest", "each[ä.1 / \"x\"]"] {
            let place = Place { run: RunId(Uuid::from_u128(7)), step: step.into(), number: 12 };
            let token = token_of(&place);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
            assert_eq!(read(&token), Some(place));
        }
        for none in ["", "zz", "00", &hex::encode("a.b.c"), &hex::encode("x".repeat(9_000)), "é"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
