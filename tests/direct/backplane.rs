//! Direct sessions and other processes: what a process sends reaches the clients of other processes without their threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tmcp_session_manager::backplane::memory::MemoryBus;
use tmcp_session_manager::backplane::node::Node;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::scopes::Scope;

use crate::client::{counting_waker, create_direct, line, send_to_all, utf16};

/// Joins with a new hub. Must be called inside a tokio runtime. Returns the number of times that the thread was woken, too.
fn process(bus: &MemoryBus) -> (Member, Arc<AtomicUsize>) {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let scope = Scope::Redis { url: format!("direct {number}").into(), prefix: [].into() };
    let (waker, wakes) = counting_waker();
    let run = |hub, backplane| drop(tokio::spawn(Node::new(hub, backplane, bus.clone()).run()));
    let settings = Settings::default();
    (scope.join_with_backplane(settings, DEFAULT_MAX_MAILBOX_BYTES, Some(waker), run), wakes)
}

/// Runs a future with a simulated clock, which jumps ahead when all tasks wait.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

/// Waits until everything is sent and read.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[test]
fn messages_of_another_process_reach_a_direct_session_and_wake_no_thread() {
    run(async {
        let bus = MemoryBus::default();
        let ((here, wakes), (there, _)) = (process(&bus), process(&bus));
        settle().await;
        let (_, client) = create_direct(&here, "a");
        settle().await;
        there.send_one(&utf16("a"), || line("one")).unwrap();
        send_to_all(&there, &[utf16("a"), utf16("unknown")], "some");
        there.send_elsewhere(|| line("all")).unwrap();
        settle().await;
        assert_eq!(wakes.load(Ordering::Relaxed), 0);
        assert!(here.drain().is_empty());
        assert_eq!(client.lines(), ["one", "some", "all"]);
    });
}

#[test]
fn a_direct_session_that_another_process_removes_gets_nothing_more() {
    run(async {
        let bus = MemoryBus::default();
        let ((here, _), (there, _)) = (process(&bus), process(&bus));
        settle().await;
        for replaces in [false, true] {
            let (key, client) = create_direct(&here, "a");
            settle().await;
            there.send_elsewhere(|| line("before")).unwrap();
            if replaces {
                // A claim is no message, and a message may overtake it.
                settle().await;
                there.create(&utf16("a"));
                settle().await;
            } else {
                there.remove(&utf16("a"));
            }
            there.send_elsewhere(|| line("after")).unwrap();
            settle().await;
            here.send_elsewhere(|| line("after")).unwrap();
            assert_eq!(here.evicted(), [key]);
            here.mark_closed(key);
            while !here.drain().is_empty() {}
            assert_eq!(client.lines(), ["before"]);
        }
    });
}
