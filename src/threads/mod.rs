//! Messages between threads.
//!
//! A thread has one [`mailbox`]. Other threads post a [`message::ThreadMessage`] into it and wake the thread, which drains
//! the mailbox when it runs next. A message that needs a reply carries a [`completion`].
//!
//! | module | contents |
//! | --- | --- |
//! | [`mailbox`] | the bounded queue of a thread, and the guard around the function that wakes it |
//! | [`message`] | the messages in a mailbox |
//! | [`completion`] | the right to reply to a request, once |
//! | [`text`] | a text that several mailboxes share |
//! | `sync` | the locks of a mailbox; the model checker replaces them |

pub mod completion;
pub mod mailbox;
pub mod message;
mod sync;
pub mod text;
