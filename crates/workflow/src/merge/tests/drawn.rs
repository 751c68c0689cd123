//! Notes, groups and what else is only drawn: nobody is asked about it, but for what a note says.

use super::*;

#[test]
fn a_note_with_an_id_of_its_own_never_gets_one_that_the_base_had() {
    let of = |notes: &[(&str, &str)]| -> Document {
        let notes: Vec<Value> = notes.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
        definition(&json!({"steps": {}, "notes": notes})).into()
    };
    let base = of(&[("m2", "old")]);
    let merged = merge(&base, &of(&[("n", "mine")]), &of(&[("n", "theirs")]), &Choices::new()).unwrap().document;
    assert_eq!(merged, of(&[("n", "theirs"), ("m3", "mine")]));
}

#[test]
fn notes_are_merged_by_their_ids_in_one_order() {
    let of = |notes: &[(&str, &str)]| -> Document {
        let notes: Vec<Value> = notes.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
        definition(&json!({"steps": {}, "notes": notes})).into()
    };
    let base = of(&[("1", "one"), ("2", "two")]);
    let mine = of(&[("1", "mine"), ("2", "two"), ("3", "three")]);
    let theirs = of(&[("2", "two"), ("1", "one"), ("4", "four")]);
    let merged = merge(&base, &mine, &theirs, &Choices::new()).unwrap().document;
    assert_eq!(merged, of(&[("2", "two"), ("1", "mine"), ("4", "four"), ("3", "three")]));
}

#[test]
fn two_new_groups_around_different_steps_are_two_groups_whatever_they_are_called() {
    let of = |groups: [Option<&str>; 2]| -> Document {
        let step = |group: Option<&str>| match group {
            Some(group) => json!({"agent_id": "x", "group": group}),
            None => json!({"agent_id": "x"}),
        };
        let frames: BTreeMap<&str, Value> = groups.into_iter().flatten().map(|id| (id, json!({}))).collect();
        definition(&json!({"steps": {"a": step(groups[0]), "b": step(groups[1])}, "groups": frames})).into()
    };
    let (base, mine, theirs) = (of([None, None]), of([Some("g1"), None]), of([None, Some("g1")]));
    let merged = |mine: &Document, theirs: &Document| merge(&base, mine, theirs, &Choices::new()).unwrap().document;
    assert_eq!(merged(&mine, &theirs), of([Some("m2"), Some("g1")]));
    // The same group of both is one.
    assert_eq!(merged(&mine, &mine), mine);

    // Around a step that both added under one key, which is two steps.
    let added = |agent: &str| -> Document {
        let steps = json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x"}, "w": {"agent_id": agent, "group": "g1"}});
        definition(&json!({"steps": steps, "groups": {"g1": {}}})).into()
    };
    let steps = merged(&added("mine"), &added("theirs")).definition.steps;
    assert_eq!((steps["w"].group.as_deref(), steps["w_2"].group.as_deref()), (Some("g1"), Some("m2")));
}

#[test]
fn a_note_that_one_moved_loses_nothing_of_what_the_other_did_to_it() {
    let of = |notes: Value| -> Document { definition(&json!({"steps": {}, "notes": notes})).into() };
    let note = |text: &str, x: f64, width: f64, colour: &str| {
        of(json!([{"id": "n", "text": text, "x": x, "y": 0.0, "width": width, "height": 50.0, "colour": colour}]))
    };
    let merged = |base: &Document, mine: &Document, theirs: &Document| merge(base, mine, theirs, &Choices::new());
    let base = note("Why", 0.0, 100.0, "red");
    let (moved, sized) = (note("Why", 9.0, 100.0, "red"), note("Why", 0.0, 300.0, "teal"));
    let both = note("Why", 9.0, 300.0, "teal");
    assert_eq!(merged(&base, &moved, &sized).unwrap().document, both);
    assert_eq!(merged(&base, &sized, &moved).unwrap().document, both);
    // Moving is no reason to keep it; writing in it is one to ask.
    let empty = of(json!([]));
    assert_eq!(merged(&base, &moved, &empty).unwrap().document, empty);
    assert_eq!(merged(&base, &empty, &moved).unwrap().document, empty);
    let conflicts = merged(&base, &note("Because", 0.0, 100.0, "red"), &empty).unwrap_err();
    assert_eq!(conflicts.iter().map(|it| it.why.clone()).collect::<Vec<_>>(), [Why::Removed]);
}

#[test]
fn what_is_only_drawn_is_merged_and_nobody_is_asked_but_for_what_a_note_says() {
    let drawn = |colour: &str, group: &str, notes: Value, groups: Value| -> Document {
        let step = json!({"agent_id": "x", "colour": colour, "group": group});
        definition(&json!({"steps": {"a": step}, "notes": notes, "groups": groups})).into()
    };
    let note = |id: &str, text: &str, x: f64| json!({"id": id, "text": text, "x": x, "width": 100.0, "height": 50.0});
    let base = drawn("red", "g1", json!([note("n1", "Why", 0.0)]), json!({"g1": {"title": "One"}}));
    let mine = drawn(
        "blue",
        "g2",
        json!([note("n1", "Why", 5.0), note("n2", "Mine", 0.0)]),
        json!({"g1": {"title": "One"}, "g2": {"title": "Mine"}}),
    );
    let theirs = drawn(
        "teal",
        "g1",
        json!([note("n1", "Why not", 9.0), note("n2", "Theirs", 0.0)]),
        json!({"g1": {"title": "Two"}, "g2": {"title": "Theirs"}}),
    );
    let merged = merge(&base, &mine, &theirs, &Choices::new()).unwrap().document.definition;
    let step = &merged.steps["a"];
    assert_eq!((step.colour, step.group.as_deref()), (Some(crate::definition::Colour::Blue), Some("m2")));
    let titles: Vec<_> = merged.groups.iter().map(|(id, group)| (id.as_str(), group.title.as_str())).collect();
    assert_eq!(titles, [("g1", "Two"), ("g2", "Theirs"), ("m2", "Mine")]);
    let notes: BTreeMap<_, _> = merged.notes.iter().map(|note| (note.text.as_str(), note.x)).collect();
    assert_eq!(notes, [("Mine", 0.0), ("Theirs", 0.0), ("Why not", 5.0)].into());

    let other = drawn("red", "g1", json!([note("n1", "Because", 0.0)]), json!({"g1": {"title": "One"}}));
    let conflicts = merge(&base, &other, &theirs, &Choices::new()).unwrap_err();
    assert_eq!(conflicts.iter().map(|it| it.change.place.clone()).collect::<Vec<_>>(), [Place::Note("n1".into())]);
}
