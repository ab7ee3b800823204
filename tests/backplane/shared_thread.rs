//! The nodes of a process share a thread: a node that has much to do lets the others run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tmcp_session_manager::backplane::Backplane;
use tmcp_session_manager::backplane::bus::Stamp;
use tmcp_session_manager::backplane::fields;
use tmcp_session_manager::backplane::ids::NodeId;
use tmcp_session_manager::backplane::inbox_entry::{Contents, InboxEntry};
use tmcp_session_manager::backplane::local_hub::LocalHub;
use tmcp_session_manager::backplane::memory::MemoryBus;
use tmcp_session_manager::backplane::message::Message;
use tmcp_session_manager::backplane::node::Node;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::threads::message::CloseReason;
use tmcp_session_manager::threads::text::Text;
use tokio::sync::Notify;

use crate::process::{A_WHILE, run};

/// A hub without threads, which counts messages.
#[derive(Default)]
struct Counting {
    delivered: AtomicUsize,
    /// Notified by each message.
    has_delivered: Notify,
}

impl LocalHub for Counting {
    fn deliver(&self, _: Message) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.has_delivered.notify_one();
    }

    fn close_session(&self, _: &[u16], _: Stamp, _: CloseReason) {}

    fn has_room(&self) -> bool {
        true
    }

    fn report(&self, _: &Text) {}

    fn contains(&self, _: &[u16]) -> bool {
        false
    }
}

#[test]
fn other_tasks_run_while_a_node_delivers_many_messages() {
    run(async {
        const MESSAGES: usize = 10_000;
        let bus = MemoryBus::default();
        let (hub, backplane) = (Arc::<Counting>::default(), Arc::new(Backplane::new(Settings::default())));
        let of_node = Arc::clone(&hub) as Arc<dyn LocalHub>;
        tokio::spawn(Node::new(of_node, Arc::clone(&backplane), bus.clone()).run());
        tokio::time::sleep(A_WHILE).await;

        let message = Message::Broadcast { text: Text::from(*b"message") };
        let messages = (1..).zip(vec![message; MESSAGES]).collect();
        let entry = InboxEntry { node: NodeId::random(), contents: Contents::Messages(messages) };
        bus.add(&backplane.node, fields::fields(&entry));
        hub.has_delivered.notified().await;
        let delivered = hub.delivered.load(Ordering::Relaxed);
        assert!((1..1_000).contains(&delivered), "this task had to wait for {delivered} messages");
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(hub.delivered.load(Ordering::Relaxed), MESSAGES);
    });
}
