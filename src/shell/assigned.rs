//! The literals that a script puts together, and those that its variables are set to.

use ahash::HashMap;

use super::layer::{Layer, Shape, Token};
use super::operands::Operands;
use super::pairs::pairs;

/// Operands between two literals that a script puts together: `"x" & y & "z"`.
pub(crate) const MAX_BETWEEN: usize = 4;

/// The literal that a script joins to this one: `"x" & "y"`, `"x" & quoted form of "y"`.
pub(crate) fn joined(layer: &Layer, tokens: &[Token], at: usize) -> Option<usize> {
    let operands = Operands { layer, tokens };
    let (mut last, mut open) = (at, operands.open_before(at));
    for _ in 0..=MAX_BETWEEN {
        let operand = operands.next(last, &mut open)?;
        if operands.shape(operand.first) == Some(Shape::Quoted) {
            return Some(operand.first);
        }
        last = operand.last;
    }
    None
}

/// The literals that each variable is set to, or the words that begin letters spelled as numbers.
pub(crate) fn literals_of<'l>(layer: &'l Layer, tokens: &[Token]) -> HashMap<&'l str, Vec<usize>> {
    let mut assigned: HashMap<&str, Vec<usize>> = HashMap::default();
    let operands = Operands { layer, tokens };
    let is_literal = |at: &usize| match tokens[*at].shape {
        Shape::Quoted => true,
        Shape::Word => operands.numbers(operands.text(*at), *at).is_some(),
        _ => false,
    };
    let literals = (1..tokens.len()).filter(is_literal);
    for (name, at) in literals.filter_map(|at| Some((assigned_name(layer, tokens, at)?, at))) {
        assigned.entry(name).or_default().push(at);
    }
    for (name, at) in (1..tokens.len()).flat_map(|at| pairs(layer, tokens, at)) {
        assigned.entry(name).or_default().push(at);
    }
    assigned
}

/// The variable that a literal is given to.
fn assigned_name<'l>(layer: &'l Layer, tokens: &[Token], at: usize) -> Option<&'l str> {
    let operands = Operands { layer, tokens };
    // `set p to quoted form of ("x")`
    let at = at - operands.open_before(at);
    let at = at.checked_sub(3).filter(|at| operands.is_quoted_form(*at)).unwrap_or(at);
    let before = tokens[at.checked_sub(1)?].text(layer);
    match before {
        "to" | "=" | ":" => tokens.get(at.checked_sub(2)?).map(|token| token.text(layer)),
        // Tcl: `set p "x"`
        _ if at >= 2 && tokens[at - 2].text(layer) == "set" => Some(before),
        _ => before.strip_suffix(['=', ':']).filter(|_| tokens[at - 1].shape == Shape::Word),
    }
}
