//! Inboxes: a node reads only what concerns it, a node that is alive loses nothing, and what a dead node loses is counted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tmcp_session_manager::backplane::memory::MemoryBus;
use tmcp_session_manager::backplane::settings::Settings;

use crate::process::{A_WHILE, Process, numbers, pass, run, settle, units};

/// Settings with an outbox that never fills.
fn unlimited() -> Settings {
    Settings { max_pending_bytes: usize::MAX, ..Settings::default() }
}

#[test]
fn a_burst_waits_for_room_in_a_small_inbox_and_arrives_whole() {
    run(async {
        let bus = MemoryBus::default();
        bus.limit(Settings { max_len: 50, ..Settings::default() });
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        processes[1].member.set_max_mailbox_bytes(10_000);
        let expected = numbers(5_000);
        expected.iter().for_each(|text| processes[0].send("reader", text));
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), expected);
        assert_eq!(processes[1].missed(), 0);
        assert!(
            processes.iter().all(|process| process.backplane.counters.dropped.load(Ordering::Relaxed) == 0)
        );
    });
}

#[test]
fn messages_larger_than_an_inbox_arrive_one_by_one() {
    run(async {
        let bus = MemoryBus::default();
        bus.limit(Settings { max_inbox_bytes: 1_000, ..Settings::default() });
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        let texts: Vec<_> = ["a", "b", "c"].map(|letter| letter.repeat(3_000)).into();
        texts.iter().for_each(|text| processes[0].send("reader", text));
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), texts);
    });
}

#[test]
fn a_node_reads_nothing_that_is_for_others() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<3>(&bus, unlimited());
        processes[1].create("reader");
        processes[2].create("other");
        settle(&mut processes).await;
        for number in 0..100 {
            processes[0].send("reader", &number.to_string());
            processes[0].create(&number.to_string());
        }
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader").len(), 100);
        assert_eq!(processes[2].backplane.counters.received.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_message_reaches_a_session_that_was_created_a_moment_ago() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<3>(&bus, unlimited());
        settle(&mut processes).await;
        processes[1].create("new");
        processes[0].send("new", "at once");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("new"), ["at once"]);
    });
}

#[test]
fn a_message_reaches_a_session_that_has_just_moved_from_a_dead_node() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<3>(&bus, unlimited());
        processes[1].create("moves");
        settle(&mut processes).await;
        processes[1].die();
        settle(&mut processes).await;
        processes[2].create("moves");
        processes[0].send("moves", "at once");
        settle(&mut processes).await;
        assert_eq!(processes[2].got("moves"), ["at once"]);
    });
}

#[test]
fn a_node_that_was_cut_off_for_long_and_has_room_loses_nothing() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<3>(&bus, unlimited()).await;
        let node = processes[1].node().clone();
        bus.cut_off(&node, true);
        // It counts as dead.
        pass(Duration::from_secs(60), &mut processes).await;
        for number in 0..15_000 {
            processes[2].create(&number.to_string());
        }
        let expected = numbers(100);
        expected.iter().for_each(|text| processes[0].send("reader", text));
        pass(Duration::from_secs(60), &mut processes).await;
        bus.cut_off(&node, false);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), expected);
        assert_eq!(processes[1].missed(), 0);
    });
}

#[test]
fn a_dead_node_whose_inbox_is_full_delays_the_senders_no_longer_and_gets_an_exact_gap() {
    run(async {
        let bus = MemoryBus::default();
        bus.limit(Settings { max_len: 100, ..Settings::default() });
        let mut processes = Process::join_several::<3>(&bus, unlimited());
        processes[1].create("away");
        processes[2].create("reader");
        settle(&mut processes).await;
        processes[0].send("away", "before");
        settle(&mut processes).await;
        let node = processes[1].node().clone();
        bus.cut_off(&node, true);
        for number in 0..1_000 {
            processes[0].send("away", &number.to_string());
            processes[0].send("reader", &number.to_string());
        }
        pass(Duration::from_secs(5), &mut processes).await;
        let early = processes[2].got("reader").len();
        assert!((99..110).contains(&early), "the sender waits while the node may be alive: {early}");
        pass(Duration::from_secs(30), &mut processes).await;
        assert_eq!(processes[2].got("reader"), numbers(1_000));
        bus.cut_off(&node, false);
        settle(&mut processes).await;
        let got = processes[1].got("away");
        assert_eq!(got[1..], numbers(1_000)[900..]);
        assert_eq!(processes[1].missed(), 900);
        let of_sender = format!(r#"{{"missed":900,"node":"{}"}}"#, processes[0].node().as_str());
        assert!(processes[1].reports.contains(&of_sender), "{:?}", processes[1].reports);
        processes[0].send("away", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("away").last(), Some(&"after"));
        assert_eq!(processes[1].missed(), 900, "each loss counts once");
    });
}

#[test]
fn a_session_stays_when_its_node_has_missed_the_deletion() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        let node = processes[1].node().clone();
        bus.cut_off(&node, true);
        pass(Duration::from_secs(60), &mut processes).await;
        processes[0].delete("reader");
        settle(&mut processes).await;
        assert_eq!(bus.owner(&units("reader")), None);
        bus.remove_unread(&node, 0);
        bus.cut_off(&node, false);
        settle(&mut processes).await;
        assert_eq!(processes[1].missed(), 1);
        assert_eq!(bus.owner(&units("reader")), Some(node));
        processes[0].send("reader", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["after"]);
    });
}

