//! A question put to other threads is answered exactly once, whatever becomes of those who were asked.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{mem, thread};

use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::member::Member;
use tmcp_session_manager::post::{EndReason, NOT_DELIVERED, Post, Receipt, Text};
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;
use tmcp_session_manager::subscriptions::{Filters, ListChange, RequestId, Subject};

const TOOLS: Subject = Subject::List(ListChange::Tools);
/// Room for a few notifications.
const SMALL: usize = 500;
/// A thread that nobody wakes for so long has been forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(content: &str) -> Text {
    content.as_bytes().into()
}

/// A member that listens, under a name of its own.
fn listener(hub: &Arc<Hub>, max_bytes: usize) -> Member {
    let member = hub.join(max_bytes, None);
    listen(&member);
    member
}

fn listeners<const N: usize>(max_bytes: usize) -> [Member; N] {
    let hub = Hub::for_one_thread();
    [(); N].map(|()| listener(&hub, max_bytes))
}

fn listen(member: &Member) {
    let name = RequestId::number(Key::next().as_f64());
    let filters = Filters { lists: [true; 3], uris: vec![] };
    member.register(&utf16("origin"), name, filters).expect("nobody else has the name");
}

/// Asks all other listeners.
fn ask(member: &Member) -> Option<Key> {
    ask_at_length(member, "news")
}

fn ask_at_length(member: &Member, notification: &str) -> Option<Key> {
    member.notify_elsewhere(TOOLS, || Ok::<_, Infallible>(text(notification))).unwrap()
}

fn all_ask(members: &[Member]) {
    members.iter().for_each(|member| assert!(ask(member).is_some()));
}

fn receipt_of(post: Post) -> Option<Receipt> {
    match post {
        Post::Flush { receipt } | Post::Notify { receipt, .. } | Post::End { receipt, .. } => Some(receipt),
        _ => None,
    }
}

/// What the member was asked. It is awake for its mailbox afterwards.
fn questions(member: &Member) -> Vec<Receipt> {
    member.drain().posts.into_iter().filter_map(receipt_of).collect()
}

/// The one that it was asked.
fn question(member: &Member) -> Receipt {
    let [receipt] = questions(member).try_into().expect("one question");
    receipt
}

/// The answers that the member got, each with how it failed.
fn answers(member: &Member) -> Vec<(Key, Option<Text>)> {
    let answer = |post| match post {
        Post::Answer { question, outcome } => (question, outcome.failure()),
        post => panic!("an answer was expected: {post:?}"),
    };
    member.drain().posts.into_iter().map(answer).collect()
}

