//! The names that a template reads: each must be an input, or one that the template gives itself, and have the parts it is asked for.
//! What a template asks about first (`is defined`, `|default`) may be missing.

use std::collections::BTreeSet;

use minijinja::{
    machinery::{
        Span,
        ast::{CallArg, Expr, Stmt},
    },
    value::ValueKind,
};

use super::Fault;
use crate::{problem::ProblemCode, schema::Schema};

/// What every template may name besides its inputs.
const ALWAYS: [&str; 2] = ["feedback", "previous"];

pub(super) fn check(parsed: &Stmt<'_>, inputs: &[(&str, &Schema)]) -> Vec<Fault> {
    let Stmt::Template(template) = parsed else {
        return Vec::new();
    };
    let mut asked = BTreeSet::new();
    asked_about(&template.children, &mut asked);
    let known = inputs.iter().map(|(name, schema)| (*name, (*schema).clone()));
    let mut walk = Walk {
        inputs,
        asked,
        scopes: vec![ALWAYS.into_iter().map(|name| (name, Schema::any())).chain(known).collect()],
        faults: Vec::new(),
        told: BTreeSet::new(),
    };
    walk.stmts(&template.children);
    walk.faults
}

struct Walk<'a> {
    inputs: &'a [(&'a str, &'a Schema)],
    /// Names that the template asks about before it reads them.
    asked: BTreeSet<&'a str>,
    /// Names and what they hold, inner scopes last.
    scopes: Vec<Vec<(&'a str, Schema)>>,
    faults: Vec<Fault>,
    told: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn stmts(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    fn within(&mut self, names: Vec<(&'a str, Schema)>, stmts: &'a [Stmt<'a>]) {
        self.scopes.push(names);
        self.stmts(stmts);
        self.scopes.pop();
    }

    fn stmt(&mut self, stmt: &'a Stmt<'a>) {
        match stmt {
            Stmt::EmitExpr(emit) => {
                self.expr(&emit.expr);
            }
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr);
                self.stmts(&cond.true_body);
                self.stmts(&cond.false_body);
            }
            Stmt::ForLoop(each) => {
                let items = self.expr(&each.iter).items.map_or_else(Schema::any, |items| *items);
                let mut names = bound(&each.target, items);
                names.push(("loop", Schema::any()));
                if let Some(filter) = &each.filter_expr {
                    self.scopes.push(names.clone());
                    self.expr(filter);
                    self.scopes.pop();
                }
                self.within(names, &each.body);
                self.stmts(&each.else_body);
            }
            Stmt::Set(set) => {
                let schema = self.expr(&set.expr);
                let names = bound(&set.target, schema);
                if let Some(scope) = self.scopes.last_mut() {
                    scope.extend(names);
                }
            }
            Stmt::WithBlock(with) => {
                let mut names = Vec::new();
                for (target, value) in &with.assignments {
                    let schema = self.expr(value);
                    names.extend(bound(target, schema));
                }
                self.within(names, &with.body);
            }
            _ => {}
        }
    }

    /// Tells what is wrong within, and says what the expression gives as far as that is known.
    fn expr(&mut self, expr: &'a Expr<'a>) -> Schema {
        match expr {
            Expr::Var(var) => self.name(var.id, var.span()),
            Expr::GetAttr(attr) => {
                let whole = self.expr(&attr.expr);
                self.part(&whole, &attr.expr, attr.name, attr.span())
            }
            Expr::GetItem(item) => {
                let whole = self.expr(&item.expr);
                match &item.subscript_expr {
                    Expr::Const(key) if key.value.kind() == ValueKind::String => {
                        let name = key.value.as_str().unwrap_or_default().to_owned();
                        self.part(&whole, &item.expr, &name, item.span())
                    }
                    subscript => {
                        self.expr(subscript);
                        whole.items.map_or_else(Schema::any, |items| *items)
                    }
                }
            }
            Expr::Slice(slice) => {
                for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                    self.expr(bound);
                }
                self.expr(&slice.expr)
            }
            Expr::UnaryOp(op) => {
                self.expr(&op.expr);
                Schema::any()
            }
            Expr::BinOp(op) => {
                self.expr(&op.left);
                self.expr(&op.right);
                Schema::any()
            }
            Expr::Compare(compare) => {
                self.expr(&compare.expr);
                compare.ops.iter().for_each(|op| {
                    self.expr(&op.expr);
                });
                Schema::any()
            }
            Expr::IfExpr(cond) => {
                self.expr(&cond.test_expr);
                self.expr(&cond.true_expr);
                if let Some(other) = &cond.false_expr {
                    self.expr(other);
                }
                Schema::any()
            }
            Expr::Filter(filter) => {
                self.args(&filter.args);
                let Some(inner) = &filter.expr else {
                    return Schema::any();
                };
                if matches!(filter.name, "default" | "d") && is_path(inner) {
                    return Schema::any();
                }
                let schema = self.expr(inner);
                match filter.name {
                    "first" | "last" => schema.items.map_or_else(Schema::any, |items| *items),
                    "reverse" | "sort" | "unique" | "select" | "selectattr" | "reject" | "rejectattr" | "list" => {
                        schema
                    }
                    _ => Schema::any(),
                }
            }
            Expr::Test(test) => {
                self.args(&test.args);
                if !(matches!(test.name, "defined" | "undefined") && is_path(&test.expr)) {
                    self.expr(&test.expr);
                }
                Schema::any()
            }
            Expr::Call(call) => {
                self.args(&call.args);
                Schema::any()
            }
            Expr::Const(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => Schema::any(),
        }
    }

    fn args(&mut self, args: &'a [CallArg<'a>]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => {
                    self.expr(expr);
                }
            }
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Schema {
        let known = self.scopes.iter().rev().flat_map(|scope| scope.iter().rev()).find(|(known, _)| *known == name);
        if let Some((_, schema)) = known {
            return schema.clone();
        }
        if !self.asked.contains(name) {
            let names: Vec<&str> = self.inputs.iter().map(|(name, _)| *name).collect();
            let there = if names.is_empty() {
                "there are no inputs".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            self.tell(span, ProblemCode::UnknownName, format!("there is no input `{name}`; {there}"));
        }
        Schema::any()
    }

    fn part(&mut self, whole: &Schema, of: &Expr<'_>, name: &str, span: Span) -> Schema {
        match whole.part(name) {
            Ok(schema) => schema,
            Err(missing) => {
                let of = path(of).map_or_else(|| "it".to_owned(), |of| format!("`{of}`"));
                self.tell(span, ProblemCode::UnknownPath, format!("{of} has no `{name}`: {}", missing.there_is));
                Schema::any()
            }
        }
    }

    fn tell(&mut self, span: Span, code: ProblemCode, reason: String) {
        if self.told.insert(reason.clone()) {
            self.faults.push(Fault { line: usize::from(span.start_line), code, reason });
        }
    }
}

/// The names that a target binds.
fn bound<'a>(target: &Expr<'a>, schema: Schema) -> Vec<(&'a str, Schema)> {
    match target {
        Expr::Var(var) => vec![(var.id, schema)],
        Expr::List(list) => list.items.iter().flat_map(|item| bound(item, Schema::any())).collect(),
        Expr::Tuple(tuple) => tuple.items.iter().flat_map(|item| bound(item, Schema::any())).collect(),
        _ => Vec::new(),
    }
}

