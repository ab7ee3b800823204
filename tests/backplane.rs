//! Nodes on a bus that fails in every way: what they say to each other arrives once and in order, whatever happens, and in
//! the end all agree about who has which session.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::backplane::bus::Question;
use tmcp_session_manager::backplane::entry::{Entry, NodeId, Stamped};
use tmcp_session_manager::backplane::memory::{Memory, Plan};
use tmcp_session_manager::backplane::node::Node;
use tmcp_session_manager::backplane::{Backplane, Settings};
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::member::Member;
use tmcp_session_manager::post::{Outcome, Post, Text};
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;

/// One process.
struct Machine {
    scope: Scope,
    member: Member,
    backplane: Arc<Backplane>,
    /// By key: the id, and what has come.
    streams: BTreeMap<Key, (String, Vec<String>)>,
    answers: BTreeMap<Key, Outcome>,
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

impl Machine {
    /// To be called in a runtime.
    fn join(bus: &Memory, settings: Settings) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let scope = Scope::Redis { url: format!("memory {number}").into(), prefix: [].into() };
        let mut joined = None;
        let member = scope.join_machines(settings, DEFAULT_MAX_MAILBOX_BYTES, None, |hub, backplane| {
            joined = Some(Arc::clone(&backplane));
            tokio::spawn(Node::new(hub, backplane, bus.clone()).live());
        });
        let backplane = joined.expect("a new hub");
        Self {
            scope,
            member,
            backplane,
            streams: BTreeMap::new(),
            answers: BTreeMap::new(),
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
        self.feed(key.as_slice(), message);
    }

    fn broadcast(&mut self, message: &str) {
        let Ok(()) = self.member.send_elsewhere(|| text(message));
        let keys: Vec<Key> = self.streams.keys().copied().collect();
        self.feed(&keys, message);
    }

    fn feed(&mut self, keys: &[Key], message: &str) {
        for key in keys {
            self.streams.get_mut(key).into_iter().for_each(|(_, got)| got.push(message.into()));
        }
    }

