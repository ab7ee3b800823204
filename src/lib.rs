//! The native core of `@tmcp-native/session-manager`.
//!
//! The modules are listed from top to bottom. Each imports only from modules below it (`tests/rooms.rs` checks it):
//!
//! | module | contents |
//! | --- | --- |
//! | [`binding`] | functions for JavaScript; the only module that uses Node-API |
//! | [`hub`] | one group of managers: its registry, its threads, and the members through which threads use it |
//! | [`backplane`] | the connection between the hubs of several processes, over Redis |
//! | [`threads`] | messages between threads, the mailboxes they go into, and completions |
//! | `sockets` | native delivery: threads that write to the sockets of clients; not on Windows |
//! | [`registry`] | tables of sessions, client information and subscriptions; no threads |
//!
//! Inside [`hub`], imports go from [`hub::scopes`] to [`hub::member`] to the hub and its peers. The backplane delivers
//! through a trait, [`LocalHub`](backplane::local_hub::LocalHub), which the hub implements. A completion replies through
//! a trait, [`ReplyTo`](threads::completion::ReplyTo), which a peer of the hub implements. No two modules import each
//! other, directly or through others.
//!
//! # Invariants
//!
//! * **A key is never reused** while the process runs. A message for a closed session finds no stream with its key and
//!   is dropped. It cannot reach another session.
//! * **JavaScript never runs while a lock or a map guard is held.** A stream controller may call back into the manager
//!   that is delivering to it. Lookups therefore return copies.
//! * **Every queue has a bound**, and its documentation says what happens when the bound is reached.
//! * **Messages from one thread to one session arrive in the order they were sent**, including the message that closes
//!   the session.
//! * **When a thread leaves a hub, its sessions and what the hub knows of their clients are removed.** Afterwards nothing
//!   is posted to the thread, its waker is not called, and every request that waited for the thread is completed.
//!
//! The order of messages from different senders is not guaranteed, nor is delivery to a thread that ends.

pub mod backplane;
pub mod binding;
pub mod hub;
pub mod registry;
// Windows has no file descriptors for sockets.
#[cfg(unix)]
pub mod sockets;
pub mod threads;