fn is_path(expr: &Expr<'_>) -> bool {
    path(expr).is_some()
}

/// A name with its parts, as it is written.
fn path(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(attr) => Some(format!("{}.{}", path(&attr.expr)?, attr.name)),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(key) => {
                let whole = path(&item.expr)?;
                Some(match (key.value.as_str(), key.value.as_usize()) {
                    (Some(name), _) => format!("{whole}['{name}']"),
                    (None, Some(n)) => format!("{whole}[{n}]"),
                    (None, None) => whole,
                })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Collects the names that are asked about anywhere.
fn asked_about<'a>(stmts: &'a [Stmt<'a>], asked: &mut BTreeSet<&'a str>) {
    for stmt in stmts {
        match stmt {
            Stmt::IfCond(cond) => {
                asked_in(&cond.expr, asked);
                asked_about(&cond.true_body, asked);
                asked_about(&cond.false_body, asked);
            }
            Stmt::ForLoop(each) => {
                asked_about(&each.body, asked);
                asked_about(&each.else_body, asked);
            }
            Stmt::WithBlock(with) => asked_about(&with.body, asked),
            Stmt::EmitExpr(emit) => asked_in(&emit.expr, asked),
            Stmt::Set(set) => asked_in(&set.expr, asked),
            _ => {}
        }
    }
}

fn asked_in<'a>(expr: &'a Expr<'a>, asked: &mut BTreeSet<&'a str>) {
    match expr {
        Expr::Test(test) if matches!(test.name, "defined" | "undefined") => {
            if let Expr::Var(var) = &test.expr {
                asked.insert(var.id);
            }
        }
        Expr::UnaryOp(op) => asked_in(&op.expr, asked),
        Expr::BinOp(op) => {
            asked_in(&op.left, asked);
            asked_in(&op.right, asked);
        }
        Expr::IfExpr(cond) => asked_in(&cond.test_expr, asked),
        Expr::Filter(filter) => filter.expr.iter().for_each(|inner| asked_in(inner, asked)),
        _ => {}
    }
}
