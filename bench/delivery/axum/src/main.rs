//! A server with one thread that broadcasts events: `delivery-axum <control port> <head> <tail> <long head> <long tail>`.
//!
//! It connects to the control port, sends `{"port":…,"sends":true}`, and follows the orders that ../control.mjs describes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::Sender;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

/// Messages that wait for the slowest client.
const CAPACITY: usize = 1_024;
const IS_LONG: u8 = 0x80;

type Message = Arc<str>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [control, head, tail, long_head, long_tail] = args.as_slice() else {
        return Err(io::Error::other("expected five arguments"));
    };
    let messages = Sender::new(CAPACITY);
    let app = Router::new()
        .route("/events", get(subscribe))
        .route("/ping", get(async || "pong"))
        .with_state(messages.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    // As Node.js does.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("the socket is open"));
    tokio::spawn(axum::serve(listener, app).into_future());

    let mut control = TcpStream::connect(format!("127.0.0.1:{control}")).await?;
    control.set_nodelay(true)?;
    control.write_all(format!("{{\"port\":{port},\"sends\":true}}\n").as_bytes()).await?;
    let mut orders = [0; 64];
    let mut number = 0;
    loop {
        let length = control.read(&mut orders).await?;
        if length == 0 {
            return Ok(());
        }
        for order in &orders[..length] {
            let (head, tail) = if order & IS_LONG == 0 { (head, tail) } else { (long_head, long_tail) };
            for _ in 0..order & !IS_LONG {
                // Fails when there are no clients.
                let _ = messages.send(format!("{head}{number:08}{tail}").into());
                number += 1;
            }
        }
    }
}

async fn subscribe(
    State(messages): State<Sender<Message>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let greeting = tokio_stream::once(Ok(Event::default().comment("connected")));
    let events = BroadcastStream::new(messages.subscribe()).map(|message: Result<Message, _>| {
        let message = message.expect("no client is that slow");
        Ok(Event::default().event("message").data(message))
    });
    Sse::new(greeting.chain(events))
}
