//! What a template may be made of, wherever it runs. Refused before that are three things:
//! - nesting so deep that parsing, compiling or dropping would overflow the stack and take the process down;
//! - lists that hold the same value over and over (`+`, `*`, literals, `batch` with filler), whose text would be unbounded;
//! - captures and calls (macros, blocks, includes), which prompts do not need.
//!
//! So every list or map in a running template is a part or a rearrangement of an input, and its text is no longer than that input's.
//! It must never let through a construct it does not know.

use minijinja::{
    machinery::{
        Span, Token,
        ast::{BinOpKind, CallArg, Expr, Stmt, UnaryOpKind},
        parse as parse_tree, tokenize,
    },
    value::ValueKind,
};

use super::{Fault, mistakes, syntax};
use crate::problem::ProblemCode;

/// Tokens of one `{{ }}` or `{% %}`: bounds the depth of an expression.
const MAX_TOKENS_PER_TAG: usize = 256;
/// Open `if`, `for` and `with` around one place.
const MAX_OPEN_BLOCKS: usize = 32;
/// `elif` in one template: the parser nests them.
const MAX_ELIFS: usize = 128;
/// Uses of filters that put values into new lists.
const MAX_NESTING_FILTERS: usize = 32;

/// Filters that a template may use, all with bounded work.
pub const FILTERS: [&str; 45] = [
    "abs",
    "batch",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
    "words",
    "urlencode",
];
/// Tests of the engine that take time in proportion to a text, or tell about the engine: nobody needs them here.
pub const REMOVED_TESTS: [&str; 7] = ["escaped", "filter", "lower", "safe", "sameas", "test", "upper"];
/// Uses of `groupby`, each of which may hold a part of the list twice.
const MAX_GROUPINGS: usize = 3;

const NESTING_FILTERS: [&str; 5] = ["batch", "dictsort", "groupby", "items", "slice"];
/// Filters whose result is a number, whatever they are given.
const NUMERIC_FILTERS: [&str; 8] = ["abs", "count", "float", "int", "length", "round", "sum", "wordcount"];
/// Filters that `map` may apply: text to text, a piece at a time.
const MAPPED_FILTERS: [&str; 15] = [
    "abs",
    "capitalize",
    "first",
    "float",
    "int",
    "last",
    "length",
    "lower",
    "round",
    "string",
    "title",
    "tojson",
    "trim",
    "upper",
    "wordcount",
];
const LOOP_NUMBERS: [&str; 7] = ["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"];

/// Words that a `{% %}` may begin with.
const STATEMENTS: [&str; 12] =
    ["if", "elif", "else", "endif", "for", "endfor", "set", "endset", "with", "endwith", "break", "continue"];
/// Tests that a value can be put to.
const TESTS: [&str; 35] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// Those that are named where it cannot be told which one was meant: all of them would be a page.
const USUAL_FILTERS: [&str; 8] = ["default", "join", "length", "lower", "replace", "tojson", "trim", "upper"];
const USUAL_TESTS: [&str; 6] = ["defined", "endingwith", "in", "none", "number", "string"];

/// There is no such thing; with the one that was most likely meant, else with some that there are.
fn unknown(what: &str, name: &str, known: &[&str], usual: &[&str]) -> String {
    let words = known.iter().copied().filter(|known| known.starts_with(char::is_alphabetic));
    match mistakes::meant(name, words) {
        Some(meant) => format!("there is no {what} `{name}`; is `{meant}` meant?"),
        None => format!("there is no {what} `{name}`; there are {} and others", usual.join(", ")),
    }
}

fn refusal(span: Span, reason: impl Into<String>) -> Fault {
    Fault { line: usize::from(span.start_line), code: ProblemCode::InvalidValue, reason: reason.into() }
}

pub(super) fn parse(source: &str) -> Result<Stmt<'_>, Fault> {
    check_tokens(source)?;
    let parsed = parse_tree(source, "prompt", syntax()).map_err(|error| mistakes::fault(source, &error))?;
    Walk::default().stmt(&parsed)?;
    Ok(parsed)
}

