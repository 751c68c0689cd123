//! What is chosen from a list while drawing: the agent of a step that is to be added here, the step that a line leads to, or the input
//! that it feeds.
//! The board knows what there is to choose and why some of it cannot be; the page only shows the list.

use kurbo::{Point, Rect};
use workflow::{AgentId, StepKey};

use super::{Board, Content, Gesture, input::Output, palette::PaletteItem};
use crate::{
    edit::takes,
    flow::Flow,
    scene::{HEAD_HEIGHT, Kind, NODE_WIDTH, Side, bounded, port_of, snapped},
};

/// Where a step is to be added, while its agent is chosen.
#[derive(Clone, PartialEq, Debug)]
pub struct Spot {
    /// On the plane: what was pressed, or where the line ends.
    pub at: Point,
    /// The corner of the card.
    place: Point,
    /// The step that it comes after (`Side::Out`) or before.
    pub joined: Option<(StepKey, Side)>,
    /// The ends of the line that it is put onto.
    between: Option<(StepKey, StepKey)>,
}

/// A question that a list beside the canvas asks.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// What it is called: "Add a step after Echo".
    pub title: String,
    /// Where it belongs, on the screen.
    pub at: Point,
}

/// One answer to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// What it is, or what it would read.
    pub kind: String,
    /// Why it cannot be chosen.
    pub refusal: Option<String>,
}

impl Board {
    /// By double click where nothing is.
    pub(super) fn begin_adding_at(&mut self, at: Point, out: &mut Vec<Output>) {
        let world = self.camera.to_world(at);
        let place = self.free_place(super::palette::card_at(world), Flow::Right);
        self.ask_for_agent(Spot { at: world, place, joined: None, between: None }, out);
    }

    /// By a line that was let go where nothing is: its end is where the port of the new step will be.
    pub(super) fn begin_adding_joined(&mut self, at: Point, anchor: u32, side: Side, out: &mut Vec<Output>) {
        let world = self.camera.to_world(at);
        // From the corner of a card to the port that the line ends at.
        let card = Rect::from_origin_size(Point::ORIGIN, (NODE_WIDTH, HEAD_HEIGHT));
        let corner = port_of(card, side.other(), self.flow).to_vec2();
        let place = self.free_place(snapped(world - corner), self.flow);
        let joined = Some((self.scene.key(anchor).clone(), side));
        self.ask_for_agent(Spot { at: world, place, joined, between: None }, out);
    }

    /// By key: onto the selected line, after the step that the keyboard stands on, else in the middle of what is seen.
    pub(super) fn begin_adding_by_key(&mut self, out: &mut Vec<Output>) {
        if let Some(line) = self.selected_line() {
            return self.begin_adding_between(line, out);
        }
        let after = match self.selection.as_slice() {
            [key] => self.scene.node(key),
            _ => None,
        };
        let (place, joined) = match after {
            Some(node) => (self.place_after(node), Some((self.scene.key(node).clone(), Side::Out))),
            None => (self.middle_place(), None),
        };
        let card = Rect::from_origin_size(place, (NODE_WIDTH, HEAD_HEIGHT));
        if self.camera.reveal(card, self.viewport, self.margin()) {
            self.camera_moved();
        }
        let at = if joined.is_some() { port_of(card, Side::In, self.flow) } else { card.center() };
        self.ask_for_agent(Spot { at, place, joined, between: None }, out);
    }

    fn begin_adding_between(&mut self, line: u32, out: &mut Vec<Output>) {
        let (from, to) = (self.scene.edges[line as usize].from, self.scene.edges[line as usize].to);
        let place = self.room_between(from, to, None).place;
        let card = Rect::from_origin_size(place, (NODE_WIDTH, HEAD_HEIGHT));
        if self.camera.reveal(card, self.viewport, self.margin()) {
            self.camera_moved();
        }
        let between = Some((self.scene.key(from).clone(), self.scene.key(to).clone()));
        self.ask_for_agent(Spot { at: card.center(), place, joined: None, between }, out);
    }

    fn ask_for_agent(&mut self, spot: Spot, out: &mut Vec<Output>) {
        let spot = Spot { place: bounded(spot.place), ..spot };
        self.gesture = Gesture::Adding(spot);
        (self.dirty.base, self.dirty.overlay) = (true, true);
        if let Some(question) = self.question() {
            out.push(Output::Say(format!("{}: choose an agent", question.title)));
        }
    }

    /// The card that would be added.
    pub(crate) fn spot_card(spot: &Spot) -> Rect {
        Rect::from_origin_size(spot.place, (NODE_WIDTH, HEAD_HEIGHT))
    }

