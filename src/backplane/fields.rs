//! Writes entries to an inbox, and reads them from it.
//!
//! | field | contents | in entries of kind |
//! | --- | --- | --- |
//! | `n` | name of the node that sends it | all |
//! | `s` | number of the entry among those of its node | all but `r` |
//! | `k` | kind: `m` message, `b` broadcast, `n` notify, `r` close replaced sessions, `d` close deleted sessions | all |
//! | `i` | id of a session; once for each session | `m`, `r`, `d` |
//! | `c` | stamp of the claim or deletion | `r`, `d` |
//! | `t` | text of a message, or notification as JSON | `m`, `b`, `n` |
//! | `l` | number of a list ([`ListChange`]) | `n` about a list |
//! | `u` | URI of a resource | `n` about a resource |
//!
//! Other programs may write to an inbox, too, so everything that is read is checked.

use std::str;

use serde::de::IgnoredAny;

use super::bus::Stamp;
use super::entry::{Entry, Id, NodeId, NumberedEntry, Topic};
use super::wtf8;
use crate::registry::subscriptions::ListChange;
use crate::threads::message::CloseReason;
use crate::threads::text::Text;

/// The highest number and stamp: the highest integer that is exact in JavaScript.
pub const LAST_NUMBER: u64 = (1 << 53) - 1;

/// A field of an entry: its name and its value.
pub type Field = (Vec<u8>, Vec<u8>);

/// The error for an entry that no node of this package wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Writes the fields of an entry. `write` is called with the name and the value of each. A deletion has none, because no inbox has
/// one.
pub fn write(
    NumberedEntry { node, number, entry }: &NumberedEntry,
    mut write: impl FnMut(&'static [u8], &[u8]),
) {
    let Some(kind) = kind(entry) else { return };
    write(b"n", node.as_str().as_bytes());
    number.iter().for_each(|number| write(b"s", number.to_string().as_bytes()));
    write(b"k", kind);
    write_contents(entry, write);
}

/// Writes the fields that do not depend on the sender.
pub fn write_contents(entry: &Entry, mut write: impl FnMut(&'static [u8], &[u8])) {
    match entry {
        Entry::Message { ids, text } => {
            ids.iter().for_each(|id| write(b"i", &wtf8::encode(id)));
            write(b"t", text);
        }
        Entry::Broadcast { text } => write(b"t", text),
        Entry::Delete { .. } => {}
        Entry::Close { ids, stamp, .. } => {
            ids.iter().for_each(|id| write(b"i", &wtf8::encode(id)));
            write(b"c", stamp.to_string().as_bytes());
        }
        Entry::Notify { topic, notification } => {
            match topic {
                Topic::List(list) => write(b"l", (*list as usize).to_string().as_bytes()),
                Topic::Resource(uri) => write(b"u", &wtf8::encode(uri)),
            }
            write(b"t", notification);
        }
    }
}

/// Returns the size of an entry in an inbox.
pub fn size(fields: &[Field]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Returns the kind of an entry. `None` for a deletion, which no inbox has.
pub fn kind(entry: &Entry) -> Option<&'static [u8]> {
    Some(match entry {
        Entry::Message { .. } => b"m",
        Entry::Broadcast { .. } => b"b",
        Entry::Notify { .. } => b"n",
        Entry::Close { reason: CloseReason::Deleted, .. } => b"d",
        Entry::Close { .. } => b"r",
        Entry::Delete { .. } => return None,
    })
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
    stamp: Option<Stamp>,
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
            b"c" => once(&mut self.stamp, number(&value).filter(|stamp| *stamp <= LAST_NUMBER)),
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
        let Self { node, number, kind, ids, stamp, text, topic } = self;
        let entry = match (&*kind?, ids.len(), stamp, text, topic) {
            (b"m", 1.., None, Some(text), None) => Entry::Message { ids, text },
            (b"b", 0, None, Some(text), None) => Entry::Broadcast { text },
            (b"r", 1.., Some(stamp), None, None) => {
                Entry::Close { ids, stamp, reason: CloseReason::Replaced }
            }
            (b"d", 1.., Some(stamp), None, None) => Entry::Close { ids, stamp, reason: CloseReason::Deleted },
            (b"n", 0, None, Some(notification), Some(topic)) if is_object(&notification) => {
                Entry::Notify { topic, notification }
            }
            _ => return None,
        };
        let is_replaced = matches!(entry, Entry::Close { reason: CloseReason::Replaced, .. });
        (number.is_none() == is_replaced).then_some(NumberedEntry { node: node?, number, entry })
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
            (vec(id(), 1..4), 0..=LAST_NUMBER, any::<bool>()).prop_map(|(ids, stamp, is_deleted)| {
                let reason = if is_deleted { CloseReason::Deleted } else { CloseReason::Replaced };
                Entry::Close { ids, stamp, reason }
            }),
            topic.prop_map(|topic| Entry::Notify { topic, notification: Text::from(*b"{\"method\":\"a\"}") }),
        ]
    }

    fn numbered(number: u64, entry: Entry) -> NumberedEntry {
        let is_replaced = matches!(entry, Entry::Close { reason: CloseReason::Replaced, .. });
        NumberedEntry { node: NodeId::random(), number: (!is_replaced).then_some(number), entry }
    }

    fn fields(entry: &NumberedEntry) -> Vec<Field> {
        let mut fields = Vec::new();
        write(entry, |name, value| fields.push((name.to_vec(), value.to_vec())));
        fields
    }

    proptest! {
        #[test]
        fn an_entry_reads_back_as_it_was_written(number in 1..=LAST_NUMBER, entry in entry()) {
            let entry = numbered(number, entry);
            prop_assert_eq!(parse(fields(&entry)), Ok(entry));
        }

        #[test]
        fn an_entry_with_a_missing_or_repeated_field_is_refused(entry in entry(), nth: prop::sample::Index, twice: bool) {
            let mut fields = fields(&numbered(1, entry));
            let index = nth.index(fields.len());
            // An entry with one id less or more is valid.
            prop_assume!(fields[index].0 != b"i");
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
        let good = fields(&numbered(1, Entry::Broadcast { text: Text::from(*b"text") }));
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
            let fields = fields(&numbered(1, Entry::Notify { topic: topic.clone(), notification }));
            assert_eq!(parse(fields), Err(Malformed));
        }
    }

    #[test]
    fn deeply_nested_json_does_not_overflow_the_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_json(deep.as_bytes()));
    }
}
