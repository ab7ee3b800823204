//! What holds for a mailbox in every order in which threads can meet: loom runs each of these models once for each of
//! them. A model in which a thread waits for what never comes fails too, as loom finds that all of them wait.
//!
//! Models are small, since orders multiply: one thread or two that post, and the one that the mailbox belongs to. All
//! orders of each are looked at, but for the few models that say how often threads interrupt each other at most.

use std::mem;
use std::sync::Arc;

use loom::cell::Cell;
use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use model::mailbox::{Drained, Limit, Mailbox, Postable, Posted, Waker};

const NO_LIMIT: Limit = Limit { posts: usize::MAX, bytes: usize::MAX };
const ONE_BY_ONE: Limit = Limit { posts: 1, bytes: usize::MAX };
const ROOM_FOR_ALL: usize = 100;

#[derive(Debug, PartialEq, Eq)]
struct Letter {
    from: usize,
    number: usize,
}

impl Postable for Letter {
    fn weight(&self) -> usize {
        1
    }
}

/// Which letters, and in which order: from whom, and the sender's number of it.
fn list(letters: &[Letter]) -> Vec<(usize, usize)> {
    letters.iter().map(|letter| (letter.from, letter.number)).collect()
}

fn numbers_from(sender: usize, letters: &[Letter]) -> Vec<usize> {
    letters.iter().filter(|letter| letter.from == sender).map(|letter| letter.number).collect()
}

/// What a thread sleeps by.
#[derive(Default)]
struct Bell {
    /// Since the thread last woke up.
    rings: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rings.lock().unwrap() += 1;
        self.rung.notify_one();
    }

    /// Sleeps until it rings, or has rung. Several rings may be one to the thread.
    fn wait(&self) {
        let mut rings = self.rings.lock().unwrap();
        while mem::take(&mut *rings) == 0 {
            rings = self.rung.wait(rings).unwrap();
        }
    }

    fn has_rung(&self) -> bool {
        mem::take(&mut *self.rings.lock().unwrap()) > 0
    }
}

fn with_bell<T: Postable>(max_bytes: usize) -> (Arc<Mailbox<T>>, Arc<Bell>) {
    let bell = Arc::new(Bell::default());
    let ringer = Arc::clone(&bell);
    let waker: Waker = Arc::new(move || ringer.ring());
    (Arc::new(Mailbox::new(max_bytes, Some(waker))), bell)
}

/// A mailbox, and how often its thread was woken.
fn with_counter<T: Postable>(max_bytes: usize) -> (Arc<Mailbox<T>>, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&wakes);
    let waker: Waker = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (Arc::new(Mailbox::new(max_bytes, Some(waker))), wakes)
}

/// For models with too many orders to look at all.
fn model_with_interruptions(at_most: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(at_most);
    builder.check(model);
}

fn sender(mailbox: &Arc<Mailbox<Letter>>, from: usize, letters: usize) -> JoinHandle<()> {
    let mailbox = Arc::clone(mailbox);
    thread::spawn(move || {
        for number in 0..letters {
            assert_eq!(mailbox.post(Letter { from, number }), Posted::Queued);
        }
    })
}

fn join(thread: JoinHandle<()>) {
    thread.join().unwrap();
}

/// As the addon does it: until there is nothing.
fn drain_all(mailbox: &Mailbox<Letter>, mut deal: impl FnMut(Drained<Letter>)) {
    loop {
        let drained = mailbox.drain(NO_LIMIT);
        if drained.is_nothing() {
            return;
        }
        deal(drained);
    }
}

/// Two threads send so many letters each to one that drains only when woken.
fn attend_when_woken(letters: [usize; 2], attend: impl Fn(&Mailbox<Letter>, &mut Vec<Letter>)) {
    let (mailbox, bell) = with_bell(ROOM_FOR_ALL);
    let senders = [sender(&mailbox, 0, letters[0]), sender(&mailbox, 1, letters[1])];
    let mut got = vec![];
    while got.len() < letters.iter().sum() {
        bell.wait();
        attend(&mailbox, &mut got);
    }
    senders.into_iter().for_each(join);
    for (from, letters) in letters.into_iter().enumerate() {
        assert_eq!(numbers_from(from, &got), Vec::from_iter(0..letters));
    }
    assert!(mailbox.drain(NO_LIMIT).is_nothing());
    assert_eq!(mailbox.bytes(), 0);
}

