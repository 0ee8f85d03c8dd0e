//! The tokens of a layer, and how a value that a name leads to is left out: to the end of its word, of its literal or of
//! its line.

use ahash::HashMap;

use super::mark::{Kind, Span};
use super::plain::{is_path, is_plain};
use crate::shell::{Layer, MAX_BETWEEN, OPENING, Operands, Shape, Token, literals_of};

/// What `Authorization` begins with.
const SCHEMES: [&str; 9] =
    ["basic", "bearer", "token", "negotiate", "ntlm", "apikey", "digest", "aws4-hmac-sha256", "hawk"];
/// Schemes whose credentials have several parts.
const LONG_SCHEMES: [&str; 3] = ["digest", "aws4-hmac-sha256", "hawk"];

pub(super) struct Search<'l, 'o> {
    pub(super) layer: &'l Layer,
    pub(super) tokens: &'l [Token],
    pub(super) out: &'o mut Vec<Span>,
    script: Option<bool>,
    /// Where the literals are that variables were set to, until one is asked for.
    assigned: Option<HashMap<&'l str, Vec<usize>>>,
    spawns: Option<bool>,
    manifest: Option<bool>,
    fields: Option<bool>,
    /// The values that a script of expect(1) sets variables to.
    set: Option<HashMap<&'l str, usize>>,
}

/// The bytes of an authorization's scheme and the spaces after it, and whether several parts follow.
pub(super) fn scheme_of(value: &str) -> Option<(usize, bool)> {
    let (scheme, rest) = value.split_once(' ')?;
    let known = SCHEMES.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
    Some((value.len() - rest.trim_start().len(), LONG_SCHEMES.contains(known)))
}

impl<'l, 'o> Search<'l, 'o> {
    pub(super) fn new(layer: &'l Layer, tokens: &'l [Token], out: &'o mut Vec<Span>) -> Self {
        Search {
            layer,
            tokens,
            out,
            script: None,
            assigned: None,
            spawns: None,
            manifest: None,
            fields: None,
            set: None,
        }
    }

