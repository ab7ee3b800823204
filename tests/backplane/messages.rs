//! Messages between nodes: they arrive once and in order, in spite of failures.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::backplane::fields;
use tmcp_session_manager::backplane::ids::NodeId;
use tmcp_session_manager::backplane::inbox_entry::{Contents, InboxEntry};
use tmcp_session_manager::backplane::memory::MemoryBus;
use tmcp_session_manager::backplane::message::Message;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::threads::completion::Outcome;
use tmcp_session_manager::threads::text::Text;

use crate::process::{A_WHILE, Process, answer, numbers, plans, run, settle, string, units};

#[derive(Clone, Copy, Debug)]
enum Step {
    Send { from: usize, to: usize },
    Broadcast { from: usize },
    Wait,
    Disconnect { is_unreachable: bool },
    Reconnect,
    Fill { is_full: bool },
}

const PROCESSES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let process = 0..PROCESSES;
    prop_oneof![
        8 => (process.clone(), process.clone()).prop_map(|(from, to)| Step::Send { from, to }),
        4 => process.prop_map(|from| Step::Broadcast { from }),
        3 => Just(Step::Wait),
        1 => any::<bool>().prop_map(|is_unreachable| Step::Disconnect { is_unreachable }),
        1 => Just(Step::Reconnect),
        1 => any::<bool>().prop_map(|is_full| Step::Fill { is_full }),
    ]
}

proptest! {
    #[test]
    fn every_message_arrives_once_and_in_order_despite_failures(
        steps in vec(step(), 1..80),
        plans in plans(),
        max_len in prop_oneof![Just(100_000_u64), 1..5_u64],
    ) {
        run(async {
            let bus = MemoryBus::default();
            bus.limit(Settings { max_len, ..Settings::default() });
            let mut processes = Process::join_several::<PROCESSES>(&bus, Settings::default());
            for (number, process) in processes.iter_mut().enumerate() {
                process.create(&format!("session {number}"));
            }
            settle(&mut processes).await;
            bus.plan(plans);

            let mut expected = vec![BTreeMap::<usize, Vec<String>>::new(); PROCESSES];
            for (number, step) in steps.iter().enumerate() {
                let message = format!("{number}");
                match *step {
                    Step::Send { from, to } => {
                        processes[from].send(&format!("session {to}"), &message);
                        expected[to].entry(from).or_default().push(message);
                    }
                    Step::Broadcast { from } => {
                        processes[from].broadcast(&message);
                        expected.iter_mut().for_each(|to| to.entry(from).or_default().push(message.clone()));
                    }
                    Step::Wait => tokio::time::sleep(A_WHILE).await,
                    Step::Disconnect { is_unreachable } => bus.disconnect(is_unreachable),
                    Step::Reconnect => bus.disconnect(false),
                    Step::Fill { is_full } => bus.fill(is_full),
                }
            }
            bus.fill(false);
            bus.disconnect(false);
            settle(&mut processes).await;

            for (to, process) in processes.iter().enumerate() {
                let got = process.got(&format!("session {to}"));
                prop_assert_eq!(got.len(), expected[to].values().map(Vec::len).sum::<usize>());
                for (from, expected) in &expected[to] {
                    let of_sender: Vec<_> = got.iter().filter(|message| expected.iter().any(|e| e == *message)).collect();
                    prop_assert_eq!(of_sender, expected.iter().collect::<Vec<_>>(), "from {} to {}", from, to);
                }
                prop_assert_eq!(process.missed(), 0);
                prop_assert_eq!(process.backplane.pending_bytes(), 0);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_new_connection_does_not_read_again_what_was_acknowledged() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        for number in 0..5 {
            processes[0].send("reader", &number.to_string());
            settle(&mut processes).await;
            bus.disconnect(false);
        }
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["0", "1", "2", "3", "4"]);
        assert_eq!(processes[1].backplane.counters.duplicates.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn messages_arrive_after_all_data_are_lost_and_the_clock_goes_back() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        for number in 0..5 {
            processes[0].send("reader", &number.to_string());
            settle(&mut processes).await;
        }
        // The nodes keep their connections and notice nothing.
        bus.delete_everything();
        bus.move_clock(-100_000_000);
        processes[0].send("reader", "at once");
        settle(&mut processes).await;
        processes[0].send("reader", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["0", "1", "2", "3", "4", "at once", "after"]);
        assert_eq!(processes[1].missed(), 0);
        assert!(processes[1].reports.iter().any(|report| report.contains("ERR_INBOX_LOST")));
    });
}

#[test]
fn a_blocked_thread_delays_the_others_for_a_limited_time() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, Settings::default());
        processes[1].create("running");
        let blocked = processes[1].scope.join(10_000, None);
        blocked.create(&units("blocked"));
        settle(&mut processes).await;
        for number in 0..300 {
            processes[0].broadcast(&format!("{number:0100}"));
        }
        for _ in 0..30 {
            tokio::time::sleep(A_WHILE).await;
            processes[1].drain();
        }
        assert_eq!(processes[1].got("running").len(), 300);
        assert!(blocked.drain().overflowed, "its mailbox overflowed");
    });
}

