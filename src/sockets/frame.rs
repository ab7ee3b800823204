//! A message as it goes over the connection.

use std::fmt;
use std::io::Write;
use std::iter;
use std::sync::Arc;

/// How the body of a response is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each message is one chunk of HTTP/1.1 (RFC 9112, section 7.1).
    Chunked,
    /// The messages only, as HTTP/1.0 needs it: the end of the connection ends the response.
    Raw,
}

/// A message that is framed once. All clients share its bytes; a clone copies a pointer.
#[derive(Clone)]
pub struct Frame {
    /// `<length in hexadecimal>\r\n<payload>\r\n`
    chunk: Arc<[u8]>,
    /// Number of bytes before the payload.
    head: u8,
}

/// The bytes that end the head of a chunk, and the chunk.
const CRLF: &[u8] = b"\r\n";

/// Maximum length of a head: 16 hexadecimal digits and a line break.
const MAX_HEAD: usize = 18;

impl Frame {
    /// Returns the frame of a payload. Returns `None` for an empty payload, because a chunk of length 0 would end the
    /// response.
    pub fn new(payload: &[u8]) -> Option<Self> {
        if payload.is_empty() {
            return None;
        }
        let mut head = [0; MAX_HEAD];
        let mut rest = &mut head[..];
        // The head has room for each length, so this does not fail.
        write!(rest, "{:x}\r\n", payload.len()).ok()?;
        let length = MAX_HEAD - rest.len();
        let end = length + payload.len();
        // Filled with zeros first, because this needs no second copy of the payload.
        let mut chunk: Arc<[u8]> = iter::repeat_n(0, end + CRLF.len()).collect();
        let bytes = Arc::get_mut(&mut chunk)?;
        bytes[..length].copy_from_slice(&head[..length]);
        bytes[length..end].copy_from_slice(payload);
        bytes[end..].copy_from_slice(CRLF);
        Some(Self { chunk, head: length as u8 })
    }

    /// Returns the number of bytes of the payload.
    pub fn payload_len(&self) -> usize {
        self.bytes(Framing::Raw).len()
    }

    /// Returns the bytes that a client with this framing receives.
    pub fn bytes(&self, framing: Framing) -> &[u8] {
        match framing {
            Framing::Chunked => &self.chunk,
            Framing::Raw => &self.chunk[usize::from(self.head)..self.chunk.len() - CRLF.len()],
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Frame").field("payload_len", &self.payload_len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_chunk_of_http() {
        for len in [1, 9, 10, 15, 16, 255, 256, 70_000] {
            let payload = vec![b'x'; len];
            let frame = Frame::new(&payload).unwrap();
            assert_eq!(
                frame.bytes(Framing::Chunked),
                [format!("{len:x}\r\n").as_bytes(), &payload, b"\r\n"].concat()
            );
            assert_eq!(frame.bytes(Framing::Raw), payload);
            assert_eq!(frame.payload_len(), len);
        }
    }

    #[test]
    fn an_empty_payload_has_no_frame() {
        assert!(Frame::new(b"").is_none());
    }
}
