//! The writers of native delivery, over real sockets.
#![cfg(unix)]

mod delivery;
mod endings;
mod limits;
mod model;
mod pauses;
mod support;
mod threads;
