//! The operands that a script puts together by `&` or `+`: literals, variables, calls, and letters spelled as numbers.

use super::layer::{Layer, Shape, Token};

/// Tokens of an operand that is no literal.
const MAX_OPERAND: usize = 24;
/// Parentheses before an operand.
const MAX_OPEN: usize = 8;
/// Numbers that spell a text, each with what is between them.
const MAX_NUMBERS: usize = 8192;

/// The tokens of a layer, for who reads what is put together in it.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'l> {
    pub(crate) layer: &'l Layer,
    pub(crate) tokens: &'l [Token],
}

/// What is put together with what is before it.
#[derive(Default)]
pub(crate) struct Operand {
    /// Its literal, or its first word.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// AppleScript's `quoted form of`.
    pub(crate) is_quoted_form: bool,
    /// Literals within that are no part of the text: `f("x")`.
    pub(crate) passed: Vec<usize>,
}

impl<'l> Operands<'l> {
    pub(crate) fn text(self, at: usize) -> &'l str {
        self.tokens.get(at).map_or("", |token| token.text(self.layer))
    }

    pub(crate) fn shape(self, at: usize) -> Option<Shape> {
        self.tokens.get(at).map(|token| token.shape)
    }

    fn opens(self, at: usize) -> bool {
        self.shape(at) == Some(Shape::Operator('('))
    }

    /// Whether `quoted form of` begins here.
    pub(crate) fn is_quoted_form(self, at: usize) -> bool {
        self.tokens
            .get(at..at + 3)
            .is_some_and(|words| words.iter().map(|token| token.text(self.layer)).eq(["quoted", "form", "of"]))
    }

    /// The parentheses right before a token.
    pub(crate) fn open_before(self, at: usize) -> usize {
        (1..=MAX_OPEN.min(at)).take_while(|back| self.opens(at - back)).count()
    }

    /// The operand that begins here, and the parentheses before it.
    pub(crate) fn operand(self, at: usize, open: &mut usize) -> Option<Operand> {
        let mut first = at;
        let opened = |first: usize| (first..first + MAX_OPEN).take_while(|at| self.opens(*at)).count();
        first += opened(first);
        let is_quoted_form = self.is_quoted_form(first);
        if is_quoted_form {
            first += 3;
            first += opened(first);
        }
        *open += (at..first).filter(|at| self.opens(*at)).count();
        let mut operand = Operand { first, last: first, is_quoted_form, passed: Vec::new() };
        match self.shape(first)? {
            Shape::Quoted => {}
            Shape::Word if !self.is_joint(first) => self.extend(&mut operand),
            _ => return None,
        }
        Some(operand)
    }

    /// The operand after this token, of an expression in which so many parentheses are open.
    pub(crate) fn next(self, last: usize, open: &mut usize) -> Option<Operand> {
        let mut joint = last + 1;
        while *open > 0 && self.shape(joint) == Some(Shape::Operator(')')) {
            *open -= 1;
            joint += 1;
        }
        if self.is_joint(joint) { self.operand(joint + 1, open) } else { None }
    }

    fn is_joint(self, at: usize) -> bool {
        matches!(self.text(at), "&" | "+") && self.shape(at) != Some(Shape::Quoted)
    }

    /// An operand of several tokens, to what puts it together with the next one; else its first word alone.
    fn extend(self, operand: &mut Operand) {
        let (mut depth, mut passed) = (0_usize, Vec::new());
        for at in operand.first + 1..operand.first + MAX_OPERAND {
            let is_end = match self.shape(at) {
                Some(Shape::Quoted) if depth == 0 => return,
                Some(Shape::Quoted) => {
                    passed.push(at);
                    false
                }
                Some(Shape::Word) => depth == 0 && self.is_joint(at),
                Some(Shape::Operator('(')) => {
                    depth += 1;
                    false
                }
                Some(Shape::Operator(')')) if depth > 0 => {
                    depth -= 1;
                    false
                }
                Some(Shape::Punctuation) if depth > 0 || matches!(self.text(at), "[" | "]") => false,
                Some(Shape::Operator(_)) if depth > 0 => false,
                _ => true,
            };
            if is_end {
                operand.last = at - 1;
                operand.passed = passed;
                return;
            }
        }
    }

    /// The numbers that spell a text, of a word that is a token or its end: `character id {99, 117}`,
    /// `ASCII character 99`, `String.fromCharCode(99, 117)`. The first and the last one, and the last token.
    pub(crate) fn numbers(self, word: &str, at: usize) -> Option<(usize, usize, usize)> {
        let is = |at: usize, wanted: &str| self.text(at).eq_ignore_ascii_case(wanted);
        let list = match word {
            "String.fromCharCode" | "String.fromCodePoint" => at + 1,
            "character" | "string" if is(at + 1, "id") => at + 2,
            _ if word.eq_ignore_ascii_case("ASCII") && is(at + 1, "character") => at + 2,
            _ => return None,
        };
        let first = list + usize::from(matches!(self.text(list), "(" | "{"));
        let is_number = |at: &usize| self.text(*at).starts_with(|first: char| first.is_ascii_digit());
        let is_part = |at: &usize| is_number(at) || self.text(*at) == ",";
        let end = if first == list { first + 1 } else { first + MAX_NUMBERS };
        let last = (first..end).take_while(is_part).filter(is_number).last()?;
        Some((first, last, last + usize::from(first > list)))
    }
}
