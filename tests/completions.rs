//! A request to other threads is completed exactly once, whether they process it, overflow or leave.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{mem, thread};

use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::registry::subscriptions::{Filters, ListChange, RequestId, Subject};
use tmcp_session_manager::threads::completion::Completion;
use tmcp_session_manager::threads::message::{NOT_DELIVERED, RegistrationCloseReason, ThreadMessage};
use tmcp_session_manager::threads::text::Text;

const TOOLS: Subject<'_> = Subject::List(ListChange::Tools);
/// Room for a few notifications.
const SMALL: usize = 500;
/// Length of a notification that a small mailbox accepts when it is empty, and only then.
const MOST_OF_SMALL: usize = SMALL - 150;
/// A thread that is not woken within this time is never woken.
const WAKE_TIMEOUT: Duration = Duration::from_secs(60);

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(content: &str) -> Text {
    content.as_bytes().into()
}

/// Returns a member with a registration.
fn listener(hub: &Arc<Hub>, max_bytes: usize) -> Member {
    let member = join(hub, max_bytes);
    listen(&member);
    member
}

/// Makes the calling thread a member of a hub.
fn join(hub: &Arc<Hub>, max_bytes: usize) -> Member {
    Member::join(hub, max_bytes, None).expect("an open hub")
}

fn listeners<const N: usize>(max_bytes: usize) -> [Member; N] {
    let hub = Hub::for_one_thread();
    [(); N].map(|()| listener(&hub, max_bytes))
}

fn listen(member: &Member) {
    let id = RequestId::number(Key::next().as_f64());
    let filters = Filters { lists: [true; 3], uris: vec![] };
    member.register(&utf16("origin"), id, filters).expect("a new id");
}

/// Notifies all other listeners.
fn notify(member: &Member) -> Option<Key> {
    notify_with(member, "news")
}

fn notify_with(member: &Member, notification: &str) -> Option<Key> {
    member.notify_elsewhere(TOOLS, || Ok::<_, Infallible>(text(notification))).unwrap()
}

fn all_notify(members: &[Member]) {
    members.iter().for_each(|member| assert!(notify(member).is_some()));
}

fn completion_of(message: ThreadMessage) -> Option<Completion> {
    match message {
        ThreadMessage::Flush { completion }
        | ThreadMessage::Notify { completion, .. }
        | ThreadMessage::CloseRegistrations { completion, .. } => Some(completion),
        _ => None,
    }
}

/// Returns the requests in a mailbox. The member stays awake for its mailbox.
fn requests(member: &Member) -> Vec<Completion> {
    member.drain().messages.into_iter().filter_map(completion_of).collect()
}

/// Returns the only request in a mailbox.
fn request(member: &Member) -> Completion {
    let [completion] = requests(member).try_into().expect("one request");
    completion
}

/// Returns the replies in a mailbox, each with its failure.
fn replies(member: &Member) -> Vec<(Key, Option<Text>)> {
    let reply = |message| match message {
        ThreadMessage::Reply { request, outcome } => (request, outcome.failure()),
        message => panic!("a reply was expected: {message:?}"),
    };
    member.drain().messages.into_iter().map(reply).collect()
}

