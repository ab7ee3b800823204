//! Nodes on a bus that fails in every way.

mod directory;
mod inboxes;
mod messages;
mod process;
mod shared_thread;
