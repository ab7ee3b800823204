//! What a hub should do, as plainly as can be said: one map of sessions, a list of what waits for each member, and every
//! receipt counted.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::RangeInclusive;

use tmcp_session_manager::post::{EndReason, NOT_DELIVERED, Post, Text};
use tmcp_session_manager::sessions::Key;

/// Counts up, so that seats stand in the order they were taken.
pub type Seat = usize;
/// By its place in [`Plain::questions`].
pub type Question = usize;

/// What should be found in a mailbox. Of a receipt, only the question it belongs to is known.
#[derive(Clone, Debug)]
pub enum Mail {
    Message { key: Key, text: Text },
    Multicast { keys: Vec<Key>, text: Text },
    Broadcast { until: RangeInclusive<Key>, text: Text },
    Close { key: Key },
    Flush { question: Question },
    Notify { keys: Vec<Key>, notification: Text, question: Question },
    End { keys: Vec<Key>, reason: EndReason, question: Question },
    Answer { question: Question, failure: Option<Text> },
}

impl Mail {
    pub fn question(&self) -> Option<Question> {
        match self {
            Self::Flush { question } | Self::Notify { question, .. } | Self::End { question, .. } => {
                Some(*question)
            }
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        const BESIDE_A_TEXT: usize = 32;
        size_of::<Post>()
            + match self {
                Self::Multicast { keys, text } | Self::Notify { keys, notification: text, .. } => {
                    keys.len() * size_of::<Key>() + text.len() + BESIDE_A_TEXT
                }
                Self::Message { text, .. } | Self::Broadcast { text, .. } => text.len() + BESIDE_A_TEXT,
                Self::End { keys, .. } => keys.len() * size_of::<Key>(),
                Self::Close { .. } | Self::Flush { .. } | Self::Answer { .. } => return 0,
            }
    }
}

#[derive(Debug)]
struct Mailbox {
    max_bytes: usize,
    posts: Vec<Mail>,
    answers: Vec<Mail>,
    overflowed: bool,
    awake: bool,
    wakes: usize,
    /// Receipts that are kept until they are settled, oldest first.
    kept: Vec<(Key, Question)>,
    /// Sessions that others have taken away, and whose streams are not closed yet.
    evicted: BTreeSet<Key>,
}

impl Mailbox {
    fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            posts: vec![],
            answers: vec![],
            overflowed: false,
            awake: false,
            wakes: 0,
            kept: vec![],
            evicted: BTreeSet::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.posts.iter().map(Mail::weight).sum()
    }

    fn wake(&mut self) {
        self.wakes += usize::from(!mem::replace(&mut self.awake, true));
    }
}

#[derive(Debug)]
struct Inquiry {
    by: Seat,
    receipts: usize,
    asked: bool,
    answered: bool,
    /// What the answer is called.
    name: Option<Key>,
}

#[derive(Debug, Default)]
pub struct Plain {
    pub sessions: BTreeMap<usize, (Seat, Key)>,
    /// In the order they came. They are all of one origin, and all listen to the same.
    pub registrations: Vec<(Seat, Key)>,
    seats: BTreeMap<Seat, Mailbox>,
    /// Who has posted to whom; the core keeps the number of a thread modulo 64 only.
    posted_to: BTreeSet<(Seat, usize)>,
    taken: usize,
    questions: Vec<Inquiry>,
}

/// Sessions and messages.
impl Plain {
    pub fn join(&mut self, max_bytes: usize) -> Seat {
        self.taken += 1;
        self.seats.insert(self.taken, Mailbox::new(max_bytes));
        self.taken
    }

    pub fn leave(&mut self, seat: Seat) {
        let Some(gone) = self.seats.remove(&seat) else { return };
        self.forget_all(seat);
        let waiting = gone.posts.iter().filter_map(Mail::question);
        for question in waiting.chain(gone.kept.iter().map(|(_, question)| *question)) {
            self.let_go(question);
        }
    }

