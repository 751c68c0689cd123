//! A parsed template, built again with what it says about numbers as its author wrote it: a constant keeps its text, and where the
//! engine would compare, calculate or join by its own rules, while it folds constants too, our own filters stand instead.
//! It must never change what a template means otherwise, nor know what a filter does.

use minijinja::{
    Value,
    machinery::{
        Span,
        ast::{
            BinOp, BinOpKind, Break, Call, CallArg, Compare, CompareOpKind, Const, Continue, EmitExpr, EmitRaw, Expr,
            Filter, ForLoop, GetAttr, GetItem, IfCond, IfExpr, List, Map, Set, Slice, Spanned, Stmt, Template, Test,
            Tuple, UnaryOp, UnaryOpKind, Var, WithBlock,
        },
    },
    value::ValueKind,
};

use super::{
    ops::{self, CALCULABLE, CHAIN, CONCAT, NEGATIVE, TEXT},
    values::{Exact, from_number},
};

/// Filters whose arguments the engine counts by, all of them or those from a place on.
const COUNTING: [(&str, usize); 9] = [
    ("batch", 0),
    ("indent", 0),
    ("int", 1),
    ("replace", 2),
    ("round", 0),
    ("slice", 0),
    ("split", 1),
    ("tojson", 0),
    ("truncate", 0),
];
/// Arguments that are counted by under a name.
const COUNTS: [&str; 6] = ["base", "count", "indent", "length", "precision", "width"];
/// Filters of the engine that take any value for a text.
const OF_TEXTS: [&str; 2] = ["indent", "replace"];

pub(super) fn stmt<'a>(old: &Stmt<'a>, source: &'a str) -> Stmt<'a> {
    Rewrite { source }.stmt(old)
}

struct Rewrite<'a> {
    source: &'a str,
}