    pub(super) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text(self.layer))
    }

    pub(super) fn shape(&self, at: usize) -> Option<Shape> {
        self.tokens.get(at).map(|token| token.shape)
    }

    pub(super) fn is_word(&self, at: usize, wanted: &str) -> bool {
        self.shape(at) == Some(Shape::Word) && self.text(at).eq_ignore_ascii_case(wanted)
    }

    pub(super) fn emit(&mut self, start: usize, end: usize, kind: Kind) {
        self.out.extend(Span::of(self.layer, start, end, kind));
    }

    /// AppleScript or JavaScript that runs commands: a text after `password` is one whatever it looks like.
    pub(super) fn is_script(&mut self) -> bool {
        let layer = self.layer;
        *self.script.get_or_insert_with(|| {
            let text = layer.text.to_ascii_lowercase();
            ["do shell script", "doshellscript", "administrator privileges"].iter().any(|call| text.contains(call))
        })
    }

    /// A variable of such a script is a secret: so is what it is set to, by `set p to "x"` or `var p = "x"`.
    pub(super) fn variable(&mut self, name: &'l str, kind: Kind) {
        if !self.is_script() {
            return;
        }
        let (layer, tokens) = (self.layer, self.tokens);
        let assigned = self.assigned.get_or_insert_with(|| literals_of(layer, tokens));
        // Each is left out once, however often the variable is named.
        for at in assigned.remove(name).into_iter().flatten() {
            self.literals(at, kind, false);
        }
    }

    /// A script that fills in a field for a password.
    pub(super) fn has_secure_field(&mut self) -> bool {
        let text = &self.layer.text;
        let names = ["AXSecureTextField", "secure text field", "secureTextField"];
        *self.fields.get_or_insert_with(|| names.iter().any(|name| text.contains(name)))
    }

    /// What this variable of a script is set to last, as a literal.
    pub(super) fn literal_of(&mut self, name: &str) -> Option<usize> {
        let (layer, tokens) = (self.layer, self.tokens);
        let assigned = self.assigned.get_or_insert_with(|| literals_of(layer, tokens));
        assigned.get(name)?.last().copied()
    }

    /// That literal was left out: it is not read again, however often the variable is named.
    pub(super) fn forget(&mut self, name: &str) {
        self.assigned.as_mut().and_then(|assigned| assigned.remove(name));
    }

    /// What `set name value` of Tcl sets this variable to; once.
    pub(super) fn set_to(&mut self, name: &str) -> Option<usize> {
        let (layer, tokens) = (self.layer, self.tokens);
        let text = |at: usize| tokens[at].text(layer);
        let set = self.set.get_or_insert_with(|| {
            let begins = (0..tokens.len().saturating_sub(2)).filter(|at| text(*at) == "set");
            begins.map(|at| (text(at + 1), at + 2)).collect()
        });
        set.remove(name)
    }

    /// The manifest of a Kubernetes secret, as YAML or as JSON.
    pub(super) fn is_manifest(&mut self) -> bool {
        let text = &self.layer.text;
        let kinds = ["kind: Secret", "\"kind\":\"Secret\"", "\"kind\": \"Secret\""];
        *self.manifest.get_or_insert_with(|| kinds.iter().any(|kind| text.contains(kind)))
    }

    /// A script of expect(1) that runs a program.
    pub(super) fn spawns(&mut self) -> bool {
        let layer = self.layer;
        *self.spawns.get_or_insert_with(|| layer.text.contains("spawn "))
    }

    /// A value after a separator at the start of a token.
    pub(super) fn separated(&mut self, at: usize, kind: Kind) -> usize {
        let start = self.tokens[at].start;
        self.separated_within(at, start, kind)
    }

    /// A value after the separator at this place of a word: the rest of the word, or what follows.
    pub(super) fn separated_within(&mut self, at: usize, separator: usize, kind: Kind) -> usize {
        let token = self.tokens[at];
        let rest = &self.layer.text[separator..token.end];
        let start = separator + (rest.len() - rest.trim_start_matches([':', '=', '>']).len());
        if start < token.end {
            return self.bare(at, start, kind);
        }
        let is_joined = self.tokens.get(at + 1).is_some_and(|next| next.is_joined);
        if rest.starts_with("==") && self.is_compared(at) {
            let (layer, compared) = (self.layer, self.tokens[at + 1]);
            self.variable(compared.text(layer), kind);
            return at + 2;
        }
        match self.shape(at + 1) {
            Some(Shape::Quoted) => self.literals(at + 1, kind, false),
            Some(Shape::Operator('(')) => self.expression(at + 1, kind, false).unwrap_or(at + 1),
            Some(Shape::Word) if matches!(self.text(at + 1), "=" | ":" | ":=" | "=>") => self.separated(at + 1, kind),
            // `"password" => "x"`
            Some(Shape::Punctuation) if is_joined && self.text(at + 1) == ">" => self.separated(at + 1, kind),
            // Its own argument is the value.
            Some(Shape::Word) if self.is_word(at + 1, "ConvertTo-SecureString") => at + 1,
            Some(Shape::Word) if !is_joined => {
                let start = self.tokens[at + 1].start;
                self.bare(at + 1, start, kind)
            }
            _ => at + 1,
        }
    }

    /// A value without quotes, from here to the end of its word, and of the quoted texts that are joined to it.
    pub(super) fn bare(&mut self, at: usize, start: usize, kind: Kind) -> usize {
        let rest = &self.layer.text[start..];
        if rest.starts_with(OPENING) {
            return at + 1;
        }
        let is_open = rest.starts_with(['\'', '"']);
        if let Some((bytes, has_parts)) = scheme_of(rest).filter(|_| matches!(kind, Kind::Credential)) {
            let value = start + bytes;
            let index = self.tokens.partition_point(|token| token.end <= value);
            if has_parts {
                return self.rest_of_line(value, kind);
            }
            return if index < self.tokens.len() { self.bare(index, value, Kind::Credential) } else { index };
        }
        if kind == Kind::Cookie && rest.contains('=') || is_open {
            return self.rest_of_line(start, kind);
        }
        let mut last = at;
        while self.tokens.get(last + 1).is_some_and(|next| {
            next.is_joined && matches!(next.shape, Shape::Word | Shape::Quoted) && next.start > start
        }) {
            last += 1;
        }
        let end = self.tokens[last].end;
        let value = &self.layer.text[start..end];
        self.variable(value, kind);
        if let Some(next) = self.unquoted((at, start), last, kind) {
            return next;
        }
        // `rails credentials:edit`
        let is_word = kind == Kind::Credential && value.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_plain(value) || is_word || matches!(kind, Kind::Key | Kind::Credential) && is_path(value) {
            return last + 1;
        }
        self.emit(start, end, kind);
        last + 1
    }

    pub(super) fn rest_of_line(&mut self, start: usize, kind: Kind) -> usize {
        let end = self.layer.text[start..].find(['\n', '\r']).map_or(self.layer.text.len(), |bytes| start + bytes);
        if !is_plain(&self.layer.text[start..end]) {
            self.emit(start, end, kind);
        }
        self.tokens.partition_point(|token| token.start < end)
    }

    /// A quoted value, and those that `&` or `+` joins to it.
    pub(super) fn literals(&mut self, at: usize, kind: Kind, allows_paths: bool) -> usize {
        self.expression(at, kind, allows_paths).unwrap_or(at + 1)
    }

    /// What is literal of what a script puts together from here on, in parentheses or not; `None` if nothing is.
    pub(super) fn expression(&mut self, at: usize, kind: Kind, allows_paths: bool) -> Option<usize> {
        let operands = Operands { layer: self.layer, tokens: self.tokens };
        let mut open = operands.open_before(at);
        let mut next = operands.operand(at, &mut open);
        let (mut end, mut between) = (None, 0);
        while let Some(operand) = next.take().filter(|_| between <= MAX_BETWEEN) {
            let mut last = operand.last;
            if self.shape(operand.first) == Some(Shape::Quoted) {
                self.literal(operand.first, kind, allows_paths);
            } else if let Some((from, to, closing)) = operands.numbers(operands.text(operand.first), operand.first) {
                self.emit(self.tokens[from].start, self.tokens[to].end, kind);
                last = closing;
            } else {
                between += 1;
                next = operands.next(last, &mut open);
                continue;
            }
            (end, between) = (Some(last + 1), 0);
            next = operands.next(last, &mut open);
        }
        end
    }

    fn literal(&mut self, at: usize, kind: Kind, allows_paths: bool) {
        let token = self.tokens[at];
        let value = token.text(self.layer);
        let scheme = scheme_of(value).filter(|_| kind == Kind::Credential).map_or(0, |(bytes, _)| bytes);
        // A template of JavaScript that is a variable.
        if let Some(name) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            self.variable(name, kind);
        }
        if !(is_plain(&value[scheme..]) || allows_paths && is_path(value)) {
            self.emit(token.start + scheme, token.end, kind);
        }
    }
}
