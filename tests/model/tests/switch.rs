//! Models of a session that becomes direct while others send: it gets its messages another way than through the mailbox of its
//! thread. In every order in which the threads can interleave, it gets the messages of each sender once and in order.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use model::mailbox::{Limit, Mailbox, Postable, Posted, Switched};

const NO_LIMIT: Limit = Limit { messages: usize::MAX, bytes: usize::MAX };
const ONE_BY_ONE: Limit = Limit { messages: 1, bytes: usize::MAX };

/// A message of a sender, or the marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// The sender and the number of the message.
    Number(usize, usize),
    CaughtUp,
}

impl Postable for Message {
    /// True when the receiver has switched.
    type Table = bool;

    fn weight(&self) -> usize {
        usize::from(*self != Self::CaughtUp)
    }
}

struct Receiver {
    mailbox: Mailbox<Message>,
    client: Mutex<Client>,
}

/// What the receiver got: through the mailbox, when its thread has processed it, or the other way.
#[derive(Default)]
struct Client {
    received: Vec<Message>,
    /// What came the other way during a pause.
    held: Vec<Message>,
    is_paused: bool,
}

impl Receiver {
    fn new() -> Arc<Self> {
        Arc::new(Self { mailbox: Mailbox::new(100, None), client: Mutex::default() })
    }

    /// Sends as `Member::send_one` does.
    fn send(&self, message: Message) {
        let posted = self.mailbox.post_with(|has_switched| (!has_switched).then_some(message));
        if posted == Posted::Nothing {
            let mut client = self.client.lock().unwrap();
            if client.is_paused { client.held.push(message) } else { client.received.push(message) }
        }
    }

    /// Processes one drain. Returns false when there was nothing in the mailbox.
    fn drain(&self, limit: Limit) -> bool {
        let messages = self.mailbox.drain(limit).messages;
        let is_empty = messages.is_empty();
        // One by one, because a sender must not come between them.
        for message in messages {
            let mut client = self.client.lock().unwrap();
            if message == Message::CaughtUp {
                client.is_paused = false;
                let held = std::mem::take(&mut client.held);
                client.received.extend(held);
            } else {
                client.received.push(message);
            }
        }
        !is_empty
    }

    /// Switches as `Member::attach` does.
    fn switch(&self) -> Switched {
        self.mailbox.switch(Message::CaughtUp, |has_switched, is_behind| {
            *has_switched = true;
            self.client.lock().unwrap().is_paused = is_behind;
        })
    }
}

/// Runs senders with a number of messages each, and a receiver that drains a few times and then switches.
fn run(messages: &[usize], drains: usize, limit: Limit) {
    let receiver = Receiver::new();
    let senders: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(sender, messages)| {
            let (receiver, messages) = (Arc::clone(&receiver), *messages);
            thread::spawn(move || {
                (0..messages).for_each(|number| receiver.send(Message::Number(sender, number)))
            })
        })
        .collect();
    let had_messages = (0..drains).fold(false, |_, _| receiver.drain(limit));
    let switched = receiver.switch();
    assert!(!(had_messages && switched == Switched::Idle), "it had not finished with these messages");
    while receiver.drain(limit) {}
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert!(!receiver.drain(limit), "a message was posted after the switch");
    let client = receiver.client.lock().unwrap();
    assert!(!client.is_paused && client.held.is_empty());
    for (sender, messages) in messages.iter().enumerate() {
        let is_of_sender = |message: &&Message| matches!(message, Message::Number(of, _) if *of == sender);
        let of_sender: Vec<_> = client.received.iter().filter(is_of_sender).copied().collect();
        assert_eq!(of_sender, Vec::from_iter((0..*messages).map(|number| Message::Number(sender, number))));
    }
}

#[test]
fn a_receiver_that_switches_gets_the_messages_of_a_thread_in_order() {
    for drains in 0..=2 {
        loom::model(move || run(&[3], drains, NO_LIMIT));
        loom::model(move || run(&[3], drains, ONE_BY_ONE));
    }
}

#[test]
fn a_receiver_that_switches_gets_the_messages_of_two_threads_in_order() {
    for drains in 0..=1 {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || run(&[2, 1], drains, NO_LIMIT));
    }
}