fn until_there_is_nothing(mailbox: &Mailbox<Letter>, got: &mut Vec<Letter>) {
    drain_all(mailbox, |drained| got.extend(drained.posts));
}

fn one_and_wake_again(mailbox: &Mailbox<Letter>, got: &mut Vec<Letter>) {
    let drained = mailbox.drain(ONE_BY_ONE);
    if !drained.is_nothing() {
        got.extend(drained.posts);
        mailbox.wake();
    }
}

#[test]
fn a_thread_that_drains_only_when_woken_gets_everything_in_each_senders_order() {
    loom::model(|| attend_when_woken([1, 1], until_there_is_nothing));
    model_with_interruptions(4, || attend_when_woken([2, 1], until_there_is_nothing));
}

#[test]
fn a_thread_that_stops_early_and_wakes_itself_gets_everything() {
    loom::model(|| attend_when_woken([1, 1], one_and_wake_again));
    model_with_interruptions(4, || attend_when_woken([2, 1], one_and_wake_again));
}

#[test]
fn a_burst_wakes_a_thread_once() {
    loom::model(|| {
        let (mailbox, wakes) = with_counter(ROOM_FOR_ALL);
        [sender(&mailbox, 1, 2), sender(&mailbox, 2, 2)].into_iter().for_each(join);
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT).posts.len(), 4);
    });
}

#[test]
fn a_thread_is_woken_again_only_after_it_has_found_nothing() {
    loom::model(|| {
        let (mailbox, wakes) = with_counter(ROOM_FOR_ALL);
        let senders = [sender(&mailbox, 1, 2), sender(&mailbox, 2, 1)];
        let found_nothing = (0..3).filter(|_| mailbox.drain(NO_LIMIT).is_nothing()).count();
        senders.into_iter().for_each(join);
        let wakes = wakes.load(Ordering::Relaxed);
        assert!(
            (1..=found_nothing + 1).contains(&wakes),
            "{wakes} wakes, found nothing {found_nothing} times"
        );
    });
}

/// The thread is marked as having dealt with a letter only after the drain that gave it: what is asked behind the letter
/// must not be answered in between.
#[test]
fn what_is_posted_behind_a_letter_never_overtakes_it() {
    const LETTER: (usize, usize) = (1, 0);
    const QUESTION: (usize, usize) = (1, 1);
    loom::model(|| {
        let (mailbox, bell) = with_bell(ROOM_FOR_ALL);
        let dealt_with = Arc::new(AtomicBool::new(false));
        let asker = {
            let (mailbox, dealt_with) = (Arc::clone(&mailbox), Arc::clone(&dealt_with));
            thread::spawn(move || {
                mailbox.post(Letter { from: 1, number: 0 });
                match mailbox.post_behind(Letter { from: 1, number: 1 }) {
                    Ok(posted) => assert_eq!(posted, Posted::Queued),
                    Err(_) => {
                        assert!(dealt_with.load(Ordering::Relaxed), "there was something it had to follow")
                    }
                }
            })
        };
        let other = sender(&mailbox, 2, 1);

        let mut got = vec![];
        let mut attend = || {
            drain_all(&mailbox, |drained| {
                got.extend(list(&drained.posts));
                if got.contains(&LETTER) {
                    dealt_with.store(true, Ordering::Relaxed);
                }
            });
        };
        bell.wait();
        attend();
        [asker, other].into_iter().for_each(join);
        if bell.has_rung() {
            attend();
        }
        let letter = got.iter().position(|letter| *letter == LETTER);
        let question = got.iter().position(|letter| *letter == QUESTION);
        assert!(letter.is_some(), "woken for it");
        assert!(question.is_none() || question > letter, "{got:?}");
        assert!(mailbox.drain(NO_LIMIT).is_nothing(), "woken for all");
    });
}

