//! The rules of a run: the built-in ones and those from files.

use super::Rule;
use super::exception::{Entry, Exception};
use super::rule::Error;
use crate::eql::Lineages;
use crate::event::Fields;

const BUILT_IN: [&str; 11] = [
    include_str!("rules/osascript-network-connection.toml"),
    include_str!("rules/automator-runner-network-connection.toml"),
    include_str!("rules/osascript-merged-network-connection.toml"),
    include_str!("rules/osascript-descendant-network-connection.toml"),
    include_str!("rules/automator-app-network-connection.toml"),
    include_str!("rules/automator-descendant-network-connection.toml"),
    include_str!("rules/automator-responsible-network-connection.toml"),
    include_str!("rules/script-host-network-connection.toml"),
    include_str!("rules/script-host-descendant-network-connection.toml"),
    include_str!("rules/script-editor-descendant-network-connection.toml"),
    include_str!("rules/osascript-renamed-network-connection.toml"),
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
    /// What is held back of what they find; the first that holds counts.
    pub exceptions: Vec<Exception>,
}

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
    ///
    /// Elastic ships some rules twice, under one id: the first that runs runs, a later one is inert.
    pub fn add(&mut self, origin: &str, text: &str) -> Result<&Rule, Error> {
        let mut rule = Rule::parse(origin, text, &mut self.fields, &mut self.lineages)?;
        let same = |other: &&Rule| other.id == rule.id && other.inert().is_none();
        if let (None, Some(other)) = (rule.inert(), self.rules.iter().find(same)) {
            rule.make_inert(format!("the rule in {} has the same id and runs instead", other.origin));
        }
        self.rules.push(rule);
        Ok(&self.rules[self.rules.len() - 1])
    }

    /// Adds an exception. `origin` and `text` are the file it stands in.
    pub fn except(&mut self, origin: &str, text: &str, entry: &Entry) -> Result<(), Error> {
        let exception = Exception::compile(entry, (origin, text), &mut self.fields, &mut self.lineages)?;
        // Said of each sequence that is held back.
        let _ = self.fields.resolve("destination.ip");
        self.exceptions.push(exception);
        Ok(())
    }

    /// Keeps only the rules with these ids; the first unknown one is given back.
    pub fn keep_only<'i>(&mut self, ids: &'i [String]) -> Result<(), &'i str> {
        if let Some(unknown) = ids.iter().find(|id| !self.rules.iter().any(|rule| rule.id == **id)) {
            return Err(unknown);
        }
        self.rules.retain(|rule| ids.contains(&rule.id));
        Ok(())
    }

    /// The id that is most like this one, if it is near enough to be meant.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        let distance = |known: &str| strsim::damerau_levenshtein(known, id);
        let near = self.rules.iter().map(|rule| rule.id.as_str()).min_by_key(|known| distance(known))?;
        (distance(near) <= 1 + near.len() / 4).then_some(near)
    }
}