#[test]
fn a_running_thread_receives_no_more_than_its_mailbox_holds() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, Settings::default());
        processes[1].create("reader");
        processes[1].member.set_max_mailbox_bytes(10_000);
        settle(&mut processes).await;
        for number in 0..1_000 {
            processes[0].broadcast(&format!("{number:01000}"));
        }
        // `drain` asserts that nothing overflowed.
        for _ in 0..10_000 {
            tokio::time::sleep(Duration::from_millis(3)).await;
            processes[1].drain();
        }
        assert_eq!(processes[1].got("reader").len(), 1_000);
    });
}

#[test]
fn while_the_bus_is_unreachable_the_outbox_is_limited_and_requests_fail() {
    run(async {
        let settings = Settings { max_pending_bytes: 2_000, ..Settings::default() };
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, settings);
        processes[1].create("remote");
        settle(&mut processes).await;
        bus.disconnect(true);
        tokio::time::sleep(A_WHILE).await;
        processes[0].create("local");
        processes[0].send("remote", "kept");
        assert!(!processes[0].member.was_refused());
        processes[0].send("remote", &"x".repeat(2_000));
        assert!(processes[0].member.was_refused());
        assert!(!processes[0].member.was_refused(), "reported once");
        processes[0].send("local", "local");
        assert_eq!(processes[0].got("local"), ["local"]);
        let flushed = processes[0].member.flush();
        for outcome in [processes[0].reply(flushed).await, processes[0].has("remote").await] {
            let failure = string(&outcome.failure().expect("a failure"));
            assert!(
                failure.contains("ERR_BACKPLANE_UNAVAILABLE") && failure.contains("ECONNREFUSED"),
                "{failure}"
            );
        }
        bus.disconnect(false);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("remote"), ["kept"]);
        assert_eq!(processes[0].has("remote").await, answer(true));
        assert!(processes[0].reports[0].contains("error"));
    });
}

#[test]
fn a_patient_flush_may_take_any_time_while_entries_are_sent_and_does_not_wait_for_later_ones() {
    run(async {
        let bus = MemoryBus::default();
        bus.limit(Settings { max_len: 1, ..Settings::default() });
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        for number in 0..40 {
            processes[0].send("reader", &number.to_string());
        }
        let flushed = processes[0].member.flush_patiently();
        let begun = tokio::time::Instant::now();
        for number in 40..120 {
            // The reader makes room for one message in this time, more or less.
            tokio::time::sleep(Duration::from_millis(250)).await;
            processes[0].send("reader", &number.to_string());
            processes.iter_mut().for_each(Process::drain);
        }
        assert_eq!(processes[0].reply(flushed).await, Outcome::Done);
        assert!(begun.elapsed() > Settings::default().command_timeout * 2);
        assert!(processes[0].backplane.is_behind(), "later messages wait");

        bus.disconnect(true);
        let flushed = processes[0].member.flush_patiently();
        assert!(processes[0].reply(flushed).await.failure().is_some(), "nothing is sent");
    });
}

#[test]
fn while_the_bus_is_full_nodes_read_and_stay_alive_and_everything_is_sent_when_there_is_room() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, Settings::default());
        processes[0].create("old");
        processes[1].create("remote");
        settle(&mut processes).await;
        bus.fill(true);
        for number in 0..100 {
            processes[0].send("remote", &number.to_string());
        }
        processes[0].create("new");
        processes[0].delete("old");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("remote"), Vec::<String>::new());
        assert_eq!(processes[1].has("new").await, answer(false));
        let flushed = processes[0].member.flush();
        let failure = string(&processes[0].reply(flushed).await.failure().expect("a failure"));
        assert!(failure.contains(r#""code":"OOM""#), "{failure}");

        // A node that connects while the bus is full reads, too.
        bus.disconnect(false);
        settle(&mut processes).await;
        let message = Message::Broadcast { text: Text::from(*b"of a third node") };
        let entry = InboxEntry { node: NodeId::random(), contents: Contents::Messages(vec![(1, message)]) };
        bus.add(processes[1].node(), fields::fields(&entry));
        settle(&mut processes).await;
        assert_eq!(processes[1].got("remote"), ["of a third node"]);
        for process in &processes {
            assert!(process.backplane.counters.is_connected.load(Ordering::Relaxed));
            assert_eq!(process.backplane.counters.reconnects.load(Ordering::Relaxed), 1);
        }

        bus.fill(false);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("remote")[1..], numbers(100));
        assert_eq!(processes[1].has("old").await, answer(false));
        assert_eq!(processes[1].has("new").await, answer(true));
        assert_eq!(processes[0].backplane.health.problem(), None);
        let last = processes[0].backplane.health.last_error();
        assert_eq!(last.map(|(error, _)| error.code.to_string()).as_deref(), Some("OOM"));
    });
}

