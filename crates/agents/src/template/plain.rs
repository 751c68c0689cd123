//! Which templates are plain: everything they do costs fuel in proportion to the work, so they may run in this process.
//! Derived from the engine's own source, operation by operation: what it does not charge for (slices, items counted from the end,
//! comparing two large values, joining with `~`, lists made lazily, loops that count a text's characters first, ...) is left out.
//! Not listed means not plain: it must never let through what it does not know.

use minijinja::{
    machinery::ast::{BinOpKind, CallArg, CompareOpKind, Const, Expr, ForLoop, Stmt},
    value::ValueKind,
};

/// Loops of one template: beginning one may cost as much as what it goes over, unpaid.
const MAX_LOOPS: usize = 8;
/// Bytes of a constant that may be compared with, or looked up by.
const MAX_CONST_BYTES: usize = 256;
/// Items of a constant list that may be looked into.
const MAX_CONST_ITEMS: usize = 32;
/// Counted from the start, an item costs as many steps.
const MAX_INDEX: u64 = 64;

/// Filters that the engine, or our own form of them, charges by what they read and make.
const FILTERS: [&str; 27] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lines",
    "lower",
    "replace",
    "round",
    "safe",
    "split",
    "string",
    "title",
    "tojson",
    "trim",
    "truncate",
    "upper",
    "urlencode",
    "wordcount",
    "words",
];
/// Tests that look at the kind of a value or at one number.
const TESTS: [&str; 15] = [
    "boolean",
    "defined",
    "divisibleby",
    "even",
    "false",
    "float",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
];

pub(super) fn is_plain(stmts: &[Stmt<'_>]) -> bool {
    let mut judge = Judge::default();
    judge.stmts(stmts) && !(judge.is_nested && judge.binds)
}

#[derive(Default)]
struct Judge<'a> {
    /// The names that the loop around this place binds.
    item: Option<Vec<&'a str>>,
    n_loops: usize,
    is_nested: bool,
    /// It gives names to values, which could make an inner loop go over something large again and again.
    binds: bool,
}

impl<'a> Judge<'a> {
    fn stmts(&mut self, stmts: &[Stmt<'a>]) -> bool {
        stmts.iter().all(|stmt| self.stmt(stmt))
    }

    fn stmt(&mut self, stmt: &Stmt<'a>) -> bool {
        match stmt {
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => true,
            Stmt::EmitExpr(emit) => is_plain_expr(&emit.expr),
            Stmt::IfCond(cond) => {
                is_plain_expr(&cond.expr) && self.stmts(&cond.true_body) && self.stmts(&cond.false_body)
            }
            Stmt::ForLoop(each) => self.each(each),
            Stmt::Set(set) => {
                self.binds = true;
                matches!(set.target, Expr::Var(_)) && is_plain_expr(&set.expr)
            }
            Stmt::WithBlock(with) => {
                self.binds = true;
                let is_plain =
                    |(name, value): &(Expr<'_>, Expr<'_>)| matches!(name, Expr::Var(_)) && is_plain_expr(value);
                with.assignments.iter().all(is_plain) && self.stmts(&with.body)
            }
            _ => false,
        }
    }

    fn each(&mut self, each: &ForLoop<'a>) -> bool {
        self.n_loops += 1;
        let goes_over_a_part = match (&self.item, root(&each.iter)) {
            (None, _) => true,
            // Each item is gone over once, so all together cost no more than the list that they are in.
            (Some(item), Some(root)) => item.contains(&root),
            (Some(_), None) => false,
        };
        let targets = match &each.target {
            Expr::Var(var) => vec![var.id],
            _ => return false,
        };
        if !goes_over_a_part || each.filter_expr.is_some() || self.n_loops > MAX_LOOPS || !is_plain_expr(&each.iter) {
            return false;
        }
        self.is_nested |= self.item.is_some();
        let around = self.item.replace(targets);
        let is_plain = self.stmts(&each.body);
        self.item = around;
        is_plain && self.stmts(&each.else_body)
    }
}

/// The name that a path of attributes begins with.
fn root<'a>(expr: &Expr<'a>) -> Option<&'a str> {
    match expr {
        Expr::Var(var) => Some(var.id),
        Expr::GetAttr(attr) => root(&attr.expr),
        _ => None,
    }
}