    /// How many sessions there were.
    pub fn forget_all(&mut self, seat: Seat) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|_, (owner, _)| *owner != seat);
        self.registrations.retain(|(owner, _)| *owner != seat);
        self.seats.entry(seat).and_modify(|mailbox| mailbox.evicted.clear());
        before - self.sessions.len()
    }

    /// Takes a session away: its key if it is `seat`'s own, else its owner is told to close it.
    pub fn take(&mut self, seat: Seat, id: usize) -> Option<Key> {
        let (owner, key) = self.sessions.remove(&id)?;
        if owner == seat {
            return Some(key);
        }
        self.seats.get_mut(&owner).unwrap().evicted.insert(key);
        self.post(seat, owner, Mail::Close { key });
        None
    }

    /// The keys of `seat`'s own sessions among `ids`, and where the others are.
    pub fn route(&self, seat: Seat, ids: &[usize]) -> (Vec<Key>, BTreeMap<Seat, Vec<Key>>) {
        let mut by_owner = group(ids.iter().filter_map(|id| self.sessions.get(id)));
        for keys in by_owner.values_mut() {
            keys.sort();
            keys.dedup();
        }
        (by_owner.remove(&seat).unwrap_or_default(), by_owner)
    }

    pub fn send_one(&mut self, seat: Seat, id: usize, text: &Text) -> Option<Key> {
        let (owner, key) = *self.sessions.get(&id)?;
        if owner == seat {
            return Some(key);
        }
        self.post(seat, owner, Mail::Message { key, text: text.clone() });
        None
    }

    pub fn send(&mut self, seat: Seat, ids: &[usize], text: &Text) -> Vec<Key> {
        let (local, elsewhere) = self.route(seat, ids);
        for (owner, keys) in elsewhere {
            self.post(seat, owner, Mail::Multicast { keys, text: text.clone() });
        }
        local
    }

    pub fn others_have_sessions(&self, seat: Seat) -> bool {
        self.sessions.values().any(|(owner, _)| *owner != seat)
    }

    pub fn broadcast(&mut self, seat: Seat, until: &RangeInclusive<Key>, text: &Text) {
        for owner in self.seats.keys().copied().collect::<Vec<_>>() {
            if owner != seat && self.sessions.values().any(|(of, _)| *of == owner) {
                self.post(seat, owner, Mail::Broadcast { until: until.clone(), text: text.clone() });
            }
        }
    }
}

/// Questions and answers.
impl Plain {
    /// Asks those whom the seat has posted to, and who have something to deal with, whether they have.
    pub fn flush(&mut self, seat: Seat) -> Option<Question> {
        let question = self.question(seat);
        let (mine, others) = mem::take(&mut self.posted_to).into_iter().partition(|(from, _)| *from == seat);
        self.posted_to = others;
        let mine: BTreeSet<(Seat, usize)> = mine;
        for other in self.seats.keys().copied().collect::<Vec<_>>() {
            if mine.contains(&(seat, other % 64)) && self.seats[&other].awake {
                self.ask(seat, other, Mail::Flush { question });
            }
        }
        self.asked(question)
    }

    pub fn notify(&mut self, seat: Seat, text: &Text) -> Option<Question> {
        self.ask_registered(seat, |keys, question| Mail::Notify {
            keys,
            notification: text.clone(),
            question,
        })
    }

    pub fn end_all(&mut self, seat: Seat, reason: EndReason) -> Option<Question> {
        self.ask_registered(seat, |keys, question| Mail::End { keys, reason, question })
    }

    fn ask_registered(&mut self, seat: Seat, mail: impl Fn(Vec<Key>, Question) -> Mail) -> Option<Question> {
        let question = self.question(seat);
        for (owner, keys) in group(self.registrations.iter().filter(|(owner, _)| *owner != seat)) {
            self.ask(seat, owner, mail(keys, question));
        }
        self.asked(question)
    }

    /// Its asker has a receipt of its own until it has asked everybody.
    fn question(&mut self, by: Seat) -> Question {
        self.questions.push(Inquiry { by, receipts: 1, asked: false, answered: false, name: None });
        self.questions.len() - 1
    }

    fn ask(&mut self, from: Seat, seat: Seat, mail: Mail) {
        if let Some(question) = mail.question() {
            self.questions[question].receipts += 1;
            self.questions[question].asked = true;
        }
        self.post(from, seat, mail);
    }

    /// `None` if nobody was asked.
    fn asked(&mut self, question: Question) -> Option<Question> {
        let asked = &mut self.questions[question];
        asked.answered |= !asked.asked;
        asked.asked.then(|| {
            self.let_go(question);
            question
        })
    }

    pub fn name(&mut self, question: Question, name: Key) {
        self.questions[question].name = Some(name);
    }

    pub fn keep(&mut self, seat: Seat, key: Key, question: Question) {
        self.seats.get_mut(&seat).unwrap().kept.push((key, question));
    }

    pub fn kept(&self, seat: Seat) -> usize {
        self.seats[&seat].kept.len()
    }

