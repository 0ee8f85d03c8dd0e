//! Data goes event → source → process → detect → alert; imports go the other way.

use std::fs;
use std::path::Path;

mod imports;

/// What each folder or file of `src` may import from the crate.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("event", &["event", "nearest"]),
    ("source", &["source", "queue", "visible", "event"]),
    ("property_list.rs", &["property_list"]),
    ("shell", &["shell"]),
    ("script", &["script", "shell", "property_list", "event"]),
    ("process", &["process", "event"]),
    ("eql", &["eql", "nearest", "place", "visible", "event"]),
    ("nearest.rs", &["nearest"]),
    ("place.rs", &["place"]),
    ("quantity.rs", &["quantity"]),
    ("queue.rs", &["queue"]),
    ("visible.rs", &["visible"]),
    ("detect", &["detect", "eql", "nearest", "place", "quantity", "visible", "event"]),
    ("alert", &["alert", "detect", "script", "shell", "event"]),
    ("report", &["report", "detect", "script", "visible", "event"]),
    ("status", &["status", "report", "quantity", "event"]),
    ("output", &["output", "report", "detect", "visible", "event"]),
    ("pipeline.rs", &["alert", "detect", "process", "script", "event"]),
    ("pipeline", &["alert", "detect", "process", "script", "event"]),
    ("agent", &["agent", "pipeline", "status", "report", "alert", "detect", "process", "script", "source", "event"]),
    (
        "config",
        &[
            "config",
            "output",
            "detect",
            "script",
            "source",
            "property_list",
            "nearest",
            "place",
            "quantity",
            "visible",
            "event",
        ],
    ),
    ("response", &["response", "agent", "alert", "script", "source", "visible", "event"]),
    ("doctor", &["doctor", "report", "source", "property_list", "quantity", "visible", "event"]),
    (
        "cli",
        &[
            "cli", "response", "doctor", "agent", "config", "pipeline", "status", "output", "report", "alert",
            "detect", "process", "script", "source", "place", "quantity", "queue", "visible", "event",
        ],
    ),
    ("fuzzing.rs", &["alert", "config", "detect", "eql", "report", "script", "shell", "source", "event"]),
    ("lib.rs", &[]),
    ("main.rs", &[]),
];

pub(crate) fn sources(path: &Path, out: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), out);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        out.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
}

#[test]
fn imports_go_against_the_flow_of_data() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&src).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let allowed = MAY_IMPORT.iter().find(|(part, _)| *part == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("src/{name} has no place in the order of imports"));
        let mut files = Vec::new();
        sources(&src.join(&name), &mut files);
        for (file, text) in files {
            for (at, _) in text.match_indices("crate::") {
                let imported: String =
                    text[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(allowed.contains(&imported.as_str()), "{file} imports crate::{imported}");
            }
        }
    }
}

#[test]
fn only_macos_sys_may_hold_unsafe_code_and_only_the_entry_points_choose_by_system() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for (file, text) in files {
        let unsafe_code = text.contains("unsafe {") || text.contains("unsafe fn") || text.contains("unsafe impl");
        assert!(!unsafe_code || file.ends_with("source/macos/sys.rs"), "{file} holds unsafe code");
        let entry = ["source/mod.rs", "lib.rs", "main.rs"].iter().any(|entry| file.ends_with(entry));
        assert!(entry || !text.contains("cfg(target_os"), "{file} chooses by target_os");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let graph = imports::imports(&files, &src);
    let short = |file: &str| Path::new(file).strip_prefix(&src).unwrap().display().to_string();
    let mut found = String::new();
    for circle in imports::circles(&graph) {
        for file in &circle {
            for (target, name) in graph[file].iter().filter(|(target, _)| circle.contains(target)) {
                found += &format!("{} imports {} ({name})\n", short(file), short(target));
            }
        }
        found += "\n";
    }
    assert!(found.is_empty(), "files in a circle:\n{found}");
}
