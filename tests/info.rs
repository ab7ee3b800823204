//! Compares the table of client information with a simple model: random operations while time passes, and everything
//! visible is compared.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tmcp_session_manager::registry::info::{Attribute, Info, Json, SharedUtf16};

const IDS: [&str; 5] = ["a", "b", "c", "", "__proto__"];
const URIS: [&str; 4] = ["file:///a", "file:///b", "", "a"];

#[derive(Clone, Debug)]
enum Operation {
    Get { id: usize, attribute: usize },
    Set { id: usize, attribute: usize, value: Option<u8>, limit: usize },
    Watch { id: usize, uri: usize, limit: usize },
    Unwatch { id: usize, uri: usize },
    Remove { id: usize },
    RemoveUnless { id: usize, stays: bool },
    Touch { id: usize },
    Idle { ttl: u64 },
    RemoveIdle { id: usize, ttl: u64 },
    Pass { ms: u64 },
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let (id, uri, attribute) = (0..IDS.len(), 0..URIS.len(), 0..Attribute::ALL.len());
    let limit = prop_oneof![3 => Just(usize::MAX), 1 => 0..=IDS.len()];
    let ttl = 0..30_u64;
    prop_oneof![
        3 => (id.clone(), attribute.clone()).prop_map(|(id, attribute)| Get { id, attribute }),
        6 => (id.clone(), attribute, any::<Option<u8>>(), limit.clone())
            .prop_map(|(id, attribute, value, limit)| Set { id, attribute, value, limit }),
        8 => (id.clone(), uri.clone(), limit).prop_map(|(id, uri, limit)| Watch { id, uri, limit }),
        6 => (id.clone(), uri).prop_map(|(id, uri)| Unwatch { id, uri }),
        2 => id.clone().prop_map(|id| Remove { id }),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, stays)| RemoveUnless { id, stays }),
        1 => id.clone().prop_map(|id| Touch { id }),
        2 => ttl.clone().prop_map(|ttl| Idle { ttl }),
        2 => (id, ttl).prop_map(|(id, ttl)| RemoveIdle { id, ttl }),
        4 => (0..20_u64).prop_map(|ms| Pass { ms }),
        1 => Just(Clear),
    ]
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn json(value: u8) -> Json {
    value.to_string().into()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Lists without an index: the entries of sessions, and pairs of URI and session in the order in which they began.
#[derive(Default)]
struct Model {
    sessions: Vec<ModelEntry>,
    watching: Vec<(usize, usize)>,
    now: u64,
}

#[derive(Clone)]
struct ModelEntry {
    id: usize,
    attributes: [Option<u8>; 3],
    touched: u64,
}

impl Model {
    fn touch(&mut self, id: usize) -> Option<&mut ModelEntry> {
        let now = self.now;
        let entry = self.sessions.iter_mut().find(|entry| entry.id == id)?;
        entry.touched = now;
        Some(entry)
    }

    fn of(&mut self, id: usize, limit: usize) -> Option<&mut ModelEntry> {
        if self.touch(id).is_none() {
            if self.sessions.len() >= limit {
                return None;
            }
            self.sessions.push(ModelEntry { id, attributes: [None; 3], touched: self.now });
        }
        self.touch(id)
    }

    fn watch(&mut self, id: usize, uri: usize, limit: usize) -> bool {
        if self.of(id, limit).is_none() {
            return false;
        }
        if !self.watching.contains(&(uri, id)) {
            self.watching.push((uri, id));
        }
        true
    }

    fn unwatch(&mut self, id: usize, uri: usize) {
        let Some(entry) = self.touch(id).cloned() else { return };
        let before = self.watching.len();
        self.watching.retain(|watching| *watching != (uri, id));
        let watched = self.watching.len() < before;
        let watches_more = self.watching.iter().any(|(_, watcher)| *watcher == id);
        if watched && !watches_more && entry.attributes == [None; 3] {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: usize) -> bool {
        let before = self.sessions.len();
        self.sessions.retain(|entry| entry.id != id);
        self.watching.retain(|(_, watcher)| *watcher != id);
        self.sessions.len() < before
    }

    fn idle(&self, ttl: u64) -> Vec<usize> {
        let idle = self.sessions.iter().filter(|entry| self.now - entry.touched >= ttl);
        let mut ids: Vec<usize> = idle.map(|entry| entry.id).collect();
        ids.sort_unstable();
        ids
    }

    fn watchers(&self, uri: usize) -> Vec<usize> {
        self.watching.iter().filter(|(watched, _)| *watched == uri).map(|(_, id)| *id).collect()
    }
}

/// Returns the indexes of ids in `IDS`.
fn numbers(ids: &[SharedUtf16]) -> Vec<usize> {
    ids.iter().map(|id| IDS.iter().position(|entry| utf16(entry) == **id).expect("a known id")).collect()
}

proptest! {
    #[test]
    fn behaves_like_a_model_of_plain_lists(operations in prop::collection::vec(operation(), 1..300)) {
        let info = Info::default();
        let mut model = Model::default();
        let start = Instant::now();
        for operation in operations {
            let now = start + ms(model.now);
            match operation {
                Operation::Get { id, attribute } => {
                    let expected = model.touch(id).and_then(|entry| entry.attributes[attribute]).map(json);
                    prop_assert_eq!(info.get(&utf16(IDS[id]), Attribute::ALL[attribute], now), expected);
                }
                Operation::Set { id, attribute, value, limit } => {
                    let entry = model.of(id, limit);
                    let set = info.set(&utf16(IDS[id]), Attribute::ALL[attribute], value.map(json), limit, now);
                    prop_assert_eq!(set, entry.is_some());
                    if let Some(entry) = entry {
                        entry.attributes[attribute] = value;
                    }
                }
                Operation::Watch { id, uri, limit } => {
                    let watched = info.watch(&utf16(IDS[id]), &utf16(URIS[uri]), limit, now);
                    prop_assert_eq!(watched, model.watch(id, uri, limit));
                }
                Operation::Unwatch { id, uri } => {
                    info.unwatch(&utf16(IDS[id]), &utf16(URIS[uri]), now);
                    model.unwatch(id, uri);
                }
                Operation::Remove { id } => {
                    prop_assert_eq!(info.remove(&utf16(IDS[id])), model.remove(id));
                }
                Operation::RemoveUnless { id, stays } => {
                    info.remove_unless(&utf16(IDS[id]), || stays);
                    if !stays {
                        model.remove(id);
                    }
                }
                Operation::Touch { id } => {
                    info.touch(&utf16(IDS[id]), now);
                    model.touch(id);
                }
                Operation::Idle { ttl } => {
                    let mut idle = numbers(&info.idle(now, ms(ttl)));
                    idle.sort_unstable();
                    prop_assert_eq!(idle, model.idle(ttl));
                }
                Operation::RemoveIdle { id, ttl } => {
                    let removed = model.idle(ttl).contains(&id) && model.remove(id);
                    prop_assert_eq!(info.remove_idle(&utf16(IDS[id]), now, ms(ttl)), removed);
                }
                Operation::Pass { ms } => model.now += ms,
                Operation::Clear => {
                    info.clear();
                    model = Model { now: model.now, ..Model::default() };
                }
            }
            prop_assert_eq!(info.len(), model.sessions.len());
            prop_assert_eq!(info.is_empty(), model.sessions.is_empty());
            for (number, uri) in URIS.iter().enumerate() {
                prop_assert_eq!(numbers(&info.watchers(&utf16(uri))), model.watchers(number));
            }
        }
    }
}

#[test]
fn a_removed_session_leaves_the_watchers_of_every_uri_and_no_other_does() {
    let (info, now) = (Info::default(), Instant::now());
    for uri in URIS {
        for id in IDS {
            assert!(info.watch(&utf16(id), &utf16(uri), usize::MAX, now));
        }
    }
    assert!(info.remove(&utf16(IDS[1])));
    for uri in URIS {
        assert_eq!(numbers(&info.watchers(&utf16(uri))), [0, 2, 3, 4]);
    }
}

#[test]
fn an_access_with_an_earlier_time_changes_nothing() {
    let (info, early) = (Info::default(), Instant::now());
    let late = early + ms(10);
    let id = utf16("a");
    assert!(info.set(&id, Attribute::LogLevel, Some(json(1)), usize::MAX, late));
    // A thread that read the clock first and got the lock second.
    info.touch(&id, early);
    assert!(info.idle(late + ms(9), ms(10)).is_empty());
    assert!(!info.remove_idle(&id, early, ms(1)), "not for a time in the past either");
    assert!(info.remove_idle(&id, late + ms(10), ms(10)));
}

#[test]
fn ids_that_differ_only_in_lone_surrogates_are_different() {
    let (info, now) = (Info::default(), Instant::now());
    for id in [[0xd83d], [0xde00]] {
        assert!(info.watch(&id, &[0xd83d], usize::MAX, now));
    }
    assert_eq!(info.len(), 2);
    assert_eq!(info.watchers(&[0xde00]), Vec::<SharedUtf16>::new());
}

#[test]
fn several_threads_never_exceed_the_limit_of_sessions() {
    const LIMIT: usize = 10;
    let (info, now, start) = (Info::default(), Instant::now(), Barrier::new(4));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (info, start) = (&info, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..2_000 {
                    let id = utf16(&format!("{}", (n * 7 + thread) % 50));
                    match n % 4 {
                        0 => drop(info.set(&id, Attribute::LogLevel, Some(Arc::from("1")), LIMIT, now)),
                        1 => drop(info.watch(&id, &utf16(URIS[n % URIS.len()]), LIMIT, now)),
                        2 => info.unwatch(&id, &utf16(URIS[n % URIS.len()]), now),
                        _ => drop(info.remove(&id)),
                    }
                    assert!(info.len() <= LIMIT);
                }
            });
        }
    });
    for id in info.idle(now, Duration::ZERO) {
        info.remove(&id);
    }
    assert!(info.is_empty());
    assert!(URIS.iter().all(|uri| info.watchers(&utf16(uri)).is_empty()), "no watcher is left in the index");
}

