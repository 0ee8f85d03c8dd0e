//! Which file of `src` imports which: `use` lines and paths, followed through re-exports to the file that defines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use std::sync::LazyLock;

use regex::Regex;

static CHILD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);").unwrap());
static TESTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\[cfg\(test\)\]\n(?:pub(?:\([^)]*\))? )?mod \w+ \{").unwrap());
static USE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap());
static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(\w+)((?:::\w+)+)").unwrap());

/// A path of names, such as `crate::event::Event` without the `crate`.
type Names = Vec<String>;

/// A file of `src` as a module.
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Names that a `use` brings in, and what they stand for; those that others see by `pub`.
    aliases: BTreeMap<String, (Names, bool)>,
    /// Paths in the code.
    paths: Vec<Names>,
}

/// For each file, the files it imports, each with a name that it takes from there.
pub(super) fn imports(files: &[(String, String)], src: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let modules: BTreeMap<Names, Module> = files
        .iter()
        .filter(|(file, _)| !file.contains("/tests/") && !file.ends_with("/tests.rs") && !file.ends_with("/main.rs"))
        .map(|(file, text)| {
            let name = module_name(Path::new(file).strip_prefix(src).unwrap());
            let module = read(file, text, &name);
            (name, module)
        })
        .collect();
    let mut graph = BTreeMap::new();
    for (name, module) in &modules {
        let mut imported = BTreeMap::new();
        let used = module.aliases.values().filter(|(_, is_public)| !is_public).map(|(path, _)| path);
        for path in used.chain(&module.paths) {
            // A module that is only named is no import; what is taken from it is.
            if let Some(target) = resolve(&modules, path, 0).filter(|target| target != name && target != path) {
                imported.insert(modules[&target].file.clone(), path.join("::"));
            }
        }
        graph.insert(module.file.clone(), imported);
    }
    graph
}

fn module_name(file: &Path) -> Names {
    let mut name: Names = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if name.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        name.pop();
    }
    name
}

fn read(file: &str, text: &str, name: &[String]) -> Module {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
    let code = TESTS.split(&code).next().unwrap_or_default();
    let children =
        CHILD.captures_iter(code).map(|found| found[1].to_owned()).filter(|child| child != "tests").collect();
    let mut module = Module { file: file.to_owned(), children, aliases: BTreeMap::new(), paths: Vec::new() };
    for found in USE.captures_iter(code) {
        for path in tree(&found[2]) {
            let (path, alias) =
                path.split_once(" as ").map_or((path.as_str(), None), |(path, alias)| (path, Some(alias)));
            let names: Names = path.trim_end_matches("::self").split("::").map(|name| name.trim().to_owned()).collect();
            let alias = alias.map_or_else(|| names.last().unwrap().clone(), |alias| alias.trim().to_owned());
            if let Some(path) = absolute(name, &module, &names) {
                // `*` stands for no name, and several may be there.
                let alias = if alias == "*" { path.join("::") } else { alias };
                module.aliases.insert(alias, (path, found.get(1).is_some()));
            }
        }
    }
    for found in PATH.captures_iter(&USE.replace_all(code, "")) {
        let names: Names = format!("{}{}", &found[1], &found[2]).split("::").map(str::to_owned).collect();
        let through = module.aliases.get(&names[0]).map(|(path, _)| path.iter().chain(&names[1..]).cloned().collect());
        module.paths.extend(through.or_else(|| absolute(name, &module, &names)));
    }
    module
}

/// A path from the root of the crate; `None` for one of another crate.
fn absolute(module: &[String], here: &Module, path: &[String]) -> Option<Names> {
    let first = path[0].as_str();
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (from, rest) = match first {
        "crate" => (&module[..0], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().checked_sub(supers)?], &path[supers..]),
        _ if here.children.contains(first) => (module, path),
        _ => return None,
    };
    Some(from.iter().chain(rest).cloned().collect())
}

/// The paths of a `use` line: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn tree(text: &str) -> Vec<String> {
    let Some((before, inside)) = text.split_once('{') else { return vec![text.trim().to_owned()] };
    let inside = &inside[..inside.rfind('}').unwrap_or(inside.len())];
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| tree(part.trim())).map(|part| format!("{}{part}", before.trim())).collect()
}

/// The module that defines what a path names.
fn resolve(modules: &BTreeMap<Names, Module>, path: &[String], depth: usize) -> Option<Names> {
    let mut at = Vec::new();
    for (number, name) in path.iter().enumerate() {
        let module = modules.get(&at)?;
        if module.children.contains(name) {
            at.push(name.clone());
            continue;
        }
        match module.aliases.get(name) {
            Some((target, _)) if depth < 8 => {
                let target: Names = target.iter().chain(&path[number + 1..]).cloned().collect();
                return resolve(modules, &target, depth + 1);
            }
            _ => break,
        }
    }
    Some(at)
}

/// The groups of files that import each other in a circle.
pub(super) fn circles(graph: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<Vec<String>> {
    let reaches = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for imported in graph.get(&file).into_iter().flatten().map(|(file, _)| file) {
                if seen.insert(imported.clone()) {
                    next.push(imported.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|file| (file, reaches(file))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, targets) in reached.iter().filter(|(file, targets)| targets.contains(**file)) {
        let back = targets.iter().filter(|other| reached[other].contains(*file));
        circles.insert(back.cloned().collect());
    }
    circles.into_iter().collect()
}
