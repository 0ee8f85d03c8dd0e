//! The "ntstat" steps of a script.
use super::domain::Domain;
use super::source::Source;
use super::{event, goodbye, layout as l, tell, with};
use crate::shims::errno::d;
use serde_json::Value;

pub fn step(v: &Value) -> Result<(), String> {
    for (k, v) in v.as_object().ok_or("ntstat step is not an object")? {
        let number = |dflt: i64| v.as_i64().unwrap_or(dflt);
        match k.as_str() {
            "add_tcp" | "add_udp" => {
                let s = Source::of_step(v, k == "add_tcp")?;
                let name = v.get("id").map_or_else(|| format!("{}>{}", s.local, s.remote), name_of);
                with(|st| tell(st, Some(name), s));
            }
            "update" => update(v)?,
            "remove" => {
                let name = name_of(v.get("id").unwrap_or(v));
                with(|st| st.sources.forget_name(&name).into_iter().for_each(|n| goodbye(st, n)));
            }
            "fail_request" => with(|s| s.k.fail_next.push(number(d::ENOMEM.into()) as i32)),
            "socket_errno" => with(|s| s.faults.socket = number(0) as i32),
            "connect_errno" => with(|s| s.faults.connect = number(0) as i32),
            "control_errno" => with(|s| s.faults.control = number(0) as i32),
            "recv_errno" => with(|s| s.faults.recv.push_back(number(0) as i32)),
            "send_errno" => with(|s| s.faults.send.push_back(number(0) as i32)),
            "rcvbuf_most" => with(|s| s.faults.rcvbuf_most = v.as_u64().map(|n| n as usize)),
            "silent" => with(|s| s.faults.silent = v != false),
            "drop" => with(|s| s.k.drop_next += number(1) as u32),
            "disconnect" => with(|s| {
                for c in &s.clients {
                    // SAFETY: the kernel's end of a client that there is.
                    unsafe { libc::shutdown(c.kernel, libc::SHUT_RDWR) };
                }
            }),
            "own_flows" => with(|s| s.k.switches.own_flows = v != false),
            "foreign_flows" => with(|s| s.k.switches.foreign_flows = v != false),
            "connect_event" => with(|s| s.k.switches.connect_event = v != false),
            "descriptor_shift" => with(|s| s.k.switches.descriptor_shift = number(0) as usize),
            "refuse_provider" => {
                let provider = v["provider"].as_u64().ok_or("refuse_provider without provider")? as u32;
                with(|s| s.k.switches.refused.insert(provider, v["errno"].as_i64().unwrap_or(d::EPERM.into()) as i32));
            }
            o => return Err(format!("ntstat step {o:?}")),
        }
    }
    Ok(())
}

fn name_of(v: &Value) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}

fn update(v: &Value) -> Result<(), String> {
    let remote = v["remote"].as_str().map(|s| s.parse().map_err(|e| format!("remote: {e}"))).transpose()?;
    let domain = Domain::of_step(v).map(Box::new);
    with(|st| {
        for number in st.sources.named(&name_of(v.get("id").unwrap_or(&Value::Null))) {
            let Some(s) = st.sources.get_mut(number) else { continue };
            let n = |k: &str| v[k].as_u64();
            s.state = n("state").map_or(s.state, |n| n as u32);
            s.remote = remote.unwrap_or(s.remote);
            for (bytes, count) in [(n("rxbytes"), &mut s.rx), (n("txbytes"), &mut s.tx)] {
                *count = bytes.map_or(*count, |n| (n / 1000 + 1, n));
            }
            if let Some(pid) = n("pid") {
                (s.pid, s.epid) = (pid as u32, pid as u32);
            }
            (s.upid, s.eupid) = (n("upid").unwrap_or(s.upid), n("eupid").or(n("upid")).unwrap_or(s.eupid));
            s.epid = n("epid").map_or(s.epid, |n| n as u32);
            if let Some(x) = n("ifnet_properties") {
                (s.props, s.props_are_all) = (x as u32, true);
            }
            s.domain = domain.clone().or(s.domain.take());
            // tcp_connect() is what sends it.
            if remote.is_some() && s.provider == l::TCP_KERNEL {
                event(st, number, l::EVENT_OUTBOUND);
            }
        }
    });
    Ok(())
}
