//! Processes on a bus in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::backplane::Backplane;
use tmcp_session_manager::backplane::ids::NodeId;
use tmcp_session_manager::backplane::memory::{MemoryBus, Plan};
use tmcp_session_manager::backplane::node::Node;
use tmcp_session_manager::backplane::request::Request;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::completion::Outcome;
use tmcp_session_manager::threads::message::ThreadMessage;
use tmcp_session_manager::threads::text::Text;
use tokio::task::JoinHandle;

/// Long enough for one operation.
pub const A_WHILE: Duration = Duration::from_millis(500);

/// A process with one thread.
pub struct Process {
    pub scope: Scope,
    pub member: Member,
    pub backplane: Arc<Backplane>,
    task: JoinHandle<()>,
    /// By key: the id, and the messages that arrived.
    pub streams: BTreeMap<Key, (String, Vec<String>)>,
    replies: BTreeMap<Key, Outcome>,
    pub reports: Vec<String>,
}

pub fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

pub fn text(text: &str) -> Result<Text, Infallible> {
    Ok(Text::from(text.as_bytes()))
}

pub fn string(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Returns different texts, in order.
pub fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Returns the outcome of a request whose reply is true or false.
pub fn answer(is: bool) -> Outcome {
    Outcome::Value(Text::from(is.to_string().as_bytes()))
}

impl Process {
    /// Joins with a new hub. Must be called inside a tokio runtime.
    pub fn join(bus: &MemoryBus, settings: Settings) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let scope = Scope::Redis { url: format!("memory {number}").into(), prefix: [].into() };
        let mut joined = None;
        let member =
            scope.join_with_backplane(settings, DEFAULT_MAX_MAILBOX_BYTES, None, |hub, backplane| {
                let task = tokio::spawn(Node::new(hub, Arc::clone(&backplane), bus.clone()).run());
                joined = Some((backplane, task));
            });
        let (backplane, task) = joined.expect("a new hub");
        Self {
            scope,
            member,
            backplane,
            task,
            streams: BTreeMap::new(),
            replies: BTreeMap::new(),
            reports: Vec::new(),
        }
    }

    /// Joins with several new hubs.
    pub fn join_several<const COUNT: usize>(bus: &MemoryBus, settings: Settings) -> [Self; COUNT] {
        [(); COUNT].map(|()| Self::join(bus, settings))
    }

    /// Joins with several new hubs. The second one has the session `reader`.
    pub async fn join_with_reader<const COUNT: usize>(bus: &MemoryBus, settings: Settings) -> [Self; COUNT] {
        let mut processes = Self::join_several(bus, settings);
        processes[1].create("reader");
        settle(&mut processes).await;
        processes
    }

    /// Ends as if its process was killed.
    pub fn die(&self) {
        self.task.abort();
    }

    pub fn node(&self) -> &NodeId {
        &self.backplane.node
    }

    pub fn missed(&self) -> u64 {
        self.backplane.counters.missed.load(Ordering::Relaxed)
    }

    pub fn create(&mut self, id: &str) {
        let created = self.member.create(&units(id));
        self.streams.insert(created.key, (id.into(), Vec::new()));
        created.replaced.inspect(|older| drop(self.streams.remove(older)));
    }

    pub fn delete(&mut self, id: &str) {
        self.member.remove(&units(id)).inspect(|key| drop(self.streams.remove(key)));
    }

    pub fn send(&mut self, id: &str, message: &str) {
        let Ok(key) = self.member.send_one(&units(id), || text(message));
        self.deliver(key.as_slice(), message);
    }

    pub fn broadcast(&mut self, message: &str) {
        let Ok(()) = self.member.send_elsewhere(|| text(message));
        let keys: Vec<Key> = self.streams.keys().copied().collect();
        self.deliver(&keys, message);
    }

    pub fn deliver(&mut self, keys: &[Key], message: &str) {
        for key in keys {
            self.streams.get_mut(key).into_iter().for_each(|(_, got)| got.push(message.into()));
        }
    }

    /// Processes the messages in the mailbox.
    pub fn drain(&mut self) {
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
    pub fn got(&self, id: &str) -> Vec<&str> {
        let streams = self.streams.values().filter(|(of, _)| of == id);
        streams.flat_map(|(_, got)| got.iter().map(String::as_str)).collect()
    }

    pub fn ids(&self) -> BTreeSet<String> {
        self.member.ids().iter().map(|id| String::from_utf16_lossy(id)).collect()
    }

    /// Waits for the reply to a request.
    pub async fn reply(&mut self, request: Option<Key>) -> Outcome {
        let request = request.expect("a request was made");
        loop {
            self.drain();
            if let Some(outcome) = self.replies.remove(&request) {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn has(&mut self, id: &str) -> Outcome {
        let id = units(id).into();
        let request =
            self.member.request(|backplane, completion| backplane.request(Request::Has { id }, completion));
        self.reply(request).await
    }
}

/// Runs a future with a simulated clock, which jumps ahead when all tasks wait.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

/// Waits until everything is sent and read, even after all planned failures: longer than all backoffs and timeouts.
pub async fn settle(processes: &mut [Process]) {
    pass(Duration::from_secs(120), processes).await;
}

/// Lets time pass.
pub async fn pass(time: Duration, processes: &mut [Process]) {
    let end = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        processes.iter_mut().for_each(Process::drain);
    }
}

/// Outcomes of the next calls of the bus.
pub fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = prop_oneof![
        4 => Just(Plan::Works),
        1 => Just(Plan::FailsBefore),
        2 => Just(Plan::FailsAfter),
        2 => Just(Plan::FailsHalfway),
        1 => Just(Plan::Refuses),
    ];
    vec(plan, 0..40)
}
