//! What the canvas looks like at each level of detail and in both themes, held against drawings that were looked at.
//! A drawing is only ever written anew when somebody asks for it: `WEFT_BLESS=1` in the environment of the tests. Look at what it changes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use kurbo::Size;
use serde_json::{Value, json};
use workflow::{Definition, RunView};

use super::{Ink, Svg, Text};
use crate::board::Board;

const TOKENS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../style/tokens.css"));
/// How every colour of the tokens begins; in halves, since none may stand here.
const COLOUR: &str = concat!("ok", "lch", "(");
const LEVELS: [(&str, f64); 3] = [("full", 1.0), ("middle", 0.3), ("far", 0.1)];
const THEMES: [&str; 2] = ["light", "dark"];

/// A run with a step in every status, a fork, a join and a long line.
fn run() -> RunView {
    let step = |title: &str, after: &[&str], x: i32, y: i32| json!({"title": title, "agent_id": "writer", "depends_on": after, "ui": {"x": x, "y": y}});
    let definition = json!({"steps": {
        "plan": step("Plan the sections", &[], 0, 160),
        "notes": step("Collect notes from every source that there is", &["plan"], 320, 0),
        "facts": step("Check the facts", &["plan"], 320, 160),
        "quotes": step("Find <quotes> & names", &["plan"], 320, 320),
        "draft": step("Draft it", &["notes", "facts"], 640, 80),
        "sum": step("Sum it up", &["quotes"], 640, 320),
        "send": step("Send it", &["draft", "sum", "plan"], 960, 160),
        "log": step("Write the log", &["send"], 1280, 160),
    }});
    // By key, as a run has them.
    let statuses = [
        ("draft", "ready", Value::Null),
        ("facts", "failed", json!("timeout")),
        ("log", "cancelled", Value::Null),
        ("notes", "running", Value::Null),
        ("plan", "completed", Value::Null),
        ("quotes", "awaiting_review", Value::Null),
        ("send", "pending", Value::Null),
        ("sum", "skipped", json!("person")),
    ];
    let steps: Vec<Value> = statuses
        .into_iter()
        .map(|(key, status, reason)| {
            let title = &definition["steps"][key]["title"];
            json!({"key": key, "title": title, "agent_id": "writer", "agent_version": 1, "kind": "llm", "status": status,
                "reason": reason, "generation": 1, "attempts": []})
        })
        .collect();
    let id = "00000000-0000-7000-8000-000000000000";
    serde_json::from_value(json!({
        "id": id, "seq": 0, "template_id": id, "template_name": "T", "template_version": 1, "status": "running",
        "status_reason": null, "auto_run": true, "user_id": id, "user_email": "a@example.com", "is_test": false,
        "created_at": "2026-01-01T00:00:00Z", "finished_at": null, "inputs": {}, "overrides": {}, "steps": steps,
        "artifacts": [], "run_definition": Definition::from_value(&definition).unwrap()}))
    .unwrap()
}

/// The value of a token in a theme, with all that it refers to.
fn colour(token: &str, theme: &str) -> String {
    let start = format!("{token}:");
    let value = TOKENS
        .lines()
        .find_map(|line| line.trim().strip_prefix(&start))
        .unwrap_or_else(|| panic!("style/tokens.css has no {token}"))
        .trim()
        .trim_end_matches(';');
    if let Some(other) = value.strip_prefix("var(").and_then(|rest| rest.strip_suffix(')')) {
        return colour(other, theme);
    }
    let Some(both) = value.strip_prefix("light-dark(").and_then(|rest| rest.strip_suffix(')')) else {
        return value.to_owned();
    };
    let (light, dark) = both.split_once("), ").unwrap();
    if theme == "light" { format!("{light})") } else { dark.to_owned() }
}

fn drawn(zoom: f64, theme: &str) -> String {
    let mut board = Board::watch(&run(), BTreeMap::from([("writer".into(), "Writer".to_owned())]));
    board.set_viewport(Size::new(1640.0, 520.0));
    board.show_all();
    board.zoom_to(zoom);
    let colour_of = |ink: Ink| colour(&ink.token(), theme);
    // As wide as letters of the interface's font are on average.
    let width_of = |style: Text, text: &str| {
        f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) * style.font.size() * 0.55
    };
    let mut svg = Svg::new(colour_of, width_of, "Inter, sans-serif");
    board.paint().render(&mut svg);
    board.paint_overlay(Some(0.25)).render(&mut svg);
    // The overlay is a canvas of its own above the first one.
    svg.finish().replacen("</svg>", "</svg></svg>", 1)
}

#[test]
fn every_level_of_detail_looks_in_both_themes_as_it_was_approved() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/paint/golden");
    let is_blessing = std::env::var_os("WEFT_BLESS").is_some();
    let mut differing = Vec::new();
    for (level, zoom) in LEVELS {
        for theme in THEMES {
            let file = folder.join(format!("{level}-{theme}.svg"));
            let now = drawn(zoom, theme);
            if fs::read_to_string(&file).is_ok_and(|approved| approved == now) {
                continue;
            }
            if is_blessing {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, now).unwrap();
            } else {
                differing.push(file.display().to_string());
            }
        }
    }
    assert!(
        differing.is_empty(),
        "the canvas is not drawn as approved; run this test with WEFT_BLESS=1 in its environment, and look at what changed in {}",
        differing.join(", ")
    );
}

#[test]
fn each_level_of_detail_is_another_drawing_and_a_theme_changes_only_colours() {
    let without_colours = |drawing: &str| {
        drawing.split(COLOUR).map(|part| part.split_once(')').map_or(part, |(_, rest)| rest)).collect::<String>()
    };
    let light = LEVELS.map(|(_, zoom)| drawn(zoom, "light"));
    for (level, (_, zoom)) in LEVELS.iter().enumerate() {
        let dark = drawn(*zoom, "dark");
        assert_ne!(light[level], dark);
        assert_eq!(without_colours(&light[level]), without_colours(&dark));
    }
    // Nothing that can be read at life size is left from far away but landmarks.
    assert!(light[0].contains("Check the facts") && light[0].contains("&lt;quotes&gt;"));
    assert!(light[2].len() < light[1].len() && light[1].len() < light[0].len());
}