fn is_plain_expr(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Var(_) | Expr::Const(_) => true,
        Expr::GetAttr(attr) => is_plain_expr(&attr.expr),
        Expr::GetItem(item) => {
            let is_plain_key = match &item.subscript_expr {
                Expr::Const(key) => {
                    is_short(key)
                        && (key.value.as_str().is_some()
                            || u64::try_from(key.value.clone()).is_ok_and(|n| n <= MAX_INDEX))
                }
                _ => false,
            };
            is_plain_key && is_plain_expr(&item.expr)
        }
        Expr::UnaryOp(op) => is_plain_expr(&op.expr),
        Expr::BinOp(op) => match op.op {
            BinOpKind::ScAnd | BinOpKind::ScOr => is_plain_expr(&op.left) && is_plain_expr(&op.right),
            BinOpKind::Concat => false,
            BinOpKind::In => is_membership(&op.left, &op.right),
            // Comparisons and arithmetic, which is refused for texts.
            _ => has_constant(&op.left, &op.right) && is_plain_expr(&op.left) && is_plain_expr(&op.right),
        },
        Expr::Compare(compare) => match compare.ops.as_slice() {
            [op] if matches!(op.op, CompareOpKind::In | CompareOpKind::NotIn) => is_membership(&compare.expr, &op.expr),
            [op] => has_constant(&compare.expr, &op.expr) && is_plain_expr(&compare.expr) && is_plain_expr(&op.expr),
            _ => false,
        },
        Expr::IfExpr(cond) => {
            is_plain_expr(&cond.test_expr)
                && is_plain_expr(&cond.true_expr)
                && cond.false_expr.as_ref().is_none_or(is_plain_expr)
        }
        Expr::Filter(filter) => {
            FILTERS.contains(&filter.name)
                && filter.expr.as_ref().is_some_and(is_plain_expr)
                && filter.args.iter().all(is_plain_arg)
        }
        Expr::Test(test) => {
            TESTS.contains(&test.name) && is_plain_expr(&test.expr) && test.args.iter().all(is_plain_arg)
        }
        Expr::Slice(_) | Expr::Call(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => false,
    }
}

fn is_plain_arg(arg: &CallArg<'_>) -> bool {
    matches!(arg, CallArg::Pos(Expr::Const(value)) | CallArg::Kwarg(_, Expr::Const(value)) if is_short(value))
}

/// One side is a short constant, so that comparing costs no more than that is long.
fn has_constant(left: &Expr<'_>, right: &Expr<'_>) -> bool {
    [left, right].iter().any(|side| matches!(side, Expr::Const(value) if is_short(value)))
}

/// A short constant in anything, which the engine charges for; or anything that is compared with a few short constants.
fn is_membership(part: &Expr<'_>, whole: &Expr<'_>) -> bool {
    match (part, whole) {
        (Expr::Const(part), whole) if is_short(part) => is_plain_expr(whole),
        (part, Expr::List(list)) => {
            list.items.len() <= MAX_CONST_ITEMS
                && list.items.iter().all(|item| matches!(item, Expr::Const(value) if is_short(value)))
                && is_plain_expr(part)
        }
        _ => false,
    }
}

fn is_short(constant: &Const) -> bool {
    match constant.value.kind() {
        ValueKind::String => constant.value.as_str().is_some_and(|text| text.len() <= MAX_CONST_BYTES),
        ValueKind::Number | ValueKind::Bool | ValueKind::None => true,
        _ => false,
    }
}
