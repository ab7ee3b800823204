//! Writes entries to the stream, and reads them from it.
//!
//! | field | contents | in entries of kind |
//! | --- | --- | --- |
//! | `n` | name of the node | all |
//! | `s` | number of the entry; each node counts from 1 without a gap | all |
//! | `k` | kind: `m` message, `b` broadcast, `c` claim, `d` delete, `n` notify | all |
//! | `i` | id of a session; once for each session | `m`, `c`, `d` |
//! | `t` | text of a message, or notification as JSON | `m`, `b`, `n` |
//! | `l` | number of a list ([`ListChange`]) | `n` about a list |
//! | `u` | URI of a resource | `n` about a resource |
//!
//! Other programs may write to the stream, too, so everything that is read is checked.

use std::str;

use serde::de::IgnoredAny;

use super::entry::{Entry, Id, NodeId, NumberedEntry, Topic};
use super::wtf8;
use crate::registry::subscriptions::ListChange;
use crate::threads::text::Text;

/// The highest number of an entry: the highest integer that is exact in JavaScript.
pub const LAST_NUMBER: u64 = (1 << 53) - 1;

/// A field of an entry: its name and its value.
pub type Field = (Vec<u8>, Vec<u8>);

/// The error for an entry that no node of this package wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Writes the fields of a node's entry. `write` is called with the name and the value of each.
pub fn write(node: &NodeId, number: u64, entry: &Entry, mut write: impl FnMut(&'static [u8], &[u8])) {
    write(b"n", node.as_str().as_bytes());
    write(b"s", number.to_string().as_bytes());
    write(b"k", kind(entry));
    match entry {
        Entry::Message { ids, text } => {
            ids.iter().for_each(|id| write(b"i", &wtf8::encode(id)));
            write(b"t", text);
        }
        Entry::Broadcast { text } => write(b"t", text),
        Entry::Claim { id } | Entry::Delete { id } => write(b"i", &wtf8::encode(id)),
        Entry::Notify { topic, notification } => {
            match topic {
                Topic::List(list) => write(b"l", (*list as usize).to_string().as_bytes()),
                Topic::Resource(uri) => write(b"u", &wtf8::encode(uri)),
            }
            write(b"t", notification);
        }
    }
}

fn kind(entry: &Entry) -> &'static [u8] {
    match entry {
        Entry::Message { .. } => b"m",
        Entry::Broadcast { .. } => b"b",
        Entry::Claim { .. } => b"c",
        Entry::Delete { .. } => b"d",
        Entry::Notify { .. } => b"n",
    }
}

/// Reads the fields of an entry.
///
/// # Errors
/// Returns [`Malformed`] when a field is missing, unknown, repeated or invalid.
pub fn parse(fields: Vec<Field>) -> Result<NumberedEntry, Malformed> {
    let mut read = Fields::default();
    for (name, value) in fields {
        read.add(&name, value)?;
    }
    read.into_entry().ok_or(Malformed)
}

/// The fields of an entry that were read so far.
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
    fn add(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Malformed> {
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

    fn into_entry(self) -> Option<NumberedEntry> {
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
        Some(NumberedEntry { node: node?, number: number?, entry })
    }
}

fn is_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && is_json(text)
}

/// Returns true when the text is one JSON value. Nested values cannot overflow the stack.
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Fills a slot. Fails when the slot is filled already or the value is invalid.
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
        fn an_entry_reads_back_as_it_was_written(number in 1..=LAST_NUMBER, entry in entry()) {
            let node = NodeId::random();
            let read = parse(fields(&node, number, &entry));
            prop_assert_eq!(read, Ok(NumberedEntry { node, number, entry }));
        }

        #[test]
        fn an_entry_with_a_missing_or_repeated_field_is_refused(entry in entry(), nth: prop::sample::Index, twice: bool) {
            let mut fields = fields(&NodeId::random(), 1, &entry);
            let index = nth.index(fields.len());
            // A message with one id less or more is valid.
            prop_assume!(fields[index].0 != b"i" || !matches!(entry, Entry::Message { .. }));
            let field = fields.remove(index);
            if twice {
                fields.extend([field.clone(), field]);
            }
            prop_assert_eq!(parse(fields), Err(Malformed));
        }

        #[test]
        fn arbitrary_fields_are_refused_without_a_panic(fields: Vec<(Vec<u8>, Vec<u8>)>) {
            prop_assert_eq!(parse(fields), Err(Malformed));
        }
    }

    #[test]
    fn entries_with_invalid_values_are_refused() {
        let node = NodeId::random();
        let good = fields(&node, 1, &Entry::Broadcast { text: Text::from(*b"text") });
        assert!(parse(good.clone()).is_ok());
        for (name, value) in [
            ("n", &b"too short"[..]),
            ("n", &[b'\n'; NodeId::LENGTH]),
            ("s", b"-1"),
            ("s", b"18446744073709551616"),
            ("s", b"9007199254740992"),
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
            assert_eq!(parse(fields), Err(Malformed), "{name}: {value:?}");
        }
        let topic = Topic::List(ListChange::Tools);
        for notification in ["", "{", "{} {}", "null", "[]"] {
            let notification = Text::from(notification.as_bytes());
            let fields = fields(&node, 1, &Entry::Notify { topic: topic.clone(), notification });
            assert_eq!(parse(fields), Err(Malformed));
        }
    }

    #[test]
    fn deeply_nested_json_does_not_overflow_the_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_json(deep.as_bytes()));
    }
}
