//! What README, docs and the pages beside them say is so: links lead somewhere, commands run, rules load.
//!
//! How a block of code is marked decides what is done with it:
//!
//! | mark | |
//! | --- | --- |
//! | `sh` | run, all of a page in one folder, which begins with the folders of the project |
//! | `sh mac` | needs a Mac |
//! | `sh gate` | each line stands in `.ci/run` |
//! | `toml file=NAME` | saved under that name for the commands after it |
//! | `toml config` | a part of a configuration, which must load |
//! | `text output` | what the commands before it print |
//!
//! With `OSAWATCH_ACCEPT=1` blocks of output and the picture of the terminal are replaced.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::util::osawatch;

mod example;
mod picture;

const MARKS: [&str; 13] =
    ["", "sh", "sh mac", "sh gate", "toml", "toml config", "text output", "text", "json", "eql", "rust", "yaml", "sql"];

/// A page of the documentation.
struct Page {
    path: PathBuf,
    text: String,
}

/// A fenced block of code.
#[derive(Clone)]
struct Block {
    mark: String,
    text: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `OSAWATCH_ACCEPT` is set.
fn updates() -> bool {
    std::env::var_os("OSAWATCH_ACCEPT").is_some()
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(project().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let top =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "packaging/README.md", "tests/live_macos.md"];
    paths.extend(top.iter().map(|name| project().join(name)).filter(|path| path.exists()));
    paths.sort();
    paths.into_iter().map(|path| Page { text: fs::read_to_string(&path).unwrap(), path }).collect()
}

impl Page {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for line in self.text.lines() {
            match line.strip_prefix("```") {
                Some(_) if inside => inside = false,
                Some(mark) => {
                    inside = true;
                    blocks.push(Block { mark: mark.to_owned(), text: String::new() });
                }
                None if inside => blocks.last_mut().unwrap().text += &format!("{line}\n"),
                None => {}
            }
        }
        assert!(!inside, "{}: a block of code is not closed", self.path.display());
        blocks
    }

    /// The text without its blocks of code.
    fn prose(&self) -> String {
        let parts = self.text.split("\n```").enumerate().filter(|(number, _)| number % 2 == 0);
        parts.map(|(_, part)| part).collect::<Vec<_>>().join("\n")
    }
}

/// The anchors that GitHub gives the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading_that_exist() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for page in pages() {
        let name = page.path.display().to_string();
        for target in link.captures_iter(&page.prose()).map(|found| found[1].to_owned()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(path) };
            assert!(file.exists(), "{name}: {target} does not exist");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                assert!(anchors(&text).contains(anchor), "{name}: {target}: no such heading");
            }
        }
    }
}

#[test]
fn the_tables_of_rules_have_every_built_in_rule_in_its_order() {
    let listed = osawatch(&["rules", "list"]);
    let rules: Vec<&str> = listed.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let row = Regex::new(r"(?m)^\| `([a-z0-9-]+)` \|").unwrap();
    for name in ["README.md", "docs/rules.md"] {
        let text = fs::read_to_string(project().join(name)).unwrap();
        let table = text.split("| id | finds |").nth(1).unwrap().split("\n\n").next().unwrap();
        let rows: Vec<&str> = row.captures_iter(table).map(|found| found.get(1).unwrap().as_str()).collect();
        assert_eq!(rows, rules, "{name}");
    }
}

#[test]
fn every_block_of_code_says_what_it_is() {
    for page in pages() {
        for block in page.blocks() {
            let known = MARKS.contains(&block.mark.as_str()) || block.mark.starts_with("toml file=");
            assert!(known, "{}: ```{} is no mark of tests/docs.rs", page.path.display(), block.mark);
            let first = block.text.split_whitespace().next().unwrap_or_default();
            let command = ["osawatch", "cargo", "sudo", "just"].contains(&first);
            assert!(
                !command || block.mark.starts_with("sh"),
                "{}: a command without a mark: {}",
                page.path.display(),
                block.text
            );
        }
        let prose = page.prose();
        let indented = prose.lines().find(|line| {
            line.strip_prefix("    ")
                .is_some_and(|line| ["osawatch ", "cargo ", "sudo "].iter().any(|p| line.starts_with(p)))
        });
        assert_eq!(indented, None, "{}: write commands in marked blocks", page.path.display());
    }
}

