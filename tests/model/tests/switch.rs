//! Models of a session that becomes direct while others send: it gets its messages another way than through the mailbox of its
//! thread. In every order in which the threads can interleave, it gets the messages of each sender once and in order.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use model::mailbox::{Limit, Mailbox, Postable, Posted};

const NO_LIMIT: Limit = Limit { messages: usize::MAX, bytes: usize::MAX };
const ONE_BY_ONE: Limit = Limit { messages: 1, bytes: usize::MAX };

/// The sender and the number of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message(usize, usize);

impl Postable for Message {
    /// True when the receiver has switched.
    type Table = bool;

    fn weight(&self) -> usize {
        1
    }
}

struct Receiver {
    mailbox: Mailbox<Message>,
    /// What the receiver got: through the mailbox, when its thread has processed it, or the other way.
    received: Mutex<Vec<Message>>,
}

impl Receiver {
    fn new() -> Arc<Self> {
        Arc::new(Self { mailbox: Mailbox::new(100, None), received: Mutex::new(Vec::new()) })
    }

    /// Sends as `Member::send_one` does.
    fn send(&self, message: Message) {
        let posted = self.mailbox.post_with(|has_switched| (!has_switched).then_some(message));
        if posted == Posted::Nothing {
            self.received.lock().unwrap().push(message);
        }
    }

    /// Processes one drain. Returns false when there was nothing in the mailbox.
    fn drain(&self, limit: Limit) -> bool {
        let messages = self.mailbox.drain(limit).messages;
        let is_empty = messages.is_empty();
        // One by one, because a sender must not come between them.
        for message in messages {
            self.received.lock().unwrap().push(message);
        }
        !is_empty
    }

    fn switch(&self) -> bool {
        self.mailbox.change_table_if_idle(|has_switched| *has_switched = true)
    }
}

/// Runs senders with a number of messages each, and a receiver that drains and tries to switch a few times.
fn run(messages: &[usize], attempts: usize, limit: Limit) {
    let receiver = Receiver::new();
    let senders: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(sender, messages)| {
            let (receiver, messages) = (Arc::clone(&receiver), *messages);
            thread::spawn(move || (0..messages).for_each(|number| receiver.send(Message(sender, number))))
        })
        .collect();
    let mut has_switched = false;
    for _ in 0..attempts {
        let had_messages = receiver.drain(limit);
        let switches = !has_switched && receiver.switch();
        has_switched |= switches;
        assert!(!(had_messages && switches), "it had not finished with these messages");
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    while receiver.drain(limit) {
        assert!(!has_switched, "a message was posted after the switch");
    }
    let received = receiver.received.lock().unwrap();
    for (sender, messages) in messages.iter().enumerate() {
        let of_sender: Vec<_> = received.iter().filter(|message| message.0 == sender).copied().collect();
        assert_eq!(of_sender, Vec::from_iter((0..*messages).map(|number| Message(sender, number))));
    }
}

#[test]
fn a_receiver_that_switches_gets_the_messages_of_a_thread_in_order() {
    loom::model(|| run(&[3], 3, NO_LIMIT));
    loom::model(|| run(&[3], 3, ONE_BY_ONE));
}

#[test]
fn a_receiver_that_switches_gets_the_messages_of_two_threads_in_order() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| run(&[2, 1], 2, NO_LIMIT));
}
