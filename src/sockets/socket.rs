//! The system calls on one client's socket.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use polling::{Event, Poller};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

/// `MSG_DONTWAIT`, because the flag `O_NONBLOCK` belongs to the open file, which Node shares.
///
/// `MSG_NOSIGNAL` makes a write to a closed connection fail with `EPIPE`, without `SIGPIPE`. Apple's systems do not have the
/// flag: there, libuv sets `SO_NOSIGPIPE` on its sockets. Node ignores the signal in any case.
#[cfg(not(target_vendor = "apple"))]
const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const FLAGS: SendFlags = SendFlags::DONTWAIT;

/// A client's socket, and its place in the poller of its writer.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    poller: Arc<Poller>,
    /// True when the poller knows the descriptor.
    is_registered: bool,
    /// True until the poller has reported that the socket is writable.
    is_armed: bool,
}

impl Socket {
    /// Returns the socket of a descriptor that no poller knows.
    pub fn new(fd: OwnedFd, poller: Arc<Poller>) -> Self {
        Self { fd, poller, is_registered: false, is_armed: false }
    }

    /// Gives bytes to the kernel and returns the number of bytes that it has taken. Returns `None` when it takes none now.
    pub fn send(&self, slices: &[IoSlice<'_>]) -> Result<Option<usize>, Errno> {
        loop {
            let result = match slices {
                [slice] => send(&self.fd, slice, FLAGS),
                slices => sendmsg(&self.fd, slices, &mut SendAncillaryBuffer::default(), FLAGS),
            };
            return match result {
                Ok(count) => Ok(Some(count)),
                Err(Errno::INTR) => continue,
                // macOS can return it for a socket that is being closed. The next call returns EPIPE: libuv does the same.
                #[cfg(target_vendor = "apple")]
                Err(Errno::PROTOTYPE) => continue,
                // EWOULDBLOCK is the same number as EAGAIN here.
                Err(Errno::AGAIN | Errno::NOBUFS) => Ok(None),
                Err(error) => Err(error),
            };
        }
    }

    /// Makes the poller report once, with `event_key`, that the socket is writable or broken.
    pub fn arm(&mut self, event_key: usize) -> Result<(), Errno> {
        if self.is_armed {
            return Ok(());
        }
        let interest = Event::writable(event_key);
        if self.is_registered {
            self.poller.modify(&self.fd, interest)
        } else {
            // SAFETY: `drop` deletes the descriptor from the poller before it is closed.
            unsafe { self.poller.add(&self.fd, interest) }
        }
        .map_err(errno)?;
        self.is_registered = true;
        self.is_armed = true;
        Ok(())
    }

    /// Records that the poller has reported the socket.
    pub fn disarm(&mut self) {
        self.is_armed = false;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.is_registered {
            // Closing alone does not remove it, because Node has the same open file. It fails only if the poller does not
            // have it any more.
            let _ = self.poller.delete(&self.fd);
        }
    }
}

/// Returns the number of an error of the operating system.
pub fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
