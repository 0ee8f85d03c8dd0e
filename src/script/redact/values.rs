//! Secrets that follow a name: `password "x"`, `set pw to "x"`, `"password": "x"`, `DB_PASSWORD=x`,
//! `Authorization: Bearer x`. Of AppleScript, JavaScript, JSON and shells alike.

use super::layer::{Layer, Shape, Token};
use super::mark::{Kind, OPENING, Span};
use super::names::{is_path, is_plain, kind_of, looks_secret};

/// What `Authorization` begins with.
const SCHEMES: [&str; 9] =
    ["basic", "bearer", "token", "negotiate", "ntlm", "apikey", "digest", "aws4-hmac-sha256", "hawk"];
/// Schemes whose credentials have several parts.
const LONG_SCHEMES: [&str; 3] = ["digest", "aws4-hmac-sha256", "hawk"];

/// Finds the secrets of a layer that are outside its quotes or fill one of them.
pub(super) fn find(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut search = Search { layer, tokens, out, script: None };
    header(&mut search);
    let mut at = 0;
    while at < tokens.len() {
        // The search continues where a value ends: each token is looked at once.
        at = search.at(at).max(at + 1);
    }
}

struct Search<'l, 'o> {
    layer: &'l Layer,
    tokens: &'l [Token],
    out: &'o mut Vec<Span>,
    script: Option<bool>,
}

/// A whole text that is a header: `X-Api-Key: x y`.
fn header(search: &mut Search<'_, '_>) {
    let text = search.layer.text.as_str();
    let line = text.lines().next().unwrap_or_default();
    let Some((name, value)) = line.split_once(": ") else { return };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let Some(kind) = kind_of(name.trim_start_matches("Set-")).filter(|_| is_name) else { return };
    let start = line.len() - value.trim_start().len();
    let start = start + scheme_of(&line[start..]).map_or(0, |(bytes, _)| bytes);
    if !is_plain(&line[start..]) && !line[start..].starts_with(['"', '\'', '\u{201C}']) {
        search.emit(start, line.trim_end().len(), kind);
    }
}

/// The bytes of an authorization's scheme and the spaces after it, and whether several parts follow.
fn scheme_of(value: &str) -> Option<(usize, bool)> {
    let (scheme, rest) = value.split_once(' ')?;
    let known = SCHEMES.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
    Some((value.len() - rest.trim_start().len(), LONG_SCHEMES.contains(known)))
}