/// Runs before the parser, which is itself recursive.
fn check_tokens(source: &str) -> Result<(), Fault> {
    let mut n_tokens = 0;
    let mut n_open = 0_usize;
    let mut n_elifs = 0;
    let mut at_keyword = false;
    for token in tokenize(source, false, syntax()) {
        // The engine reports the malformed token itself.
        let Ok((token, span)) = token else {
            return Ok(());
        };
        let was_at_keyword = std::mem::replace(&mut at_keyword, false);
        match token {
            Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd => n_tokens = 0,
            Token::BlockStart => at_keyword = true,
            Token::Ident(word) if was_at_keyword => match word {
                "if" | "for" | "with" => n_open += 1,
                "endif" | "endfor" | "endwith" => n_open = n_open.saturating_sub(1),
                "elif" => n_elifs += 1,
                // Told here, since the engine knows some of them only when it is built with them.
                word if !STATEMENTS.contains(&word) => return Err(unusable(span, word)),
                _ => {}
            },
            _ => n_tokens += 1,
        }
        if n_tokens > MAX_TOKENS_PER_TAG {
            return Err(refusal(span, "an expression is too long: split it up with `{% set %}`"));
        }
        if n_open > MAX_OPEN_BLOCKS {
            return Err(refusal(span, "blocks are nested too deeply"));
        }
        if n_elifs > MAX_ELIFS {
            return Err(refusal(span, "there are too many `elif`"));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Walk {
    open_loops: usize,
    n_nesting_filters: usize,
    n_groupings: usize,
}

impl Walk {
    fn stmts(&mut self, stmts: &[Stmt<'_>]) -> Result<(), Fault> {
        stmts.iter().try_for_each(|stmt| self.stmt(stmt))
    }

    fn stmt(&mut self, stmt: &Stmt<'_>) -> Result<(), Fault> {
        match stmt {
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expr(&emit.expr),
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr)?;
                self.stmts(&cond.true_body)?;
                self.stmts(&cond.false_body)
            }
            Stmt::ForLoop(each) => {
                if each.recursive {
                    return Err(refusal(each.span(), "a loop cannot be recursive here"));
                }
                target(&each.target)?;
                self.expr(&each.iter)?;
                self.open_loops += 1;
                let body = each.filter_expr.iter().try_for_each(|filter| self.expr(filter));
                let body = body.and_then(|()| self.stmts(&each.body));
                self.open_loops -= 1;
                body.and_then(|()| self.stmts(&each.else_body))
            }
            Stmt::Set(set) => {
                target(&set.target)?;
                self.expr(&set.expr)
            }
            Stmt::WithBlock(with) => {
                for (name, value) in &with.assignments {
                    target(name)?;
                    self.expr(value)?;
                }
                self.stmts(&with.body)
            }
            Stmt::SetBlock(block) => {
                Err(refusal(block.span(), "`{% set %}` needs a value here: write `{% set name = value %}`"))
            }
            Stmt::Template(block) => self.stmts(&block.children),
            // The tokens of all others were refused; which there are depends on what the engine was built with.
            _ => Err(Fault {
                line: 1,
                code: ProblemCode::InvalidValue,
                reason: "this cannot be used in a template".to_owned(),
            }),
        }
    }

    fn expr(&mut self, expr: &Expr<'_>) -> Result<(), Fault> {
        match expr {
            Expr::Var(_) | Expr::Const(_) => Ok(()),
            Expr::UnaryOp(op) => self.expr(&op.expr),
            Expr::GetAttr(attr) => self.expr(&attr.expr),
            Expr::GetItem(item) => {
                self.expr(&item.expr)?;
                self.expr(&item.subscript_expr)
            }
            Expr::Slice(slice) => {
                self.expr(&slice.expr)?;
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().try_for_each(|bound| self.expr(bound))
            }
            Expr::IfExpr(cond) => {
                self.expr(&cond.test_expr)?;
                self.expr(&cond.true_expr)?;
                cond.false_expr.iter().try_for_each(|other| self.expr(other))
            }
            Expr::Compare(compare) => {
                self.expr(&compare.expr)?;
                compare.ops.iter().try_for_each(|op| self.expr(&op.expr))
            }
            Expr::BinOp(op) => {
                self.expr(&op.left)?;
                self.expr(&op.right)?;
                let (left, right) = (self.is_number(&op.left), self.is_number(&op.right));
                match op.op {
                    BinOpKind::Add if !left && !right => Err(refusal(
                        op.span(),
                        "`+` adds numbers: write `a|int + b` or `a|float + b`, and `a ~ b` to join texts",
                    )),
                    BinOpKind::Mul if !left || !right => {
                        Err(refusal(op.span(), "`*` multiplies numbers: write `a|int * b|int` or use `|float`"))
                    }
                    _ => Ok(()),
                }
            }
            Expr::Filter(filter) => {
                filter.expr.iter().try_for_each(|inner| self.expr(inner))?;
                self.args(filter.span(), &filter.args)?;
                self.filter(filter.span(), filter.name, &filter.args)
            }
            Expr::Test(test) => {
                if !TESTS.contains(&test.name) {
                    return Err(refusal(test.span(), unknown("test", test.name, &TESTS, &USUAL_TESTS)));
                }
                self.expr(&test.expr)?;
                self.args(test.span(), &test.args)
            }
            Expr::Call(call) => {
                let is_known = match &call.expr {
                    Expr::Var(var) => var.id == "range",
                    Expr::GetAttr(attr) => {
                        matches!(&attr.expr, Expr::Var(var) if var.id == "loop" && self.open_loops > 0)
                            && attr.name == "cycle"
                    }
                    _ => false,
                };
                if !is_known {
                    return Err(refusal(call.span(), "only `range(…)` and `loop.cycle(…)` can be called"));
                }
                self.args(call.span(), &call.args)
            }
            Expr::List(list) => constants(&list.items, expr.span()),
            Expr::Tuple(tuple) => constants(&tuple.items, expr.span()),
            Expr::Map(map) => {
                constants(&map.keys, expr.span())?;
                constants(&map.values, expr.span())
            }
        }
    }

    fn args(&mut self, span: Span, args: &[CallArg<'_>]) -> Result<(), Fault> {
        args.iter().try_for_each(|arg| match arg {
            CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => self.expr(expr),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                Err(refusal(span, "arguments cannot be unpacked with `*`"))
            }
        })
    }

    fn filter(&mut self, span: Span, name: &str, args: &[CallArg<'_>]) -> Result<(), Fault> {
        if !FILTERS.contains(&name) {
            return Err(refusal(span, unknown("filter", name, &FILTERS, &USUAL_FILTERS)));
        }
        if NESTING_FILTERS.contains(&name) {
            self.n_nesting_filters += 1;
            self.n_groupings += usize::from(name == "groupby");
            if self.n_nesting_filters > MAX_NESTING_FILTERS || self.n_groupings > MAX_GROUPINGS {
                return Err(refusal(span, format!("there are too many filters like `{name}`")));
            }
        }
        match (name, args) {
            ("batch" | "slice" | "groupby", [_]) | ("map", [CallArg::Kwarg("attribute", _)]) => Ok(()),
            ("batch" | "slice" | "groupby", _) => {
                Err(refusal(span, format!("`{name}` takes exactly one argument here")))
            }
            ("map", [CallArg::Pos(Expr::Const(filter))])
                if filter.value.as_str().is_some_and(|filter| MAPPED_FILTERS.contains(&filter)) =>
            {
                Ok(())
            }
            ("map", _) => Err(refusal(
                span,
                format!("`map` takes `attribute=\"…\"` or the name of one of {}", MAPPED_FILTERS.join(", ")),
            )),
            _ => Ok(()),
        }
    }

    /// Whether an expression can only be a number or fail: then arithmetic on it cannot make anything large.
    fn is_number(&self, expr: &Expr<'_>) -> bool {
        match expr {
            Expr::Const(constant) => constant.value.kind() == ValueKind::Number,
            Expr::Filter(filter) => NUMERIC_FILTERS.contains(&filter.name),
            Expr::UnaryOp(op) => matches!(op.op, UnaryOpKind::Neg),
            Expr::BinOp(op) => is_arithmetic(op.op),
            Expr::GetAttr(attr) => {
                self.open_loops > 0
                    && LOOP_NUMBERS.contains(&attr.name)
                    && matches!(&attr.expr, Expr::Var(var) if var.id == "loop")
            }
            Expr::IfExpr(cond) => {
                self.is_number(&cond.true_expr) && cond.false_expr.as_ref().is_some_and(|other| self.is_number(other))
            }
            _ => false,
        }
    }
}

/// Not by the engine's own folding, which would bring all of its arithmetic into the bundle.
fn constants(items: &[Expr<'_>], span: Span) -> Result<(), Fault> {
    if items.iter().all(|item| matches!(item, Expr::Const(_))) {
        Ok(())
    } else {
        Err(refusal(span, "a list or map written out can hold only constants"))
    }
}

fn is_arithmetic(op: BinOpKind) -> bool {
    matches!(
        op,
        BinOpKind::Add
            | BinOpKind::Sub
            | BinOpKind::Mul
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow
    )
}

/// Names may be bound, attributes not; `loop` keeps its meaning.
fn target(target: &Expr<'_>) -> Result<(), Fault> {
    match target {
        Expr::Var(var) if var.id == "loop" => Err(refusal(var.span(), "`loop` cannot be set")),
        Expr::Var(_) => Ok(()),
        Expr::List(list) => list.items.iter().try_for_each(self::target),
        Expr::Tuple(tuple) => tuple.items.iter().try_for_each(self::target),
        other => Err(refusal(other.span(), "only a name can be set")),
    }
}

fn unusable(span: Span, word: &str) -> Fault {
    refusal(span, format!("`{{% {word} %}}` cannot be used here"))
}
