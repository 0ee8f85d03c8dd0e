//! Our own sockets on the loopback interface, for the self-tests of what the kernel reports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use super::sys;
use crate::source::ntstat::Sockets;

/// The sockets, open for as long as this lives.
pub(super) struct Loopback {
    listener: TcpListener,
    streams: Vec<TcpStream>,
    _udp: [UdpSocket; 3],
    sockets: Sockets,
}

impl Loopback {
    /// Makes a TCP connection, a connected UDP socket, and one that sends unconnected. No packet leaves the Mac.
    pub(super) fn new() -> io::Result<Loopback> {
        let (made, any) = (sys::continuous_ticks().0, (Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any)?;
        let [connected, peer, unconnected] = [UdpSocket::bind(any)?, UdpSocket::bind(any)?, UdpSocket::bind(any)?];
        let peer_end = peer.local_addr()?;
        connected.connect(peer_end)?;
        unconnected.send_to(&[0], peer_end)?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let sockets =
            Sockets { made, tcp: ends(&stream)?, udp: (connected.local_addr()?, peer_end), sent_to: peer_end };
        Ok(Loopback { listener, streams: vec![stream], _udp: [connected, peer, unconnected], sockets })
    }

    /// What to look for.
    pub(super) fn sockets(&self) -> Sockets {
        self.sockets
    }

    /// Makes one more TCP connection, and returns its ends.
    pub(super) fn connect_again(&mut self) -> io::Result<(SocketAddr, SocketAddr)> {
        let stream = TcpStream::connect(self.listener.local_addr()?)?;
        let ends = ends(&stream)?;
        self.streams.push(stream);
        Ok(ends)
    }
}

fn ends(stream: &TcpStream) -> io::Result<(SocketAddr, SocketAddr)> {
    Ok((stream.local_addr()?, stream.peer_addr()?))
}
