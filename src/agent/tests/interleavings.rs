//! The two streams of a Mac come in whichever order the system's scheduler likes: no alert may be missed without a
//! count, and where the delays are short, none is missed or made up.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::*;
use crate::agent::delivery::Item;
use crate::agent::engine::{Engine, System};
use crate::agent::examiner::Examiner;
use crate::agent::users::Users;
use crate::script::Capture;

/// What the sensors report, and when.
#[derive(Clone, Copy, Debug)]
enum Happened {
    Exec { pid: u32, version: u32, is_osascript: bool },
    Connect { pid: u32, port: u16 },
}

#[derive(Clone, Copy, Debug)]
struct Told {
    /// When it happened, in milliseconds.
    ms: i64,
    what: Happened,
}

const RULE: &str = r#"
[rule]
rule_id = "r"
name = "r"
query = '''sequence by process.entity_id with maxspan=30s
    [process where event.type == "start" and process.name == "osascript"] [network where event.type != "end"]'''
"#;

fn engine() -> Engine {
    let mut set = RuleSet::default();
    set.add("r", RULE).unwrap();
    engine_with(set, |_| ())
}

/// An engine over these rules, in this system.
pub(super) fn engine_with(rules: RuleSet, prepare: impl FnOnce(&mut System)) -> Engine {
    static USERS: OnceLock<Users> = OnceLock::new();
    let users = USERS.get_or_init(|| Users::start(Box::new(Numbers), bounded(1).0).unwrap()).clone();
    let mut system = System {
        machine: machine(),
        host_name: None,
        os_version: None,
        lookup: Box::new(Numbers),
        exec_lateness: Arc::default(),
        losses: Arc::new(Losses::default()),
        scan: bounded(1).0,
        users,
        examiner: Examiner::without_threads(Capture::Off),
    };
    prepare(&mut system);
    let pipeline = Pipeline::new(rules, Limits::live());
    Engine::new(&Settings::default(), pipeline, system, Arc::new(Watched::default()), Timestamp::default())
}

/// The ports whose connections made alerts, and how much was counted as lost.
fn alerts(arrivals: impl IntoIterator<Item = (u64, Told)>, is_seen_quiet: bool) -> (Vec<u16>, u64) {
    let mut engine = engine();
    let mut last = 0;
    for (at, told) in arrivals {
        advance(&mut engine, &mut last, at);
        let (second, now) = (told.ms as f64 / 1000.0, Duration::from_millis(at));
        match told.what {
            Happened::Exec { pid, version, is_osascript } => {
                let path = if is_osascript { OSASCRIPT } else { "/bin/bash" };
                engine.process(exec(second, path, pid, version), now).unwrap();
            }
            Happened::Connect { pid, port } => {
                let remote = SocketAddr::from(([93, 184, 216, 34], port));
                engine.flow(Flow { remote, ..flow(second, pid, Some(u64::from(pid) + 1000)) }, now);
            }
        }
        if is_seen_quiet {
            engine.quiet(now);
        }
        engine.advance(now);
    }
    let end = last + 20_000;
    advance(&mut engine, &mut last, end);
    let counts = engine.finish(0, Duration::from_millis(last));
    let ports = engine.take_items().into_iter().filter_map(|item| match item {
        Item::Alert { draft, .. } => draft.events()[1].int(field::DESTINATION_PORT),
        _ => None,
    });
    let ports = ports.map(|port| port as u16).collect();
    (ports, counts.lost.iter().map(|(_, count)| count).sum())
}

/// Lets time pass as the driver does: from one deadline to the next.
pub(super) fn advance(engine: &mut Engine, last: &mut u64, until: u64) {
    while let Some(due) = engine.deadline(Duration::from_millis(*last)) {
        let due = due.as_millis() as u64;
        if due >= until || due <= *last {
            break;
        }
        *last = due;
        engine.advance(Duration::from_millis(due));
    }
    *last = until;
    engine.quiet(Duration::from_millis(until));
}

fn exec_of(ms: i64, pid: u32, version: u32, is_osascript: bool) -> Told {
    Told { ms, what: Happened::Exec { pid, version, is_osascript } }
}

fn connect(ms: i64, pid: u32, port: u16) -> Told {
    Told { ms, what: Happened::Connect { pid, port } }
}

/// A shell becomes osascript, which connects; then it becomes a shell again, which connects.
fn six() -> [Told; 6] {
    [
        exec_of(1000, 50, 6, false),
        exec_of(1500, 50, 7, true),
        connect(2000, 50, 443),
        exec_of(2500, 50, 8, false),
        connect(3000, 50, 80),
        exec_of(3500, 51, 9, true),
    ]
}

