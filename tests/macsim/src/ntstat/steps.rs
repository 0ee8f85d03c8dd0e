//! The "ntstat" steps of a script.
use super::domain::Domain;
use super::source::Source;
use super::{event, goodbye, layout, tell, with};
use crate::shims::errno::darwin;
use serde_json::Value;

pub(crate) fn step(value: &Value) -> Result<(), String> {
    for (key, value) in value.as_object().ok_or("ntstat step is not an object")? {
        let number = |dflt: i64| value.as_i64().unwrap_or(dflt);
        match key.as_str() {
            "add_tcp" | "add_udp" => {
                let state = Source::of_step(value, key == "add_tcp")?;
                let name = value.get("id").map_or_else(|| format!("{}>{}", state.local, state.remote), name_of);
                with(|st| tell(st, Some(name), state));
            }
            "update" => update(value)?,
            "remove" => {
                let name = name_of(value.get("id").unwrap_or(value));
                with(|st| st.sources.forget_name(&name).into_iter().for_each(|count| goodbye(st, count)));
            }
            "fail_request" => with(|state| state.kernel.fail_next.push(number(darwin::ENOMEM.into()) as i32)),
            "socket_errno" => with(|state| state.faults.socket = number(0) as i32),
            "connect_errno" => with(|state| state.faults.connect = number(0) as i32),
            "control_errno" => with(|state| state.faults.control = number(0) as i32),
            "recv_errno" => with(|state| state.faults.recv.push_back(number(0) as i32)),
            "send_errno" => with(|state| state.faults.send.push_back(number(0) as i32)),
            "rcvbuf_most" => with(|state| state.faults.rcvbuf_most = value.as_u64().map(|count| count as usize)),
            "recvspace" => with(|state| state.faults.recvspace = value.as_u64().map(|count| count as usize)),
            "no_memory_after" => with(|state| state.kernel.no_memory_after = value.as_u64()),
            "silent" => with(|state| state.faults.silent = value != false),
            "drop" => with(|state| state.kernel.drop_next += number(1) as u32),
            "disconnect" => with(|state| {
                for client in &state.clients {
                    // SAFETY: the kernel's end of a client that there is.
                    unsafe { libc::shutdown(client.kernel, libc::SHUT_RDWR) };
                }
            }),
            "own_flows" => with(|state| state.kernel.switches.own_flows = value != false),
            "foreign_flows" => with(|state| state.kernel.switches.foreign_flows = value != false),
            "connect_event" => with(|state| state.kernel.switches.connect_event = value != false),
            "descriptor_shift" => with(|state| state.kernel.switches.descriptor_shift = number(0) as usize),
            "refuse_provider" => {
                let provider = value["provider"].as_u64().ok_or("refuse_provider without provider")? as u32;
                with(|state| {
                    state
                        .kernel
                        .switches
                        .refused
                        .insert(provider, value["errno"].as_i64().unwrap_or(darwin::EPERM.into()) as i32)
                });
            }
            other => return Err(format!("ntstat step {other:?}")),
        }
    }
    Ok(())
}

fn name_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn update(step: &Value) -> Result<(), String> {
    let remote =
        step["remote"].as_str().map(|source| source.parse().map_err(|error| format!("remote: {error}"))).transpose()?;
    let domain = Domain::of_step(step).map(Box::new);
    with(|st| {
        for number in st.sources.named(&name_of(step.get("id").unwrap_or(&Value::Null))) {
            let Some(source) = st.sources.get_mut(number) else { continue };
            let field = |key: &str| step[key].as_u64();
            source.state = field("state").map_or(source.state, |field| field as u32);
            source.remote = remote.unwrap_or(source.remote);
            for (bytes, count) in [(field("rxbytes"), &mut source.rx), (field("txbytes"), &mut source.tx)] {
                *count = bytes.map_or(*count, |field| (field / 1000 + 1, field));
            }
            if let Some(pid) = field("pid") {
                (source.pid, source.epid) = (pid as u32, pid as u32);
            }
            (source.upid, source.eupid) = (
                field("upid").unwrap_or(source.upid),
                field("eupid").or(field("upid").filter(|_| source.eupid != 0)).unwrap_or(source.eupid),
            );
            source.epid = field("epid").map_or(source.epid, |field| field as u32);
            if let Some(properties) = field("ifnet_properties") {
                (source.props, source.props_are_all) = (properties as u32, true);
            }
            source.domain = domain.clone().or(source.domain.take());
            // tcp_connect() is what sends it.
            if remote.is_some() && source.provider == layout::TCP_KERNEL && !source.is_diverted {
                event(st, number, layout::EVENT_OUTBOUND);
            }
        }
    });
    Ok(())
}
