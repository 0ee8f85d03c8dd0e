//! The recording in `examples`: made by the program beside it, and it shows what README says.

use std::io::Read;

use super::project;
use crate::util::{osawatch, outline};

#[path = "../../examples/ordinary_hour/mac.rs"]
mod mac;
#[path = "../../examples/ordinary_hour/scenes.rs"]
mod scenes;

const RECORDING: &str = "examples/ordinary-hour.ndjson.gz";

#[test]
fn the_recorded_hour_is_what_its_program_writes() {
    let mut generated = Vec::new();
    scenes::hour().write(&mut generated).unwrap();
    let mut recorded = Vec::new();
    let file = std::fs::File::open(project().join(RECORDING)).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut recorded).unwrap();
    assert!(generated == recorded, "make {RECORDING} again, as examples/ordinary_hour/main.rs says");
    assert!(generated.split(|byte| *byte == b'\n').count() > 4000);
}

#[test]
fn the_recorded_hour_has_one_attack_and_other_osascripts_that_do_not_alert() {
    let run = osawatch(&["replay", project().join(RECORDING).to_str().unwrap()]).exits(0);
    let alerts = run.alerts();
    let rules: Vec<String> =
        outline(&alerts).iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(rules, ["osascript-network-connection"]);
    let follow_up: serde_json::Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    let follow_up = &follow_up["osawatch"]["follow_up"];
    assert_eq!(follow_up["destinations"][0]["process"], "/usr/bin/curl");
    assert_eq!(follow_up["held_back"][0]["rule_id"], "osascript-descendant-network-connection");
    assert!(!run.stdout.contains("5f2b9c1e7a"), "the token of the upload is redacted");
}
