//! Filters and tests that calculate with numbers or ask about them: by all their digits where the engine's own have too few.
//! A number must never be told by how it is spelled: 1e2, 100.0 and 100 are the same whole number.

use std::borrow::Cow;

use minijinja::{
    Environment, Error, State, Value, filters,
    value::{Kwargs, ValueKind},
};
use workflow::json::{Decimal, Rounding};

use super::{
    bounds::invalid,
    compare::pay,
    lists,
    ops::{NEGATIVE, present},
    values::{Exact, calculable, decimal, from_number, is_number},
};

pub(super) fn add_to(env: &mut Environment<'static>) {
    env.add_filter(NEGATIVE, negative);
    env.add_filter("abs", |state: &State, value: Value| match value.downcast_object_ref::<Exact>() {
        Some(exact) => read(state, &value).map(|()| from_number(exact.text.trim_start_matches('-').to_owned())),
        None => filters::abs(value),
    });
    env.add_filter("round", round);
    env.add_filter("int", int);
    env.add_filter("float", |state: &State, value: Value, default: Option<Value>, kwargs: Kwargs| {
        filters::float(state, &calculable(value), default, kwargs)
    });
    env.add_filter("sum", sum);
    env.add_test("number", |value: &Value| is_number(value) || value.kind() == ValueKind::Bool);
    for name in ["integer", "int"] {
        env.add_test(name, |value: &Value| decimal(value).is_some_and(|number| number.is_whole()));
    }
    env.add_test("float", |value: &Value| is_number(value) && !decimal(value).is_some_and(|number| number.is_whole()));
    env.add_test("even", |value: &Value| decimal(value).is_some_and(|number| number.is_even()));
    env.add_test("odd", |value: &Value| decimal(value).is_some_and(|number| number.is_whole() && !number.is_even()));
    env.add_test("divisibleby", is_divisible);
}

/// Pays for going through a number's digits a few times.
fn read(state: &State, value: &Value) -> Result<(), Error> {
    pay(state, value, 8)
}

fn negative(state: &State, value: &Value) -> Result<Value, Error> {
    if let Some(exact) = value.downcast_object_ref::<Exact>() {
        read(state, value)?;
        let text = exact.text.strip_prefix('-').map_or_else(|| format!("-{}", exact.text), str::to_owned);
        return Ok(from_number(text));
    }
    present(value)?;
    if value.kind() != ValueKind::Number {
        return Err(invalid(format!("`-` wants a number, but this is {}", value.kind())));
    }
    match i128::try_from(value.clone()).ok().filter(|_| value.is_integer()).and_then(i128::checked_neg) {
        Some(whole) => Ok(Value::from(whole)),
        None => Ok(Value::from(-f64::try_from(value.clone())?)),
    }
}

/// The number's digits, where a number of the engine has fewer.
fn beyond(value: &Value) -> Option<&Decimal> {
    let exact = value.downcast_object_ref::<Exact>()?;
    let near = calculable(value.clone());
    (decimal(&near).as_deref() != Some(&exact.decimal)).then_some(&exact.decimal)
}

fn round(
    state: &State,
    value: Value,
    precision: Option<i32>,
    method: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    read(state, &value)?;
    let Some(digits) = beyond(&value) else {
        return filters::round(calculable(value), precision, method, kwargs);
    };
    let precision = precision.or(kwargs.get("precision")?).unwrap_or(0);
    let method = method.or(kwargs.get("method")?).unwrap_or("common");
    kwargs.assert_all_used()?;
    let rounding = match method {
        "common" => Rounding::Half,
        "ceil" => Rounding::Up,
        "floor" => Rounding::Down,
        _ => return Err(invalid("method must be common, ceil or floor")),
    };
    Ok(from_number(digits.rounded(i64::from(precision), rounding).to_string()))
}

/// A number without its fraction, also one that is written in a text; what else there is to it is the engine's own.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    read(state, value)?;
    let is_decimal = base.is_none_or(|base| base == 10) && !kwargs.has("base");
    let digits = match value.as_str() {
        Some(text) if is_decimal => Decimal::parse(text).map(Cow::Owned),
        Some(_) => None,
        None => decimal(value),
    };
    match digits {
        Some(digits) => {
            default.or(kwargs.get("default")?);
            kwargs.assert_all_used()?;
            Ok(from_number(digits.truncated().to_string()))
        }
        None => filters::int(state, value, default, base, kwargs),
    }
}

/// Numbers only: the built-in one would join texts and lists.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn sum(state: &State, list: &Value, attribute: Option<&str>, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute = attribute.or(kwargs.get("attribute")?);
    kwargs.assert_all_used()?;
    present(list)?;
    let (mut whole, mut real, mut is_real) = (0_i128, 0.0_f64, false);
    for item in list.try_iter()? {
        state.consume_fuel(1)?;
        let item = match attribute {
            Some(attribute) => lists::part(&item, attribute)?,
            None => item,
        };
        let item = calculable(item);
        if item.kind() != ValueKind::Number {
            return Err(invalid(format!("`sum` adds numbers, but one item is {}", item.kind())));
        }
        let total = i128::try_from(item.clone()).ok().filter(|_| item.is_integer()).and_then(|n| whole.checked_add(n));
        match total {
            Some(total) if !is_real => whole = total,
            _ => is_real = true,
        }
        real += f64::try_from(item)?;
    }
    Ok(if is_real { Value::from(real) } else { Value::from(whole) })
}

fn is_divisible(state: &State, value: &Value, by: &Value) -> Result<bool, Error> {
    read(state, value)?;
    read(state, by)?;
    let (Some(digits), Some(by_digits)) = (decimal(value), decimal(by)) else {
        return Ok(false);
    };
    if by_digits.is_zero() {
        return Err(invalid("nothing can be divided by 0"));
    }
    let by_size = by_digits.to_string().trim_start_matches('-').parse::<u64>().ok();
    Ok(match by_size {
        Some(by) => digits.remainder(by) == Some(0),
        None => f64::try_from(calculable(value.clone()))? % f64::try_from(calculable(by.clone()))? == 0.0,
    })
}