#[test]
fn a_request_is_completed_when_the_last_thread_has_settled_it() {
    let [requester, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let sent = notify(&requester).unwrap();
    let kept = [&one, &other].map(|member| member.keep(request(member)));
    one.settle(kept[0], None);
    assert_eq!(replies(&requester), []);
    other.settle(kept[1], None);
    assert_eq!(replies(&requester), [(sent, None)]);
    other.settle(kept[1], Some(text("again")));
    one.settle(kept[1], Some(text("not its own")));
    assert_eq!(replies(&requester), []);
}

#[test]
fn a_failure_completes_a_request_at_once_and_later_outcomes_are_ignored() {
    let [requester, one, other, third] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let sent = notify(&requester).unwrap();
    let kept = [&one, &other].map(|member| member.keep(request(member)));
    one.settle(kept[0], Some(text("first")));
    assert_eq!(replies(&requester), [(sent, Some(text("first")))]);
    other.settle(kept[1], Some(text("second")));
    drop(third);
    assert_eq!(replies(&requester), []);
}

#[test]
fn a_request_without_receivers_is_not_sent() {
    let hub = Hub::for_one_thread();
    let requester = listener(&hub, DEFAULT_MAX_MAILBOX_BYTES);
    let _other = join(&hub, DEFAULT_MAX_MAILBOX_BYTES);
    assert_eq!(notify(&requester), None);
    assert_eq!(requester.flush(), None);
    assert_eq!(requester.close_all_elsewhere(None, RegistrationCloseReason::Closed), None);
    assert_eq!(replies(&requester), []);
}

#[test]
fn one_registration_of_another_thread_is_closed_by_origin_and_id() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub, SMALL), join(&hub, SMALL));
    let [origin, elsewhere] = ["origin", "elsewhere"].map(utf16);
    let id = RequestId::number(1.0);
    let key = other.register(&origin, id.clone(), Filters::default()).unwrap();
    assert_eq!(
        other.close_elsewhere(&origin, &id, RegistrationCloseReason::Closed),
        None,
        "it is its own registration"
    );
    assert_eq!(
        one.close_elsewhere(&elsewhere, &id, RegistrationCloseReason::Closed),
        None,
        "it has another origin"
    );
    assert_eq!(one.close_elsewhere(&origin, &RequestId::number(2.0), RegistrationCloseReason::Closed), None);
    assert_eq!(one.close_all_elsewhere(Some(&elsewhere), RegistrationCloseReason::Closed), None);

    let sent = one.close_elsewhere(&origin, &id, RegistrationCloseReason::Cancelled).unwrap();
    let messages = other.drain().messages;
    let [ThreadMessage::CloseRegistrations { keys, reason: RegistrationCloseReason::Cancelled, .. }] =
        &messages[..]
    else {
        panic!("{messages:?}")
    };
    assert_eq!(keys, &[key]);
    drop(messages);
    assert_eq!(replies(&one), [(sent, None)]);
}

#[test]
fn a_member_that_leaves_completes_requests_in_its_mailbox_and_those_it_kept() {
    let [requester, with_messages, at_work, explicit] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let sent = notify(&requester).unwrap();
    at_work.keep(request(&at_work));
    explicit.keep(request(&explicit));
    let second = notify(&requester).unwrap();
    drop(with_messages);
    drop(at_work);
    assert_eq!(replies(&requester), []);
    explicit.leave();
    assert_eq!(replies(&requester), [(second, None), (sent, None)], "first its mailbox, then the kept ones");
}

#[test]
fn an_overflow_completes_the_requests_in_a_mailbox_and_fails_notifications() {
    let [requester, one] = listeners(SMALL);
    let sent = notify(&requester).unwrap();
    let flush = requester.flush().unwrap();
    assert_eq!(replies(&requester), []);
    let last = notify_with(&requester, &"x".repeat(MOST_OF_SMALL)).unwrap();
    let flush_of_nothing = requester.flush().unwrap();
    let not_delivered = || Some(text(NOT_DELIVERED));
    let all = [(sent, not_delivered()), (flush, None), (last, not_delivered()), (flush_of_nothing, None)];
    assert_eq!(replies(&requester), all);
    assert_eq!(requests(&one), []);
}