impl Search<'_, '_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text(self.layer))
    }

    fn shape(&self, at: usize) -> Option<Shape> {
        self.tokens.get(at).map(|token| token.shape)
    }

    fn is_word(&self, at: usize, wanted: &str) -> bool {
        self.shape(at) == Some(Shape::Word) && self.text(at).eq_ignore_ascii_case(wanted)
    }

    fn emit(&mut self, start: usize, end: usize, kind: Kind) {
        self.out.extend(self.layer.span(start, end, kind));
    }

    /// Looks at one token; returns where to continue.
    fn at(&mut self, at: usize) -> usize {
        match self.shape(at) {
            Some(Shape::Word) => self.word(at),
            Some(Shape::Quoted) => match kind_of(self.text(at)) {
                Some(kind) if self.text(at + 1).starts_with([':', '=']) => self.separated(at + 1, kind),
                Some(kind) => self.element(at + 1, kind),
                None => at + 1,
            },
            _ => at + 1,
        }
    }

    /// What is assigned to an element of that name, from its closing bracket on: `ENV["TOKEN"] = "x"`.
    fn element(&mut self, at: usize, kind: Kind) -> usize {
        let is_assigned = |text: &str| text.starts_with('=') && !text.starts_with("==");
        match self.text(at).strip_prefix(']') {
            Some(rest) if is_assigned(rest) => self.separated_within(at, self.tokens[at].start + 1, kind),
            Some("") if is_assigned(self.text(at + 1)) => self.separated(at + 1, kind),
            _ => at,
        }
    }

    fn word(&mut self, at: usize) -> usize {
        let token = self.tokens[at];
        let word = self.text(at);
        let mut from = 0;
        while let Some(offset) = word[from..].find(['=', ':']) {
            let separator = from + offset;
            let name_start = word[..separator].rfind(|c: char| !c.is_alphanumeric() && !"_.-$".contains(c));
            let name_start =
                name_start.map_or(0, |before| before + word[before..].chars().next().map_or(1, char::len_utf8));
            let name_start = name_start.max(from);
            if let Some(kind) = kind_of(&word[name_start..separator]) {
                return self.separated_within(at, token.start + separator, kind);
            }
            from = separator + 1;
        }
        if let Some(kind) = kind_of(word) {
            return self.after_name(at, kind);
        }
        self.typed(at)
    }

    /// A name that is a word of its own.
    fn after_name(&mut self, at: usize, kind: Kind) -> usize {
        let next = self.text(at + 1);
        if self.shape(at + 1) == Some(Shape::Word) && next.starts_with([':', '=']) {
            return self.separated(at + 1, kind);
        }
        let is_name = !self.text(at).starts_with('-');
        if is_name && self.is_word(at + 1, "to") && self.shape(at + 2) == Some(Shape::Quoted) {
            return self.literals(at + 2, kind, false);
        }
        if is_name && at >= 2 && self.is_word(at - 1, "to") && self.shape(at - 2) == Some(Shape::Quoted) {
            self.literals(at - 2, kind, false);
            return at + 1;
        }
        // Tcl, in which expect(1) is written.
        let is_set = is_name && at > 0 && self.is_word(at - 1, "set") && !self.is_word(at + 1, "to");
        if is_set && self.shape(at + 1) == Some(Shape::Word) && looks_secret(next) {
            let start = self.tokens[at + 1].start;
            return self.bare(at + 1, start, kind);
        }
        if is_name && self.shape(at + 1) == Some(Shape::Quoted) && !self.tokens[at + 1].is_joined {
            let allows_paths = !self.is_script();
            return self.literals(at + 1, kind, allows_paths);
        }
        at + 1
    }

    /// AppleScript that runs commands: a text after `password` is one whatever it looks like.
    fn is_script(&mut self) -> bool {
        let layer = self.layer;
        *self.script.get_or_insert_with(|| {
            let text = layer.text.to_ascii_lowercase();
            text.contains("do shell script") || text.contains("administrator privileges")
        })
    }

    /// A value after a separator at the start of a token.
    fn separated(&mut self, at: usize, kind: Kind) -> usize {
        let start = self.tokens[at].start;
        self.separated_within(at, start, kind)
    }

    /// A value after the separator at this place of a word: the rest of the word, or what follows.
    fn separated_within(&mut self, at: usize, separator: usize, kind: Kind) -> usize {
        let token = self.tokens[at];
        let rest = &self.layer.text[separator..token.end];
        let start = separator + (rest.len() - rest.trim_start_matches([':', '=', '>']).len());
        if start < token.end {
            return self.bare(at, start, kind);
        }
        let is_joined = self.tokens.get(at + 1).is_some_and(|next| next.is_joined);
        match self.shape(at + 1) {
            Some(Shape::Quoted) => self.literals(at + 1, kind, false),
            Some(Shape::Word) if matches!(self.text(at + 1), "=" | ":" | ":=" | "=>") => self.separated(at + 1, kind),
            Some(Shape::Word) if !is_joined => {
                let start = self.tokens[at + 1].start;
                self.bare(at + 1, start, kind)
            }
            _ => at + 1,
        }
    }

    /// A value without quotes, from here to the end of its word, and of the quoted texts that are joined to it.
    fn bare(&mut self, at: usize, start: usize, kind: Kind) -> usize {
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
        // `rails credentials:edit`
        let is_word = kind == Kind::Credential && value.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_plain(value) || is_word || matches!(kind, Kind::Key | Kind::Credential) && is_path(value) {
            return last + 1;
        }
        self.emit(start, end, kind);
        last + 1
    }

    fn rest_of_line(&mut self, start: usize, kind: Kind) -> usize {
        let end = self.layer.text[start..].find(['\n', '\r']).map_or(self.layer.text.len(), |bytes| start + bytes);
        if !is_plain(&self.layer.text[start..end]) {
            self.emit(start, end, kind);
        }
        self.tokens.partition_point(|token| token.start < end)
    }

    /// A quoted value, and those that `&` or `+` joins to it.
    fn literals(&mut self, at: usize, kind: Kind, allows_paths: bool) -> usize {
        let mut at = at;
        loop {
            let token = self.tokens[at];
            let value = token.text(self.layer);
            let scheme = scheme_of(value).filter(|_| kind == Kind::Credential).map_or(0, |(bytes, _)| bytes);
            if !(is_plain(&value[scheme..]) || allows_paths && is_path(value)) {
                self.emit(token.start + scheme, token.end, kind);
            }
            let joins = self.shape(at + 1) == Some(Shape::Operator('&')) || self.is_word(at + 1, "+");
            if !joins || self.shape(at + 2) != Some(Shape::Quoted) {
                return at + 1;
            }
            at += 2;
        }
    }

    /// What a script types for the user, or fills in hidden.
    fn typed(&mut self, at: usize) -> usize {
        let value = at + if self.shape(at + 1) == Some(Shape::Operator('(')) { 2 } else { 1 };
        if self.is_word(at, "keystroke") || self.text(at).ends_with(".keystroke") {
            if self.shape(value) == Some(Shape::Quoted) && looks_secret(self.text(value)) {
                return self.literals(value, Kind::Typed, false);
            }
        } else if self.is_word(at, "answer") && at > 0 && self.is_word(at - 1, "default") {
            let hides = (at..self.tokens.len().min(at + 32)).any(|at| self.is_word(at, "hidden"));
            if hides && self.shape(at + 1) == Some(Shape::Quoted) {
                return self.literals(at + 1, Kind::Password, false);
            }
        } else if self.is_word(at, "send") && self.expects_password(at) {
            let value = at + if self.text(at + 1) == "--" { 2 } else { 1 };
            match self.shape(value) {
                Some(Shape::Quoted) => return self.literals(value, Kind::Password, false),
                Some(Shape::Word) => return self.bare(value, self.tokens[value].start, Kind::Password),
                _ => {}
            }
        } else if ["auth=", "BasicAuth"].iter().any(|end| self.text(at).ends_with(end)) {
            return self.pair(at + 1);
        }
        at + 1
    }

    /// `("user", "password")`, from its parenthesis on.
    fn pair(&mut self, at: usize) -> usize {
        let is_user = self.shape(at) == Some(Shape::Operator('(')) && self.shape(at + 1) == Some(Shape::Quoted);
        let password = (at + 2..at + 4).find(|at| self.shape(*at) == Some(Shape::Quoted)).filter(|_| is_user);
        password.map_or(at, |password| self.literals(password, Kind::Password, false))
    }

    /// expect(1): what is sent after a prompt for a password.
    fn expects_password(&self, at: usize) -> bool {
        (at.saturating_sub(6)..at).any(|at| {
            let text = self.text(at);
            let prompts = text.to_ascii_lowercase();
            self.shape(at) == Some(Shape::Quoted) && (prompts.contains("assword") || prompts.contains("assphrase"))
        })
    }
}