/// A folder with links to all that the project has: what commands write stays in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(project()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "target" && entry.file_name() != ".git" {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

/// Runs commands as a reader would paste them, and returns what they printed, standard output first.
fn run(commands: &str, folder: &Path) -> Result<String, String> {
    let program = Path::new(env!("CARGO_BIN_EXE_osawatch"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let commands = commands.replace("cargo run --release -- ", "osawatch ");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &commands]).current_dir(folder).env("PATH", path);
    let output = bash.env("NO_COLOR", "1").stdin(std::process::Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let printed = format!("{stdout}{stderr}");
    if output.status.success() { Ok(printed) } else { Err(format!("{commands}\n{printed}")) }
}

/// Times and rates differ from run to run.
fn without_rates(text: &str) -> String {
    Regex::new(r"in \d+\.\d+ s \(\d+/s\)").unwrap().replace_all(text, "in 0.05 s (90000/s)").into_owned()
}

#[test]
fn every_command_for_linux_runs_and_prints_what_is_shown() {
    let gate = fs::read_to_string(project().join(".ci/run")).unwrap();
    for page in pages() {
        let name = page.path.display().to_string();
        let folder = folder();
        let (mut printed, mut text) = (String::new(), page.text.clone());
        for block in page.blocks() {
            if let Some(file) = block.mark.strip_prefix("toml file=") {
                fs::write(folder.path().join(file), &block.text).unwrap();
            }
            match block.mark.as_str() {
                "sh" => printed = run(&block.text, folder.path()).unwrap_or_else(|error| panic!("{name}: {error}")),
                "sh gate" => {
                    let missing = block.text.lines().find(|line| !gate.contains(line.trim()));
                    assert_eq!(missing, None, "{name}: not run by .ci/run");
                }
                "toml config" => {
                    fs::write(folder.path().join("part.toml"), &block.text).unwrap();
                    run("osawatch config check part.toml", folder.path())
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                }
                "text output" if updates() => text = text.replace(&block.text, &without_rates(&printed)),
                "text output" => {
                    assert_eq!(
                        block.text,
                        without_rates(&printed),
                        "{name}: run with OSAWATCH_ACCEPT=1, and read the change"
                    );
                }
                _ => {}
            }
        }
        if text != page.text {
            fs::write(&page.path, text).unwrap();
        }
    }
}

/// The help of every command, by its words.
fn helps() -> Vec<(String, String)> {
    let mut helps = Vec::new();
    let mut commands = vec![Vec::<String>::new()];
    while let Some(words) = commands.pop() {
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = osawatch(&arguments).exits(0).stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
        let listed = listed.lines().take_while(|line| !line.is_empty());
        for line in listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let word = line.split_whitespace().next().unwrap().to_owned();
            if word != "help" {
                commands.push(words.iter().cloned().chain([word]).collect());
            }
        }
        helps.push((words.join(" "), help));
    }
    helps
}

