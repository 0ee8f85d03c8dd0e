//! Providers of sources: which part of the kernel reports them.

/// `NSTAT_PROVIDER_*`.
pub(super) const TCP_KERNEL: u32 = 2;
pub(super) const TCP_USERLAND: u32 = 3;
pub(super) const UDP_KERNEL: u32 = 4;
pub(super) const UDP_USERLAND: u32 = 5;
pub(super) const QUIC_USERLAND: u32 = 8;
pub(super) const UDP_SUBFLOW: u32 = 10;

/// The providers whose sources carry addresses, the required one first. `CONN_USERLAND` (9) reports
/// Network.framework's connections, not of their flows: it has no address.
pub(super) const ADDRESSED: [u32; 6] = [TCP_KERNEL, TCP_USERLAND, UDP_KERNEL, UDP_USERLAND, QUIC_USERLAND, UDP_SUBFLOW];

/// The providers of the kernel's own sockets.
pub(super) const KERNEL: [u32; 2] = [TCP_KERNEL, UDP_KERNEL];

/// The providers of flows of the system's own stack, which runs in user space.
pub(super) const IN_USER_SPACE: [u32; 3] = [TCP_USERLAND, UDP_USERLAND, QUIC_USERLAND];
