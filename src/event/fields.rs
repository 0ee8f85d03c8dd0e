//! The fields in use, by name: those with constants, and those that loaded rules name.

use std::collections::HashMap;
use std::fmt;

use super::field::{ALWAYS, CORE, Field, FieldType, ecs, known_type};
use crate::nearest::nearest;

/// A name that no table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The name as written.
    pub name: String,
    /// The nearest known name, when one is near.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown field `{}`", self.name)?;
        match &self.suggestion {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// What a name resolved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The field.
    pub field: Field,
    /// How its values compare.
    pub kind: FieldType,
    /// The name was a `.caseless` multi-field: compare without regard to ASCII case.
    pub caseless: bool,
}

/// The fields in use: those with constants, and those that loaded rules name.
#[derive(Clone, Debug)]
pub struct Fields {
    entries: Vec<(String, FieldType)>,
    by_name: HashMap<String, Field>,
    wanted: Vec<bool>,
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

impl Fields {
    /// The fields with constants; those that process tracking reads are wanted from the start.
    pub fn new() -> Fields {
        let entries: Vec<_> = CORE.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
        let by_name = CORE.iter().enumerate().map(|(i, (name, _))| (name.to_string(), Field(i as u16))).collect();
        let mut wanted = vec![false; entries.len()];
        ALWAYS.iter().for_each(|field| wanted[field.index()] = true);
        Fields { entries, by_name, wanted }
    }

    /// Resolves an ECS or Elastic Defend field name, and has decoders extract it from now on.
    pub fn resolve(&mut self, name: &str) -> Result<Resolved, UnknownField> {
        let (base, caseless) = match name.strip_suffix(".caseless") {
            Some(base) => (base, true),
            None => (name.strip_suffix(".text").unwrap_or(name), false),
        };
        let field = match self.by_name.get(base) {
            Some(&field) => field,
            None => {
                let kind = known_type(base).ok_or_else(|| self.unknown(name))?;
                self.add(base, kind).ok_or_else(|| UnknownField { name: name.to_string(), suggestion: None })?
            }
        };
        self.wanted[field.index()] = true;
        Ok(Resolved { field, kind: self.entries[field.index()].1, caseless })
    }

    /// The ECS name of a field.
    pub fn name(&self, field: Field) -> &str {
        &self.entries[field.index()].0
    }

    /// How a field's values compare.
    pub fn kind(&self, field: Field) -> FieldType {
        self.entries[field.index()].1
    }

    /// The fields a decoder must extract.
    pub fn wanted(&self) -> impl Iterator<Item = (Field, &str)> {
        let wanted = self.entries.iter().zip(&self.wanted).enumerate().filter(|(_, (_, wanted))| **wanted);
        wanted.map(|(i, ((name, _), _))| (Field(i as u16), name.as_str()))
    }

    fn add(&mut self, name: &str, kind: FieldType) -> Option<Field> {
        let field = Field(u16::try_from(self.entries.len()).ok()?);
        self.entries.push((name.to_string(), kind));
        self.by_name.insert(name.to_string(), field);
        self.wanted.push(false);
        Some(field)
    }

    fn unknown(&self, name: &str) -> UnknownField {
        let known = self.entries.iter().map(|(known, _)| known.as_str()).chain(ecs().keys().copied());
        let near = nearest(name, known.filter(|known| *known != "_id"));
        UnknownField { name: name.to_string(), suggestion: near.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_gets_the_nearest_name() {
        let error = Fields::new().resolve("process.nmae").unwrap_err();
        assert_eq!(error.to_string(), "unknown field `process.nmae`; did you mean `process.name`?");
    }

    #[test]
    fn a_name_of_a_hundred_thousand_characters_is_refused_without_comparing_it() {
        let name = "process.".to_owned() + &"x".repeat(100_000);
        assert_eq!(Fields::new().resolve(&name).unwrap_err().suggestion, None);
    }

    #[test]
    fn defend_fields_outside_ecs_resolve_with_the_type_of_their_member() {
        let mut fields = Fields::new();
        assert_eq!(fields.resolve("Target.process.pid").unwrap().kind, FieldType::Long);
        assert_eq!(fields.resolve("process.Ext.effective_parent.pid").unwrap().kind, FieldType::Long);
        assert_eq!(fields.resolve("Persistence.runatload").unwrap().kind, FieldType::Boolean);
        assert!(fields.resolve("process.name.caseless").unwrap().caseless);
        assert!(fields.resolve("process").is_err());
    }
}
