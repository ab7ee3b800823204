//! Native delivery: clients whose sockets Rust writes to, without their JavaScript thread.
//!
//! | module | contents |
//! | --- | --- |
//! | [`writers`] | the threads that write, and the commands for them |
//! | [`client`] | one client: its socket, its settings, its counters |
//! | [`settings`] | framing, limits and keep-alive of one client |
//! | [`owner`] | the environment that owns sockets, and the events it gets |
//! | [`frame`] | a message as it goes over the connection, shared by all clients |
//! | [`counters`] | numbers that other threads read while a writer writes |

pub mod client;
#[allow(dead_code, reason = "the writer threads will use it")]
pub mod counters;
pub mod frame;
#[allow(dead_code, reason = "the writer threads will use it")]
pub mod owner;
pub mod settings;
pub mod writers;