#[test]
fn a_question_is_answered_when_the_last_of_those_asked_has_settled_it() {
    let [asker, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let asked = ask(&asker).unwrap();
    let kept = [&one, &other].map(|member| member.keep(question(member)));
    one.settle(kept[0], None);
    assert_eq!(answers(&asker), []);
    other.settle(kept[1], None);
    assert_eq!(answers(&asker), [(asked, None)]);
    other.settle(kept[1], Some(text("again")));
    one.settle(kept[1], Some(text("not its own")));
    assert_eq!(answers(&asker), []);
}

#[test]
fn a_failure_is_the_answer_at_once_and_nothing_else_is() {
    let [asker, one, other, third] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let asked = ask(&asker).unwrap();
    let kept = [&one, &other].map(|member| member.keep(question(member)));
    one.settle(kept[0], Some(text("first")));
    assert_eq!(answers(&asker), [(asked, Some(text("first")))]);
    other.settle(kept[1], Some(text("second")));
    drop(third);
    assert_eq!(answers(&asker), []);
}

#[test]
fn a_question_that_is_for_nobody_else_is_not_asked() {
    let hub = Hub::for_one_thread();
    let asker = listener(&hub, DEFAULT_MAX_MAILBOX_BYTES);
    let _other = hub.join(DEFAULT_MAX_MAILBOX_BYTES, None);
    assert_eq!(ask(&asker), None);
    assert_eq!(asker.flush(), None);
    assert_eq!(asker.end_all_elsewhere(None, EndReason::Closed), None);
    assert_eq!(answers(&asker), []);
}

#[test]
fn one_registration_of_another_thread_is_ended_by_its_name() {
    let hub = Hub::for_one_thread();
    let (one, other) = (hub.join(SMALL, None), hub.join(SMALL, None));
    let [origin, elsewhere] = ["origin", "elsewhere"].map(utf16);
    let id = RequestId::number(1.0);
    let key = other.register(&origin, id.clone(), Filters::default()).unwrap();
    assert_eq!(other.end_elsewhere(&origin, &id, EndReason::Closed), None, "it is its own");
    assert_eq!(one.end_elsewhere(&elsewhere, &id, EndReason::Closed), None, "it is of another origin");
    assert_eq!(one.end_elsewhere(&origin, &RequestId::number(2.0), EndReason::Closed), None);
    assert_eq!(one.end_all_elsewhere(Some(&elsewhere), EndReason::Closed), None);

    let asked = one.end_elsewhere(&origin, &id, EndReason::Cancelled).unwrap();
    let posts = other.drain().posts;
    let [Post::End { keys, reason: EndReason::Cancelled, .. }] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!(keys, &[key]);
    drop(posts);
    assert_eq!(answers(&one), [(asked, None)]);
}

#[test]
fn who_leaves_lets_go_of_the_questions_in_its_mailbox_and_of_those_it_has_kept() {
    let [asker, with_mail, at_work, explicit] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let asked = ask(&asker).unwrap();
    at_work.keep(question(&at_work));
    explicit.keep(question(&explicit));
    let second = ask(&asker).unwrap();
    drop(with_mail);
    drop(at_work);
    assert_eq!(answers(&asker), []);
    explicit.leave();
    assert_eq!(answers(&asker), [(second, None), (asked, None)], "first its mailbox, then what it has kept");
}

#[test]
fn a_mailbox_that_overflows_lets_go_of_the_questions_in_it_and_says_what_was_not_delivered() {
    let [asker, one] = listeners(SMALL);
    let asked = ask(&asker).unwrap();
    let flush = asker.flush().unwrap();
    assert_eq!(answers(&asker), []);
    let last = ask_at_length(&asker, &"x".repeat(SMALL)).unwrap();
    let flush_of_nothing = asker.flush().unwrap();
    let not_delivered = || Some(text(NOT_DELIVERED));
    let all = [(asked, not_delivered()), (flush, None), (last, not_delivered()), (flush_of_nothing, None)];
    assert_eq!(answers(&asker), all);
    assert_eq!(questions(&one), []);
}

#[test]
fn an_answer_to_who_has_left_goes_nowhere() {
    let [asker, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    ask(&asker).unwrap();
    let (settled, failed) = (one.keep(question(&one)), other.keep(question(&other)));
    asker.leave();
    other.settle(failed, Some(text("failed")));
    one.settle(settled, None);
    assert_eq!(answers(&asker), []);
    assert_eq!(answers(&other), []);
}

#[test]
fn a_flush_is_answered_when_all_is_dealt_with_that_was_there_before() {
    let hub = Hub::for_one_thread();
    let (one, other) = (hub.join(SMALL, None), hub.join(SMALL, None));
    let key = other.create(&utf16("a")).key;
    let message = Post::Message { key, text: text("1") };
    one.send_one(&utf16("a"), || Ok::<_, Infallible>(text("1"))).unwrap();

    let asked = one.flush().unwrap();
    let mut posts = other.drain().posts;
    assert_eq!(posts.remove(0), message);
    assert!(matches!(posts[..], [Post::Flush { .. }]), "{posts:?}");
    assert_eq!(answers(&one), []);
    drop(posts);
    assert_eq!(answers(&one), [(asked, None)]);
    // It may still be dealing with what it has taken.
    let again = one.flush().unwrap();
    drop(question(&other));
    assert_eq!(answers(&one), [(again, None)]);
    assert!(other.drain().is_nothing());
    assert_eq!(one.flush(), None);
}

#[test]
fn a_flush_asks_only_those_who_have_something_to_deal_with() {
    let hub = Hub::for_one_thread();
    let [asker, busy, idle] = [(); 3].map(|()| hub.join(SMALL, None));
    busy.create(&utf16("a"));
    asker.send_elsewhere(|| Ok::<_, Infallible>(text("1"))).unwrap();
    assert!(asker.flush().is_some());
    assert!(idle.drain().is_nothing());
    assert_eq!(questions(&busy).len(), 1);
}

#[test]
fn who_has_left_keeps_no_question() {
    let [asker, one] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    let asked = ask(&asker).unwrap();
    let receipt = question(&one);
    one.leave();
    one.keep(receipt);
    assert_eq!(answers(&asker), [(asked, None)]);
}

#[test]
fn a_flush_closes_no_streams_where_the_bound_was_lowered_below_what_waits() {
    let hub = Hub::for_one_thread();
    let (one, other) = (hub.join(SMALL, None), hub.join(SMALL, None));
    other.create(&utf16("a"));
    one.send_one(&utf16("a"), || Ok::<_, Infallible>(text("1"))).unwrap();
    other.hold_at_most(1);
    assert!(one.flush().is_some());
    let drained = other.drain();
    assert!(!drained.overflowed);
    assert_eq!(drained.posts.len(), 2);
}

#[test]
fn a_kept_receipt_has_a_number_that_no_other_has() {
    let [asker, one, other] = listeners(DEFAULT_MAX_MAILBOX_BYTES);
    ask(&asker).unwrap();
    ask(&asker).unwrap();
    let kept = [&one, &other].map(|member| questions(member).into_iter().map(|receipt| member.keep(receipt)));
    assert_eq!(kept.into_iter().flatten().collect::<BTreeSet<Key>>().len(), 4);
}

#[test]
fn members_with_each_others_questions_leave_one_after_the_other() {
    let members = listeners::<3>(DEFAULT_MAX_MAILBOX_BYTES);
    all_ask(&members);
    let [one, other, third] = members;
    for member in [&one, &other] {
        for receipt in questions(member) {
            member.keep(receipt);
        }
        ask(member).unwrap();
    }
    drop(one);
    drop(other);
    assert_eq!(third.drain().posts.iter().filter(|post| matches!(post, Post::Answer { .. })).count(), 1);
}

/// Does both in two threads at the same time, so often that they meet in many ways, and checks what has come of it.
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
fn members_with_each_others_questions_leave_at_once() {
    let scene = || {
        let members = listeners::<2>(DEFAULT_MAX_MAILBOX_BYTES);
        all_ask(&members);
        for member in &members {
            member.keep(question(member));
        }
        all_ask(&members);
        members
    };
    at_once(scene, Member::leave, |members| {
        assert!(members.iter().all(|member| member.drain().is_nothing()));
    });
}

#[test]
fn members_with_each_others_questions_overflow_at_once() {
    let scene = || {
        let members = listeners::<3>(SMALL);
        all_ask(&members);
        members
    };
    let overflow_others = |member: &Member| assert!(ask_at_length(member, &"x".repeat(SMALL)).is_some());
    at_once(scene, overflow_others, |members| {
        for member in &members {
            let drained = member.drain();
            assert!(drained.overflowed);
            assert_eq!(drained.posts.len(), 2, "both questions are answered, and nothing else is left");
        }
    });
}

/// A thread that asks and answers, and drains only when woken.
struct Worker<'scope> {
    scope: &'scope Scope,
    max_bytes: usize,
    member: Member,
    open: BTreeSet<Key>,
    /// Of what it has been asked.
    kept: VecDeque<Key>,
    random: u64,
}

impl<'scope> Worker<'scope> {
    fn join(scope: &'scope Scope, max_bytes: usize, seed: u64) -> Self {
        let (open, kept) = (BTreeSet::new(), VecDeque::new());
        Self { scope, max_bytes, member: seat(scope, max_bytes), open, kept, random: seed }
    }

    /// Below `limit`; the same ones in each run.
    fn random(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_nothing() {
                return;
            }
            if drained.overflowed {
                self.member.forget_all();
                listen(&self.member);
            }
            for post in drained.posts {
                match post {
                    Post::Answer { question, .. } => {
                        assert!(self.open.remove(&question), "it was asked, and not answered yet");
                    }
                    post => self.kept.extend(receipt_of(post).map(|receipt| self.member.keep(receipt))),
                }
            }
        }
    }

    fn step(&mut self) {
        match self.random(20) {
            0..6 => self.open.extend(ask(&self.member)),
            6..8 => self.open.extend(self.member.flush()),
            8 => self.open.extend(self.member.end_all_elsewhere(None, EndReason::Closed)),
            9..15 => {
                let failure = (self.random(4) == 0).then(|| text("failed"));
                self.kept.pop_front().inspect(|kept| self.member.settle(*kept, failure));
            }
            15..19 => self.drain(),
            _ if self.random(4) == 0 => {
                // With questions open, and with those of others.
                self.member = seat(self.scope, self.max_bytes);
                self.open.clear();
                self.kept.clear();
            }
            _ => {}
        }
    }

    /// Settles what it was asked, and waits for the answers to what it has asked.
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
            assert!(started.elapsed() < FORGOTTEN, "not answered: {:?}", self.open);
            thread::park_timeout(FORGOTTEN);
        }
    }
}

fn seat(scope: &Scope, max_bytes: usize) -> Member {
    let thread = thread::current();
    let member = scope.join(max_bytes, Some(Arc::new(move || thread.unpark())));
    listen(&member);
    member
}

#[test]
fn every_question_is_answered_once_while_threads_ask_and_answer_and_overflow_and_leave() {
    const STEPS: usize = 10_000;
    let scope = Scope::Named(utf16("receipts").into());
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
