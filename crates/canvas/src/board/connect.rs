//! Drawing a line by pointer, and moving one end of a line: which ends are possible is known from the start, and a refusal has words.
//! Nothing changes until the line is let go, and then once.

use kurbo::{Point, Rect};
use workflow::StepKey;

use super::{Board, Content, Gesture, ends::Ends, input::Output};
use crate::{
    edit::{Edit, Refused, held, map_what_fits, moved_end},
    scene::{Side, hit::Precision},
};

/// A line that is let go nearer to where it was begun was merely pressed.
const MEANT: f64 = 24.0;

#[derive(Clone, PartialEq, Debug)]
pub struct Connect {
    pub(super) id: i32,
    /// The node the line holds on to, and the side of its port.
    pub anchor: u32,
    pub side: Side,
    /// The pointer, on the screen, and where it went down.
    pub at: Point,
    from_at: Point,
    pub target: Option<u32>,
    /// What can be the other end.
    pub ends: Ends,
    /// Why the present target is refused.
    pub refusal: Option<Refused>,
    /// The line that is moved, and the node that it is moved away from.
    moved: Option<(u32, u32)>,
}

impl Connect {
    /// The line that is moved, which is not drawn where it was meanwhile.
    pub fn moved_edge(&self) -> Option<u32> {
        self.moved.map(|(edge, _)| edge)
    }

    fn is_back(&self, target: u32) -> bool {
        self.moved.is_some_and(|(_, other)| other == target)
    }

    fn words(&self) -> &'static str {
        match (self.moved, self.side) {
            (None, Side::Out) => "Drag to the step that comes after, or let go where nothing is to add one",
            (None, Side::In) => "Drag to the step that comes before, or let go where nothing is to add one",
            (Some(_), Side::Out) => "Drag the line to another step that comes after",
            (Some(_), Side::In) => "Drag the line to another step that comes before",
        }
    }
}

impl Board {
    pub(super) fn begin_connect(&mut self, id: i32, anchor: u32, side: Side, at: Point, out: &mut Vec<Output>) {
        let ends = Ends::of(&self.scene, anchor, side, None, None);
        self.hold_line(id, (anchor, side), at, ends, None, out);
    }

    /// `end` is the side of the port that the end lies at: the other one holds on.
    pub(super) fn begin_reconnect(&mut self, id: i32, edge: u32, end: Side, at: Point, out: &mut Vec<Output>) {
        let (ends, anchor, other) = self.ends_of_line(edge, end);
        self.hold_line(id, (anchor, end.other()), at, ends, Some((edge, other)), out);
        self.connect_to(at, out);
    }

    /// What an end of a line could lead to; with the node that holds on, and the one that it leads to now.
    pub(super) fn ends_of_line(&self, edge: u32, end: Side) -> (Ends, u32, u32) {
        let line = &self.scene.edges[edge as usize];
        let (anchor, other) = if end == Side::In { (line.from, line.to) } else { (line.to, line.from) };
        let held = held(&self.document.definition, self.scene.key(line.from), self.scene.key(line.to));
        (Ends::of(&self.scene, anchor, end.other(), Some(other), held), anchor, other)
    }

    fn hold_line(
        &mut self,
        id: i32,
        (anchor, side): (u32, Side),
        at: Point,
        ends: Ends,
        moved: Option<(u32, u32)>,
        out: &mut Vec<Output>,
    ) {
        let connect = Connect { id, anchor, side, at, from_at: at, target: None, ends, refusal: None, moved };
        let words = connect.words().to_owned();
        self.gesture = Gesture::Connect(connect);
        (self.dirty.base, self.dirty.overlay) = (true, true);
        self.set_hint(Some(words), out);
    }

    pub(super) fn connect_to(&mut self, at: Point, out: &mut Vec<Output>) {
        let Gesture::Connect(connect) = &self.gesture else {
            return;
        };
        // Let go anywhere on a card and it is that card's port that is meant.
        let reach = Precision::Touch.port_radius();
        let port = self.scene.hit_port(&self.camera, at, reach, Some(connect.side.other()));
        let target = port.map(|(node, _)| node).or_else(|| self.scene.hit_node(&self.camera, at));
        let target = target.filter(|target| *target != connect.anchor);
        self.dirty.overlay = true;
        let is_same = target == connect.target;
        let told = (!is_same).then(|| self.told_of(connect, target));
        if let Gesture::Connect(connect) = &mut self.gesture {
            (connect.at, connect.target) = (at, target);
            if let Some((refusal, words)) = told {
                connect.refusal = refusal;
                self.set_hint(Some(words), out);
            }
        }
    }

