//! The tables of a hub: which sessions exist, what is known of their clients, and who subscribed to what.
//!
//! This module holds data. It knows that sessions belong to threads, but it starts, wakes and messages none. Every table
//! can be used by several threads at once; each method locks for a few map operations.
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
