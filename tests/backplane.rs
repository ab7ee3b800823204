//! Nodes on a bus that fails in every way: their messages arrive once and in order, and in the end all nodes agree on which
//! node has which session.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::backplane::Backplane;
use tmcp_session_manager::backplane::bus::Request;
use tmcp_session_manager::backplane::entry::{Entry, NodeId, NumberedEntry};
use tmcp_session_manager::backplane::fields;
use tmcp_session_manager::backplane::memory::{MemoryBus, Plan};
use tmcp_session_manager::backplane::node::Node;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::completion::Outcome;
use tmcp_session_manager::threads::message::ThreadMessage;
use tmcp_session_manager::threads::text::Text;

/// A process with one thread.
struct Process {
    scope: Scope,
    member: Member,
    backplane: Arc<Backplane>,
    /// By key: the id, and the messages that arrived.
    streams: BTreeMap<Key, (String, Vec<String>)>,
    replies: BTreeMap<Key, Outcome>,
    reports: Vec<String>,
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(text: &str) -> Result<Text, Infallible> {
    Ok(Text::from(text.as_bytes()))
}

fn string(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

impl Process {
    /// Joins with a new hub. Must be called inside a tokio runtime.
    fn join(bus: &MemoryBus, settings: Settings) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let scope = Scope::Redis { url: format!("memory {number}").into(), prefix: [].into() };
        let mut joined = None;
        let member =
            scope.join_with_backplane(settings, DEFAULT_MAX_MAILBOX_BYTES, None, |hub, backplane| {
                joined = Some(Arc::clone(&backplane));
                tokio::spawn(Node::new(hub, backplane, bus.clone()).run());
            });
        let backplane = joined.expect("a new hub");
        Self {
            scope,
            member,
            backplane,
            streams: BTreeMap::new(),
            replies: BTreeMap::new(),
            reports: Vec::new(),
        }
    }

    fn create(&mut self, id: &str) {
        let created = self.member.create(&units(id));
        self.streams.insert(created.key, (id.into(), Vec::new()));
        created.replaced.inspect(|older| drop(self.streams.remove(older)));
    }

    fn delete(&mut self, id: &str) {
        self.member.remove(&units(id)).inspect(|key| drop(self.streams.remove(key)));
    }

    fn send(&mut self, id: &str, message: &str) {
        let Ok(key) = self.member.send_one(&units(id), || text(message));
        self.deliver(key.as_slice(), message);
    }

    fn broadcast(&mut self, message: &str) {
        let Ok(()) = self.member.send_elsewhere(|| text(message));
        let keys: Vec<Key> = self.streams.keys().copied().collect();
        self.deliver(&keys, message);
    }

    fn deliver(&mut self, keys: &[Key], message: &str) {
        for key in keys {
            self.streams.get_mut(key).into_iter().for_each(|(_, got)| got.push(message.into()));
        }
    }

    /// Processes the messages in the mailbox.
    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_empty() {
                return;
            }
            assert!(!drained.overflowed);
            for message in drained.messages {
                match message {
                    ThreadMessage::Unicast { key, text } => self.deliver(&[key], &string(&text)),
                    ThreadMessage::Multicast { keys, text } => self.deliver(&keys, &string(&text)),
                    ThreadMessage::Broadcast { until, text } => {
                        let keys: Vec<Key> =
                            self.streams.keys().copied().filter(|key| *key <= until).collect();
                        self.deliver(&keys, &string(&text));
                    }
                    ThreadMessage::Close { key, .. } => {
                        self.streams.remove(&key);
                        self.member.mark_closed(key);
                    }
                    ThreadMessage::Reply { request, outcome } => drop(self.replies.insert(request, outcome)),
                    ThreadMessage::Report { report } => self.reports.push(string(&report)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Returns what the stream of a session received.
    fn got(&self, id: &str) -> Vec<&str> {
        let streams = self.streams.values().filter(|(of, _)| of == id);
        streams.flat_map(|(_, got)| got.iter().map(String::as_str)).collect()
    }

    fn ids(&self) -> BTreeSet<String> {
        self.member.ids().iter().map(|id| String::from_utf16_lossy(id)).collect()
    }

    /// Waits for the reply to a request.
    async fn reply(&mut self, request: Option<Key>) -> Outcome {
        let request = request.expect("a request was made");
        loop {
            self.drain();
            if let Some(outcome) = self.replies.remove(&request) {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn has(&mut self, id: &str) -> Outcome {
        let id = units(id).into();
        let request =
            self.member.request(|backplane, completion| backplane.request(Request::Has { id }, completion));
        self.reply(request).await
    }
}

/// Runs a future with a simulated clock, which jumps ahead when all tasks wait.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

/// Waits until everything is sent and read, even after all planned failures: longer than all backoffs and timeouts.
async fn settle(processes: &mut [Process]) {
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        processes.iter_mut().for_each(Process::drain);
    }
}

/// Returns which node has a session according to the stream.
fn owner_by_stream(bus: &MemoryBus, session: &[u16]) -> Vec<NodeId> {
    let (mut owner, mut last_numbers) = (Vec::new(), BTreeMap::new());
    for NumberedEntry { node, number, entry } in bus.entries() {
        // It is a duplicate.
        if last_numbers.get(&node).is_some_and(|last| *last >= number) {
            continue;
        }
        last_numbers.insert(node.clone(), number);
        match entry {
            Entry::Claim { id } if *id == *session => owner = vec![node],
            // A node publishes the deletion only of sessions that it does not have.
            Entry::Delete { id } if *id == *session => owner.clear(),
            _ => {}
        }
    }
    owner
}

/// Long enough for one operation.
const A_WHILE: Duration = Duration::from_millis(500);

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

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = prop_oneof![
        4 => Just(Plan::Works),
        1 => Just(Plan::FailsBefore),
        2 => Just(Plan::FailsAfter),
        2 => Just(Plan::FailsHalfway),
        1 => Just(Plan::Refuses),
    ];
    vec(plan, 0..40)
}

proptest! {
    #[test]
    fn every_message_arrives_once_and_in_order_despite_failures(
        steps in vec(step(), 1..80),
        plans in plans(),
    ) {
        run(async {
            let bus = MemoryBus::default();
            let mut processes: Vec<_> = (0..PROCESSES).map(|_| Process::join(&bus, Settings::default())).collect();
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
                prop_assert_eq!(process.backplane.counters.missed.load(Ordering::Relaxed), 0);
                prop_assert_eq!(process.backplane.pending_bytes(), 0);
            }
            Ok(())
        })?;
    }

    #[test]
    fn in_the_end_one_node_has_each_session_and_all_nodes_agree(
        steps in vec((0..PROCESSES, 0..4_usize, 0..6_usize), 1..60),
        plans in plans(),
    ) {
        run(async {
            let bus = MemoryBus::default();
            let mut processes: Vec<_> = (0..PROCESSES).map(|_| Process::join(&bus, Settings::default())).collect();
            settle(&mut processes).await;
            bus.plan(plans);
            for (number, session, what) in steps {
                let id = format!("session {session}");
                match what {
                    0..3 => processes[number].create(&id),
                    // A node does not publish the deletion of its own session.
                    3 if !processes[number].ids().contains(&id) => processes[number].delete(&id),
                    4 => bus.disconnect(false),
                    _ => tokio::time::sleep(A_WHILE).await,
                }
            }
            bus.disconnect(false);
            settle(&mut processes).await;

            for session in 0..4 {
                let id = format!("session {session}");
                let owners: Vec<_> = processes
                    .iter()
                    .filter(|process| process.ids().contains(&id))
                    .map(|process| process.backplane.node.clone())
                    .collect();
                prop_assert_eq!(&owners, &owner_by_stream(&bus, &units(&id)), "{}", id);
                for process in &mut processes {
                    let here = process.ids().contains(&id);
                    prop_assert_eq!(process.streams.values().filter(|(of, _)| *of == id).count(), usize::from(here));
                    let there = process.has(&id).await;
                    prop_assert_eq!(there, Outcome::Value(Text::from((owners.len() == 1).to_string().as_bytes())));
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn entries_that_were_trimmed_before_they_were_read_are_counted_and_reported() {
    run(async {
        // Long enough that the reader waits for room until it has some.
        let settings = Settings { command_timeout: Duration::from_secs(1_000), ..Settings::default() };
        let bus = MemoryBus::default();
        let mut processes = [Process::join(&bus, settings), Process::join(&bus, settings)];
        processes[1].create("reader");
        settle(&mut processes).await;
        processes[0].send("reader", "before");
        settle(&mut processes).await;
        // The reader's mailbox is too full to read on.
        let [writer, reader] = &mut processes;
        reader.member.set_max_mailbox_bytes(1_000);
        writer.send("reader", &"x".repeat(600));
        tokio::time::sleep(A_WHILE).await;
        // More than one read returns.
        for number in 0..100 {
            writer.send("reader", &number.to_string());
        }
        tokio::time::sleep(A_WHILE).await;
        bus.trim(3);
        settle(&mut processes).await;
        let [writer, reader] = &processes;
        let node = writer.backplane.node.as_str();
        let missed = reader.backplane.counters.missed.load(Ordering::Relaxed);
        let got = reader.got("reader");
        assert_eq!(got.len() + missed as usize, 102, "of all messages");
        assert_eq!(got[got.len() - 3..], ["97", "98", "99"]);
        assert_eq!(reader.backplane.counters.gaps.load(Ordering::Relaxed), 1);
        assert!(
            reader.reports.contains(&format!(r#"{{"missed":{missed},"node":"{node}"}}"#)),
            "{:?}",
            reader.reports
        );
    });
}

#[test]
fn a_heartbeat_finds_entries_that_were_trimmed_to_the_last() {
    run(async {
        // Long enough that the reader waits for room until it has some.
        let settings = Settings { command_timeout: Duration::from_secs(1_000), ..Settings::default() };
        let bus = MemoryBus::default();
        let mut processes = [Process::join(&bus, settings), Process::join(&bus, settings)];
        processes[1].create("reader");
        settle(&mut processes).await;
        processes[1].member.set_max_mailbox_bytes(1_000);
        processes[0].send("reader", &"x".repeat(600));
        tokio::time::sleep(A_WHILE).await;
        // Some are read before the mailbox is full. The others never arrive.
        for number in 0..100 {
            processes[0].send("reader", &number.to_string());
        }
        tokio::time::sleep(A_WHILE).await;
        bus.trim(0);
        settle(&mut processes).await;
        // An entry of another node makes the reader read on.
        let mut third = Process::join(&bus, Settings::default());
        third.broadcast("on");
        settle(&mut processes).await;
        let reader = &processes[1];
        let missed = reader.backplane.counters.missed.load(Ordering::Relaxed) as usize;
        assert!(missed > 0);
        assert_eq!(reader.got("reader").len() + missed, 102, "of all messages");
    });
}

#[test]
fn a_new_connection_reads_on_and_not_from_the_start() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
        processes[1].create("reader");
        settle(&mut processes).await;
        for number in 0..5 {
            processes[0].send("reader", &number.to_string());
            settle(&mut processes).await;
            bus.disconnect(false);
        }
        settle(&mut processes).await;
        assert_eq!(processes[1].backplane.counters.duplicates.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_new_stream_whose_clock_is_behind_is_read() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
        processes[1].create("reader");
        settle(&mut processes).await;
        for number in 0..5 {
            processes[0].send("reader", &number.to_string());
            settle(&mut processes).await;
        }
        // The nodes keep their connections and notice nothing.
        bus.delete_everything();
        settle(&mut processes).await;
        processes[0].send("reader", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["0", "1", "2", "3", "4", "after"]);
        assert_eq!(processes[1].backplane.counters.gaps.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_blocked_thread_delays_the_others_for_a_limited_time() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
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
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
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
        let mut processes = [Process::join(&bus, settings), Process::join(&bus, settings)];
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
        assert_eq!(processes[0].has("remote").await, Outcome::Value(Text::from(*b"true")));
        assert!(processes[0].reports[0].contains("error"));
    });
}

#[test]
fn while_the_bus_is_full_nodes_read_and_stay_alive_and_everything_is_sent_when_there_is_room() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
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
        assert_eq!(processes[1].has("old").await, Outcome::Value(Text::from(*b"true")));
        assert_eq!(processes[1].has("new").await, Outcome::Value(Text::from(*b"false")));
        let flushed = processes[0].member.flush();
        let failure = string(&processes[0].reply(flushed).await.failure().expect("a failure"));
        assert!(failure.contains(r#""code":"OOM""#), "{failure}");

        // A node that connects while the bus is full reads, too.
        bus.disconnect(false);
        settle(&mut processes).await;
        let sender = NumberedEntry {
            node: NodeId::random(),
            number: 1,
            entry: Entry::Broadcast { text: Text::from(*b"of a third node") },
        };
        let mut written = Vec::new();
        fields::write(&sender.node, sender.number, &sender.entry, |name, value| {
            written.push((name.to_vec(), value.to_vec()));
        });
        bus.append(written);
        settle(&mut processes).await;
        assert_eq!(processes[1].got("remote"), ["of a third node"]);
        for process in &processes {
            assert!(process.backplane.counters.is_connected.load(Ordering::Relaxed));
            assert_eq!(process.backplane.counters.reconnects.load(Ordering::Relaxed), 1);
        }

        bus.fill(false);
        settle(&mut processes).await;
        let numbers: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(processes[1].got("remote")[1..], numbers);
        assert_eq!(processes[1].has("old").await, Outcome::Value(Text::from(*b"false")));
        assert_eq!(processes[1].has("new").await, Outcome::Value(Text::from(*b"true")));
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
        assert_eq!(bus.presence(&processes[0].backplane.node), None);
    });
}

#[test]
fn claims_that_do_not_fit_are_published_later() {
    run(async {
        let settings = Settings { max_pending_bytes: 1_000, ..Settings::default() };
        let bus = MemoryBus::default();
        let mut processes = [Process::join(&bus, settings), Process::join(&bus, Settings::default())];
        for number in 0..50 {
            processes[1].create(&format!("session {number}"));
        }
        settle(&mut processes).await;
        bus.disconnect(true);
        for number in 0..50 {
            processes[0].create(&format!("session {number}"));
        }
        processes[0].delete("session 49");
        tokio::time::sleep(A_WHILE).await;
        bus.disconnect(false);
        settle(&mut processes).await;
        assert_eq!(processes[0].member.len(), 49);
        assert_eq!(
            processes[1].streams.len(),
            1,
            "the session that the other node deleted before it could claim it"
        );
    });
}

#[test]
fn a_node_that_leaves_sends_what_waits_and_removes_its_sessions() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
        processes[0].create("leaves");
        processes[1].create("stays");
        settle(&mut processes).await;
        processes[0].send("stays", "goodbye");
        let left = processes[0].member.leave_backplane();
        assert_eq!(processes[0].reply(left).await, Outcome::Done);
        assert_eq!(processes[1].has("leaves").await, Outcome::Value(Text::from(*b"false")));
        processes[1].drain();
        assert_eq!(processes[1].got("stays"), ["goodbye"]);
        assert_eq!(bus.presence(&processes[0].backplane.node), None);
    });
}

#[test]
fn foreign_entries_are_counted_and_skipped() {
    run(async {
        let bus = MemoryBus::default();
        let mut processes =
            [Process::join(&bus, Settings::default()), Process::join(&bus, Settings::default())];
        processes[1].create("reader");
        settle(&mut processes).await;
        bus.append(vec![(b"hello".to_vec(), b"world".to_vec())]);
        bus.append(vec![]);
        processes[0].send("reader", "after");
        settle(&mut processes).await;
        assert_eq!(processes[1].got("reader"), ["after"]);
        assert_eq!(processes[1].backplane.counters.malformed.load(Ordering::Relaxed), 2);
    });
}
