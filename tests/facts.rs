//! What the code believes of macOS, against `tests/macsim/FACTS.md` and `tests/live_macos.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const KNOWN: [&str; 3] = ["seen", "read", "assumed"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Name, how it is known, and where, of each line of the tables.
fn facts() -> Vec<[String; 3]> {
    let text = fs::read_to_string(root().join("tests/macsim/FACTS.md")).unwrap();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = text.lines().filter(|line| line.starts_with('|')).map(cells);
    let rows = rows.filter(|row| row.len() == 6 && row[1] != "fact" && row[1] != "---");
    rows.map(|row| [row[1].clone(), row[2].clone(), row[4].clone()]).collect()
}

fn files(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sh") {
            found.push(path);
        }
    }
}

/// The names behind every `FACT:` of the code.
fn named() -> BTreeSet<String> {
    let mut found = Vec::new();
    for folder in ["src", "tests/macsim/src"] {
        files(root().join(folder), &mut found);
    }
    let pattern = regex::Regex::new(r"FACT: ([a-z0-9-]+(?:, [a-z0-9-]+)*)").unwrap();
    let mut names = BTreeSet::new();
    for file in found {
        let text = fs::read_to_string(file).unwrap();
        for captures in pattern.captures_iter(&text) {
            names.extend(captures[1].split(", ").map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_fact_that_the_code_names_is_in_the_file_and_the_other_way_round() {
    let listed: Vec<String> = facts().into_iter().map(|[name, ..]| name).collect();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a fact is listed twice");
    let named = named();
    assert_eq!(named.difference(&unique).collect::<Vec<_>>(), [] as [&String; 0], "named in the code, not in FACTS.md");
    assert_eq!(unique.difference(&named).collect::<Vec<_>>(), [] as [&String; 0], "in FACTS.md, not named in the code");
}

#[test]
fn a_fact_has_its_source_and_what_is_assumed_its_line_for_a_real_mac() {
    let steps = fs::read_to_string(root().join("tests/live_macos.md")).unwrap();
    for [name, known, place] in facts() {
        assert!(KNOWN.contains(&known.as_str()), "{name} is {known}");
        if known == "assumed" {
            assert!(steps.contains(&format!("`{name}`")), "{name} has no line in tests/live_macos.md");
        } else {
            assert!(place.len() > 10, "{name} has no source");
        }
    }
}
