//! Native delivery: Rust writes messages to the sockets of clients, without the JavaScript thread that owns them.
//!
//! A client's socket is a duplicate of the descriptor of Node's socket. One of the [writers](writers::Writers) owns it. All
//! calls on the writers are commands that a queue takes to the threads, so each client sees them in the order in which they
//! were made, whichever thread made them.
//!
//! | module | contents |
//! | --- | --- |
//! | [`writers`] | the writer threads of the process, and the commands for them |
//! | `writer` | one thread: applies commands, flushes clients, keeps clients alive |
//! | `table` | the clients of one writer, by key and by group |
//! | `connection` | one client: its queue, its pauses, its limits |
//! | [`queue`] | the frames that wait for one socket |
//! | `socket` | the system calls on one socket |
//! | `inbox` | the queue of commands for one writer |
//! | `barrier` | waits for writers |
//! | `keep_alive` | decides when an idle client gets a comment, and when a client is dead |
//! | `alarms` | the times at which clients are checked |
//! | [`client`] | a client as its owner hands it over |
//! | [`settings`] | framing, limits and keep-alive of one client |
//! | [`owner`] | the environment that owns sockets, and the events it gets |
//! | [`counters`] | numbers that other threads read while a writer writes |
//! | [`frame`] | a message as it goes over the connection, shared by all clients |

mod alarms;
mod barrier;
pub mod client;
mod connection;
pub mod counters;
pub mod frame;
mod inbox;
mod keep_alive;
pub mod owner;
pub mod queue;
pub mod settings;
mod socket;
mod table;
mod writer;
pub mod writers;
