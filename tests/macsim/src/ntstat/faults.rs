//! System calls on the control socket that fail as the script says.
use std::collections::VecDeque;

/// Error numbers, 0 for none.
#[derive(Default)]
pub struct Faults {
    /// Of every socket(), of the ioctl that looks the control up, of every connect().
    pub socket: i32,
    pub control: i32,
    pub connect: i32,
    /// Of the next receives and sends, one each.
    pub recv: VecDeque<i32>,
    pub send: VecDeque<i32>,
    /// A larger receive buffer is refused.
    pub rcvbuf_most: Option<usize>,
    /// Requests are not answered.
    pub silent: bool,
}
