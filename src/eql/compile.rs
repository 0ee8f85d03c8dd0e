//! A syntax tree to a query: stages, join keys and aliases.

use super::Error;
use super::ast::{self, Kind, Pipe};
use super::conditions::Compiler;
use super::filter::Condition;
use super::join::JoinKey;
use super::lineages::Lineages;
use super::node::all;
use super::parser::{parse, parse_condition};
use super::stage::Stage;
use crate::event::{FieldType, Fields};

/// A query that can run.
#[derive(Clone, Debug)]
pub struct Query {
    /// What it looks for.
    pub kind: Kind,
    /// The stages; an event query has one.
    pub stages: Vec<Stage>,
    /// What ends a sequence before it is complete.
    pub until: Option<Stage>,
    /// The longest time from the first event to the last, in milliseconds.
    pub maxspan_ms: Option<i64>,
    /// The pipes, in order.
    pub pipes: Vec<Pipe>,
}

impl Query {
    /// Whether several events make a match.
    pub fn is_sequence(&self) -> bool {
        self.kind != Kind::Event
    }

    /// How many events make a match.
    pub fn events(&self) -> usize {
        self.stages.iter().filter(|stage| !stage.missing).count()
    }
}

/// Compiles a query. The fields it names are wanted from then on; its `descendant of […]` queries join
/// the lineages.
pub(crate) fn compile(text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Query, Error> {
    compile_parsed(&parse(text)?, text, fields, lineages)
}

/// Compiles a query that [`parse`] returned for the text.
pub(crate) fn compile_parsed(
    parsed: &ast::Query,
    text: &str,
    fields: &mut Fields,
    lineages: &mut Lineages,
) -> Result<Query, Error> {
    let before = lineages.len();
    let query = self::query(&mut Compiler::new(text, fields, lineages), parsed);
    if query.is_err() {
        // A rule that is refused must not use up bits of the others.
        lineages.truncate(before);
    }
    query
}

/// Compiles a condition over the events of a sequence: `events[N].field` is a field of the event of stage
/// N, from 0; a field alone is one of the completing event.
pub(crate) fn compile_condition(text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Condition, Error> {
    let parsed = parse_condition(text)?;
    let before = lineages.len();
    let condition = Compiler::new(text, fields, lineages).condition(&parsed);
    if condition.is_err() {
        lineages.truncate(before);
    }
    condition.map(Condition)
}

fn query(compiler: &mut Compiler<'_>, parsed: &ast::Query) -> Result<Query, Error> {
    let mut stages = Vec::with_capacity(parsed.stages.len());
    let mut events = 0;
    for stage in &parsed.stages {
        stages.push(sequence_stage(compiler, stage)?);
        if let Some(alias) = stage.alias.as_ref().filter(|_| !stage.missing) {
            compiler.aliases.push((alias.clone(), events));
        }
        events += usize::from(!stage.missing);
    }
    let until = parsed.until.as_ref().map(|stage| sequence_stage(compiler, stage)).transpose()?;
    check_keys(compiler, parsed, stages.iter().chain(&until))?;
    Ok(Query { kind: parsed.kind, stages, until, maxspan_ms: parsed.maxspan_ms, pipes: parsed.pipes.clone() })
}

/// A stage; the parts of its condition that name events of earlier stages are kept apart.
fn sequence_stage(compiler: &mut Compiler<'_>, stage: &ast::Stage) -> Result<Stage, Error> {
    compiler.own_alias.clone_from(&stage.alias);
    let parts = match &stage.condition.kind {
        ast::ExprKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(&stage.condition),
    };
    let (mut alone, mut joined) = (Vec::new(), Vec::new());
    for part in parts {
        let names_others = compiler.names_other_events(part);
        if let (true, true) = (names_others, stage.missing) {
            let why = "an event that must not occur cannot be compared with other events: join them `by` a field";
            return Err(Error::new(why, part.span.clone()));
        }
        let node = compiler.condition(part)?;
        (if names_others { &mut joined } else { &mut alone }).push(node);
    }
    let joined = (!joined.is_empty()).then(|| Condition(all(joined)));
    // Decides most events without a look at the earlier ones.
    alone.extend(joined.as_ref().and_then(Condition::alone));
    let mut compiled = Stage::new(stage, all(alone));
    compiled.joined = joined;
    for key in &stage.by {
        let resolved = compiler.resolve(&key.name, &key.span);
        let resolved = if key.optional { resolved.ok() } else { Some(resolved?) };
        let kind = resolved.map_or(FieldType::Keyword, |resolved| resolved.kind);
        compiled.join.push(JoinKey { field: resolved.map(|resolved| resolved.field), kind, optional: key.optional });
    }
    compiler.own_alias = None;
    Ok(compiled)
}

/// Keys in the same place must be able to be equal: Elasticsearch refuses keys of two types.
fn check_keys<'s>(
    compiler: &Compiler<'_>,
    parsed: &ast::Query,
    stages: impl Iterator<Item = &'s Stage>,
) -> Result<(), Error> {
    let written: Vec<&ast::Stage> = parsed.stages.iter().chain(&parsed.until).collect();
    let stages: Vec<&Stage> = stages.collect();
    for place in 0..written.first().map_or(0, |stage| stage.by.len()) {
        let mut first: Option<(FieldType, &str)> = None;
        for (stage, written) in stages.iter().zip(&written) {
            let (key, written) = (&stage.join[place], &written.by[place]);
            let Some(field) = key.field else { continue };
            match first {
                None => first = Some((key.kind, &written.name)),
                Some((kind, name)) if family(kind) != family(key.kind) => {
                    let message = format!(
                        "join keys of different types: `{}` holds {}, and `{name}` {}",
                        compiler.name(field),
                        family(key.kind),
                        family(kind)
                    );
                    return Err(Error::new(message, written.span.clone()));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// What the values of a type can be equal to.
fn family(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Long | FieldType::Double => "numbers",
        FieldType::Boolean => "true or false",
        FieldType::Ip => "addresses",
        FieldType::Date => "dates",
        FieldType::Keyword | FieldType::Wildcard | FieldType::Object => "strings",
    }
}
