//! The tables of a hub: sessions, client information, and registrations of `subscriptions/listen`.
//!
//! This module holds data. It knows which thread owns a session, but it never starts or wakes a thread, and posts nothing.
//! Several threads can use a table at once; each method locks for a few map operations.
//!
//! | module | contents |
//! | --- | --- |
//! | [`key`] | the keys of sessions and registrations, and the numbers of threads |
//! | [`sessions`] | the sessions: id, thread, key |
//! | [`info`] | client info, capabilities, log levels, and the resources that sessions watch |
//! | [`subscriptions`] | the registrations of `subscriptions/listen`, indexed by what they listen to |

pub mod info;
pub mod key;
pub mod sessions;
pub mod subscriptions;
