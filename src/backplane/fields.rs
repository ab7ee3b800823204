//! Writes entries to an inbox, and reads them from it.
//!
//! An inbox has two kinds of entries. One is a batch of messages of one node:
//!
//! | field | contents |
//! | --- | --- |
//! | `n` | name of the node that sends them |
//! | `c` | their number |
//! | `f` | the messages, each as a [`frame`] |
//!
//! The other kind makes the node close sessions:
//!
//! | field | contents |
//! | --- | --- |
//! | `n` | name of the node that has claimed or deleted them |
//! | `s` | for a deletion, its number among the messages of its node |
//! | `k` | `r` when they were claimed, `d` when one was deleted |
//! | `i` | id of a session; once for each |
//! | `c` | stamp of the claim or deletion |
//!
//! Other programs may write to an inbox, too, so everything that is read is checked.

use std::str;

use super::bus::{LAST_NUMBER, Stamp};
use super::frame;
use super::ids::{Id, NodeId};
use super::inbox_entry::{Close, Contents, InboxEntry};
use super::wtf8;

/// A field of an entry: its name and its value.
pub type Field = (Vec<u8>, Vec<u8>);

/// The error for an entry that no node of this package wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Returns the fields of an entry, in the form that the scripts of Redis write.
pub fn fields(InboxEntry { node, contents }: &InboxEntry) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut write = |name: &[u8], value: Vec<u8>| fields.push((name.to_vec(), value));
    write(b"n", node.as_str().into());
    match contents {
        Contents::Messages(messages) => {
            write(b"c", messages.len().to_string().into());
            write(
                b"f",
                messages.iter().flat_map(|(number, message)| frame::encode(*number, message)).collect(),
            );
        }
        Contents::Close(Close { ids, stamp, deletion }) => {
            deletion.iter().for_each(|number| write(b"s", number.to_string().into()));
            write(b"k", if deletion.is_some() { b"d" } else { b"r" }.to_vec());
            ids.iter().for_each(|id| write(b"i", wtf8::encode(id)));
            write(b"c", stamp.to_string().into());
        }
    }
    fields
}

/// Returns the size of an entry in an inbox.
pub fn size(fields: &[Field]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Reads the fields of an entry.
///
/// # Errors
/// Returns [`Malformed`] when a field is missing, unknown, repeated or invalid.
pub fn parse(fields: Vec<Field>) -> Result<InboxEntry, Malformed> {
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
    /// Number of messages, or stamp.
    count: Option<Stamp>,
    frames: Option<Vec<u8>>,
}

impl Fields {
    fn add(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Malformed> {
        match name {
            b"n" => once(&mut self.node, NodeId::parse(&value)),
            b"s" => {
                once(&mut self.number, number(&value).filter(|number| (1..=LAST_NUMBER).contains(number)))
            }
            b"k" => once(&mut self.kind, Some(value)),
            b"c" => once(&mut self.count, number(&value).filter(|count| *count <= LAST_NUMBER)),
            b"f" => once(&mut self.frames, Some(value)),
            b"i" => {
                self.ids.push(wtf8::decode(&value).ok_or(Malformed)?);
                Ok(())
            }
            _ => Err(Malformed),
        }
    }

    fn into_entry(self) -> Option<InboxEntry> {
        let Self { node, number, kind, ids, count, frames } = self;
        let (node, count) = (node?, count?);
        let contents = match (kind.as_deref(), ids.len(), number, frames) {
            (None, 0, None, Some(frames)) => {
                let messages = frame::decode_all(&frames)?;
                Contents::Messages(Some(messages).filter(|messages| messages.len() as u64 == count)?)
            }
            (Some(b"r"), 1.., None, None) | (Some(b"d"), 1.., Some(_), None) => {
                Contents::Close(Close { ids, stamp: count, deletion: number })
            }
            _ => return None,
        };
        Some(InboxEntry { node, contents })
    }
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::backplane::message::Message;
    use crate::threads::text::Text;

    fn close_of(deletion: Option<u64>, ids: Vec<Id>, stamp: Stamp) -> InboxEntry {
        InboxEntry { node: NodeId::random(), contents: Contents::Close(Close { ids, stamp, deletion }) }
    }

    fn broadcasts(texts: Vec<(u64, String)>) -> InboxEntry {
        let broadcast = |text: String| Message::Broadcast { text: Text::from(text.into_bytes()) };
        let messages = texts.into_iter().map(|(number, text)| (number, broadcast(text)));
        InboxEntry { node: NodeId::random(), contents: Contents::Messages(messages.collect()) }
    }

    fn entry() -> impl Strategy<Value = InboxEntry> {
        let id = || vec(any::<u16>(), 0..5).prop_map(Id::from);
        let number = || 1..=LAST_NUMBER;
        prop_oneof![
            (prop::option::of(number()), vec(id(), 1..4), 0..=LAST_NUMBER)
                .prop_map(|(deletion, ids, stamp)| close_of(deletion, ids, stamp)),
            vec((number(), any::<String>()), 1..4).prop_map(broadcasts),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_reads_back_as_it_was_written(entry in entry()) {
            prop_assert_eq!(parse(fields(&entry)), Ok(entry));
        }

        #[test]
        fn an_entry_with_a_missing_or_repeated_field_is_refused(entry in entry(), nth: prop::sample::Index, twice: bool) {
            let mut fields = fields(&entry);
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
        let good = fields(&close_of(Some(1), vec!["a".encode_utf16().collect()], 7));
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
            ("k", b"r"),
            ("c", b"9007199254740992"),
            ("i", b"\xFF"),
        ] {
            let mut fields = good.clone();
            fields
                .iter_mut()
                .filter(|field| field.0 == name.as_bytes())
                .for_each(|field| field.1 = value.to_vec());
            assert_eq!(parse(fields), Err(Malformed), "{name}: {value:?}");
        }
        let mut two = fields(&broadcasts(vec![(1, "text".into())]));
        two[1].1 = b"2".to_vec();
        assert_eq!(parse(two), Err(Malformed), "a message is missing");
    }
}