/// Two threads send two letters each to one with room for none, or for so many.
fn overflow(max_bytes: usize) {
    let (mailbox, bell) = with_bell::<Letter>(max_bytes);
    let senders = [1, 2].map(|from| {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || [0, 1].map(|number| mailbox.post(Letter { from, number })))
    });
    let (mut told, mut got) = (0, vec![]);
    let mut attend = || {
        drain_all(&mailbox, |drained| {
            assert!(!drained.overflowed || drained.posts.is_empty(), "what there was is dropped");
            told += usize::from(drained.overflowed);
            got.extend(drained.posts);
        });
    };
    bell.wait();
    attend();
    let posted = senders.map(|sender| sender.join().unwrap());
    if bell.has_rung() {
        attend();
    }
    assert!(mailbox.drain(NO_LIMIT).is_nothing(), "woken for all");
    assert_eq!(mailbox.bytes(), 0);
    let refused = posted.iter().flatten().filter(|posted| **posted == Posted::Overflowed).count();
    assert_eq!(told > 0, refused > 0, "{posted:?}");
    // Nothing else is missing than what was refused, and what was there when it overflowed.
    let missing = 4 - got.len();
    assert!((refused..=refused + told * max_bytes).contains(&missing), "{got:?}, {posted:?}");
    for from in [1, 2] {
        assert!(numbers_from(from, &got).is_sorted());
    }
}

#[test]
fn an_overflow_is_told_to_the_thread_and_nothing_is_missing_without_one() {
    for max_bytes in 0..=2 {
        loom::model(move || overflow(max_bytes));
    }
}

#[test]
fn an_answer_arrives_once_and_wakes_the_thread_whatever_the_mailbox_holds() {
    const ANSWER: (usize, usize) = (0, 0);
    loom::model(|| {
        let (mailbox, bell) = with_bell::<Letter>(1);
        let overflowing = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for number in 0..2 {
                    mailbox.post(Letter { from: 1, number });
                }
            })
        };
        let answering = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.answer(Letter { from: 0, number: 0 }))
        };
        let mut got = vec![];
        while !got.contains(&ANSWER) {
            bell.wait();
            drain_all(&mailbox, |drained| got.extend(list(&drained.posts)));
        }
        [overflowing, answering].into_iter().for_each(join);
        drain_all(&mailbox, |drained| got.extend(list(&drained.posts)));
        assert_eq!(got.iter().filter(|letter| **letter == ANSWER).count(), 1);
    });
}

/// The JavaScript environment of a thread, without which its waker must not be touched. loom fails a model in which one
/// thread uses a `Cell` while another may, be it in the order that happens to be looked at or not.
struct Environment {
    ended: Cell<bool>,
}

// SAFETY: loom runs the threads of a model one at a time, on one thread.
unsafe impl Sync for Environment {}
// SAFETY: as above.
unsafe impl Send for Environment {}

impl Environment {
    fn used(&self) {
        assert!(!self.ended.get(), "used after its end");
    }
}

/// What a waker owns.
struct ThreadsafeFunction {
    environment: Arc<Environment>,
}

impl ThreadsafeFunction {
    fn call(&self) {
        self.environment.used();
    }
}

impl Drop for ThreadsafeFunction {
    fn drop(&mut self) {
        // To release one is as bad as to call it.
        if !std::thread::panicking() {
            self.environment.used();
        }
    }
}

/// Threads post to one that ends.
fn end_while_others_post() {
    loom::model(|| {
        let environment = Arc::new(Environment { ended: Cell::new(false) });
        let function = ThreadsafeFunction { environment: Arc::clone(&environment) };
        let waker: Waker = Arc::new(move || function.call());
        let mailbox = Arc::new(Mailbox::new(ROOM_FOR_ALL, Some(waker)));
        let posting = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.post(Letter { from: 1, number: 0 }))
        };
        let waking = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.wake())
        };
        mailbox.drain(NO_LIMIT);
        mailbox.close();
        environment.ended.set(true);
        assert!(cfg!(feature = "unguarded") || Arc::strong_count(&environment) == 1, "the waker was dropped");
        posting.join().unwrap();
        waking.join().unwrap();
        assert_eq!(mailbox.post(Letter { from: 0, number: 0 }), Posted::Closed);
        assert!(mailbox.drain(NO_LIMIT).is_nothing(), "closed mailboxes stay empty");
    });
}

