//! How threads reach each other.
//!
//! A thread has one [`mailbox`]. Other threads post a [`message::ThreadMessage`] into it and wake the thread, which drains
//! the mailbox when it runs next. A message that needs a reply carries a [`completion`].

pub mod completion;
pub mod mailbox;
pub mod message;
mod sync;
pub mod text;
