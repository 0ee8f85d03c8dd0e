//! The time of day is set, and the Mac sleeps, while the agent runs.

use super::*;

/// An hour.
const HOUR: i64 = 3_600_000;

/// osascripts that connect, then what happens, then more of them, and the end.
fn play(happens: &[Json]) -> (Run, Vec<Json>) {
    let mac = Mac::new("").then([osascripts(10_000, 20, 200), json!({"after_ms": 300})]);
    let mac = mac.then(happens.iter().cloned());
    let mac = mac.then([osascripts(20_000, 20, 200), json!({"after_ms": 3000, "signal": "TERM"})]);
    let run = mac.run(&[]).exits(0);
    let documents = mac.documents("alerts.ndjson");
    (run, documents)
}

#[track_caller]
fn each_connection_has_one_alert_of_the_rule(run: &Run, documents: &[Json]) {
    let of_rule = |document: &&Json| document["rule"]["id"] == "osascript-network-connection";
    let alerts = documents.iter().filter(of_rule).count();
    assert_eq!((alerted(documents).len(), alerts), (40, 40), "{}", run.stderr);
    nothing_is_lost(documents);
    assert!(!run.stderr.contains("flows without a known process"), "{}", run.stderr);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_clock_that_is_set_forward_by_an_hour_loses_no_alert_and_makes_no_false_one() {
    let (run, documents) = play(&[json!({"clock_ms": HOUR})]);
    each_connection_has_one_alert_of_the_rule(&run, &documents);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_clock_that_is_set_back_by_an_hour_loses_no_alert_and_counts_no_loss() {
    let (run, documents) = play(&[json!({"clock_ms": -HOUR})]);
    each_connection_has_one_alert_of_the_rule(&run, &documents);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_mac_that_has_slept_for_an_hour_loses_no_alert() {
    let (run, documents) = play(&[json!({"slept_ms": HOUR, "clock_ms": HOUR})]);
    each_connection_has_one_alert_of_the_rule(&run, &documents);
}
