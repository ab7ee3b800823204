//! Direct sessions: Rust writes their messages to the sockets of the clients, whichever thread or process they come from.
//! The clients here are the other ends of socket pairs.
#![cfg(unix)]

mod backplane;
mod cases;
mod client;
mod order;
mod removal;
