//! System calls on the control socket that fail as the script says.
use std::collections::VecDeque;

/// Error numbers, 0 for none.
#[derive(Default)]
pub(crate) struct Faults {
    /// Of every socket(), of the ioctl that looks the control up, of every connect().
    pub(crate) socket: i32,
    pub(crate) control: i32,
    pub(crate) connect: i32,
    /// Of the next receives and sends, one each.
    pub(crate) recv: VecDeque<i32>,
    pub(crate) send: VecDeque<i32>,
    /// A larger receive buffer is refused.
    pub(crate) rcvbuf_most: Option<usize>,
    /// net.stats.recvspace, when it is not the default.
    pub(crate) recvspace: Option<usize>,
    /// Requests are not answered.
    pub(crate) silent: bool,
}