    /// Which it is of those kept.
    pub fn settle(&mut self, seat: Seat, nth: usize, failure: Option<&Text>) -> Key {
        let (key, question) = self.seats.get_mut(&seat).unwrap().kept.remove(nth);
        if let Some(failure) = failure {
            self.answer(question, Some(failure.clone()));
        }
        self.let_go(question);
        key
    }

    pub fn let_go(&mut self, question: Question) {
        self.questions[question].receipts -= 1;
        if self.questions[question].receipts == 0 {
            self.answer(question, None);
        }
    }

    fn answer(&mut self, question: Question, failure: Option<Text>) {
        let asked = &mut self.questions[question];
        if mem::replace(&mut asked.answered, true) {
            return;
        }
        if let Some(mailbox) = self.seats.get_mut(&asked.by) {
            mailbox.answers.push(Mail::Answer { question, failure });
            mailbox.wake();
        }
    }

    /// Whether all questions are answered.
    pub fn is_settled(&self) -> bool {
        self.questions.iter().all(|asked| asked.answered)
    }
}

/// Mailboxes.
impl Plain {
    fn post(&mut self, from: Seat, seat: Seat, mail: Mail) {
        self.posted_to.insert((from, seat % 64));
        let mailbox = self.seats.get_mut(&seat).unwrap();
        mailbox.wake();
        if !mailbox.overflowed && mailbox.bytes() + mail.weight() <= mailbox.max_bytes {
            mailbox.posts.push(mail);
            return;
        }
        mailbox.overflowed = true;
        let lost = mem::take(&mut mailbox.posts);
        for mail in lost.iter().chain([&mail]) {
            let Some(question) = mail.question() else { continue };
            if let Mail::Notify { .. } = mail {
                self.answer(question, Some(NOT_DELIVERED.as_bytes().into()));
            }
            self.let_go(question);
        }
    }

    pub fn drain(&mut self, seat: Seat) -> (bool, Vec<Mail>) {
        let mailbox = self.seats.get_mut(&seat).unwrap();
        let mut mail = mem::take(&mut mailbox.answers);
        mail.append(&mut mailbox.posts);
        let overflowed = mem::take(&mut mailbox.overflowed);
        mailbox.awake = overflowed || !mail.is_empty();
        (overflowed, mail)
    }

    pub fn hold_at_most(&mut self, seat: Seat, max_bytes: usize) {
        self.seats.get_mut(&seat).unwrap().max_bytes = max_bytes;
    }

    pub fn has_closed(&mut self, seat: Seat, key: Key) {
        self.seats.get_mut(&seat).unwrap().evicted.remove(&key);
    }

    pub fn evicted(&self, seat: Seat) -> Vec<Key> {
        self.seats[&seat].evicted.iter().copied().collect()
    }

    /// How many bytes wait, and how often the thread was woken.
    pub fn waiting(&self, seat: Seat) -> (usize, usize) {
        (self.seats[&seat].bytes(), self.seats[&seat].wakes)
    }

    pub fn is(&self, mail: &Mail, post: &Post) -> bool {
        match (mail, post) {
            (Mail::Message { key, text }, Post::Message { key: found, text: read }) => {
                (key, text) == (found, read)
            }
            (Mail::Multicast { keys, text }, Post::Multicast { keys: found, text: read }) => {
                (keys, text) == (found, read)
            }
            (Mail::Broadcast { until, text }, Post::Broadcast { until: found, text: read }) => {
                until.contains(found) && text == read
            }
            (Mail::Close { key }, Post::Close { key: found, .. }) => key == found,
            (Mail::Flush { .. }, Post::Flush { .. }) => true,
            (
                Mail::Notify { keys, notification, .. },
                Post::Notify { keys: found, notification: read, .. },
            ) => (keys, notification) == (found, read),
            (Mail::End { keys, reason, .. }, Post::End { keys: found, reason: read, .. }) => {
                (keys, reason) == (found, read)
            }
            (Mail::Answer { question, failure }, Post::Answer { question: found, outcome }) => {
                self.questions[*question].name == Some(*found) && *failure == outcome.clone().failure()
            }
            _ => false,
        }
    }
}

fn group<'a>(owned: impl Iterator<Item = &'a (Seat, Key)>) -> BTreeMap<Seat, Vec<Key>> {
    let mut by_owner: BTreeMap<Seat, Vec<Key>> = BTreeMap::new();
    for (owner, key) in owned {
        by_owner.entry(*owner).or_default().push(*key);
    }
    by_owner
}
