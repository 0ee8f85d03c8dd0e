//! The rules of a run: the built-in ones and those from files.

use super::Rule;
use super::rule::Error;
use crate::eql::Lineages;
use crate::event::Fields;

const BUILT_IN: [&str; 7] = [
    include_str!("rules/osascript-network-connection.toml"),
    include_str!("rules/automator-runner-network-connection.toml"),
    include_str!("rules/osascript-merged-network-connection.toml"),
    include_str!("rules/osascript-descendant-network-connection.toml"),
    include_str!("rules/automator-app-network-connection.toml"),
    include_str!("rules/automator-descendant-network-connection.toml"),
    include_str!("rules/automator-responsible-network-connection.toml"),
];

/// Rules with the fields and the `descendant of […]` queries that they name.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// The rules, in the order they were added.
    pub rules: Vec<Rule>,
    /// The fields they name.
    pub fields: Fields,
    /// Their `descendant of […]` queries.
    pub lineages: Lineages,
}

/// A rule that cannot join the set.
#[derive(Debug)]
pub enum AddError {
    /// The file is wrong.
    Wrong(Error),
    /// Another rule has its id.
    Duplicate {
        /// The file.
        origin: String,
        /// The id.
        id: String,
        /// Where the other rule came from.
        other: String,
    },
}

impl std::fmt::Display for AddError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AddError::Wrong(error) => error.fmt(f),
            AddError::Duplicate { origin, id, other } => {
                write!(f, "{origin}: rule id `{id}` is already taken by a rule of {other}; give it an id of its own")
            }
        }
    }
}

impl std::error::Error for AddError {}

impl RuleSet {
    /// The built-in rules.
    pub fn built_in() -> RuleSet {
        let mut set = RuleSet::default();
        for text in BUILT_IN {
            if let Err(error) = set.add("built-in", text) {
                unreachable!("a built-in rule does not load: {error}");
            }
        }
        set
    }

    /// Adds the rule of a file. `origin` is what messages call the file.
    pub fn add(&mut self, origin: &str, text: &str) -> Result<&Rule, AddError> {
        let rule = Rule::parse(origin, text, &mut self.fields, &mut self.lineages).map_err(AddError::Wrong)?;
        if let Some(other) = self.rules.iter().find(|other| other.id == rule.id) {
            let (origin, other) = (origin.to_owned(), other.origin.clone());
            return Err(AddError::Duplicate { origin, id: rule.id, other });
        }
        self.rules.push(rule);
        Ok(&self.rules[self.rules.len() - 1])
    }

    /// Keeps only the rules with these ids; the first unknown one is given back.
    pub fn keep_only<'i>(&mut self, ids: &'i [String]) -> Result<(), &'i str> {
        if let Some(unknown) = ids.iter().find(|id| !self.rules.iter().any(|rule| rule.id == **id)) {
            return Err(unknown);
        }
        self.rules.retain(|rule| ids.contains(&rule.id));
        Ok(())
    }
}
