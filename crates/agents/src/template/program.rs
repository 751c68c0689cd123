//! A template made ready to run: parsed, judged, and compiled with what the engine's own instructions do otherwise.
//! The one place that knows the engine's instructions; it must leave alone what it does not know.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{
    AutoEscape, Environment, Error, Value,
    machinery::{CodeGenerator, Instruction, Instructions, ast::Stmt, eval, make_string_output},
};

use super::{
    bounds, ops, rewrite,
    write::{Insert, Raw, Writer},
};

/// Never cached by the engine, whose cache is by position.
const NOT_CACHED: u8 = !0;

/// What a run gave, or why it ended.
pub(super) struct Fault {
    pub(super) error: Error,
    /// It would have become longer than may be.
    pub(super) is_full: bool,
}

/// Runs a parsed template with so much fuel. `is_careful` has everything pay by what it reads that the engine lets go for nothing.
pub(super) fn run(
    env: &Environment<'static>,
    source: &str,
    parsed: &Stmt<'_>,
    root: Value,
    is_careful: bool,
    insert: Insert,
    fuel: u64,
) -> Result<String, Fault> {
    let mut generator = CodeGenerator::new("prompt", source);
    generator.compile_stmt(&rewrite::stmt(parsed, source));
    let (compiled, blocks) = generator.finish();
    let program = adapt(&compiled, source, is_careful, insert == Insert::IntoJson);

    let writer = Arc::new(Mutex::new(Writer::new(insert)));
    // Cloning shares the filters; only the fuel and the writer are this run's own.
    let mut env: Environment<'_> = env.clone();
    env.set_fuel(Some(fuel));
    env.set_formatter({
        let writer = Arc::clone(&writer);
        move |out, _, value| writer.lock().unwrap_or_else(PoisonError::into_inner).write(out, value)
    });
    let mut text = String::new();
    let result = eval(&env, &program, root, &blocks, &mut make_string_output(&mut text), AutoEscape::None).map(drop);
    let is_full =
        writer.lock().unwrap_or_else(PoisonError::into_inner).is_full || text.len() > bounds::MAX_RENDERED_BYTES;
    match result {
        Ok(()) if !is_full => Ok(text),
        Ok(()) => Err(Fault { error: bounds::invalid("the text is too long"), is_full }),
        Err(error) => Err(Fault { error, is_full }),
    }
}

/// The same program; if it is careful, with payments; and if the writer has to see everything, with the template's own parts written
/// as values.
fn adapt<'a>(
    compiled: &Instructions<'a>,
    source: &'a str,
    is_careful: bool,
    sees_everything: bool,
) -> Instructions<'a> {
    let mut places = Vec::new();
    let mut n = 0_u32;
    let mut at = 0;
    while let Some(instruction) = compiled.get(at) {
        places.push(n);
        n += 1;
        if is_careful {
            for _ in before(instruction) {
                n += 1;
            }
        }
        if sees_everything && matches!(instruction, Instruction::EmitRaw(_)) {
            n += 1;
        }
        at += 1;
    }
    // Jumps may lead behind the end.
    places.push(n);
    let place = |target: u32| places.get(target as usize).copied().unwrap_or(n);

    let mut program = Instructions::new(compiled.name(), source);
    at = 0;
    while let Some(instruction) = compiled.get(at) {
        let mut add = |instruction| match (compiled.get_span(at), compiled.get_line(at)) {
            (Some(span), _) => program.add_with_span(instruction, span),
            (None, Some(line)) => program.add_with_line(instruction, u16::try_from(line).unwrap_or(u16::MAX)),
            (None, None) => program.add(instruction),
        };
        if is_careful {
            for instruction in before(instruction) {
                add(instruction.clone());
            }
        }
        if sees_everything && let Instruction::EmitRaw(text) = instruction {
            add(Instruction::LoadConst(Value::from_object(Raw((*text).to_owned()))));
            add(Instruction::Emit);
            at += 1;
            continue;
        }
        add(match instruction {
            Instruction::Iterate(target) => Instruction::Iterate(place(*target)),
            Instruction::Jump(target) => Instruction::Jump(place(*target)),
            Instruction::JumpIfFalse(target) => Instruction::JumpIfFalse(place(*target)),
            Instruction::JumpIfFalseOrPop(target) => Instruction::JumpIfFalseOrPop(place(*target)),
            Instruction::JumpIfTrueOrPop(target) => Instruction::JumpIfTrueOrPop(place(*target)),
            other => other.clone(),
        });
        at += 1;
    }
    program
}

const fn filter(name: &'static str, n_args: u16) -> Instruction<'static> {
    Instruction::ApplyFilter(name, Some(n_args), NOT_CACHED)
}

/// What comes before an instruction: its operands are paid for, unless it does so itself.
fn before(instruction: &Instruction<'_>) -> &'static [Instruction<'static>] {
    static BOTH_PAID: [Instruction<'static>; 4] =
        [filter(ops::PAID, 1), Instruction::Swap, filter(ops::PAID, 1), Instruction::Swap];
    match instruction {
        Instruction::PerformTest(name, ..) if ops::is_test(name) => &[],
        Instruction::GetItem | Instruction::PerformTest(_, Some(2), _) => &BOTH_PAID,
        Instruction::PushLoop(_) | Instruction::PerformTest(_, Some(1), _) => &BOTH_PAID[..1],
        _ => &[],
    }
}