#[test]
fn entries_that_were_read_and_removed_before_they_were_acknowledged_are_not_missed() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        let node = processes[1].node().clone();
        for round in 0..3 {
            processes[0].send("reader", &round.to_string());
            // Read, and not acknowledged yet.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(bus.waiting(&node), 1);
            bus.remove_unread(&node, 0);
            settle(&mut processes).await;
        }
        assert_eq!(processes[1].got("reader"), ["0", "1", "2"]);
        assert_eq!(processes[1].missed(), 0);
    });
}

#[test]
fn what_a_failover_takes_back_is_sent_again() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<3>(&bus, unlimited()).await;
        processes[0].send("reader", "old");
        settle(&mut processes).await;
        let replica = bus.replicate();
        processes[0].send("reader", "read before the failover");
        processes[2].create("new");
        tokio::time::sleep(A_WHILE).await;
        processes[1].drain();
        bus.cut_off(&processes[1].node().clone(), true);
        processes[0].send("reader", "not read");
        processes[0].send("new", "not read");
        tokio::time::sleep(A_WHILE).await;
        bus.fail_over(replica);
        bus.cut_off(&processes[1].node().clone(), false);
        settle(&mut processes).await;
        processes[0].send("reader", "later");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["old", "read before the failover", "not read", "later"]);
        assert_eq!(processes[2].got("new"), ["not read"]);
        assert_eq!(bus.owner(&units("new")), Some(processes[2].node().clone()));
        assert!(processes.iter().all(|process| process.missed() == 0));
    });
}

#[test]
fn what_a_failover_takes_back_after_too_long_is_reported_by_its_sender() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        processes[0].send("reader", "old");
        settle(&mut processes).await;
        let replica = bus.replicate();
        for text in ["a", "b", "c"] {
            processes[0].send("reader", text);
        }
        settle(&mut processes).await;
        processes[0].send("reader", "d");
        tokio::time::sleep(A_WHILE).await;
        bus.fail_over(replica);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["old", "a", "b", "c", "d"]);
        assert_eq!(processes[0].missed(), 3, "they may not have been read");
        processes[0].send("reader", "e");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader").last(), Some(&"e"));
    });
}

#[test]
fn thirty_nodes_send_to_each_other_and_to_all() {
    run(async {
        const NODES: usize = 30;
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<NODES>(&bus, unlimited());
        for (number, process) in processes.iter_mut().enumerate() {
            process.create(&number.to_string());
        }
        settle(&mut processes).await;
        for (from, process) in processes.iter_mut().enumerate() {
            (0..NODES).for_each(|to| process.send(&to.to_string(), &format!("from {from}")));
            process.broadcast(&format!("all from {from}"));
        }
        settle(&mut processes).await;
        for (number, process) in processes.iter().enumerate() {
            let got = process.got(&number.to_string());
            assert_eq!(got.len(), 2 * NODES);
            for from in 0..NODES {
                let place = |text: String| got.iter().position(|got| **got == text);
                let (one, all) = (place(format!("from {from}")), place(format!("all from {from}")));
                assert!(one.is_some() && one < all, "from {from} to {number}: {one:?}, {all:?}");
            }
        }
    });
}

#[test]
fn a_node_that_is_dead_for_long_is_removed_and_learns_of_it() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_several::<2>(&bus, unlimited());
        for number in 0..1_000 {
            processes[1].create(&number.to_string());
        }
        settle(&mut processes).await;
        let node = processes[1].node().clone();
        bus.cut_off(&node, true);
        pass(Duration::from_secs(500), &mut processes).await;
        assert!(bus.knows(&node));
        pass(Duration::from_secs(200), &mut processes).await;
        assert!(!bus.knows(&node));
        assert_eq!(bus.owner(&units("7")), None);
        bus.cut_off(&node, false);
        settle(&mut processes).await;
        assert_eq!(bus.owner(&units("7")), Some(node.clone()));
        assert_eq!(bus.listed(&node).len(), 1_000);
        assert!(processes[1].reports.iter().any(|report| report.contains("ERR_INBOX_LOST")));
        processes[0].send("7", "again");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("7"), ["again"]);
    });
}

#[test]
fn no_node_is_removed_because_the_bus_was_away_or_its_clock_jumps() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes = Process::join_with_reader::<2>(&bus, unlimited()).await;
        let node = processes[1].node().clone();
        bus.disconnect(true);
        pass(Duration::from_secs(3_000), &mut processes).await;
        // One node is back long before the other.
        bus.cut_off(&node, true);
        bus.disconnect(false);
        pass(Duration::from_secs(60), &mut processes).await;
        assert!(bus.knows(&node));
        bus.cut_off(&node, false);
        for jump in [3_600_000, -7_200_000] {
            bus.move_clock(jump);
            settle(&mut processes).await;
            assert!(bus.knows(&node));
            processes[0].send("reader", &jump.to_string());
            settle(&mut processes).await;
        }
        assert_eq!(processes[1].got("reader"), ["3600000", "-7200000"]);
        // A node that dies after the clock went back counts as dead soon.
        processes[1].die();
        pass(Duration::from_secs(800), &mut processes).await;
        assert!(!bus.knows(&node));
    });
}
