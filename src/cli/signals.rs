//! What the signals of a running agent ask for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::{Receiver, Sender};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::exit::Failure;
use crate::agent::Control;
use crate::source::SIGINFO;
use crate::source::live::{Bell, RingingSender};

/// Controls that may wait for the agent.
pub(super) const CONTROLS: usize = 16;

/// Messages for SIGINT and SIGTERM come on the receiver. A second one ends the program at once: the first may be stuck
/// behind a slow disk. SIGUSR1 and Ctrl-T ask for the status. SIGHUP asks for a reload; with nothing to reload it is
/// the terminal's that was closed, and ends the agent in order.
pub(super) fn listen(
    control: RingingSender<Control>,
    reload: Option<Sender<()>>,
    bell: &Bell,
) -> Result<Receiver<()>, Failure> {
    let failed = |error: io::Error| Failure::new(Failure::IO, format!("cannot handle signals: {error}"));
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked)).map_err(failed)?;
        signal_hook::flag::register(signal, Arc::clone(&asked)).map_err(failed)?;
    }
    let all = [SIGINT, SIGTERM, SIGHUP, SIGUSR1].into_iter().chain(SIGINFO);
    let mut signals = signal_hook::iterator::Signals::new(all).map_err(failed)?;
    let (stop, stopped) = bell.channel(1);
    let wait = move || {
        for signal in signals.forever() {
            // One that is asked for already will do.
            match signal {
                SIGHUP if reload.is_some() => reload.iter().for_each(|reload| _ = reload.try_send(())),
                SIGINT | SIGTERM | SIGHUP => _ = stop.try_send(()),
                _ => _ = control.try_send(Control::Tell),
            }
        }
    };
    std::thread::Builder::new().name("osawatch-signals".into()).spawn(wait).map_err(failed)?;
    Ok(stopped)
}
