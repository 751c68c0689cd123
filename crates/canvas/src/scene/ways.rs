//! The ways of lines that a large picture is built without: most of them are not seen at first, and to look for all of them takes longer
//! than all else of it. A line without a way lies as if nothing stood in between, and must never stay so once it is drawn.

use kurbo::Rect;

use super::Scene;

/// So many lines find their ways at once in any case.
pub(super) const FEW: usize = 600;
/// Beside what is looked at: a line may come from there, around a card.
const ASIDE: f64 = 200.0;

/// For which lines a way around the cards is looked for while a scene is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ways {
    All,
    /// Where there are many, for none: whoever shows them asks for those that are seen.
    AsSeen,
}

impl Scene {
    /// Whether some lines lie as if nothing stood in between.
    pub(crate) fn lacks_ways(&self) -> bool {
        !self.wayless.is_empty()
    }

    /// Leads around cards what passes through an area.
    pub(crate) fn find_ways_in(&mut self, area: Rect) {
        if self.wayless.is_empty() {
            return;
        }
        let area = area.inflate(ASIDE, ASIDE);
        let passes = |edge: &u32| self.edges[*edge as usize].route.bounds().overlaps(area);
        let seen: Vec<u32> = self.wayless.iter().copied().filter(passes).collect();
        for edge in seen {
            self.wayless.remove(&edge);
            self.find_way(edge);
        }
    }

    /// The same for so many of the others; answers which of them lie elsewhere now.
    pub(crate) fn find_more_ways(&mut self, most: usize) -> Vec<u32> {
        let next: Vec<u32> = self.wayless.iter().copied().take(most).collect();
        let mut led = Vec::new();
        for edge in next {
            self.wayless.remove(&edge);
            if self.find_way(edge) {
                led.push(edge);
            }
        }
        led
    }

    fn find_way(&mut self, edge: u32) -> bool {
        let (from, to) = (self.edges[edge as usize].from, self.edges[edge as usize].to);
        let route = self.route(from, to);
        if self.edges[edge as usize].route == route {
            return false;
        }
        self.edge_grid.remove_route(edge, &self.edges[edge as usize].route);
        self.edge_grid.insert_route(edge, &route);
        self.edges[edge as usize].route = route;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

    use super::*;
    use crate::{
        flow::Flow,
        scene::{Route, Source},
    };

    /// Rows of 40 cards, each line across two of them.
    fn rows(n: u32) -> Definition {
        let mut definition = Definition::default();
        for at in 0..n {
            let mut step = Step::new("x".into());
            step.ui = Some(Position { x: f64::from(at % 40) * 300.0, y: f64::from(at / 40) * 120.0, pinned: false });
            if at % 40 > 2 {
                step.depends_on.insert(StepKey::new(format!("s{:05}", at - 3)));
            }
            definition.steps.insert(StepKey::new(format!("s{at:05}")), step);
        }
        definition
    }

    fn built(definition: &Definition, ways: Ways) -> Scene {
        let agents = AgentCatalog::default();
        let source = Source::Draft { agents: &agents };
        Scene::build_with(definition, source, Flow::Right, &mut BTreeMap::new(), None, ways)
    }

    fn n_bent(scene: &Scene) -> usize {
        scene.edges.iter().filter(|edge| matches!(edge.route, Route::Bent(_))).count()
    }

    #[test]
    fn lines_that_find_their_ways_later_lie_in_the_end_as_if_they_had_at_once() {
        let definition = rows(1_000);
        let (at_once, mut later) = (built(&definition, Ways::All), built(&definition, Ways::AsSeen));
        assert!(!at_once.lacks_ways() && n_bent(&at_once) > 800);
        assert_eq!((later.wayless.len(), n_bent(&later)), (at_once.edges.len(), 0));
        let area = Rect::new(0.0, 0.0, 1_000.0, 600.0);
        later.find_ways_in(area);
        let n_seen = n_bent(&later);
        assert!(n_seen > 0 && n_seen < 100, "{n_seen}");
        for edge in later.edges_near(area).into_iter().filter(|edge| later.wayless.contains(edge)) {
            assert!(!later.edges[edge as usize].route.bounds().overlaps(area));
        }
        let mut n_led = 0;
        while later.lacks_ways() {
            n_led += later.find_more_ways(100).len();
        }
        assert_eq!(n_led + n_seen, n_bent(&at_once));
        assert_eq!(later.edges, at_once.edges);
        for rect in [area, Rect::new(5_000.0, 900.0, 5_200.0, 1_000.0), at_once.extent().unwrap()] {
            assert_eq!(later.edges_near(rect), at_once.edges_near(rect));
        }
    }

    #[test]
    fn few_lines_find_their_ways_at_once() {
        assert!(!built(&rows(500), Ways::AsSeen).lacks_ways());
    }

    #[test]
    fn what_is_built_anew_of_the_same_keeps_what_it_knows() {
        let (definition, agents) = (rows(1_000), AgentCatalog::default());
        let mut before = built(&definition, Ways::AsSeen);
        before.find_more_ways(300);
        let (n_bent_before, n_left) = (n_bent(&before), before.wayless.len());
        let source = Source::Draft { agents: &agents };
        let after =
            Scene::build_with(&definition, source, Flow::Right, &mut BTreeMap::new(), Some(before), Ways::AsSeen);
        assert_eq!((n_bent(&after), after.wayless.len()), (n_bent_before, n_left));
        assert!(n_bent_before > 0 && n_left > 0);
    }
}
