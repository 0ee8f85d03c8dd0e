//! MITRE ATT&CK mappings as ECS has them: parallel arrays.

use serde_json::{Map, Value as Json, json};

use crate::detect::rule::{Technique, Threat};

pub(super) fn fields(threats: &[Threat]) -> Option<Json> {
    let framework = &threats.first()?.framework;
    let tactics: Vec<&Technique> = threats.iter().map(|threat| &threat.tactic).collect();
    let techniques: Vec<&Technique> = threats.iter().flat_map(|threat| &threat.technique).collect();
    let subtechniques: Vec<&Technique> = techniques.iter().flat_map(|technique| &technique.subtechnique).collect();
    let mut threat = Map::new();
    threat.insert("framework".into(), framework.clone().into());
    threat.insert("tactic".into(), Json::Object(columns(&tactics)));
    if !techniques.is_empty() {
        let mut technique = columns(&techniques);
        if !subtechniques.is_empty() {
            technique.insert("subtechnique".into(), Json::Object(columns(&subtechniques)));
        }
        threat.insert("technique".into(), Json::Object(technique));
    }
    Some(Json::Object(threat))
}

fn columns(rows: &[&Technique]) -> Map<String, Json> {
    let mut seen: Vec<&Technique> = Vec::new();
    for row in rows {
        if !seen.iter().any(|other| other.id == row.id) {
            seen.push(row);
        }
    }
    let column = |value: fn(&Technique) -> &String| json!(seen.iter().map(|row| value(row)).collect::<Vec<_>>());
    Map::from_iter([
        ("id".to_owned(), column(|row| &row.id)),
        ("name".to_owned(), column(|row| &row.name)),
        ("reference".to_owned(), column(|row| &row.reference)),
    ])
}
