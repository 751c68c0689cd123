//! A task's token: where its attempt is, in a form that stands in an address and says nothing to who reads it.
//! It proves nothing: every call shows whose session it is, and the attempt is fenced by it.

use store::outside::beats::Place;
use workflow::RunId;

/// Longer than any that we make.
const MAX_CHARS: usize = 8 * 1024;
/// In a trace: no span.
const NO_SPAN: &str = "0000000000000000";

pub(super) fn token_of(place: &Place) -> String {
    hex::encode(format!("{}.{}.{}", place.run.0.simple(), place.number, place.step))
}

/// For traces (W3C Trace Context): one trace is a run, and one span an attempt, so that whoever follows them finds both again.
pub(super) fn traceparent_of(place: &Place) -> String {
    let span =
        workflow::hash::sha256_hex(format!("{}.{}.{}", place.run.0.simple(), place.number, place.step).as_bytes());
    // A span of zeros is none; one in 2^64 would be.
    let span = if span.starts_with(NO_SPAN) { "0000000000000001" } else { &span[..NO_SPAN.len()] };
    format!("00-{}-{span}-01", place.run.0.simple())
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
        let place = |number| Place { run: RunId(Uuid::from_u128(7)), step: "digest".into(), number };
        for step in ["digest", "each[ä.1 / \"x\"]"] {
            let place = Place { run: RunId(Uuid::from_u128(7)), step: step.into(), number: 12 };
            let token = token_of(&place);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
            assert_eq!(read(&token), Some(place));
        }
        let (one, two) = (place(1), place(2));
        assert!(traceparent_of(&one).starts_with("00-00000000000000000000000000000007-"));
        assert_eq!((traceparent_of(&one).len(), &traceparent_of(&one)[52..]), (55, "-01"));
        assert_ne!(traceparent_of(&one), traceparent_of(&two), "each attempt is a span of its own");
        for none in ["", "zz", "00", &hex::encode("a.b.c"), &hex::encode("x".repeat(9_000)), "é"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
