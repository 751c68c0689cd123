//! Takes out of a part of the bundle what the splitter leaves in it and nobody needs: a function for each one of another part, types of
//! all parts, and names. Must change nothing of what the part does.

use std::{collections::HashMap, mem};

use anyhow::{Context as _, Result};
use walrus::{
    FunctionId, LocalFunction, Module, TableId, TypeId,
    ir::{self, CallIndirect, Const, Instr, InstrSeq, Value, VisitorMut},
};

/// It tells a browser nothing, and stands in each of hundreds of parts.
const FEATURES: &str = "target_features";

pub(super) fn compact(part: &[u8]) -> Result<Vec<u8>> {
    let mut module = walrus::ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse(part)
        .context("a part cannot be read back")?;
    call_at_once(&mut module);
    // A part without it is as good as one with it.
    let _ = module.customs.remove_raw(FEATURES);
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

/// Where a function of another part lies: the splitter writes one here that does nothing but call it.
#[derive(Clone, Copy)]
struct Elsewhere {
    at: i32,
    ty: TypeId,
    table: TableId,
}

/// Calls the functions of other parts where they are called, and not by one more function. That is a tenth of what a page's parts are
/// compressed, since most of these are called once or twice.
fn call_at_once(module: &mut Module) {
    let elsewhere: HashMap<_, _> =
        module.funcs.iter_local().filter_map(|(id, function)| Some((id, only_calls(function)?))).collect();
    for (id, function) in module.funcs.iter_local_mut() {
        if !elsewhere.contains_key(&id) {
            let entry = function.entry_block();
            ir::dfs_pre_order_mut(&mut AtOnce(&elsewhere), function, entry);
        }
    }
}

/// What it calls, where it hands on what it was given and does nothing else.
fn only_calls(function: &LocalFunction) -> Option<Elsewhere> {
    let instrs = &function.block(function.entry_block()).instrs;
    let (given, rest) = instrs.split_at_checked(function.args.len())?;
    let hands_on = given
        .iter()
        .zip(&function.args)
        .all(|((instr, _), arg)| matches!(instr, Instr::LocalGet(get) if get.local == *arg));
    match rest {
        [(Instr::Const(Const { value: Value::I32(at) }), _), (Instr::CallIndirect(call), _)]
            if hands_on && call.ty == function.ty() =>
        {
            Some(Elsewhere { at: *at, ty: call.ty, table: call.table })
        }
        _ => None,
    }
}

struct AtOnce<'a>(&'a HashMap<FunctionId, Elsewhere>);

impl AtOnce<'_> {
    fn elsewhere(&self, instr: &Instr) -> Option<Elsewhere> {
        match instr {
            Instr::Call(call) => self.0.get(&call.func).copied(),
            _ => None,
        }
    }
}

impl VisitorMut for AtOnce<'_> {
    fn start_instr_seq_mut(&mut self, seq: &mut InstrSeq) {
        if !seq.instrs.iter().any(|(instr, _)| self.elsewhere(instr).is_some()) {
            return;
        }
        let before = mem::take(&mut seq.instrs);
        for (instr, place) in before {
            if let Some(Elsewhere { at, ty, table }) = self.elsewhere(&instr) {
                seq.instrs.push((Instr::Const(Const { value: Value::I32(at) }), place));
                seq.instrs.push((Instr::CallIndirect(CallIndirect { ty, table }), place));
            } else {
                seq.instrs.push((instr, place));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two types of which one is used, a table that is imported, a function that hands on what it is given to the fifth one in it, and one
    /// that calls that function and is exported.
    const PART: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x09\x02\x60\x01\x7f\x01\x7f\x60\0\0\
        \x02\x09\x01\x01m\x01t\x01\x70\0\x01\
        \x03\x03\x02\0\0\
        \x07\x05\x01\x01f\0\x01\
        \x0a\x12\x02\x09\0\x20\0\x41\x05\x11\0\0\x0b\x06\0\x20\0\x10\0\x0b";

    #[test]
    fn a_function_of_another_part_is_called_where_it_is_needed_and_nothing_is_left_over() {
        let module = Module::from_buffer(&compact(PART).unwrap()).unwrap();
        // The library adds one of its own for what a body returns, which takes nothing.
        assert_eq!(module.types.iter().filter(|ty| !ty.params().is_empty()).count(), 1);
        assert!(module.types.find(&[], &[]).is_none(), "what nothing is of");
        let functions: Vec<_> = module.funcs.iter_local().collect();
        assert_eq!(functions.len(), 1, "the one that was exported");
        let called = only_calls(functions[0].1).unwrap();
        assert_eq!(called.at, 5);
        assert_eq!((module.imports.iter().count(), module.exports.iter().count()), (1, 1));
    }
}