#[cfg(not(feature = "unguarded"))]
#[test]
fn the_waker_of_a_closed_mailbox_is_used_by_nobody() {
    end_while_others_post();
}

#[cfg(feature = "unguarded")]
#[test]
#[should_panic(expected = "Causality violation")]
fn without_the_guard_a_waker_is_used_after_the_end_of_its_thread() {
    end_while_others_post();
}

/// A letter that counts while it exists.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Postable for Counted {
    fn weight(&self) -> usize {
        1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_closed_mailbox_keeps_nothing_of_what_is_posted_meanwhile() {
    loom::model(|| {
        let (mailbox, _) = with_counter::<Counted>(2);
        let alive = Arc::new(AtomicUsize::new(0));
        let posting = {
            let (mailbox, alive) = (Arc::clone(&mailbox), Arc::clone(&alive));
            thread::spawn(move || {
                mailbox.post(Counted::new(&alive));
                drop(mailbox.post_behind(Counted::new(&alive)));
            })
        };
        let answering = {
            let (mailbox, alive) = (Arc::clone(&mailbox), Arc::clone(&alive));
            thread::spawn(move || mailbox.answer(Counted::new(&alive)))
        };
        mailbox.close();
        [posting, answering].into_iter().for_each(join);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// A question, which is answered when it is dropped; or an answer.
enum Mail {
    Question { asked_by: Arc<Mailbox<Mail>> },
    Answer,
}

impl Postable for Mail {
    fn weight(&self) -> usize {
        1
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        if let Self::Question { asked_by } = self {
            asked_by.answer(Self::Answer);
        }
    }
}

fn answers(mailbox: &Mailbox<Mail>) -> usize {
    mailbox.drain(NO_LIMIT).posts.iter().filter(|mail| matches!(mail, Mail::Answer)).count()
}

#[test]
fn threads_that_let_go_of_each_others_questions_do_not_wait_for_each_other() {
    loom::model(|| {
        let (one, _) = with_counter::<Mail>(1);
        let (other, _) = with_counter::<Mail>(1);
        let ask = |asked: &Arc<Mailbox<Mail>>, asked_by: &Arc<Mailbox<Mail>>| {
            asked.post(Mail::Question { asked_by: Arc::clone(asked_by) });
        };
        ask(&one, &other);
        ask(&other, &one);
        let overflowing = {
            let (one, other) = (Arc::clone(&one), Arc::clone(&other));
            thread::spawn(move || ask(&other, &one))
        };
        let closing = {
            let other = Arc::clone(&other);
            thread::spawn(move || other.close())
        };
        ask(&one, &other);
        [overflowing, closing].into_iter().for_each(join);
        assert_eq!(
            answers(&one),
            2,
            "one question was put to a full mailbox, one to a closed one, or both to either"
        );
        assert!(other.drain(NO_LIMIT).is_nothing());
    });
}

#[test]
fn mailboxes_that_hold_each_others_questions_are_closed_at_once() {
    loom::model(|| {
        let (one, _) = with_counter::<Mail>(ROOM_FOR_ALL);
        let (other, _) = with_counter::<Mail>(ROOM_FOR_ALL);
        one.post(Mail::Question { asked_by: Arc::clone(&other) });
        other.post(Mail::Question { asked_by: Arc::clone(&one) });
        let closing = {
            let other = Arc::clone(&other);
            thread::spawn(move || other.close())
        };
        one.close();
        join(closing);
        assert_eq!((answers(&one), answers(&other)), (0, 0));
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&other)), (1, 1), "no question is left");
    });
}