    /// What is being asked, if anything is.
    pub fn question(&self) -> Option<Question> {
        match &self.gesture {
            Gesture::Adding(spot) => {
                let titled = |key: &StepKey| self.called(key);
                let title = match (&spot.between, &spot.joined) {
                    (Some((from, to)), _) => format!("Add a step between {} and {}", titled(from), titled(to)),
                    (None, None) => "Add a step here".to_owned(),
                    (None, Some((key, side))) => {
                        let word = if *side == Side::Out { "after" } else { "before" };
                        format!("Add a step {word} {}", titled(key))
                    }
                };
                Some(Question { title, at: self.camera.to_screen(spot.at) })
            }
            Gesture::KeyConnect(connect) => {
                let card = self.camera.rect_to_screen(self.scene.rect(connect.from));
                let title = format!("Connect {} to", self.scene.title[connect.from as usize]);
                Some(Question { title, at: Point::new(card.x0, card.y1) })
            }
            Gesture::Reading(reading) => Some(self.question_of_reading(reading)),
            _ => None,
        }
    }

    /// What can be answered; what cannot comes last and says why.
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = match &self.gesture {
            Gesture::Adding(spot) => self.agents_for(spot),
            Gesture::KeyConnect(connect) => {
                let choice = |node: u32, refusal: Option<String>| {
                    let at = node as usize;
                    let (value, label) = (self.scene.key(node).to_string(), self.scene.title[at].to_string());
                    Choice { value, label, kind: String::new(), refusal }
                };
                // From the one that is pointed at first, so that it stands at the head of the list.
                let (before, after) = connect.targets.split_at(connect.at.min(connect.targets.len()));
                let free = after.iter().chain(before).map(|node| choice(*node, None));
                let others = self.scene.order.iter().filter(|node| **node != connect.from);
                let mut n_told = 0;
                let refused = others.filter_map(|node| {
                    let words = self.why_not(connect.ends(), *node, &mut n_told)?;
                    Some(choice(*node, Some(words)))
                });
                free.chain(refused).collect()
            }
            Gesture::Reading(reading) => self.choices_of_reading(reading),
            _ => Vec::new(),
        };
        choices.sort_by_key(|choice| choice.refusal.is_some());
        choices
    }

    fn agents_for(&self, spot: &Spot) -> Vec<Choice> {
        let Content::Draft { agents } = &self.content else {
            return Vec::new();
        };
        let anchor =
            spot.joined.as_ref().and_then(|(key, side)| Some((self.document.definition.steps.get(key)?, *side)));
        let mut choices: Vec<Choice> = agents
            .latest()
            .map(|agent| {
                let fits = anchor.map_or(Ok(Vec::new()), |(step, side)| takes(agents, step, side, agent));
                let kind = match &fits {
                    Ok(ports) if !ports.is_empty() => ports.join(", "),
                    _ => Kind::of(agent.kind()).words().to_owned(),
                };
                Choice { value: agent.id.to_string(), label: agent.name.clone(), kind, refusal: fits.err() }
            })
            .collect();
        choices.sort_by_cached_key(|choice| choice.label.to_lowercase());
        choices
    }

    /// Shows on the canvas what the list points at.
    pub fn point_at(&mut self, value: &str) -> Vec<Output> {
        let mut out = Vec::new();
        if let Gesture::KeyConnect(_) = self.gesture
            && let Some(node) = self.scene.node(&StepKey::new(value))
        {
            self.key_connect_at(node, &mut out);
        }
        out
    }

    /// Takes an answer: the step is added, or the line is drawn.
    pub fn choose(&mut self, value: &str) -> Vec<Output> {
        let mut out = Vec::new();
        match &self.gesture {
            Gesture::Adding(_) => self.add_chosen(&AgentId::new(value), &mut out),
            Gesture::KeyConnect(_) => {
                if let Some(node) = self.scene.node(&StepKey::new(value)) {
                    self.key_connect_to(node, &mut out);
                }
            }
            Gesture::Reading(_) => self.read_along(value, &mut out),
            _ => {}
        }
        out
    }

    fn add_chosen(&mut self, agent: &AgentId, out: &mut Vec<Output>) {
        let Content::Draft { agents } = &self.content else {
            return;
        };
        let Some(agent) = agents.get(agent, None) else {
            return;
        };
        let item = PaletteItem::of(agent);
        let Gesture::Adding(spot) = std::mem::take(&mut self.gesture) else {
            return;
        };
        (self.dirty.base, self.dirty.overlay) = (true, true);
        let ends = spot.between.and_then(|(from, to)| self.scene.node(&from).zip(self.scene.node(&to)));
        match (ends.and_then(|(from, to)| self.scene.edge_between(from, to)), spot.joined) {
            (Some(line), _) => self.add_onto(&item, line, None, out),
            (None, None) => self.add_step(&item, spot.place, out),
            (None, Some((key, side))) => self.add_beside(&item, spot.place, &key, side, out),
        }
        self.reveal_focus();
    }
}
