//! Values without quotes that are expressions of a script, and no texts: `f(x)`, `x[1]`, `x.y`.

use super::lists::CONVERSIONS;
use super::mark::Kind;
use super::plain::is_identifier;
use super::search::Search;
use crate::shell::{Operands, Shape};

/// What precedes a name that is declared; `local` and `export` are of shells.
const DECLARES: [&str; 6] = ["var", "let", "const", "val", "final", "my"];
/// What precedes a call.
const BEFORE_CALL: [&str; 5] = ["await", "new", "try", "typeof", "not"];

impl Search<'_, '_> {
    /// Whether what a secret is compared with here is a variable: `if (password == input)`, and not `[ $PW == x ]`.
    pub(super) fn is_compared(&self, at: usize) -> bool {
        let is_of_shell = at > 0 && self.text(at - 1).starts_with('$');
        // Python ends a condition with a colon.
        let compared = self.text(at + 1).trim_end_matches(':');
        self.shape(at + 1) == Some(Shape::Word) && !is_of_shell && is_identifier(compared)
    }

    /// Where to continue after a value that begins at this place of a token, if it is an expression. What it spells or
    /// converts is left out.
    pub(super) fn unquoted(&mut self, (at, start): (usize, usize), last: usize, kind: Kind) -> Option<usize> {
        let layer = self.layer;
        let value = &layer.text[start..self.tokens[last].end];
        let operands = Operands { layer, tokens: self.tokens };
        if let Some((from, to, _)) = operands.numbers(value, last) {
            self.emit(self.tokens[from].start, self.tokens[to].end, kind);
            return Some(to + 1);
        }
        if BEFORE_CALL.contains(&value) && is_called(self, last + 1, self.text(last + 1)) {
            return Some(self.bare(last + 1, self.tokens[last + 1].start, kind));
        }
        // `--password x(y`
        if self.text(at).starts_with('-') {
            return None;
        }
        if is_called(self, last, value) {
            let converts = CONVERSIONS.contains(&value) && self.shape(last + 2) == Some(Shape::Quoted);
            return Some(if converts { self.literals(last + 2, kind, false) } else { last + 1 });
        }
        let is_member = value.contains('.') && is_identifier(value) && is_of_script(self, (at, start), last);
        is_member.then_some(last + 1)
    }
}

fn is_called(search: &Search<'_, '_>, last: usize, value: &str) -> bool {
    let opens = matches!(search.text(last + 1), "(" | "[") && search.shape(last + 1) != Some(Shape::Quoted);
    opens && search.tokens[last + 1].is_joined && is_identifier(value)
}

/// Whether a value is assigned as scripts do it, and shells and files do not: `var x = a.b`, `x = a.b;`, `x.y = a.b`.
fn is_of_script(search: &Search<'_, '_>, (at, start): (usize, usize), last: usize) -> bool {
    let is_apart = start == search.tokens[at].start && at > 1 && search.text(at - 1) == "=";
    let name = if is_apart { at - 2 } else { at };
    let is_declared = name > 0 && DECLARES.contains(&search.text(name - 1));
    let ends = search.shape(last + 1) == Some(Shape::Operator(';'));
    is_declared || is_apart && (ends || search.text(name).contains('.'))
}