mod a_thread_that_leaves {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tmcp_session_manager::hub::member::Member;
    use tmcp_session_manager::hub::scopes::Scope;

    use super::*;

    fn new_scope() -> Scope {
        static SCOPES: AtomicUsize = AtomicUsize::new(0);
        Scope::Named(utf16(&format!("info {}", SCOPES.fetch_add(1, Ordering::Relaxed))).into())
    }

    fn join(scope: &Scope) -> Member {
        scope.join(1 << 20, None)
    }

    fn set(member: &Member, id: &str) {
        assert!(member.info().set(
            &utf16(id),
            Attribute::LogLevel,
            Some(json(1)),
            usize::MAX,
            Instant::now()
        ));
        assert!(member.info().watch(&utf16(id), &utf16("uri"), usize::MAX, Instant::now()));
    }

    fn watchers(member: &Member) -> Vec<String> {
        member.info().watchers(&utf16("uri")).iter().map(|id| String::from_utf16_lossy(id)).collect()
    }

    #[test]
    fn removes_the_info_of_its_sessions_no_matter_which_thread_set_it() {
        let scope = new_scope();
        let (one, other) = (join(&scope), join(&scope));
        other.create(&utf16("own"));
        set(&other, "own");
        other.create(&utf16("set elsewhere"));
        set(&one, "set elsewhere");
        one.create(&utf16("ours"));
        set(&other, "ours");
        other.leave();
        assert_eq!(watchers(&one), ["ours"]);
        assert_eq!(one.info().len(), 1);
    }

