//! What a rule needs of the events of a recording to match.

use crate::eql::{self, Stage};
use crate::event::Field;

use super::Rule;

/// What a rule needs to match.
#[derive(Clone, Debug)]
pub(crate) struct Needs<'r> {
    /// `rule.id`.
    pub(crate) rule: &'r str,
    /// It takes only events of hosts that state macOS.
    pub(crate) macos: bool,
    /// It joins events by `host.id`.
    pub(crate) host: bool,
    /// Its events, with their categories.
    stages: Vec<(String, &'r Stage)>,
}

impl Rule {
    /// What the events of a recording must be for it to match; `None` when it cannot run.
    pub(crate) fn needs(&self) -> Option<Needs<'_>> {
        let query = self.query()?;
        let syntax = eql::parse(&self.query_text).ok()?;
        let joins = |name: &str| {
            let mut stages = syntax.stages.iter().filter(|stage| !stage.missing);
            stages.any(|stage| stage.by.iter().any(|key| key.name == name && !key.optional))
        };
        let stages = syntax.stages.iter().zip(&query.stages).filter(|(_, stage)| !stage.missing);
        Some(Needs {
            rule: &self.id,
            macos: syntax.requires("host.os.type").is_some(),
            host: joins("host.id"),
            stages: stages.map(|(written, stage)| (written.category.clone(), stage)).collect(),
        })
    }
}

impl Needs<'_> {
    /// The categories of its events; `any` is any.
    pub(crate) fn categories(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|(category, _)| category.as_str())
    }

    /// A field without which no event is one that it wants, and the category of that event, where no event of the category
    /// states the field: it `is_absent`. Each field is asked about that can be one.
    pub(crate) fn lacks(&self, is_absent: &mut dyn FnMut(&str, Field) -> bool) -> Option<(&str, Field)> {
        self.stages.iter().find_map(|(category, stage)| {
            let filter = stage.filter.lacks(&mut |field| is_absent(category, field));
            let mut keys = stage.join.iter().filter(|key| !key.optional).filter_map(|key| key.field);
            let alone = filter.or_else(|| keys.find(|field| is_absent(category, *field)));
            if let Some(field) = alone {
                return Some((category.as_str(), field));
            }
            let of =
                |at: Option<usize>| at.and_then(|at| self.stages.get(at)).map_or(category, |(category, _)| category);
            let (at, field) = stage.joined.as_ref()?.lacks(&mut |at, field| is_absent(of(at), field))?;
            Some((of(at).as_str(), field))
        })
    }
}