fn permutations(reports: &[Told]) -> Vec<Vec<Told>> {
    if reports.len() <= 1 {
        return vec![reports.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..reports.len() {
        let mut rest = reports.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
    }
    all
}

#[test]
fn every_order_of_up_to_six_reports_misses_no_alert() {
    for reports in (2..=6).map(|length| six()[..length].to_vec()) {
        let expected = usize::from(reports.len() > 2);
        for order in permutations(&reports) {
            for (gap, is_seen_quiet) in [(0, true), (1, false), (1, true), (100, true), (800, true)] {
                let arrivals = order.iter().zip(0..).map(|(told, n): (_, u64)| (4000 + n * gap, *told));
                let (ports, lost) = alerts(arrivals, is_seen_quiet);
                assert!(ports.len() as u64 + lost >= expected as u64, "{gap} ms apart: {order:?}");
            }
        }
    }
}

#[test]
fn every_interleaving_of_two_streams_alerts_for_the_connection_of_osascript_alone() {
    let is_flow = |told: &Told| matches!(told.what, Happened::Connect { .. });
    for order in permutations(&six()) {
        let in_order = |is_wanted: &dyn Fn(&Told) -> bool| {
            order.iter().filter(|told| is_wanted(told)).map(|told| told.ms).is_sorted()
        };
        if in_order(&is_flow) && in_order(&|told| !is_flow(told)) {
            for (gap, is_seen_quiet) in [(0, true), (1, false), (1, true), (100, true), (800, true)] {
                let arrivals = order.iter().zip(0..).map(|(told, n): (_, u64)| (4000 + n * gap, *told));
                assert_eq!(alerts(arrivals, is_seen_quiet), (vec![443], 0), "{gap} ms apart: {order:?}");
            }
        }
    }
}

/// A generator of numbers that needs no more than a seed.
struct Numbered(u64);

impl Numbered {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Some seconds of a Mac, and the ports of the first connection of each osascript.
fn life(random: &mut Numbered) -> (Vec<Told>, BTreeSet<u16>) {
    let (mut reports, mut wanted) = (Vec::new(), BTreeSet::new());
    let mut port = 1;
    for pid in 50..50 + 1 + random.below(3) as u32 {
        let (mut ms, mut version) = (1000 + random.below(1000) as i64, 1);
        let (mut is_osascript, mut has_connected) = (false, false);
        for step in 0..3 + random.below(6) {
            ms += 20 + random.below(700) as i64;
            if step == 0 || random.below(2) == 0 {
                version += 1;
                (is_osascript, has_connected) = (random.below(2) == 0, false);
                reports.push(exec_of(ms, pid, version, is_osascript));
            } else {
                port += 1;
                reports.push(connect(ms, pid, port));
                if is_osascript && !std::mem::replace(&mut has_connected, true) {
                    wanted.insert(port);
                }
            }
        }
    }
    reports.sort_by_key(|told| told.ms);
    (reports, wanted)
}

/// When each report arrives: each stream in its own order, with delays below the limits; the process stream's can be
/// without order.
fn delayed(reports: &[Told], random: &mut Numbered, limits: [u64; 2], is_ordered: bool) -> Vec<(u64, Told)> {
    let mut last = [0; 2];
    let mut arrivals = Vec::new();
    for told in reports {
        let stream = usize::from(matches!(told.what, Happened::Connect { .. }));
        let at = told.ms as u64 + random.below(limits[stream]);
        last[stream] = if is_ordered || stream == 1 { at.max(last[stream]) } else { at };
        arrivals.push((last[stream], *told));
    }
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

#[test]
fn of_5000_random_lives_with_delays_of_a_few_milliseconds_each_alert_is_exact() {
    let mut random = Numbered(1);
    for round in 0..5000 {
        let (reports, wanted) = life(&mut random);
        let (ports, lost) = alerts(delayed(&reports, &mut random, [9, 9], true), true);
        assert_eq!((ports.into_iter().collect::<BTreeSet<_>>(), lost), (wanted, 0), "round {round}: {reports:?}");
    }
}

#[test]
fn of_5000_random_lives_with_inversions_of_up_to_five_seconds_no_alert_is_missed_without_a_count() {
    let mut random = Numbered(2);
    for round in 0..5000 {
        let (reports, wanted) = life(&mut random);
        let is_ordered = round % 2 == 0;
        let arrivals = delayed(&reports, &mut random, [4900, 50], is_ordered);
        let (ports, lost) = alerts(arrivals, true);
        // One that was attributed in doubt can stand for another of its osascript.
        assert!(ports.len() as u64 + lost >= wanted.len() as u64, "round {round}: {ports:?} {wanted:?}\n{reports:?}");
    }
}
