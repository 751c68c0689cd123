//! Where the values of a template would stand: inside a JSON text or outside, in which part of an address, in a header.
//! Told from the parts that the template writes itself, since what a value holds is known only at run time. What cannot be decided
//! is a fault.

use minijinja::machinery::{
    Span,
    ast::{Expr, Stmt},
};

use super::{BodyKind, Fault, Target};
use crate::problem::ProblemCode;

pub(super) fn check(parsed: &Stmt<'_>, target: Target) -> Vec<Fault> {
    let Stmt::Template(template) = parsed else {
        return Vec::new();
    };
    let stmts = &template.children;
    let judged = match target {
        Target::Text | Target::Body(BodyKind::Text | BodyKind::Form | BodyKind::Xml) => Ok(()),
        Target::Header => header(stmts),
        Target::Url => {
            Walk::default().stmts(stmts, AddressPlace::Start(String::new())).and_then(|end| end.at_end(template.span()))
        }
        Target::Body(kind @ (BodyKind::Json | BodyKind::JsonLines)) => Walk::default()
            .stmts(stmts, JsonPlace::Outside)
            .and_then(|end| end.at_end(template.span()))
            .and_then(|()| if kind == BodyKind::Json { skeleton(stmts) } else { Ok(()) }),
    };
    judged.err().into_iter().collect()
}

fn fault(span: Span, reason: impl Into<String>) -> Fault {
    Fault { line: usize::from(span.start_line), code: ProblemCode::InvalidValue, reason: reason.into() }
}

/// A place in a text that moves on with what is written.
trait Place: Clone + PartialEq {
    /// After a part that the template writes itself.
    fn after_text(self, text: &str, span: Span) -> Result<Self, Fault>;
    /// After a value; `is_safe` is one that its author marked as written already.
    fn after_value(self, is_safe: bool, span: Span) -> Result<Self, Fault>;
    /// What is told where two ways lead to different places.
    const AMBIGUOUS: &str;
}

/// Follows all ways through a template.
#[derive(Default)]
struct Walk<P> {
    /// Where the loop around this place began.
    loop_start: Option<P>,
}

impl<P: Place> Walk<P> {
    fn stmts(&mut self, stmts: &[Stmt<'_>], mut place: P) -> Result<P, Fault> {
        for stmt in stmts {
            place = self.stmt(stmt, place)?;
        }
        Ok(place)
    }

    fn stmt(&mut self, stmt: &Stmt<'_>, place: P) -> Result<P, Fault> {
        match stmt {
            Stmt::EmitRaw(raw) => place.after_text(raw.raw, raw.span()),
            Stmt::EmitExpr(emit) => place.after_value(is_safe(&emit.expr), emit.span()),
            Stmt::IfCond(cond) => {
                let yes = self.stmts(&cond.true_body, place.clone())?;
                let no = self.stmts(&cond.false_body, place)?;
                // A way that leaves the loop was judged where it leaves.
                match (leaves(&cond.true_body), leaves(&cond.false_body)) {
                    (true, _) => Ok(no),
                    (_, true) => Ok(yes),
                    _ => same(yes, &no, cond.span()),
                }
            }
            Stmt::ForLoop(each) => {
                let around = self.loop_start.replace(place.clone());
                let end = self.stmts(&each.body, place.clone())?;
                self.loop_start = around;
                if !leaves(&each.body) {
                    same(end, &place, each.span())?;
                }
                let without = self.stmts(&each.else_body, place.clone())?;
                same(without, &place, each.span())
            }
            Stmt::WithBlock(with) => self.stmts(&with.body, place),
            Stmt::Continue(end) => self.leave(place, end.span()),
            Stmt::Break(end) => self.leave(place, end.span()),
            _ => Ok(place),
        }
    }

    fn leave(&self, place: P, span: Span) -> Result<P, Fault> {
        match &self.loop_start {
            Some(start) => same(place, start, span),
            None => Ok(place),
        }
    }
}

fn same<P: Place>(a: P, b: &P, span: Span) -> Result<P, Fault> {
    if a == *b { Ok(a) } else { Err(fault(span, P::AMBIGUOUS)) }
}

fn leaves(stmts: &[Stmt<'_>]) -> bool {
    matches!(stmts.last(), Some(Stmt::Break(_) | Stmt::Continue(_)))
}

fn is_safe(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Filter(filter) if filter.name == "safe")
}

/// Inside or outside a text of a JSON document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JsonPlace {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escape,
}

impl JsonPlace {
    #[must_use]
    pub fn after(self, text: &str) -> Self {
        text.bytes().fold(self, |place, byte| match (place, byte) {
            (Self::Outside, b'"') | (Self::Escape, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escape,
            (place, _) => place,
        })
    }

    fn at_end(self, span: Span) -> Result<(), Fault> {
        match self {
            Self::Outside => Ok(()),
            Self::Inside | Self::Escape => Err(fault(span, "the JSON ends inside a text: a `\"` is missing")),
        }
    }
}

impl Place for JsonPlace {
    const AMBIGUOUS: &str = "whether a value stands inside a JSON text depends on the way taken: open and close each `\"` in the same branch";

    fn after_text(self, text: &str, _: Span) -> Result<Self, Fault> {
        Ok(self.after(text))
    }

