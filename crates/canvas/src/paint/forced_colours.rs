//! That the canvas can be read with a person's own colours, as a high contrast theme has them: the style sheet names one for every ink, and
//! what is drawn on a ground is never of the ground's colour. A canvas is the one thing that browsers do not change by themselves.

use workflow::{StepStatus, definition::Colour};

use super::Ink;

const TOKENS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../style/tokens.css"));
/// The colours of the person, by their CSS names.
const SYSTEM: [&str; 5] = ["Canvas", "CanvasText", "Highlight", "HighlightText", "GrayText"];

/// What a token is there.
fn forced(ink: Ink) -> &'static str {
    let (before, block) = TOKENS.split_once("@media (forced-colors: active) {").unwrap();
    // What comes last counts, and a second block would hold for some inks and be read for none.
    assert!(!before.contains("forced-colors:") && !block.contains("@media"), "one block, and the last one");
    let start = format!("{}:", ink.token());
    let value = block.lines().find_map(|line| line.trim().strip_prefix(&start));
    value.unwrap_or_else(|| panic!("{} is not named for forced colours", ink.token())).trim().trim_end_matches(';')
}

#[test]
fn every_ink_is_one_of_the_persons_own_colours() {
    for ink in Ink::all() {
        assert!(SYSTEM.contains(&forced(ink)), "{ink:?} is {}", forced(ink));
    }
}

#[test]
fn people_are_told_apart_by_their_initials_where_colours_are_the_persons_own() {
    for person in Ink::all().filter(|ink| matches!(ink, Ink::Person(_))) {
        assert_eq!((forced(person), forced(Ink::OnAccent)), ("Highlight", "HighlightText"));
    }
}

#[test]
fn what_is_drawn_on_a_ground_is_told_apart_from_it() {
    let statuses = StepStatus::ALL.iter().copied();
    let mut on_ground: Vec<(Ink, Ink)> =
        statuses.map(|status| (Ink::StatusSoft(status), Ink::Status(status))).collect();
    on_ground.extend(
        Colour::ALL
            .into_iter()
            .flat_map(|colour| [(Ink::MarkSoft(colour), Ink::Mark(colour)), (Ink::MarkSoft(colour), Ink::Title)]),
    );
    on_ground.extend([
        (Ink::StaleSoft, Ink::Stale),
        (Ink::IconGround, Ink::Sub),
        // The number on a badge.
        (Ink::Error, Ink::NodeGround),
        (Ink::Warning, Ink::NodeGround),
    ]);
    assert_ne!(forced(Ink::OnAccent), forced(Ink::Selected));
    let lines = [Ink::Edge, Ink::EdgeActive, Ink::NodeBorder, Ink::Port, Ink::PortValid, Ink::PortInvalid, Ink::Grid];
    on_ground.extend(lines.map(|ink| (Ink::Ground, ink)));
    let on_cards = [Ink::Title, Ink::Sub, Ink::Selected, Ink::Error, Ink::Warning, Ink::Stale];
    on_ground.extend(on_cards.map(|ink| (Ink::NodeGround, ink)));
    for (ground, ink) in on_ground {
        let is_text_on_canvas = forced(ground) == "Canvas" && forced(ink) != "Canvas" && forced(ink) != "HighlightText";
        let is_turned = forced(ground) == "CanvasText" && forced(ink) == "Canvas";
        assert!(is_text_on_canvas || is_turned, "{ink:?} on {ground:?}");
    }
}