#[test]
fn a_reply_to_a_member_that_has_left_is_dropped() {
    let [requester, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    notify(&requester).unwrap();
    let (settled, failed) = (one.keep(request(&one)), other.keep(request(&other)));
    requester.leave();
    other.settle(failed, Some(text("failed")));
    one.settle(settled, None);
    assert_eq!(replies(&requester), []);
    assert_eq!(replies(&other), []);
}

#[test]
fn a_flush_completes_when_everything_posted_before_it_is_processed() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub, SMALL), join(&hub, SMALL));
    let key = other.create(&utf16("a")).key;
    let message = ThreadMessage::Unicast { key, text: text("1") };
    one.send_one(&utf16("a"), || Ok::<_, Infallible>(text("1"))).unwrap();

    let sent = one.flush().unwrap();
    let mut messages = other.drain().messages;
    assert_eq!(messages.remove(0), message);
    assert!(matches!(messages[..], [ThreadMessage::Flush { .. }]), "{messages:?}");
    assert_eq!(replies(&one), []);
    drop(messages);
    assert_eq!(replies(&one), [(sent, None)]);
    // The other thread may still be processing what it has taken.
    let again = one.flush().unwrap();
    drop(request(&other));
    assert_eq!(replies(&one), [(again, None)]);
    assert!(other.drain().is_empty());
    assert_eq!(one.flush(), None);
}

#[test]
fn a_flush_is_sent_only_to_threads_with_unprocessed_messages() {
    let hub = Hub::for_one_thread();
    let [requester, busy, idle] = [(); 3].map(|()| join(&hub, SMALL));
    busy.create(&utf16("a"));
    requester.send_elsewhere(|| Ok::<_, Infallible>(text("1"))).unwrap();
    assert!(requester.flush().is_some());
    assert!(idle.drain().is_empty());
    assert_eq!(requests(&busy).len(), 1);
}

#[test]
fn a_member_that_has_left_keeps_no_completion() {
    let [requester, one] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let sent = notify(&requester).unwrap();
    let completion = request(&one);
    one.leave();
    one.keep(completion);
    assert_eq!(replies(&requester), [(sent, None)]);
}

#[test]
fn a_flush_does_not_overflow_a_mailbox_whose_limit_was_lowered() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub, SMALL), join(&hub, SMALL));
    other.create(&utf16("a"));
    one.send_one(&utf16("a"), || Ok::<_, Infallible>(text("1"))).unwrap();
    other.set_max_mailbox_bytes(1);
    assert!(one.flush().is_some());
    let drained = other.drain();
    assert!(!drained.overflowed);
    assert_eq!(drained.messages.len(), 2);
}

#[test]
fn every_kept_completion_has_its_own_number() {
    let [requester, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    notify(&requester).unwrap();
    notify(&requester).unwrap();
    let kept =
        [&one, &other].map(|member| requests(member).into_iter().map(|completion| member.keep(completion)));
    assert_eq!(kept.into_iter().flatten().collect::<BTreeSet<Key>>().len(), 4);
}

#[test]
fn members_with_requests_of_each_other_leave_one_after_another() {
    let members = listeners::<3>(DEFAULT_MAX_MAILBOX_BYTES);
    all_notify(&members);
    let [one, other, third] = members;
    for member in [&one, &other] {
        for completion in requests(member) {
            member.keep(completion);
        }
        notify(member).unwrap();
    }
    drop(one);
    drop(other);
    assert_eq!(
        third
            .drain()
            .messages
            .iter()
            .filter(|message| matches!(message, ThreadMessage::Reply { .. }))
            .count(),
        1
    );
}

/// Runs `each` for all members of a scene at the same time, each in its own thread, and checks the result. Repeats this
/// often, so that the threads interleave in many ways.
fn at_once<const N: usize>(
    scene: impl Fn() -> [Member; N],
    each: impl Fn(&Member) + Sync,
    check: impl Fn([Member; N]),
) {
    const TIMES: usize = 2_000;
    let scenes: Vec<[Member; N]> = (0..TIMES).map(|_| scene()).collect();
    let together = Barrier::new(N);
    thread::scope(|scope| {
        for nth in 0..N {
            let (scenes, together, each) = (&scenes, &together, &each);
            scope.spawn(move || {
                for members in scenes {
                    together.wait();
                    each(&members[nth]);
                }
            });
        }
    });
    scenes.into_iter().for_each(check);
}

#[test]
fn members_with_requests_of_each_other_leave_at_once() {
    let scene = || {
        let members = listeners::<2>(DEFAULT_MAX_MAILBOX_BYTES);
        all_notify(&members);
        for member in &members {
            member.keep(request(member));
        }
        all_notify(&members);
        members
    };
    at_once(scene, Member::leave, |members| {
        assert!(members.iter().all(|member| member.drain().is_empty()));
    });
}

#[test]
fn members_with_requests_of_each_other_overflow_at_once() {
    let scene = || {
        let members = listeners::<3>(SMALL);
        all_notify(&members);
        members
    };
    let overflow_others =
        |member: &Member| assert!(notify_with(member, &"x".repeat(MOST_OF_SMALL)).is_some());
    at_once(scene, overflow_others, |members| {
        for member in &members {
            let drained = member.drain();
            assert!(drained.overflowed);
            assert_eq!(drained.messages.len(), 2, "the replies to both requests, and nothing else");
        }
    });
}

/// A thread that makes and settles requests, and drains its mailbox only when woken.
struct Worker<'scope> {
    scope: &'scope Scope,
    max_bytes: usize,
    member: Member,
    /// Its requests that are not completed yet.
    open: BTreeSet<Key>,
    /// The completions of requests to it.
    kept: VecDeque<Key>,
    random: u64,
}