#[test]
fn a_node_leaves_a_full_bus_within_its_time_limit() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = [Process::join(&bus, Settings::default())];
        processes[0].create("a");
        settle(&mut processes).await;
        bus.fill(true);
        processes[0].send("elsewhere", "waits");
        let begin = tokio::time::Instant::now();
        let left = processes[0].member.leave_backplane();
        assert_eq!(processes[0].reply(left).await, Outcome::Done);
        assert!(begin.elapsed() <= Settings::default().command_timeout);
        assert!(!bus.knows(processes[0].node()));
    });
}

#[test]
fn a_node_that_leaves_sends_what_waits_and_removes_its_sessions() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, Settings::default());
        processes[0].create("leaves");
        processes[1].create("stays");
        settle(&mut processes).await;
        processes[0].send("stays", "goodbye");
        let left = processes[0].member.leave_backplane();
        assert_eq!(processes[0].reply(left).await, Outcome::Done);
        assert_eq!(processes[1].has("leaves").await, answer(false));
        processes[1].drain();
        assert_eq!(processes[1].got("stays"), ["goodbye"]);
        assert!(!bus.knows(processes[0].node()));
    });
}

#[test]
fn a_node_that_leaves_sends_everything_while_the_others_read_even_if_that_takes_long() {
    run(async {
        let bus = MemoryBus::default();
        bus.limit(Settings { max_len: 1, ..Settings::default() });
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        let messages = numbers(40);
        messages.iter().for_each(|message| processes[0].send("reader", message));
        let begun = tokio::time::Instant::now();
        let left = processes[0].member.leave_backplane();
        assert_eq!(processes[0].reply(left).await, Outcome::Done);
        assert!(begun.elapsed() > Settings::default().command_timeout * 2);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), messages);
        assert_eq!(processes[0].reports, Vec::<String>::new());
        assert!(!bus.knows(processes[0].node()));
    });
}

#[test]
fn a_node_that_leaves_without_having_sent_everything_counts_and_reports_that() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        bus.fill(true);
        (0..3).for_each(|number| processes[0].send("reader", &number.to_string()));
        let left = processes[0].member.leave_backplane();
        assert_eq!(processes[0].reply(left).await, Outcome::Done);
        assert_eq!(processes[0].backplane.counters.dropped.load(Ordering::Relaxed), 3);
        let last = processes[0].reports.last().expect("a report");
        assert!(last.contains("closed before everything was sent") && last.contains("OOM"), "{last}");
    });
}

#[test]
fn a_node_that_has_never_connected_sends_what_waits_when_it_leaves() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = vec![Process::join(&bus, Settings::default())];
        processes[0].create("stays");
        settle(&mut processes).await;
        bus.disconnect(true);
        let mut leaves = Process::join(&bus, Settings::default());
        leaves.create("leaves");
        leaves.send("stays", "goodbye");
        let left = leaves.member.leave_backplane();
        tokio::time::sleep(A_WHILE).await;
        bus.disconnect(false);
        assert_eq!(leaves.reply(left).await, Outcome::Done);
        settle(&mut processes).await;
        assert_eq!(processes[0].got("stays"), ["goodbye"]);
        assert!(!bus.knows(leaves.node()));
    });
}

#[test]
fn foreign_entries_are_counted_and_skipped() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, Settings::default()).await;
        let node = processes[1].node().clone();
        bus.add(&node, vec![(b"hello".to_vec(), b"world".to_vec())]);
        bus.add(&node, vec![]);
        processes[0].send("reader", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["after"]);
        assert_eq!(processes[1].backplane.counters.malformed.load(Ordering::Relaxed), 2);
    });
}
