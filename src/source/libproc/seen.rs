//! Which sockets were reported, so that each is reported once for each address that it is connected to.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::socket::Socket;

/// Sockets that are remembered.
const MAX_SOCKETS: usize = 65_536;

/// The sockets that were reported, over rounds of looking at all of them.
#[derive(Debug, Default)]
pub(crate) struct SeenSockets {
    /// The round in which each was last seen.
    last_seen: HashMap<Key, u64>,
    round: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    /// Handle, generation and remote address: a UDP socket can connect again. FACT: udp-connects-again
    Socket(u64, u64, SocketAddr),
    /// Process and descriptor of one that cannot be read.
    Unreadable(u32, i32),
}

impl SeenSockets {
    /// Reports a socket that is new. `true`: `report` could not, so that it is still new in the next round.
    pub(crate) fn report(&mut self, socket: &Socket, report: impl FnOnce() -> bool) -> bool {
        let key = Key::Socket(socket.handle, socket.generation, socket.remote);
        let is_known = self.last_seen.contains_key(&key);
        let is_reported = is_known || report();
        if is_reported {
            self.last_seen.insert(key, self.round);
        }
        !is_reported
    }

    /// Whether a socket that cannot be read is a new one.
    pub(crate) fn is_new_unreadable(&mut self, pid: u32, fd: i32) -> bool {
        self.last_seen.insert(Key::Unreadable(pid, fd), self.round).is_none()
    }

    /// Ends a round. A handle is used again only with another generation; what two rounds did not see is gone.
    pub(crate) fn end_round(&mut self) {
        self.round += 1;
        self.last_seen.retain(|_, last| self.round - *last < 2);
        if self.last_seen.len() > MAX_SOCKETS {
            self.last_seen.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Transport;

    fn socket(handle: u64, generation: u64) -> Socket {
        let end = "192.0.2.1:1".parse().unwrap();
        Socket { transport: Transport::Udp, tcp_state: None, local: end, remote: end, handle, generation }
    }

    #[test]
    fn a_socket_is_reported_once_while_it_is_seen_and_again_with_another_generation() {
        let (mut seen, mut reported) = (SeenSockets::default(), Vec::new());
        for (round, generation) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
            seen.report(&socket(7, generation), || {
                reported.push(round);
                true
            });
            seen.end_round();
        }
        assert_eq!(reported, [1, 3]);
    }

    #[test]
    fn a_socket_that_connects_again_is_reported_for_each_address() {
        let (mut seen, mut reported) = (SeenSockets::default(), Vec::new());
        for remote in ["127.0.0.1:9", "192.0.2.1:53", "192.0.2.1:53"] {
            let socket = Socket { remote: remote.parse().unwrap(), ..socket(7, 1) };
            seen.report(&socket, || {
                reported.push(remote);
                true
            });
            seen.end_round();
        }
        assert_eq!(reported, ["127.0.0.1:9", "192.0.2.1:53"]);
    }

    #[test]
    fn a_socket_that_finds_the_channel_full_is_counted_and_reported_in_the_next_round() {
        let mut seen = SeenSockets::default();
        assert!(seen.report(&socket(7, 1), || false));
        seen.end_round();
        assert!(!seen.report(&socket(7, 1), || true));
        assert!(!seen.report(&socket(7, 1), || panic!("it is known")));
    }

    #[test]
    fn a_socket_that_was_missed_in_one_round_is_known_in_the_next_and_forgotten_after_two() {
        let (mut seen, mut reported) = (SeenSockets::default(), 0);
        for rounds in [1, 2, 1] {
            seen.report(&socket(7, 1), || {
                reported += 1;
                true
            });
            (0..rounds).for_each(|_| seen.end_round());
        }
        assert_eq!(reported, 2);
    }

    #[test]
    fn a_socket_that_cannot_be_read_is_new_once() {
        let mut seen = SeenSockets::default();
        let mut rounds = Vec::new();
        for _ in 0..3 {
            rounds.push([seen.is_new_unreadable(501, 5), seen.is_new_unreadable(502, 5)]);
            seen.end_round();
        }
        assert_eq!(rounds, [[true, true], [false, false], [false, false]]);
    }

    #[test]
    fn more_sockets_than_are_remembered_cost_no_more_memory() {
        let mut seen = SeenSockets::default();
        for handle in 0..=MAX_SOCKETS as u64 {
            assert!(!seen.report(&socket(handle, 0), || true));
        }
        seen.end_round();
        assert_eq!(seen.last_seen.len(), 0);
    }
}
