//! The native core of `@tmcp-native/session-manager`.
//!
//! | module | what |
//! | --- | --- |
//! | [`hub`] | the registry of one group of managers, and the seats of the threads they live on |
//! | [`scopes`] | the hubs that threads share, by name |
//! | [`member`] | one thread's part in a hub: what it registers, finds and sends |
//! | [`sessions`] | which sessions there are, which thread owns each, and under which key |
//! | [`info`] | what clients said of themselves, and which resources they watch |
//! | [`subscriptions`] | who listens to what: `subscriptions/listen` |
//! | [`post`] | what threads leave for each other, and the receipts for it |
//! | [`mailbox`] | where they leave it: a bounded queue, and the guard around the waker of its thread |
//! | [`backplane`] | what joins the hubs of several machines |
//! | [`binding`] | everything that names Node-API |
//!
//! What holds, whatever the threads do:
//!
//! * **A key is never used twice** in the life of a process. A message on its way to a session that is gone finds no
//!   key and is dropped; it can never reach another session.
//! * **No lock and no map guard is held while JavaScript runs**: a stream controller may call straight back into the
//!   manager that is feeding it. Lookups copy out what they find.
//! * **Every queue has a bound**, and says what happens at it.
//! * **What one thread sends to one session arrives in that order**, its end included.
//! * **A thread that leaves a hub takes its sessions along**, with what is known of their clients; nothing is posted to it
//!   afterwards, its waker is not called any more, and whoever waits for an answer of it is answered.
//!
//! Not guaranteed: any order between messages of different senders, and delivery to a thread that ends.

pub mod backplane;
pub mod binding;
pub mod hub;
pub mod info;
pub mod mailbox;
pub mod member;
pub mod post;
pub mod scopes;
pub mod sessions;
pub mod subscriptions;
mod sync;
