//! What the driver of the conversation is to do.

use std::fmt;

use super::self_test::Findings;
use crate::event::Flow;

/// One thing to do, in the order given.
#[allow(clippy::large_enum_variant, reason = "few wait at any time")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Write this request as one datagram.
    Send(Vec<u8>),
    /// Hand this flow over.
    Flow(Flow),
    /// Connect a second control socket and close it: the kernel (macOS 14 to 26) takes our choice of events into
    /// account only when some client connects or disconnects. FACT: merged-filter
    ConnectSecondSocket,
    /// Close the socket and begin on a new one with [`super::Client::start`]: sources were lost for good on this one.
    Reopen,
    /// Look at the sockets of watched processes, as some may have been lost, and pass them to
    /// [`super::Client::scanned`].
    Scan,
    /// Read the clocks, for [`super::Client::set_clock`].
    ReadClock,
    /// Make sockets of our own, for [`super::Client::begin_self_test`] or, without any, for
    /// [`super::Client::skip_self_test`].
    MakeSockets,
    /// Make one more TCP connection, for [`super::Client::connected_again`].
    ConnectAgain,
    /// The self-test has passed.
    SelfTested(Findings),
    /// Stop: this source sees nothing.
    Fail(Failure),
}

/// Why the kernel's statistics are of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The kernel refused the sockets of its own TCP with this `errno`.
    Refused(u32),
    /// The kernel does not list the existing sources.
    Silent,
    /// The self-test failed.
    SelfTest(Findings),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(errno) => {
                let errno = i32::try_from(*errno).unwrap_or(i32::MAX);
                write!(f, "{}", std::io::Error::from_raw_os_error(errno))
            }
            Failure::Silent => f.write_str("the kernel does not list the existing connections"),
            Failure::SelfTest(findings) => write!(f, "the self-test failed: {findings}"),
        }
    }
}