impl<'scope> Worker<'scope> {
    fn join(scope: &'scope Scope, max_bytes: usize, seed: u64) -> Self {
        let (open, kept) = (BTreeSet::new(), VecDeque::new());
        Self { scope, max_bytes, member: listening_member(scope, max_bytes), open, kept, random: seed }
    }

    /// Returns a number below `limit`. The numbers are the same in each run.
    fn random(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_empty() {
                return;
            }
            if drained.overflowed {
                self.member.forget_all();
                listen(&self.member);
            }
            for message in drained.messages {
                match message {
                    ThreadMessage::Reply { request, .. } => {
                        assert!(self.open.remove(&request), "it is open");
                    }
                    message => self
                        .kept
                        .extend(completion_of(message).map(|completion| self.member.keep(completion))),
                }
            }
        }
    }

    fn step(&mut self) {
        match self.random(20) {
            0..6 => self.open.extend(notify(&self.member)),
            6..8 => self.open.extend(self.member.flush()),
            8 => self.open.extend(self.member.close_all_elsewhere(None, RegistrationCloseReason::Closed)),
            9..15 => {
                let failure = (self.random(4) == 0).then(|| text("failed"));
                self.kept.pop_front().inspect(|kept| self.member.settle(*kept, failure));
            }
            15..19 => self.drain(),
            _ if self.random(4) == 0 => {
                // It leaves with open requests of its own and of others.
                self.member = listening_member(self.scope, self.max_bytes);
                self.open.clear();
                self.kept.clear();
            }
            _ => {}
        }
    }

    /// Settles all requests to it, and waits until its own are completed.
    fn finish(mut self) {
        let started = Instant::now();
        loop {
            self.drain();
            for kept in mem::take(&mut self.kept) {
                self.member.settle(kept, None);
            }
            if self.open.is_empty() {
                return;
            }
            assert!(started.elapsed() < WAKE_TIMEOUT, "not completed: {:?}", self.open);
            thread::park_timeout(WAKE_TIMEOUT);
        }
    }
}

fn listening_member(scope: &Scope, max_bytes: usize) -> Member {
    let thread = thread::current();
    let member = scope.join(max_bytes, Some(Arc::new(move || thread.unpark())));
    listen(&member);
    member
}

#[test]
fn every_request_is_completed_once_while_threads_settle_and_overflow_and_leave() {
    const STEPS: usize = 10_000;
    let scope = Scope::Named(utf16("completions").into());
    thread::scope(|threads| {
        for (seed, max_bytes) in
            (1..).zip([DEFAULT_MAX_MAILBOX_BYTES, DEFAULT_MAX_MAILBOX_BYTES, SMALL, SMALL])
        {
            let scope = &scope;
            threads.spawn(move || {
                let mut worker = Worker::join(scope, max_bytes, seed);
                (0..STEPS).for_each(|_| worker.step());
                worker.finish();
            });
        }
    });
}