    /// Deals with what has come.
    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_nothing() {
                return;
            }
            assert!(!drained.overflowed);
            for post in drained.posts {
                match post {
                    Post::Message { key, text } => self.feed(&[key], &string(&text)),
                    Post::Multicast { keys, text } => self.feed(&keys, &string(&text)),
                    Post::Broadcast { until, text } => {
                        let keys: Vec<Key> =
                            self.streams.keys().copied().filter(|key| *key <= until).collect();
                        self.feed(&keys, &string(&text));
                    }
                    Post::Close { key, .. } => {
                        self.streams.remove(&key);
                        self.member.has_closed(key);
                    }
                    Post::Answer { question, outcome } => drop(self.answers.insert(question, outcome)),
                    Post::Report { report } => self.reports.push(string(&report)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// What the stream of a session has got.
    fn got(&self, id: &str) -> Vec<&str> {
        let streams = self.streams.values().filter(|(of, _)| of == id);
        streams.flat_map(|(_, got)| got.iter().map(String::as_str)).collect()
    }

    fn ids(&self) -> BTreeSet<String> {
        self.member.ids().iter().map(|id| String::from_utf16_lossy(id)).collect()
    }

    /// The answer to a question, once it is there.
    async fn answer(&mut self, question: Option<Key>) -> Outcome {
        let question = question.expect("there is something to wait for");
        loop {
            self.drain();
            if let Some(outcome) = self.answers.remove(&question) {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn has(&mut self, id: &str) -> Outcome {
        let id = units(id).into();
        let question =
            self.member.question(|backplane, receipt| backplane.ask(Question::Has { id }, receipt));
        self.answer(question).await
    }
}

/// In a time that passes as fast as it can.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

/// Until everything is sent and read, whatever was planned: as long as all backoffs and timeouts.
async fn settle(machines: &mut [Machine]) {
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        machines.iter_mut().for_each(Machine::drain);
    }
}

/// Who has a session, by what stands in the stream.
fn said(bus: &Memory, session: &[u16]) -> Vec<NodeId> {
    let (mut owner, mut heard) = (Vec::new(), BTreeMap::new());
    for Stamped { node, number, entry } in bus.entries() {
        // What comes again was sent again.
        if heard.get(&node).is_some_and(|last| *last >= number) {
            continue;
        }
        heard.insert(node.clone(), number);
        match entry {
            Entry::Claim { id } if *id == *session => owner = vec![node],
            // Of what it has itself, a node says nothing.
            Entry::Delete { id } if *id == *session => owner.clear(),
            _ => {}
        }
    }
    owner
}

/// Long enough for one of them.
const A_WHILE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
enum Step {
    Send {
        from: usize,
        to: usize,
    },
    Broadcast {
        from: usize,
    },
    /// Everybody does what there is to do.
    Wait,
    Cut {
        away: bool,
    },
    Back,
}

const MACHINES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let machine = 0..MACHINES;
    prop_oneof![
        8 => (machine.clone(), machine.clone()).prop_map(|(from, to)| Step::Send { from, to }),
        4 => machine.prop_map(|from| Step::Broadcast { from }),
        3 => Just(Step::Wait),
        1 => any::<bool>().prop_map(|away| Step::Cut { away }),
        1 => Just(Step::Back),
    ]
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = prop_oneof![
        4 => Just(Plan::Works),
        1 => Just(Plan::FailsBefore),
        2 => Just(Plan::FailsAfter),
        2 => Just(Plan::FailsHalfway),
    ];
    vec(plan, 0..40)
}

proptest! {
    #[test]
    fn every_message_arrives_once_and_in_order_whatever_the_bus_does(
        steps in vec(step(), 1..80),
        plans in plans(),
    ) {
        run(async {
            let bus = Memory::default();
            let mut machines: Vec<_> = (0..MACHINES).map(|_| Machine::join(&bus, Settings::default())).collect();
            for (number, machine) in machines.iter_mut().enumerate() {
                machine.create(&format!("session {number}"));
            }
            settle(&mut machines).await;
            bus.plan(plans);

            let mut expected = vec![BTreeMap::<usize, Vec<String>>::new(); MACHINES];
            for (number, step) in steps.iter().enumerate() {
                let message = format!("{number}");
                match *step {
                    Step::Send { from, to } => {
                        machines[from].send(&format!("session {to}"), &message);
                        expected[to].entry(from).or_default().push(message);
                    }
                    Step::Broadcast { from } => {
                        machines[from].broadcast(&message);
                        expected.iter_mut().for_each(|to| to.entry(from).or_default().push(message.clone()));
                    }
                    Step::Wait => tokio::time::sleep(A_WHILE).await,
                    Step::Cut { away } => bus.cut(away),
                    Step::Back => bus.cut(false),
                }
            }
            bus.cut(false);
            settle(&mut machines).await;

            for (to, machine) in machines.iter().enumerate() {
                let got = machine.got(&format!("session {to}"));
                prop_assert_eq!(got.len(), expected[to].values().map(Vec::len).sum::<usize>());
                for (from, expected) in &expected[to] {
                    let of_sender: Vec<_> = got.iter().filter(|message| expected.iter().any(|e| e == *message)).collect();
                    prop_assert_eq!(of_sender, expected.iter().collect::<Vec<_>>(), "from {} to {}", from, to);
                }
                prop_assert_eq!(machine.backplane.counters.missed.load(Ordering::Relaxed), 0);
                prop_assert_eq!(machine.backplane.pending_bytes(), 0);
            }
            Ok(())
        })?;
    }

    #[test]
    fn in_the_end_one_node_has_each_session_and_all_know_it(
        steps in vec((0..MACHINES, 0..4_usize, 0..6_usize), 1..60),
        plans in plans(),
    ) {
        run(async {
            let bus = Memory::default();
            let mut machines: Vec<_> = (0..MACHINES).map(|_| Machine::join(&bus, Settings::default())).collect();
            settle(&mut machines).await;
            bus.plan(plans);
            for (number, session, what) in steps {
                let id = format!("session {session}");
                match what {
                    0..3 => machines[number].create(&id),
                    // Of its own, a node forgets without a word.
                    3 if !machines[number].ids().contains(&id) => machines[number].delete(&id),
                    4 => bus.cut(false),
                    _ => tokio::time::sleep(A_WHILE).await,
                }
            }
            bus.cut(false);
            settle(&mut machines).await;

            for session in 0..4 {
                let id = format!("session {session}");
                let owners: Vec<_> = machines
                    .iter()
                    .filter(|machine| machine.ids().contains(&id))
                    .map(|machine| machine.backplane.node.clone())
                    .collect();
                prop_assert_eq!(&owners, &said(&bus, &units(&id)), "{}", id);
                for machine in &mut machines {
                    let here = machine.ids().contains(&id);
                    prop_assert_eq!(machine.streams.values().filter(|(of, _)| *of == id).count(), usize::from(here));
                    let there = machine.has(&id).await;
                    prop_assert_eq!(there, Outcome::Is(Text::from((owners.len() == 1).to_string().as_bytes())));
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn what_was_trimmed_away_before_it_was_read_is_told_and_counted() {
    run(async {
        // It waits for a thread without room as long as it takes.
        let settings = Settings { command_timeout: Duration::from_secs(1_000), ..Settings::default() };
        let bus = Memory::default();
        let mut machines = [Machine::join(&bus, settings), Machine::join(&bus, settings)];
        machines[1].create("reader");
        settle(&mut machines).await;
        machines[0].send("reader", "before");
        settle(&mut machines).await;
        // The reader's mailbox is too full for more to be read.
        let [writer, reader] = &mut machines;
        reader.member.hold_at_most(1_000);
        writer.send("reader", &"x".repeat(600));
        tokio::time::sleep(A_WHILE).await;
        // More than is read at once.
        for number in 0..100 {
            writer.send("reader", &number.to_string());
        }
        tokio::time::sleep(A_WHILE).await;
        bus.trim(3);
        settle(&mut machines).await;
        let [writer, reader] = &machines;
        let node = writer.backplane.node.as_str();
        let missed = reader.backplane.counters.missed.load(Ordering::Relaxed);
        let got = reader.got("reader");
        assert_eq!(got.len() + missed as usize, 102, "of all that was sent");
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
fn what_was_trimmed_away_to_the_last_is_told_by_the_next_beat() {
    run(async {
        // It waits for a thread without room as long as it takes.
        let settings = Settings { command_timeout: Duration::from_secs(1_000), ..Settings::default() };
        let bus = Memory::default();
        let mut machines = [Machine::join(&bus, settings), Machine::join(&bus, settings)];
        machines[1].create("reader");
        settle(&mut machines).await;
        machines[1].member.hold_at_most(1_000);
        machines[0].send("reader", &"x".repeat(600));
        tokio::time::sleep(A_WHILE).await;
        // Some are read already when the mailbox is full; the others never come.
        for number in 0..100 {
            machines[0].send("reader", &number.to_string());
        }
        tokio::time::sleep(A_WHILE).await;
        bus.trim(0);
        settle(&mut machines).await;
        // Somebody else's entry, so that it reads on.
        let mut third = Machine::join(&bus, Settings::default());
        third.broadcast("on");
        settle(&mut machines).await;
        let reader = &machines[1];
        let missed = reader.backplane.counters.missed.load(Ordering::Relaxed) as usize;
        assert!(missed > 0);
        assert_eq!(reader.got("reader").len() + missed, 102, "of all that was sent");
    });
}

#[test]
fn a_connection_that_is_made_again_reads_on_and_not_from_the_start() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[1].create("reader");
        settle(&mut machines).await;
        for number in 0..5 {
            machines[0].send("reader", &number.to_string());
            settle(&mut machines).await;
            bus.cut(false);
        }
        settle(&mut machines).await;
        assert_eq!(machines[1].backplane.counters.duplicates.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_new_stream_whose_clock_is_behind_is_read() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[1].create("reader");
        settle(&mut machines).await;
        for number in 0..5 {
            machines[0].send("reader", &number.to_string());
            settle(&mut machines).await;
        }
        // Nobody is told, and nobody connects again for it.
        bus.lose();
        settle(&mut machines).await;
        machines[0].send("reader", "after");
        settle(&mut machines).await;
        assert_eq!(machines[1].got("reader"), ["0", "1", "2", "3", "4", "after"]);
        assert_eq!(machines[1].backplane.counters.gaps.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_thread_that_does_not_move_holds_up_the_others_for_a_while_and_not_for_ever() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[1].create("moves");
        let stuck = machines[1].scope.join(10_000, None);
        stuck.create(&units("stuck"));
        settle(&mut machines).await;
        for number in 0..300 {
            machines[0].broadcast(&format!("{number:0100}"));
        }
        for _ in 0..30 {
            tokio::time::sleep(A_WHILE).await;
            machines[1].drain();
        }
        assert_eq!(machines[1].got("moves").len(), 300);
        assert!(stuck.drain().overflowed, "it is told");
    });
}

#[test]
fn a_thread_that_moves_is_given_no_more_than_it_holds() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[1].create("reader");
        machines[1].member.hold_at_most(10_000);
        settle(&mut machines).await;
        for number in 0..1_000 {
            machines[0].broadcast(&format!("{number:01000}"));
        }
        // It asserts that nothing overflowed.
        for _ in 0..10_000 {
            tokio::time::sleep(Duration::from_millis(3)).await;
            machines[1].drain();
        }
        assert_eq!(machines[1].got("reader").len(), 1_000);
    });
}

#[test]
fn with_the_bus_away_what_waits_is_bounded_and_whoever_asks_is_told() {
    run(async {
        let settings = Settings { max_pending_bytes: 2_000, ..Settings::default() };
        let bus = Memory::default();
        let mut machines = [Machine::join(&bus, settings), Machine::join(&bus, settings)];
        machines[1].create("there");
        settle(&mut machines).await;
        bus.cut(true);
        tokio::time::sleep(A_WHILE).await;
        machines[0].create("here");
        machines[0].send("there", "kept");
        assert!(!machines[0].member.was_refused());
        machines[0].send("there", &"x".repeat(2_000));
        assert!(machines[0].member.was_refused());
        assert!(!machines[0].member.was_refused(), "said once");
        machines[0].send("here", "local");
        assert_eq!(machines[0].got("here"), ["local"]);
        let flushed = machines[0].member.flush();
        for outcome in [machines[0].answer(flushed).await, machines[0].has("there").await] {
            let failure = string(&outcome.failure().expect("a failure"));
            assert!(
                failure.contains("ERR_BACKPLANE_UNAVAILABLE") && failure.contains("2000 ms"),
                "{failure}"
            );
        }
        bus.cut(false);
        settle(&mut machines).await;
        assert_eq!(machines[1].got("there"), ["kept"]);
        assert_eq!(machines[0].has("there").await, Outcome::Is(Text::from(*b"true")));
        assert!(machines[0].reports[0].contains("error"));
    });
}

#[test]
fn sessions_that_found_no_room_to_be_claimed_are_claimed_later() {
    run(async {
        let settings = Settings { max_pending_bytes: 1_000, ..Settings::default() };
        let bus = Memory::default();
        let mut machines = [Machine::join(&bus, settings), Machine::join(&bus, Settings::default())];
        for number in 0..50 {
            machines[1].create(&format!("session {number}"));
        }
        settle(&mut machines).await;
        bus.cut(true);
        for number in 0..50 {
            machines[0].create(&format!("session {number}"));
        }
        machines[0].delete("session 49");
        tokio::time::sleep(A_WHILE).await;
        bus.cut(false);
        settle(&mut machines).await;
        assert_eq!(machines[0].member.len(), 49);
        assert_eq!(machines[1].streams.len(), 1, "the one that was deleted elsewhere before it was claimed");
    });
}

#[test]
fn whoever_leaves_sends_what_waits_and_takes_its_sessions_away() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[0].create("goes");
        machines[1].create("stays");
        settle(&mut machines).await;
        machines[0].send("stays", "goodbye");
        let left = machines[0].member.leave_machines();
        assert_eq!(machines[0].answer(left).await, Outcome::Done);
        assert_eq!(machines[1].has("goes").await, Outcome::Is(Text::from(*b"false")));
        machines[1].drain();
        assert_eq!(machines[1].got("stays"), ["goodbye"]);
        assert_eq!(bus.listed(&machines[0].backplane.node), None);
    });
}

#[test]
fn what_is_not_ours_is_counted_and_passed_over() {
    run(async {
        let bus = Memory::default();
        let mut machines =
            [Machine::join(&bus, Settings::default()), Machine::join(&bus, Settings::default())];
        machines[1].create("reader");
        settle(&mut machines).await;
        bus.append(vec![(b"hello".to_vec(), b"world".to_vec())]);
        bus.append(vec![]);
        machines[0].send("reader", "after");
        settle(&mut machines).await;
        assert_eq!(machines[1].got("reader"), ["after"]);
        assert_eq!(machines[1].backplane.counters.malformed.load(Ordering::Relaxed), 2);
    });
}
