//! What nodes tell each other, one entry of the stream each.
//!
//! | field | what | in |
//! | --- | --- | --- |
//! | `n` | the node that says it | all |
//! | `s` | its number, from 1 on; a node's entries are numbered without a gap | all |
//! | `k` | the kind, below | all |
//! | `i` | the id of a session, once for each | `m`, `c`, `d` |
//! | `t` | the text of a message, or a notification in JSON | `m`, `b`, `n` |
//! | `l` | the number of a list ([`ListChange`]) | `n`, or `u` |
//! | `u` | the URI of a resource | `n`, or `l` |
//!
//! What is read may come from anybody who can write to the stream, and is checked.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::str;
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::wtf8;
use crate::post::Text;
use crate::subscriptions::{ListChange, Subject};

/// A session id, in UTF-16.
pub type Id = Box<[u16]>;

/// The name of a node: one process, from when it joins a backplane until it leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

/// No node gets further; beyond, numbers are not exact in JavaScript.
const LAST_NUMBER: u64 = 1 << 53;

/// A node's name is so long, in bytes.
const NODE_ID_LENGTH: usize = 20;

impl NodeId {
    /// A name that nobody has: one of 2⁶⁴, by what the system gives to seed hashes with.
    pub fn random() -> Self {
        let mut random = fastrand::Rng::with_seed(RandomState::new().build_hasher().finish());
        let name: String = std::iter::repeat_with(|| random.lowercase()).take(NODE_ID_LENGTH).collect();
        Self(name.into())
    }

    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_name = bytes.len() == NODE_ID_LENGTH && bytes.iter().all(u8::is_ascii_alphanumeric);
        is_name.then(|| Self(String::from_utf8_lossy(bytes).into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// For the sessions of these ids.
    Message { ids: Vec<Id>, text: Text },
    /// For every session.
    Broadcast { text: Text },
    /// The node has created a session of this id: whoever has an older one closes it.
    Claim { id: Id },
    /// The session of this id is to be closed.
    Delete { id: Id },
    /// For the registrations that listen to this.
    Notify { topic: Topic, notification: Text },
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    List(ListChange),
    Resource(Box<[u16]>),
}

impl Topic {
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::List(list) => Subject::List(*list),
            Self::Resource(uri) => Subject::Resource(uri),
        }
    }
}

impl From<Subject<'_>> for Topic {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::List(list) => Self::List(list),
            Subject::Resource(uri) => Self::Resource(uri.into()),
        }
    }
}

/// An entry, and who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    pub node: NodeId,
    pub number: u64,
    pub entry: Entry,
}

/// A field of an entry: its name and its value.
pub type Field = (Vec<u8>, Vec<u8>);

/// It is none of ours, or not as we write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What an entry takes beside its text and ids, in the stream and in an outbox.
const BESIDE: usize = 128;

impl Entry {
    /// What it counts for while it waits, in bytes.
    pub fn weight(&self) -> usize {
        BESIDE
            + match self {
                Self::Message { ids, text } => {
                    ids.iter().map(|id| size_of_val(&**id)).sum::<usize>() + text.len()
                }
                Self::Broadcast { text } | Self::Notify { notification: text, .. } => text.len(),
                Self::Claim { id } | Self::Delete { id } => size_of_val(&**id),
            }
    }

    fn kind(&self) -> &'static [u8] {
        match self {
            Self::Message { .. } => b"m",
            Self::Broadcast { .. } => b"b",
            Self::Claim { .. } => b"c",
            Self::Delete { .. } => b"d",
            Self::Notify { .. } => b"n",
        }
    }

    /// Its fields, but for who says it. `write` gets a name and a value each time.
    fn write(&self, mut write: impl FnMut(&'static [u8], &[u8])) {
        write(b"k", self.kind());
        match self {
            Self::Message { ids, text } => {
                ids.iter().for_each(|id| write(b"i", &wtf8::encode(id)));
                write(b"t", text);
            }
            Self::Broadcast { text } => write(b"t", text),
            Self::Claim { id } | Self::Delete { id } => write(b"i", &wtf8::encode(id)),
            Self::Notify { topic, notification } => {
                match topic {
                    Topic::List(list) => write(b"l", (*list as usize).to_string().as_bytes()),
                    Topic::Resource(uri) => write(b"u", &wtf8::encode(uri)),
                }
                write(b"t", notification);
            }
        }
    }
}

