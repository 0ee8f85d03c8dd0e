//! The rules of a run: the built-in ones and those from files.

use super::exception::{Entry, Exception};
use super::{Error, Rule, export};
use crate::eql::{self, Lineages};
use crate::event::Fields;
use crate::nearest::nearest;

const BUILT_IN: [&str; 26] = [
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
    include_str!("rules/osascript-renamed-descendant-network-connection.toml"),
    include_str!("rules/script-editor-network-connection.toml"),
    include_str!("rules/osascript-late-network-connection.toml"),
    include_str!("rules/osascript-late-descendant-network-connection.toml"),
    include_str!("rules/script-host-late-network-connection.toml"),
    include_str!("rules/script-host-late-descendant-network-connection.toml"),
    include_str!("rules/osascript-piped-download.toml"),
    include_str!("rules/osascript-dialog-parent-network-connection.toml"),
    include_str!("rules/osascript-dialog-sibling-network-connection.toml"),
    include_str!("rules/osascript-abused-service-connection.toml"),
    include_str!("rules/osascript-descendant-abused-service-connection.toml"),
    include_str!("rules/osascript-session-kept-open.toml"),
    include_str!("rules/osascript-launchd-network-connection.toml"),
    include_str!("rules/osascript-terminal-network-connection.toml"),
    include_str!("rules/shortcuts-network-connection.toml"),
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
    /// What is suppressed of what they find: the first exception that applies is counted.
    pub exceptions: Vec<Exception>,
}

impl RuleSet {
    /// The built-in rules.
    pub fn built_in() -> RuleSet {
        let mut set = RuleSet::default();
        set.add_built_in();
        set
    }

    /// The built-in rules without their exclusion of addresses: for a trial that does not leave this Mac.
    pub(crate) fn built_in_for_any_address() -> RuleSet {
        let mut set = RuleSet::default();
        for text in BUILT_IN {
            // Every list of addresses becomes one that holds no address of a connection.
            let mut parts = text.split("cidrMatch(destination.ip,");
            let first = parts.next().unwrap_or_default().to_owned();
            let text = parts.fold(first, |before, part| {
                let rest = part.split_once(')').map_or("", |(_, rest)| rest);
                format!("{before}cidrMatch(destination.ip, \"255.255.255.255\"){rest}")
            });
            if let Err(error) = set.add("built-in", &text) {
                unreachable!("a built-in rule does not load: {error}");
            }
        }
        set.rules.retain(|rule| !rule.is_off());
        set
    }

    /// Adds the built-in rules to a set that has no rules yet.
    pub(crate) fn add_built_in(&mut self) {
        for text in BUILT_IN {
            if let Err(error) = self.add("built-in", text) {
                unreachable!("a built-in rule does not load: {error}");
            }
        }
    }

    /// A set without rules in which fields and `descendant of […]` queries have the numbers that they have here: rules
    /// of the two sets understand the state of one another.
    pub(crate) fn successor(&self) -> RuleSet {
        RuleSet { fields: self.fields.clone(), lineages: self.lineages.clone(), ..RuleSet::default() }
    }

    /// A set of one rule, with this query.
    pub(crate) fn variant(rule: &Rule, query: &str) -> Result<RuleSet, eql::Error> {
        let mut set = RuleSet::default();
        let compiled = eql::compile(query, &mut set.fields, &mut set.lineages)?;
        set.rules.push(rule.with_query(query, compiled));
        Ok(set)
    }

    /// Why a rule can never alert on a live Mac, if that is so.
    pub(crate) fn never_live(&self, rule: &Rule) -> Option<String> {
        let query = rule.query()?;
        if query.pipes.iter().any(|pipe| matches!(pipe, eql::Pipe::Tail(_))) {
            return Some("`tail` is decided at the end of a recording, and a live Mac has none".to_owned());
        }
        let stages = query.stages.iter().enumerate().filter(|(_, stage)| !stage.missing);
        stages.into_iter().find_map(|(at, stage)| {
            let keys = stage.join.iter().filter(|key| !key.optional).filter_map(|key| key.field);
            let field = keys.into_iter().find(|key| !key.is_filled_live()).or_else(|| stage.filter.never_live())?;
            let name = self.fields.name(field);
            let stage = if query.is_sequence() { format!("stage {}", at + 1) } else { "it".to_owned() };
            Some(match field.live_values() {
                None => format!("{stage} needs {name}, which no sensor of a live Mac reports"),
                Some(_) => format!("{stage} needs a value of {name} that no sensor of a live Mac reports"),
            })
        })
    }

