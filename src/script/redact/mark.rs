//! What replaces a secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::shell::{Layer, OPENING};

/// What was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Password,
    Token,
    Secret,
    Key,
    Credential,
    Cookie,
    PrivateKey,
    /// What a script types for the user.
    Typed,
    /// The value of an environment variable.
    Environment,
    /// The text of a script that is not to be captured.
    Script,
    /// The match of an expression of the configuration.
    Pattern,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Token => "token",
            Kind::Secret => "secret",
            Kind::Key => "key",
            Kind::Credential => "credential",
            Kind::Cookie => "cookie",
            Kind::PrivateKey => "private key",
            Kind::Typed => "typed text",
            Kind::Environment => "environment",
            Kind::Script => "script",
            Kind::Pattern => "pattern",
        }
    }
}

/// A secret within a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

impl Span {
    /// Where a part of a layer is in the outermost text.
    pub(super) fn of(layer: &Layer, start: usize, end: usize, kind: Kind) -> Option<Span> {
        layer.place(start, end).map(|place| Span { start: place.start, end: place.end, kind })
    }
}

/// Writes marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// With a key, equal secrets have equal marks.
    pub(super) key: Option<Vec<u8>>,
}

impl Marks {
    /// `[redacted: password]`, or `[redacted: password #a1b2c3]`: the first three bytes of HMAC-SHA256.
    pub(super) fn of(&self, kind: Kind, secret: &str) -> String {
        let hash = self.key.as_ref().and_then(|key| {
            let mut hash = Hmac::<Sha256>::new_from_slice(key).ok()?;
            hash.update(secret.as_bytes());
            let hash = hash.finalize().into_bytes();
            Some(format!(" #{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2]))
        });
        format!("{OPENING}: {}{}]", kind.name(), hash.unwrap_or_default())
    }

    /// The text with its spans replaced; they are in order and do not overlap.
    pub(super) fn replace(&self, text: &str, spans: &[Span]) -> String {
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for span in spans {
            out.push_str(&text[at..span.start]);
            out.push_str(&self.of(span.kind, &text[span.start..span.end]));
            at = span.end;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// Puts spans in order and joins those that overlap, under the kind of the one that begins first.
pub(super) fn joined(text: &str, mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.start < span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}