    /// Why this target is refused, if it is, and what is said over the canvas while it is aimed at.
    fn told_of(&self, connect: &Connect, target: Option<u32>) -> (Option<Refused>, String) {
        let Some(target) = target else {
            return (None, connect.words().to_owned());
        };
        if let Some(refused) = connect.ends.refusal(&self.scene, target) {
            let words = self.words_of(&refused);
            return (Some(refused), words);
        }
        let (from, to) = connect.ends.in_order(target);
        let mut words = format!("{} → {}", self.scene.title[from as usize], self.scene.title[to as usize]);
        if connect.is_back(target) {
            words.push_str(", as it was");
        } else if connect.moved.is_none()
            && let Some(Edit::SetInput { port, .. }) = self.mapping(self.scene.key(from), self.scene.key(to))
        {
            words = format!("{words}, which feeds its {port}");
        }
        (None, words)
    }

    fn mapping(&self, from: &StepKey, to: &StepKey) -> Option<Edit> {
        match &self.content {
            Content::Draft { agents } => map_what_fits(&self.document.definition, agents, from, to),
            Content::Run { .. } | Content::Compared { .. } => None,
        }
    }

    pub(super) fn finish_connect(&mut self, out: &mut Vec<Output>) {
        let Gesture::Connect(connect) = std::mem::take(&mut self.gesture) else {
            return;
        };
        (self.dirty.base, self.dirty.overlay) = (true, true);
        self.set_hint(None, out);
        let Some(target) = connect.target else {
            return self.let_go_beside(&connect, out);
        };
        if let Some(refused) = connect.refusal {
            out.push(Output::Refused(self.words_of(&refused)));
            return;
        }
        match connect.moved {
            None => {
                let (from, to) = connect.ends.in_order(target);
                self.connect_nodes(from, to, out);
            }
            Some(_) if connect.is_back(target) => {}
            Some((edge, _)) => self.move_end(edge, connect.side.other(), target, out),
        }
    }

    /// Over no other step: a new line asks for an agent there, a moved one stays where it was.
    fn let_go_beside(&mut self, connect: &Connect, out: &mut Vec<Output>) {
        let is_inside = Rect::from_origin_size(Point::ORIGIN, self.viewport).contains(connect.at);
        let is_meant = connect.from_at.distance(connect.at) >= MEANT;
        if !is_inside || !is_meant || self.scene.hit_node(&self.camera, connect.at).is_some() {
            return;
        }
        if connect.moved.is_some() {
            let words = "The line is where it was: let go of it over a step, or press Delete to take it away";
            out.push(Output::Note(words.to_owned()));
        } else {
            self.begin_adding_joined(connect.at, connect.anchor, connect.side, out);
        }
    }

    pub(super) fn move_end(&mut self, edge: u32, end: Side, other: u32, out: &mut Vec<Output>) {
        let line = &self.scene.edges[edge as usize];
        let key = |node: u32| self.scene.key(node).clone();
        let (from, to, other_key) = (key(line.from), key(line.to), key(other));
        let Content::Draft { agents } = &self.content else {
            return;
        };
        let rewired = match moved_end(&self.document.definition, agents, (&from, &to), end, &other_key) {
            Ok(rewired) => rewired,
            Err(refused) => {
                out.push(Output::Refused(self.words_of(&refused)));
                return;
            }
        };
        let (from, to) = if end == Side::In { (from, other_key) } else { (other_key, to) };
        let steps = &self.document.definition.steps;
        let title = |key: &StepKey| steps.get(key).map_or_else(String::new, |step| step.title_or(key).to_owned());
        let said = format!("{} now depends on {}", title(&to), title(&from));
        if self.commit(rewired.edit, "Move connection", None, out) {
            let nodes = self.scene.node(&from).zip(self.scene.node(&to));
            if let Some(edge) = nodes.and_then(|(from, to)| self.scene.edge_between(from, to)) {
                self.select_edge(edge, out);
            }
            out.push(told(said, rewired.done.as_deref(), &rewired.left));
        }
    }

    pub(super) fn connect_nodes(&mut self, from: u32, to: u32, out: &mut Vec<Output>) {
        let (from_key, to_key) = (self.scene.key(from).clone(), self.scene.key(to).clone());
        let mut words = format!("{} now depends on {}", self.scene.title[to as usize], self.scene.title[from as usize]);
        let mapping = self.mapping(&from_key, &to_key);
        let is_mapped = mapping.is_some();
        let mut edit = Edit::Connect { from: from_key.clone(), to: to_key.clone() };
        if let Some(mapping) = mapping {
            if let Edit::SetInput { port, .. } = &mapping {
                words = format!("{words}, which feeds its {port}");
            }
            edit = Edit::Batch(vec![edit, mapping]);
        }
        if self.commit(edit, "Connect", None, out) {
            out.push(Output::Say(words));
            if !is_mapped {
                self.ask_what_it_feeds(from_key, to_key);
            }
        }
    }
}

/// What was done, for those who cannot see it; with what is left to do it is for everybody.
pub(super) fn told(said: String, done: Option<&str>, left: &[String]) -> Output {
    let said = match done {
        Some(done) => format!("{said}, {done}"),
        None => said,
    };
    if left.is_empty() { Output::Say(said) } else { Output::Note(format!("{said}. {}", left.join(" "))) }
}