    /// Adds the rule of a file. `origin` is what messages call the file.
    ///
    /// Elastic ships some rules twice, under one id: the first that runs runs, a later one is inert.
    pub fn add(&mut self, origin: &str, text: &str) -> Result<&Rule, Error> {
        let rule = Rule::parse(origin, text, &mut self.fields, &mut self.lineages)?;
        Ok(self.push(rule))
    }

    /// Adds the rules of a file, one in TOML or those that Kibana exported: each, or what is wrong with it.
    pub(crate) fn add_file(&mut self, origin: &str, text: &str) -> Vec<Result<Rule, Error>> {
        if !export::is_export(origin, text) {
            return vec![self.add(origin, text).cloned()];
        }
        let rules = export::rules(origin, text, &mut self.fields, &mut self.lineages);
        rules.into_iter().map(|rule| Ok(self.push(rule?).clone())).collect()
    }

    fn push(&mut self, mut rule: Rule) -> &Rule {
        let can_run = |rule: &Rule| rule.inert().is_none() || rule.is_off();
        let same = |other: &&Rule| other.id == rule.id && can_run(other);
        if let (true, Some(other)) = (can_run(&rule), self.rules.iter().find(same)) {
            let (other, place) = (other.written_in(), rule.id_place);
            rule.make_inert(format!("the rule in {other} has the same id (at {place}) and runs instead"));
        }
        self.rules.push(rule);
        &self.rules[self.rules.len() - 1]
    }

    /// Adds an exception. `origin` and `text` are its file.
    pub fn except(&mut self, origin: &str, text: &str, entry: &Entry) -> Result<(), Error> {
        let exception = Exception::compile(entry, (origin, text), &mut self.fields, &mut self.lineages)?;
        // Reported for each sequence that is suppressed.
        let _ = self.fields.resolve("destination.ip");
        self.exceptions.push(exception);
        Ok(())
    }

    /// Keeps only the rules with these ids, and turns them on; the first unknown one is returned.
    pub fn keep_only<'i>(&mut self, ids: &'i [String]) -> Result<(), &'i str> {
        self.turn_on(ids)?;
        self.rules.retain(|rule| ids.contains(&rule.id));
        Ok(())
    }

    /// Turns on the rules with these ids; the first unknown one is returned.
    pub(crate) fn turn_on<'i>(&mut self, ids: &'i [String]) -> Result<(), &'i str> {
        if let Some(unknown) = ids.iter().find(|id| !self.rules.iter().any(|rule| rule.id == **id)) {
            return Err(unknown);
        }
        self.rules.iter_mut().filter(|rule| ids.contains(&rule.id)).for_each(Rule::turn_on);
        Ok(())
    }

    /// The id that is most like this one, if it is near enough to be meant.
    pub(crate) fn nearest(&self, id: &str) -> Option<&str> {
        nearest(id, self.rules.iter().map(|rule| rule.id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_exclusion_of_addresses_the_built_in_rules_are_the_same() {
        let (rules, any) = (RuleSet::built_in(), RuleSet::built_in_for_any_address());
        let rules: Vec<&Rule> = rules.rules.iter().filter(|rule| !rule.is_off()).collect();
        assert_eq!(rules.len(), any.rules.len());
        let mut changed = 0;
        for (rule, any) in rules.into_iter().zip(&any.rules) {
            assert_eq!((&rule.id, rule.inert()), (&any.id, any.inert()));
            assert!(!any.query_text.contains("127.0.0.0/8"), "{}", any.query_text);
            changed += usize::from(rule.query_text != any.query_text);
            let lists = |query: &str| query.matches("cidrMatch(destination.ip,").count();
            assert_eq!(lists(&rule.query_text), lists(&any.query_text), "{}", rule.id);
        }
        assert!(changed > 10, "{changed}");
    }
}