#[test]
fn every_option_and_command_named_in_the_text_exists() {
    let helps = helps();
    let option = Regex::new(r"--[a-z][a-z0-9-]+").unwrap();
    let options: BTreeSet<&str> =
        helps.iter().flat_map(|(_, help)| option.find_iter(help).map(|found| found.as_str())).collect();
    let span = Regex::new(r"`(osawatch [^`]*|--[^`]*)`").unwrap();
    let mut wrong = Vec::new();
    for page in pages().iter().filter(|page| !page.path.ends_with("CHANGELOG.md")) {
        let prose = page.prose();
        for span in span.captures_iter(&prose).map(|found| found[1].split_whitespace().collect::<Vec<_>>().join(" ")) {
            let words: Vec<&str> = span.split(' ').filter(|word| *word != "osawatch").collect();
            let known = |words: &[&str]| helps.iter().any(|(command, _)| *command == words.join(" "));
            let command_exists = !span.starts_with("osawatch ") || known(&words[..1]);
            let missing = option.find_iter(&span).find(|found| !options.contains(found.as_str()));
            if !command_exists || missing.is_some() {
                wrong.push(format!("{}: `{span}`", page.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "no such command or option:\n{}", wrong.join("\n"));
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let mut sources = Vec::new();
    for folder in ["src", "tests", "fuzz"] {
        crate::layering::sources(&project().join(folder), &mut sources);
    }
    let threat_model = fs::read_to_string(project().join("docs/threat-model.md")).unwrap();
    let name = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    for name in name.captures_iter(&threat_model).map(|found| found[1].to_owned()) {
        let declared = format!("fn {name}(");
        assert!(sources.iter().any(|(_, text)| text.contains(&declared)), "no test is called {name}");
    }
}

#[test]
fn the_readme_is_at_most_250_lines() {
    let lines = fs::read_to_string(project().join("README.md")).unwrap().lines().count();
    assert!(lines <= 250, "{lines} lines");
}

/// What stands in a table of two columns under a heading.
fn table(page: &str, heading: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join(page)).unwrap();
    let (_, section) = text.split_once(&format!("## {heading}\n")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells =
        |row: &str| row.trim_matches('|').split_once('|').map(|(one, two)| (one.trim().into(), two.trim().into()));
    rows.filter_map(cells).collect()
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_page() {
    let help = osawatch(&["--help"]).exits(0).stdout;
    let (_, listed) = help.split_once("Exit codes:\n").unwrap();
    let code = Regex::new(r"(?m)^  (\d+) +(.+)$").unwrap();
    let listed: Vec<(String, String)> =
        code.captures_iter(listed).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    assert!(listed.iter().any(|(code, _)| code == "2") && listed.iter().any(|(code, _)| code == "75"));
    assert_eq!(table("docs/replay.md", "Exit codes"), listed);
}

#[test]
fn the_quoted_remark_about_rules_that_could_not_match_is_what_replay_says() {
    let page = fs::read_to_string(project().join("docs/replay.md")).unwrap();
    let quoted = Regex::new(r"`(no\snetwork\sevents:[^`]+)`").unwrap().captures(&page).unwrap()[1].replace('\n', " ");
    let input = fs::read_to_string(project().join("tests/fixtures/replay/public-v4/events.ndjson")).unwrap();
    let processes: String =
        input.lines().filter(|line| !line.contains("\"network\"")).map(|line| line.to_owned() + "\n").collect();
    crate::util::osawatch_with_input(&["replay", "-"], processes.as_bytes()).exits(0).says(&quoted);
}

#[test]
fn the_page_about_the_installation_names_all_that_is_removed() {
    let script = fs::read_to_string(project().join("packaging/uninstall.sh")).unwrap();
    let places = table("docs/install.md", "By hand").into_iter().map(|(_, place)| place).collect::<String>();
    let assigned = Regex::new(r#"(?m)^\w+="?\$(root|home)(/[^"\n]+)"?$"#).unwrap();
    let links = Regex::new(r#"\$usr_local"?(/(?:bin|share)[^\s;"]+)"#).unwrap();
    let assigned = assigned.captures_iter(&script).map(|found| {
        let folder = if &found[1] == "home" { "/Library/Osawatch" } else { "" };
        format!("{folder}{}", &found[2]).replace("$label", "io.osawatch.agent").replace("/private/var", "/var")
    });
    let links = links.captures_iter(&script).map(|found| format!("/usr/local{}", &found[1]));
    let removed: Vec<String> = assigned.chain(links).filter(|path| path != "/usr/local").collect();
    assert_eq!(removed.len(), 11, "{removed:?}");
    for path in removed {
        assert!(places.contains(&path), "{path} is not in the table of docs/install.md");
    }
}
