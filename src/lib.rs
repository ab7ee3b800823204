//! The native core of `@tmcp-native/session-manager`.
//!
//! | module | what |
//! | --- | --- |
//! | [`hub`] | a registry of sessions that one or more threads share, and the routing of messages between them |
//! | [`sessions`] | which sessions there are, which thread owns each, and under which key |
//! | [`mailbox`] | what other threads have for a thread, bounded, and the guard around its waker |
//! | [`subscriptions`] | who listens to what: `subscriptions/listen` |
//! | [`binding`] | everything that names Node-API |
//!
//! What holds, whatever the threads do:
//!
//! * **A key is never used twice** in the life of a process. A message on its way to a session that is gone finds no
//!   key and is dropped; it can never reach another session.
//! * **No lock and no map guard is held while JavaScript runs**: a stream controller may call straight back into the
//!   manager that is feeding it. Lookups copy out what they find.
//! * **Every queue has a bound**, and says what happens at it.
//! * **A thread that leaves a hub takes its sessions along**, and nothing is posted to it afterwards.
//!
//! Not guaranteed: any order between messages of different senders, and delivery to a thread that ends.

pub mod binding;
pub mod hub;
pub mod mailbox;
pub mod sessions;
pub mod subscriptions;
