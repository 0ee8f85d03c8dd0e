//! Where each value of the configuration stands.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeTable;

use crate::place::Place;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In no file.
    Default,
    /// In a file.
    File {
        /// Its path.
        file: String,
        /// Where in it.
        place: Place,
    },
    /// In the managed preferences.
    Managed {
        /// Their path.
        file: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { file, place } => write!(f, "{file}:{}", place.line),
            Origin::Managed { .. } => f.write_str("managed"),
        }
    }
}

/// The origin of each value, by key such as `alerts.keep_files`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origin of a value.
    pub(crate) fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Whether a file states a value of this section.
    pub(crate) fn state(&self, section: &str) -> bool {
        self.0.keys().any(|key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Enters what a file states; of a value that two state, the last counts.
    pub(super) fn add(&mut self, text: &str, origin: impl Fn(Place) -> Origin) {
        let Ok(table) = DeTable::parse(text) else { return };
        entries(table.get_ref(), &mut Vec::new(), &mut |key, at, is_table| {
            if !is_table {
                self.0.insert(key, origin(Place::of(text, at)));
            }
        });
    }
}

/// Every key, tables among them, with where it stands and whether it is a table.
fn entries(table: &DeTable<'_>, above: &mut Vec<String>, each: &mut impl FnMut(String, usize, bool)) {
    for (key, value) in table {
        above.push(bare(key.get_ref()));
        let inner = value.get_ref().as_table();
        let at = if inner.is_some() { key.span().start } else { value.span().start };
        each(above.join("."), at, inner.is_some());
        if let Some(inner) = inner {
            entries(inner, above, each);
        }
        above.pop();
    }
}

/// A key as it is written: in quotes where it needs them.
pub(crate) fn bare(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { key.to_owned() } else { format!("{key:?}") }
}

/// The key that is written at a place of a text, or last before it.
pub(super) fn key_at(text: &str, place: Place) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let mut found: Option<(usize, String)> = None;
    entries(table.get_ref(), &mut Vec::new(), &mut |key, at, _| {
        let line = Place::of(text, at).line;
        if line <= place.line && found.as_ref().is_none_or(|(last, _)| *last <= line) {
            found = Some((line, key));
        }
    });
    found.map(|(_, key)| key)
}