    #[test]
    fn keeps_the_info_of_sessions_that_it_does_not_have() {
        let scope = new_scope();
        let (one, other) = (join(&scope), join(&scope));
        for id in ["without", "deleted", "replaced"] {
            set(&other, id);
        }
        other.create(&utf16("deleted"));
        other.remove(&utf16("deleted"));
        other.create(&utf16("replaced"));
        one.create(&utf16("replaced"));
        other.leave();
        assert_eq!(watchers(&one), ["without", "deleted", "replaced"]);
    }

    #[test]
    fn keeps_the_info_of_sessions_that_an_overflow_removed() {
        let scope = new_scope();
        let (one, other) = (join(&scope), join(&scope));
        other.create(&utf16("a"));
        set(&other, "a");
        other.forget_all();
        assert_eq!(watchers(&one), ["a"]);
    }

    #[test]
    fn removes_everything_when_it_is_the_last() {
        let scope = new_scope();
        let (one, other) = (join(&scope), join(&scope));
        set(&one, "a");
        one.leave();
        assert_eq!(watchers(&other), ["a"]);
        other.leave();
        assert!(other.info().is_empty());
        assert!(join(&scope).info().is_empty());
    }

    /// Sessions move: a thread leaves while another thread creates its sessions again and sets their info.
    #[test]
    fn keeps_the_info_that_another_thread_set_after_it_replaced_the_session() {
        let scope = new_scope();
        let stays = join(&scope);
        let ids: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        for _ in 0..100 {
            let leaves = join(&scope);
            for id in &ids {
                leaves.create(&utf16(id));
                set(&leaves, id);
            }
            let start = Barrier::new(2);
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    start.wait();
                    leaves.leave();
                });
                start.wait();
                for id in &ids {
                    stays.create(&utf16(id));
                    set(&stays, id);
                }
            });
            let mut sessions = watchers(&stays);
            sessions.sort_unstable_by_key(|id| id.parse::<u32>().ok());
            assert_eq!(sessions, ids);
            for id in &ids {
                stays.remove(&utf16(id));
                stays.info().remove(&utf16(id));
            }
        }
    }
}
