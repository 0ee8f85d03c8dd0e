//! `tests/fixtures/replay/<case>/`: recordings (`*.ndjson`, `*.gz`, `*.zst`), further arguments in `args`, and what must come
//! out: `expected.txt`, one line of rule and event ids per alert, and in some cases `expected.ndjson`,
//! the whole documents. `OSAWATCH_ACCEPT=1` replaces the latter, to be read before it is committed.

use std::fs;
use std::path::Path;

use crate::util::{fixtures, osawatch, outline};

fn run_case(case: &Path) -> Result<(), String> {
    let mut inputs: Vec<_> =
        fs::read_dir(case).expect("a case is a folder").map(|entry| entry.unwrap().path()).collect();
    inputs.retain(|path| {
        !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("expected") || name == "args")
    });
    inputs.sort();
    let mut args = vec!["replay".to_owned()];
    args.extend(inputs.iter().map(|path| path.display().to_string()));
    let further = fs::read_to_string(case.join("args")).unwrap_or_default();
    args.extend(further.split_whitespace().map(str::to_owned));
    let run = osawatch(&args);
    if run.code != 0 {
        return Err(format!("exit code {}: {}", run.code, run.stderr));
    }
    let expected = fs::read_to_string(case.join("expected.txt")).expect("a case has expected.txt");
    let found = outline(&run.alerts()).join("\n");
    if found.trim() != expected.trim() {
        return Err(format!("expected:\n{expected}\nfound:\n{found}\n{}", run.stderr));
    }
    let documents = case.join("expected.ndjson");
    if std::env::var_os("OSAWATCH_ACCEPT").is_some() && documents.exists() {
        fs::write(&documents, &run.stdout).expect("the golden file can be written");
    }
    match fs::read_to_string(&documents) {
        Ok(expected) if expected != run.stdout => Err(format!("documents differ; found:\n{}", run.stdout)),
        _ => Ok(()),
    }
}

#[test]
fn every_case_alerts_as_it_says() {
    let folder = fixtures().join("replay");
    let mut cases: Vec<_> = fs::read_dir(folder).expect("there are cases").map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let failures: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{}: {}", case.display(), run_case(case).err()?))).collect();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
