//! "repeat": the k-th copy of a step has its pids, versions, ids and local ports raised by k.
//!
//! A step is not cloned for each copy: where its numbers are is found once, and they are written over in place.
use serde_json::Value;
use std::collections::HashSet;
use std::net::SocketAddr;

/// Local ports count up within these and begin again.
const PORTS: std::ops::RangeInclusive<u16> = 1024..=65535;

/// A step and the places in it that count up.
pub(crate) struct Numbered {
    pub(crate) step: Value,
    slots: Vec<Slot>,
}
struct Slot {
    path: Vec<String>,
    first: First,
}
#[derive(Clone, Copy)]
enum First {
    Number(u64),
    Address(SocketAddr),
}

impl Numbered {
    /// `own` are the pids that the steps repeated with this one make: what refers to them counts up too.
    pub(crate) fn new(step: &Value, own: &HashSet<u64>) -> Numbered {
        let fixed: Vec<&str> = step["fixed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut places = Vec::new();
        for (kind, value) in step.as_object().into_iter().flatten() {
            match kind.as_str() {
                "es" => places.extend(in_es(value, own).into_iter().map(|key| vec!["es", key])),
                "proc" => places.extend(["pid", "upid", "idversion", "pidversion"].map(|key| vec!["proc", key])),
                "ntstat" => places.extend(in_ntstat(value)),
                _ => {}
            }
        }
        places.retain(|path| path.last().is_none_or(|key| !fixed.contains(key)));
        let slots = places.iter().filter_map(|path| slot(step, path)).collect();
        Numbered { step: step.clone(), slots }
    }

    /// Makes the step its k-th copy.
    pub(crate) fn set(&mut self, copy: u64) {
        for slot in &self.slots {
            let place =
                slot.path.iter().try_fold(&mut self.step, |value, key| value.get_mut(key)).expect("found before");
            *place = match slot.first {
                First::Number(first) => first.wrapping_add(copy).into(),
                First::Address(address) => raised(address, copy).to_string().into(),
            };
        }
    }
}

/// The keys of an `es` step that count up. The parent that forks is one and the same for all children, unless it is made
/// here as well.
fn in_es(value: &Value, own: &HashSet<u64>) -> Vec<&'static str> {
    let (child, itself) = (["child_pid", "child_pidversion", "child_upid"], ["pid", "pidversion", "upid", "local"]);
    let is_fork = value.get("child_pid").is_some();
    let mut keys = child.to_vec();
    keys.extend(itself.iter().filter(|_| !is_fork));
    let refers = ["parent_pid", "ppid", "responsible_pid"].into_iter().chain(is_fork.then_some("pid"));
    keys.extend(refers.filter(|key| value[*key].as_u64().is_some_and(|pid| own.contains(&pid))));
    keys
}

/// The places in an `ntstat` step that count up.
fn in_ntstat(value: &Value) -> Vec<Vec<&str>> {
    let mut places = Vec::new();
    for (what, value) in value.as_object().into_iter().flatten() {
        match what.as_str() {
            "remove" if value.is_number() => places.push(vec!["ntstat", what]),
            "add_tcp" | "add_udp" | "update" | "remove" => {
                let keys = ["pid", "upid", "epid", "eupid", "local"].into_iter();
                let keys = keys.chain(value["id"].is_number().then_some("id"));
                places.extend(keys.map(|key| vec!["ntstat", what.as_str(), key]));
            }
            _ => {}
        }
    }
    places
}

/// What stands there, if it can count up.
fn slot(step: &Value, path: &[&str]) -> Option<Slot> {
    let value = path.iter().try_fold(step, |value, key| value.get(key))?;
    let first = match value {
        Value::String(text) => First::Address(text.parse().ok()?),
        value => First::Number(value.as_u64()?),
    };
    Some(Slot { path: path.iter().map(|part| (*part).to_owned()).collect(), first })
}

/// An address without a port, or with one that no client would get, stays what it is.
fn raised(mut address: SocketAddr, copy: u64) -> SocketAddr {
    if PORTS.contains(&address.port()) {
        let from = u64::from(*PORTS.start());
        let port = from + (u64::from(address.port()) - from + copy) % PORTS.len() as u64;
        address.set_port(port as u16);
    }
    address
}

/// The pids that a group of steps makes.
pub(crate) fn own_pids(steps: &[Value]) -> HashSet<u64> {
    let made = |step: &Value| {
        let es = &step["es"];
        match es["type"].as_str() {
            Some("fork") => es["child_pid"].as_u64(),
            Some("exec") => es["pid"].as_u64(),
            _ => step["proc"]["pid"].as_u64(),
        }
    };
    steps.iter().filter_map(made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn copy(step: Value, own: &[u64], copy: u64) -> Value {
        let mut numbered = Numbered::new(&step, &own.iter().copied().collect());
        numbered.set(copy + 7);
        numbered.set(copy);
        numbered.step
    }

    #[test]
    fn an_execution_counts_up_and_its_parent_does_not() {
        let exec =
            json!({"es": {"type": "exec", "pid": 10, "pidversion": 20, "upid": 30, "parent_pid": 400, "uid": 501}});
        let want =
            json!({"es": {"type": "exec", "pid": 15, "pidversion": 25, "upid": 35, "parent_pid": 400, "uid": 501}});
        assert_eq!(copy(exec, &[10], 5), want);
    }

    #[test]
    fn a_fork_counts_its_child_and_a_parent_that_is_repeated_with_it() {
        let fork = json!({"es": {"type": "fork", "pid": 400, "child_pid": 500, "child_pidversion": 7}});
        assert_eq!(
            copy(fork.clone(), &[500], 2)["es"],
            json!({"type": "fork", "pid": 400, "child_pid": 502, "child_pidversion": 9})
        );
        assert_eq!(copy(fork, &[400, 500], 2)["es"]["pid"], 402);
    }

    #[test]
    fn sources_count_up_and_names_do_not() {
        let add = json!({"ntstat": {"add_tcp": {"id": 1, "pid": 5, "epid": 6, "local": "10.0.0.1:65535",
            "remote": "10.0.0.2:443"}}});
        let want = json!({"ntstat": {"add_tcp": {"id": 2, "pid": 6, "epid": 7, "local": "10.0.0.1:1024",
            "remote": "10.0.0.2:443"}}});
        assert_eq!(copy(add, &[], 1), want);
        assert_eq!(copy(json!({"ntstat": {"remove": 4}}), &[], 3), json!({"ntstat": {"remove": 7}}));
        let named = json!({"ntstat": {"remove": {"id": "a"}}});
        assert_eq!(copy(named.clone(), &[], 3), named);
    }

    #[test]
    fn what_is_fixed_stays() {
        let step = json!({"fixed": ["pid", "upid"], "ntstat": {"add_udp": {"id": 1, "pid": 5, "upid": 6,
            "local": "[::1]:0"}}});
        let want = json!({"fixed": ["pid", "upid"], "ntstat": {"add_udp": {"id": 10, "pid": 5, "upid": 6,
            "local": "[::1]:0"}}});
        assert_eq!(copy(step, &[], 9), want);
    }

    #[test]
    fn a_process_counts_up() {
        let want = json!({"proc": {"pid": 21001, "upid": 20003, "idversion": 20002, "ppid": 1}});
        assert_eq!(copy(json!({"proc": {"pid": 1001, "upid": 3, "idversion": 2, "ppid": 1}}), &[1001], 20000), want);
    }
}