impl<'a> Rewrite<'a> {
    fn stmts(&self, old: &[Stmt<'a>]) -> Vec<Stmt<'a>> {
        old.iter().map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&self, old: &Stmt<'a>) -> Stmt<'a> {
        match old {
            Stmt::Template(old) => {
                Stmt::Template(Spanned::new(Template { children: self.stmts(&old.children) }, old.span()))
            }
            Stmt::EmitExpr(old) => Stmt::EmitExpr(Spanned::new(EmitExpr { expr: self.expr(&old.expr) }, old.span())),
            Stmt::EmitRaw(old) => Stmt::EmitRaw(Spanned::new(EmitRaw { raw: old.raw }, old.span())),
            Stmt::ForLoop(old) => Stmt::ForLoop(Spanned::new(
                ForLoop {
                    target: self.expr(&old.target),
                    iter: self.expr(&old.iter),
                    filter_expr: old.filter_expr.as_ref().map(|filter| self.expr(filter)),
                    recursive: old.recursive,
                    body: self.stmts(&old.body),
                    else_body: self.stmts(&old.else_body),
                },
                old.span(),
            )),
            Stmt::IfCond(old) => Stmt::IfCond(Spanned::new(
                IfCond {
                    expr: self.expr(&old.expr),
                    true_body: self.stmts(&old.true_body),
                    false_body: self.stmts(&old.false_body),
                },
                old.span(),
            )),
            Stmt::WithBlock(old) => {
                let assignments = old.assignments.iter().map(|(name, value)| (self.expr(name), self.expr(value)));
                let with = WithBlock { assignments: assignments.collect(), body: self.stmts(&old.body) };
                Stmt::WithBlock(Spanned::new(with, old.span()))
            }
            Stmt::Set(old) => {
                let set = Set { target: self.expr(&old.target), expr: self.expr(&old.expr) };
                Stmt::Set(Spanned::new(set, old.span()))
            }
            Stmt::Break(old) => Stmt::Break(Spanned::new(Break, old.span())),
            Stmt::Continue(old) => Stmt::Continue(Spanned::new(Continue, old.span())),
            // The grammar refused all others.
            _ => Stmt::Template(Spanned::new(Template { children: Vec::new() }, Span::default())),
        }
    }

    fn exprs(&self, old: &[Expr<'a>]) -> Vec<Expr<'a>> {
        old.iter().map(|expr| self.expr(expr)).collect()
    }

    fn expr(&self, old: &Expr<'a>) -> Expr<'a> {
        match old {
            Expr::Var(old) => Expr::Var(Spanned::new(Var { id: old.id }, old.span())),
            Expr::Const(old) => Expr::Const(Spanned::new(Const { value: self.constant(old) }, old.span())),
            Expr::Slice(old) => {
                let bound = |bound: &Option<Expr<'a>>| bound.as_ref().map(|bound| self.count(bound));
                let slice = Slice {
                    expr: self.expr(&old.expr),
                    start: bound(&old.start),
                    stop: bound(&old.stop),
                    step: bound(&old.step),
                };
                Expr::Slice(Spanned::new(slice, old.span()))
            }
            Expr::UnaryOp(old) => match old.op {
                UnaryOpKind::Not => {
                    let not = UnaryOp { op: UnaryOpKind::Not, expr: self.expr(&old.expr) };
                    Expr::UnaryOp(Spanned::new(not, old.span()))
                }
                UnaryOpKind::Neg => apply(NEGATIVE, self.expr(&old.expr), Vec::new(), old.span()),
            },
            Expr::BinOp(old) => self.operator(old),
            Expr::Compare(old) => self.comparisons(old),
            Expr::IfExpr(old) => Expr::IfExpr(Spanned::new(
                IfExpr {
                    test_expr: self.expr(&old.test_expr),
                    true_expr: self.expr(&old.true_expr),
                    false_expr: old.false_expr.as_ref().map(|other| self.expr(other)),
                },
                old.span(),
            )),
            Expr::Filter(old) => {
                let takes_text = OF_TEXTS.contains(&old.name);
                let expr = old.expr.as_ref().map(|expr| if takes_text { self.text(expr) } else { self.expr(expr) });
                let filter = Filter { name: old.name, expr, args: self.filter_args(old.name, &old.args) };
                Expr::Filter(Spanned::new(filter, old.span()))
            }
            Expr::Test(old) => {
                let args = old.args.iter().map(|arg| self.arg(arg, |expr| self.expr(expr))).collect();
                Expr::Test(Spanned::new(Test { name: old.name, expr: self.expr(&old.expr), args }, old.span()))
            }
            Expr::GetAttr(old) => {
                Expr::GetAttr(Spanned::new(GetAttr { expr: self.expr(&old.expr), name: old.name }, old.span()))
            }
            Expr::GetItem(old) => {
                let item = GetItem { expr: self.expr(&old.expr), subscript_expr: self.count(&old.subscript_expr) };
                Expr::GetItem(Spanned::new(item, old.span()))
            }
            Expr::Call(old) => {
                // `range` counts by what it is given, `loop.cycle` gives it back.
                let counts = matches!(&old.expr, Expr::Var(_));
                let change = |expr: &Expr<'a>| if counts { self.count(expr) } else { self.expr(expr) };
                let args = old.args.iter().map(|arg| self.arg(arg, change)).collect();
                Expr::Call(Spanned::new(Call { expr: self.expr(&old.expr), args }, old.span()))
            }
            Expr::List(old) => Expr::List(Spanned::new(List { items: self.exprs(&old.items) }, old.span())),
            Expr::Tuple(old) => Expr::Tuple(Spanned::new(Tuple { items: self.exprs(&old.items) }, old.span())),
            Expr::Map(old) => {
                // A key is looked up by the engine's own rules.
                let keys = old.keys.iter().map(|key| match key {
                    Expr::Const(key) => Expr::Const(Spanned::new(Const { value: key.value.clone() }, key.span())),
                    key => self.expr(key),
                });
                let map = Map { keys: keys.collect(), values: self.exprs(&old.values) };
                Expr::Map(Spanned::new(map, old.span()))
            }
        }
    }

    /// A number as it is written, if JSON has such numbers too.
    fn constant(&self, old: &Spanned<Const>) -> Value {
        if old.value.kind() != ValueKind::Number {
            return old.value.clone();
        }
        let range = old.span().start_offset as usize..old.span().end_offset as usize;
        match self.source.get(range).filter(|text| workflow::json::number(text).is_some()) {
            Some(text) => from_number(text.to_owned()),
            None => old.value.clone(),
        }
    }

    fn operator(&self, old: &Spanned<BinOp<'a>>) -> Expr<'a> {
        let ours = match old.op {
            BinOpKind::Eq => ops::EQ.name,
            BinOpKind::Ne => ops::NE.name,
            BinOpKind::Lt => ops::LT.name,
            BinOpKind::Lte => ops::LE.name,
            BinOpKind::Gt => ops::GT.name,
            BinOpKind::Gte => ops::GE.name,
            BinOpKind::In => ops::IN.name,
            BinOpKind::Concat => CONCAT,
            BinOpKind::ScAnd | BinOpKind::ScOr => {
                let both = BinOp { op: old.op, left: self.expr(&old.left), right: self.expr(&old.right) };
                return Expr::BinOp(Spanned::new(both, old.span()));
            }
            BinOpKind::Add
            | BinOpKind::Sub
            | BinOpKind::Mul
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => {
                let both = BinOp { op: old.op, left: self.count(&old.left), right: self.count(&old.right) };
                return Expr::BinOp(Spanned::new(both, old.span()));
            }
        };
        apply(ours, self.expr(&old.left), vec![self.expr(&old.right)], old.span())
    }

    fn comparisons(&self, old: &Spanned<Compare<'a>>) -> Expr<'a> {
        let name = |op| match op {
            CompareOpKind::Eq => ops::EQ.name,
            CompareOpKind::Ne => ops::NE.name,
            CompareOpKind::Lt => ops::LT.name,
            CompareOpKind::Lte => ops::LE.name,
            CompareOpKind::Gt => ops::GT.name,
            CompareOpKind::Gte => ops::GE.name,
            CompareOpKind::In => ops::IN.name,
            CompareOpKind::NotIn => ops::NOT_IN.name,
        };
        let first = self.expr(&old.expr);
        let mut others: Vec<Expr<'a>> = old.ops.iter().map(|op| self.expr(&op.expr)).collect();
        match old.ops.as_slice() {
            [only] => apply(name(only.op), first, others, old.span()),
            several => {
                let names: Vec<&str> = several.iter().map(|op| name(op.op)).collect();
                others.push(Expr::Const(Spanned::new(Const { value: Value::from(names.join(" ")) }, old.span())));
                apply(CHAIN, first, others, old.span())
            }
        }
    }

    fn filter_args(&self, name: &str, old: &[CallArg<'a>]) -> Vec<CallArg<'a>> {
        let counting_from = COUNTING.iter().find(|(counting, _)| *counting == name).map(|(_, from)| *from);
        let change = |(n, arg): (usize, &CallArg<'a>)| {
            let is_count = match arg {
                CallArg::Kwarg(name, _) => COUNTS.contains(name),
                _ => counting_from.is_some_and(|from| n >= from),
            };
            let is_text = OF_TEXTS.contains(&name) && matches!(arg, CallArg::Pos(_));
            self.arg(arg, |expr| match (is_count, is_text) {
                (true, _) => self.count(expr),
                (false, true) => self.text(expr),
                (false, false) => self.expr(expr),
            })
        };
        old.iter().enumerate().map(change).collect()
    }

    fn arg(&self, old: &CallArg<'a>, change: impl Fn(&Expr<'a>) -> Expr<'a>) -> CallArg<'a> {
        match old {
            CallArg::Pos(expr) => CallArg::Pos(change(expr)),
            CallArg::Kwarg(name, expr) => CallArg::Kwarg(name, change(expr)),
            CallArg::PosSplat(expr) => CallArg::PosSplat(self.expr(expr)),
            CallArg::KwargSplat(expr) => CallArg::KwargSplat(self.expr(expr)),
        }
    }

    /// A number that the engine can calculate with; what is no number as it is.
    fn count(&self, old: &Expr<'a>) -> Expr<'a> {
        match self.expr(old) {
            Expr::Const(constant) if constant.value.downcast_object_ref::<Exact>().is_none() => Expr::Const(constant),
            new => apply(CALCULABLE, new, Vec::new(), old.span()),
        }
    }

    fn text(&self, old: &Expr<'a>) -> Expr<'a> {
        match self.expr(old) {
            Expr::Const(constant) if constant.value.as_str().is_some() => Expr::Const(constant),
            new => apply(TEXT, new, Vec::new(), old.span()),
        }
    }
}

fn apply<'a>(name: &'static str, to: Expr<'a>, args: Vec<Expr<'a>>, span: Span) -> Expr<'a> {
    let args = args.into_iter().map(CallArg::Pos).collect();
    Expr::Filter(Spanned::new(Filter { name, expr: Some(to), args }, span))
}
