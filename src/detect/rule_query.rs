//! A rule file to a rule: whether its query can run here, and what is read in it and not acted on.

use std::collections::HashSet;

use super::error::{Error, What};
use super::rule::{Rule, State};
use super::rule_file::File;
use super::written::Written;
use crate::eql::{self, Lineages};
use crate::event::{Categories, Fields};

/// What becomes of the query, and what is read in it and not acted on.
type Loaded = (State, Vec<String>);

/// The rule of a file.
pub(super) fn rule(
    file: File,
    written: &Written<'_>,
    fields: &mut Fields,
    lineages: &mut Lineages,
) -> Result<Rule, Error> {
    let Some(id) = file.rule.rule_id.clone().or_else(|| file.rule.id.clone()) else {
        return Err(written.error(0, What::Text("missing field `rule_id`".to_owned())));
    };
    for (name, value, at) in [("rule_id", &id, &written.id), ("name", &file.rule.name, &written.name)] {
        if value.trim().is_empty() {
            return Err(written.error(at.start, What::Empty(name)));
        }
    }
    let (state, mut remarks) = load(&file, written, fields, lineages)?;
    let kibana = &file.rule.kibana;
    let state = match (state, kibana.other_events()) {
        (State::Runnable(_), Some(why)) => State::Inert(why),
        (State::Runnable(query), None) => {
            remarks.extend(kibana.remarks(query.is_sequence()));
            let is_off = kibana.is_off() || file.osawatch.enabled == Some(false);
            if is_off { State::Off(query) } else { State::Runnable(query) }
        }
        (state, _) => state,
    };
    if !file.actions.is_empty() {
        remarks.push(format!("{} [[actions]] ignored: osawatch only detects", file.actions.len()));
    }
    Ok(Rule::of(file, id, written, remarks, state))
}

/// The state of a rule, without what Kibana does with it besides its query.
fn load(file: &File, written: &Written<'_>, fields: &mut Fields, lineages: &mut Lineages) -> Result<Loaded, Error> {
    let raw = &file.rule;
    if let Some(why) = raw.kibana.other_language() {
        return Ok(inert(why));
    }
    let Some(query) = &raw.query else { return Ok(inert("it has no query".into())) };
    if let Some(why) = raw.os_list.as_ref().and_then(|systems| for_other_systems(systems)) {
        return Ok(inert(why));
    }
    // A name that is unknown here may be a valid one in a rule for another system or product.
    compile(query, fields, lineages).or_else(|error| match elsewhere(file, query) {
        Some(why) => Ok(inert(why)),
        None => Err(written.query_error(query, error)),
    })
}

fn inert(why: String) -> Loaded {
    (State::Inert(why), Vec::new())
}

fn compile(query: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Loaded, eql::Error> {
    let syntax = eql::parse(query)?;
    if let Some(why) = syntax.requires("host.os.type").and_then(|systems| for_other_systems(&systems)) {
        return Ok(inert(why));
    }
    let is_unseen = |name: &str| name != "any" && Categories::named(name).is_empty();
    let needs = |category: &str| inert(format!("it needs {category} events, which osawatch does not see"));
    let stages = syntax.all_stages();
    if let Some(stage) = stages.iter().find(|stage| is_unseen(&stage.category)) {
        return Ok(needs(&stage.category));
    }
    let mut remarks = Vec::new();
    for stage in stages {
        // Compared with `:` it is a pattern, and in any case.
        let is_unseen = |name: &str| !name.contains(['*', '?']) && is_unseen(&name.to_ascii_lowercase());
        let mut named = stage.condition.texts_of("event.category");
        named.retain(|name| is_unseen(name));
        let Some(first) = named.first() else { continue };
        let demanded = stage.condition.requires("event.category");
        if demanded.is_some_and(|all| all.iter().all(|name| is_unseen(name))) {
            return Ok(needs(first));
        }
        remarks.push(format!("osawatch does not see the {} events that it looks for too", named.join(" and ")));
    }
    let query = eql::compile_parsed(&syntax, query, fields, lineages)?;
    if query.pipes.iter().any(|pipe| matches!(pipe, eql::Pipe::Head(0) | eql::Pipe::Tail(0))) {
        remarks.push("it finds nothing: its pipe lets 0 matches through".to_owned());
    }
    Ok((State::Runnable(Box::new(query)), remarks))
}

/// The other system or product that the rule is for, as far as the file shows without parsing the query.
fn elsewhere(file: &File, query: &str) -> Option<String> {
    let raw = &file.rule;
    if let Some(products) = file.other_products() {
        return Some(format!("it needs events of {products}"));
    }
    let systems = systems_named(query);
    if !systems.is_empty() && !systems.iter().any(|system| system == "macos") {
        return Some(format!("it is for {}", systems.join(" and ")));
    }
    let tagged: Vec<&str> = raw.tags.iter().filter_map(|tag| tag.strip_prefix("OS: ")).collect();
    if !tagged.is_empty() && !tagged.iter().any(|system| system.eq_ignore_ascii_case("macos")) {
        return Some(format!("it is for {}", tagged.join(" and ").to_lowercase()));
    }
    let index = &raw.index;
    let is_ours = |pattern: &String| pattern.starts_with("logs-endpoint") || pattern.starts_with("logs-*");
    (!index.is_empty() && !index.iter().any(is_ours)).then(|| format!("it needs events of {}", index.join(" or ")))
}

/// The strings after `host.os.type ==` or `:` in a query that does not parse.
fn systems_named(query: &str) -> Vec<String> {
    let (mut systems, mut seen) = (Vec::new(), HashSet::new());
    for (at, name) in query.match_indices("host.os.type") {
        let rest = query[at + name.len()..].trim_start();
        let Some(value) =
            rest.strip_prefix("==").or_else(|| rest.strip_prefix(':')).or_else(|| rest.strip_prefix("in"))
        else {
            continue;
        };
        let value = value.trim_start_matches(['~', ' ', '(']);
        let Some((system, _)) = value.strip_prefix('"').and_then(|value| value.split_once('"')) else { continue };
        if seen.insert(system) {
            systems.push(system.to_lowercase());
        }
    }
    systems
}

fn for_other_systems(systems: &[String]) -> Option<String> {
    let other = !systems.iter().any(|system| system.eq_ignore_ascii_case("macos"));
    other.then(|| format!("it is for {}", systems.join(" and ")))
}
