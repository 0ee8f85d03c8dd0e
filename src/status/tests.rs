use super::*;

/// A status with something of everything.
pub(crate) fn status() -> Status {
    let count = |name: &str, count| Count { name: name.to_owned(), count };
    Status {
        version: "0.1.0".into(),
        build: "macos aarch64 release".into(),
        pid: 321,
        since: "2026-11-27T10:00:00.000000000Z".into(),
        written: "2026-11-27T11:00:00.000000000Z".into(),
        uptime_seconds: 3600,
        sources: vec![
            Source {
                kind: "exec".into(),
                name: "eslogger".into(),
                works: Some(true),
                latency_ms: Some(40),
                events: 9,
                ..Source::default()
            },
            Source {
                kind: "network".into(),
                name: "ntstat".into(),
                works: Some(true),
                finding: "TCP and UDP".into(),
                ..Source::default()
            },
        ],
        processes: 9,
        connections: 1,
        events_per_second: 2.5,
        losses: vec![count("endpoint_security.exec_gaps", 3), count("table.cases", 0)],
        latency: Latency { alerts: 4, p50_ms: 12, p90_ms: 20, p99_ms: 30, max_ms: 31 },
        open_sequences: 1,
        rules: vec![
            Rule { id: "a".into(), alerts: 4, cannot_alert: None },
            Rule { id: "b".into(), alerts: 0, cannot_alert: Some("it needs dns.question.name".into()) },
        ],
        exceptions: vec![count("our \"tool\"\n", 2)],
        memory_peak_bytes: 25 << 20,
        cpu_seconds: 1.25,
        cpu_percent: 0.3,
        last_alert: Some(Moment { time: "2026-11-27T10:59:00Z".into(), what: "a".into() }),
        executables: vec![Program { name: "/bin/\u{1b}[2Jsh".into(), count: 7, per_second: 3.5 }],
        ..Status::default()
    }
}

#[test]
fn an_agent_that_holds_its_lock_and_has_no_problem_is_healthy() {
    assert_eq!(status().verdict(true, 10), Verdict::Healthy);
}

#[test]
fn an_agent_that_no_longer_writes_is_degraded_though_it_holds_its_lock() {
    let Verdict::Degraded(problems) = status().verdict(true, 90) else { panic!() };
    assert_eq!(problems, ["the agent (pid 321) has not written its status for 90 s"]);
}

#[test]
fn without_the_lock_it_does_not_run_and_how_it_ended_is_said() {
    let verdict = status().verdict(false, 1);
    assert!(matches!(&verdict, Verdict::NotRunning(why) if why.starts_with("it was killed")), "{verdict:?}");
    let verdict = Status { is_stopped: true, ..status() }.verdict(false, 1);
    assert!(matches!(&verdict, Verdict::NotRunning(why) if why.starts_with("it stopped at 2026")), "{verdict:?}");
}

#[test]
fn the_first_line_says_what_is_wrong() {
    let status = Status { problems: vec!["blind: x".into(), "5 alerts wait".into()], ..status() };
    let text = text(&status, &status.verdict(true, 0));
    assert_eq!(text.lines().next(), Some("osawatch is degraded: blind: x; 5 alerts wait"));
    for part in [
        "exec      eslogger works; 40 ms late; 9 events",
        "lost      endpoint_security.exec_gaps 3",
        "median 12 ms",
        "  cannot  b: it needs dns.question.name",
        "at most 25 MiB so far",
    ] {
        assert!(text.contains(part), "{part:?} in:\n{text}");
    }
}

#[test]
fn everything_that_an_administrator_asks_for_is_shown() {
    let status = Status {
        exceptions: vec![Count { name: "tool".into(), count: 2 }, Count { name: "unused".into(), count: 0 }],
        held_bytes: 3 << 20,
        held_bytes_limit: 40 << 20,
        memory_bytes: 20 << 20,
        cpu_percent_now: 2.04,
        cpu_percent_limit: 50,
        backlog: Backlog { alerts: 5, lost: 1 },
        last_error: Some(Moment { time: "2026-11-27T10:58:00Z".into(), what: "lost: x 1".into() }),
        left_out: vec!["scripts are not read".into()],
        ..status()
    };
    let text = watch(&status, &Verdict::Healthy);
    for line in [
        "version   0.1.0 (macos aarch64 release), pid 321",
        "up since  2026-11-27T10:00:00.000000000Z (1h)",
        "network   ntstat works: TCP and UDP; 0 events",
        "events    2.5/s; 1 partial sequence open",
        "latency   median 12 ms, p90 20 ms, p99 30 ms, at most 31 ms (4 alerts)",
        "backlog   5 alerts waiting, 1 lost",
        "memory    20 MiB, at most 25 MiB so far; 3 of 40 MiB of events and executions",
        "processor 2.0 % of a core, 0.3 % over a minute (limit 50 %), 1.2 s in all",
        "left out  scripts are not read",
        "alerts    4 of 2 rules; 0 alerts suppressed by [volume]",
        "         4  a",
        "exceptions tool 2; 1 without a hit",
        "last alert 2026-11-27T10:59:00Z a",
        "last error 2026-11-27T10:58:00Z lost: x 1",
        "  events/s      events  executable",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line:?} in:\n{text}");
    }
    let losses = vec![Count { name: "table.cases".into(), count: 0 }];
    let idle = Status { written: "2026-11-27T11:00:00Z".into(), losses, ..Status::default() };
    let text = super::text(&idle, &Verdict::Healthy);
    assert!(text.contains("lost      nothing, by 1 counter\n") && text.contains("no alert has been written"), "{text}");
    let metrics = prometheus(&status, &Verdict::Healthy);
    assert!(metrics.contains("osawatch_held_bytes 3145728\n"), "{metrics}");
    assert!(metrics.contains("osawatch_rule_cannot_alert{rule=\"b\"} 1\n"), "{metrics}");
}

#[test]
fn what_a_program_is_called_moves_no_cursor() {
    let shown = watch(&status(), &Verdict::Healthy);
    assert!(shown.contains("       3.5           7  /bin/\\u{1b}[2Jsh"), "{shown}");
}

#[test]
fn metrics_are_escaped_and_an_agent_that_does_not_run_has_one() {
    let text = prometheus(&Status { suppressed: 9, ..status() }, &Verdict::Healthy);
    assert!(text.contains("osawatch_suppressed_total{exception=\"our \\\"tool\\\"\\n\"} 2\n"), "{text}");
    assert!(text.contains("osawatch_volume_suppressed_total 9\n"), "{text}");
    assert!(text.contains("osawatch_lost_total{counter=\"endpoint_security.exec_gaps\"} 3\n"), "{text}");
    assert!(text.contains("osawatch_alert_latency_seconds{quantile=\"0.99\"} 0.03\n"), "{text}");
    let text = prometheus(&status(), &Verdict::NotRunning(String::new()));
    assert_eq!(text.lines().last(), Some("osawatch_up 0"));
}

#[test]
fn a_status_of_another_version_is_read_as_far_as_it_is_known() {
    let read: Status = serde_json::from_str("{\"pid\": 5, \"later\": true}").unwrap();
    assert_eq!(read, Status { pid: 5, ..Status::default() });
    let text = serde_json::to_string(&status()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status());
}

#[test]
fn a_document_holds_a_bounded_part_of_it() {
    let mut status = status();
    status.rules = (0..5000).map(|n| Rule { id: n.to_string(), alerts: 1, cannot_alert: None }).collect();
    assert_eq!(status.brief().rules.len(), 32);
    assert_eq!(status.brief().losses.len(), 1);
}