    fn after_value(self, _: bool, span: Span) -> Result<Self, Fault> {
        match self {
            Self::Escape => Err(fault(span, "a value cannot follow a backslash inside a JSON text")),
            place => Ok(place),
        }
    }
}

/// Parts of an address, in the order in which they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
enum AddressPlace {
    /// Before `://` has been written; what was so far.
    Start(String),
    Host,
    /// Behind a whole address that is a value, which may end anywhere.
    AfterValue,
    /// In the path, the query or the fragment, where values are safe once they are encoded.
    Behind,
}

impl Default for AddressPlace {
    fn default() -> Self {
        Self::Start(String::new())
    }
}

impl AddressPlace {
    fn at_end(self, span: Span) -> Result<(), Fault> {
        match self {
            Self::Start(_) => Err(fault(span, BEGINNING)),
            Self::Host | Self::AfterValue | Self::Behind => Ok(()),
        }
    }
}

const BEGINNING: &str = "the address begins with `https://` or `http://`";
const HOST: &str = "a value cannot choose the server: write the host out, and insert values behind it; to take a whole address from an input, begin with `{{ address|safe }}`";

impl Place for AddressPlace {
    const AMBIGUOUS: &str =
        "the branches end in different parts of the address: let each write as much of it as the others";

    fn after_text(self, text: &str, span: Span) -> Result<Self, Fault> {
        let ends_host = |c: char| matches!(c, '/' | '?' | '#' | '\\');
        match self {
            Self::Start(before) => {
                let text = format!("{before}{text}");
                let text = text.trim_start();
                if text.is_empty() {
                    return Ok(Self::Start(String::new()));
                }
                let rest = ["https://", "http://"].iter().find_map(|scheme| {
                    text.get(..scheme.len())
                        .filter(|begin| begin.eq_ignore_ascii_case(scheme))
                        .map(|_| &text[scheme.len()..])
                });
                match rest {
                    Some(rest) if rest.contains(ends_host) => Ok(Self::Behind),
                    Some(_) => Ok(Self::Host),
                    None if text.len() < "https://".len() => Ok(Self::Start(text.to_owned())),
                    None => Err(fault(span, BEGINNING)),
                }
            }
            Self::Host if text.contains(ends_host) => Ok(Self::Behind),
            Self::AfterValue if text.starts_with(ends_host) => Ok(Self::Behind),
            Self::AfterValue if !text.is_empty() => {
                Err(fault(span, "after a whole address that is a value, go on with `/`, `?` or `#`"))
            }
            place => Ok(place),
        }
    }

    fn after_value(self, is_safe: bool, span: Span) -> Result<Self, Fault> {
        match self {
            Self::Start(before) if is_safe && before.is_empty() => Ok(Self::AfterValue),
            Self::Start(_) | Self::Host => Err(fault(span, HOST)),
            Self::AfterValue => Err(fault(span, "after a whole address that is a value, go on with `/`, `?` or `#`")),
            Self::Behind => Ok(Self::Behind),
        }
    }
}

/// Headers are lines of ASCII; what a value holds is judged at run time.
fn header(stmts: &[Stmt<'_>]) -> Result<(), Fault> {
    for stmt in stmts {
        match stmt {
            Stmt::EmitRaw(raw) => {
                if let Some(c) = raw.raw.chars().find(|c| !matches!(c, ' '..='~' | '\t')) {
                    return Err(fault(raw.span(), format!("a header is one line of ASCII; it cannot hold {c:?}")));
                }
            }
            Stmt::IfCond(cond) => {
                header(&cond.true_body)?;
                header(&cond.false_body)?;
            }
            Stmt::ForLoop(each) => {
                header(&each.body)?;
                header(&each.else_body)?;
            }
            Stmt::WithBlock(with) => header(&with.body)?,
            _ => {}
        }
    }
    Ok(())
}

/// A template that writes everything but values itself is JSON with any values, or with none.
fn skeleton(stmts: &[Stmt<'_>]) -> Result<(), Fault> {
    let mut faults = Vec::new();
    // A value may be a name, which is a text, or follow a sign, which only a number may.
    for value in ["\"\"", "0"] {
        let mut text = String::new();
        let mut place = JsonPlace::Outside;
        let mut last = None;
        for stmt in stmts {
            match stmt {
                Stmt::EmitRaw(raw) => {
                    text.push_str(raw.raw);
                    place = place.after(raw.raw);
                    last = Some(raw.span());
                }
                Stmt::EmitExpr(emit) if is_safe(&emit.expr) && place == JsonPlace::Outside => return Ok(()),
                Stmt::EmitExpr(_) if place == JsonPlace::Outside => text.push_str(value),
                Stmt::EmitExpr(_) | Stmt::Set(_) => {}
                _ => return Ok(()),
            }
        }
        match (serde_json::from_str::<serde::de::IgnoredAny>(&text), last) {
            (Err(error), Some(span)) => faults.push(Fault {
                line: error.line().max(1),
                ..fault(span, format!("the body is no valid JSON, whatever the values are: {}", reason(&error)))
            }),
            _ => return Ok(()),
        }
    }
    faults.into_iter().next().map_or(Ok(()), Err)
}

/// What the parser found, in words of our own.
fn reason(error: &serde_json::Error) -> String {
    if error.is_eof() { "it ends too early".to_owned() } else { format!("it goes wrong at line {}", error.line()) }
}