/// Writes the fields of a node's entry.
pub fn write(node: &NodeId, number: u64, entry: &Entry, mut field: impl FnMut(&'static [u8], &[u8])) {
    field(b"n", node.as_str().as_bytes());
    field(b"s", number.to_string().as_bytes());
    entry.write(field);
}

impl Stamped {
    /// Reads the fields of an entry.
    pub fn parse(fields: Vec<Field>) -> Result<Self, Malformed> {
        let mut read = Fields::default();
        for (name, value) in fields {
            read.take(&name, value)?;
        }
        read.stamped().ok_or(Malformed)
    }
}

#[derive(Default)]
struct Fields {
    node: Option<NodeId>,
    number: Option<u64>,
    kind: Option<Vec<u8>>,
    ids: Vec<Id>,
    text: Option<Text>,
    topic: Option<Topic>,
}

impl Fields {
    fn take(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Malformed> {
        match name {
            b"n" => once(&mut self.node, NodeId::parse(&value)),
            b"s" => {
                once(&mut self.number, number(&value).filter(|number| (1..=LAST_NUMBER).contains(number)))
            }
            b"k" => once(&mut self.kind, Some(value)),
            b"t" => once(&mut self.text, str::from_utf8(&value).is_ok().then(|| value.into())),
            b"l" => once(&mut self.topic, number(&value).and_then(list)),
            b"u" => once(&mut self.topic, wtf8::decode(&value).map(Topic::Resource)),
            b"i" => {
                self.ids.push(wtf8::decode(&value).ok_or(Malformed)?);
                Ok(())
            }
            _ => Err(Malformed),
        }
    }

    fn stamped(self) -> Option<Stamped> {
        let Self { node, number, kind, mut ids, text, topic } = self;
        let entry = match (&*kind?, ids.len(), text, topic) {
            (b"m", 1.., Some(text), None) => Entry::Message { ids, text },
            (b"b", 0, Some(text), None) => Entry::Broadcast { text },
            (b"c", 1, None, None) => Entry::Claim { id: ids.pop()? },
            (b"d", 1, None, None) => Entry::Delete { id: ids.pop()? },
            (b"n", 0, Some(notification), Some(topic)) if is_object(&notification) => {
                Entry::Notify { topic, notification }
            }
            _ => return None,
        };
        Some(Stamped { node: node?, number: number?, entry })
    }
}

fn is_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && is_json(text)
}

/// Whether it is one value. Takes no stack for what is nested.
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), Malformed> {
    match (slot.is_none(), value) {
        (true, value @ Some(_)) => {
            *slot = value;
            Ok(())
        }
        _ => Err(Malformed),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

fn list(number: u64) -> Option<Topic> {
    ListChange::ALL.get(usize::try_from(number).ok()?).copied().map(Topic::List)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = Id> {
        vec(any::<u16>(), 0..5).prop_map(Id::from)
    }

    fn text() -> impl Strategy<Value = Text> {
        any::<String>().prop_map(|text| Text::from(text.into_bytes()))
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let topic = prop_oneof![
            (0..3_usize).prop_map(|list| Topic::List(ListChange::ALL[list])),
            id().prop_map(Topic::Resource)
        ];
        prop_oneof![
            (vec(id(), 1..4), text()).prop_map(|(ids, text)| Entry::Message { ids, text }),
            text().prop_map(|text| Entry::Broadcast { text }),
            id().prop_map(|id| Entry::Claim { id }),
            id().prop_map(|id| Entry::Delete { id }),
            topic.prop_map(|topic| Entry::Notify { topic, notification: Text::from(*b"{\"method\":\"a\"}") }),
        ]
    }

    fn fields(node: &NodeId, number: u64, entry: &Entry) -> Vec<Field> {
        let mut fields = Vec::new();
        write(node, number, entry, |name, value| fields.push((name.to_vec(), value.to_vec())));
        fields
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 1..=LAST_NUMBER, entry in entry()) {
            let node = NodeId::random();
            let read = Stamped::parse(fields(&node, number, &entry));
            prop_assert_eq!(read, Ok(Stamped { node, number, entry }));
        }

        #[test]
        fn what_lacks_a_field_or_has_one_twice_is_refused(entry in entry(), nth: prop::sample::Index, twice: bool) {
            let mut fields = fields(&NodeId::random(), 1, &entry);
            let index = nth.index(fields.len());
            // One id less or more is another message to several.
            prop_assume!(fields[index].0 != b"i" || !matches!(entry, Entry::Message { .. }));
            let field = fields.remove(index);
            if twice {
                fields.extend([field.clone(), field]);
            }
            prop_assert_eq!(Stamped::parse(fields), Err(Malformed));
        }

        #[test]
        fn anything_is_read_or_refused(fields: Vec<(Vec<u8>, Vec<u8>)>) {
            prop_assert_eq!(Stamped::parse(fields), Err(Malformed));
        }
    }

    #[test]
    fn what_is_not_as_we_write_it_is_refused() {
        let node = NodeId::random();
        let good = fields(&node, 1, &Entry::Broadcast { text: Text::from(*b"text") });
        assert!(Stamped::parse(good.clone()).is_ok());
        for (name, value) in [
            ("n", &b"too short"[..]),
            ("n", &[b'\n'; NODE_ID_LENGTH]),
            ("s", b"-1"),
            ("s", b"18446744073709551616"),
            ("s", b"9007199254740993"),
            ("s", b"0"),
            ("s", b""),
            ("k", b"x"),
            ("k", b"m"),
            ("t", b"\xFF"),
        ] {
            let mut fields = good.clone();
            fields
                .iter_mut()
                .filter(|field| field.0 == name.as_bytes())
                .for_each(|field| field.1 = value.to_vec());
            assert_eq!(Stamped::parse(fields), Err(Malformed), "{name}: {value:?}");
        }
        let topic = Topic::List(ListChange::Tools);
        for notification in ["", "{", "{} {}", "null", "[]"] {
            let notification = Text::from(notification.as_bytes());
            let fields = fields(&node, 1, &Entry::Notify { topic: topic.clone(), notification });
            assert_eq!(Stamped::parse(fields), Err(Malformed));
        }
    }

    #[test]
    fn json_may_be_nested_as_deeply_as_it_likes() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_json(deep.as_bytes()));
    }
}
