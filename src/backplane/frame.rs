//! Frames: messages as bytes. A frame shows where it ends, so that several of them can be joined without a separator.
//!
//! | part | in kinds |
//! | --- | --- |
//! | kind, one byte: `m` message, `b` broadcast, `l` notification about a list, `u` notification about a resource | all |
//! | number of the message among those of its node | all |
//! | number of sessions, and their ids | `m` |
//! | number of the list ([`ListChange`]) | `l` |
//! | URI of the resource | `u` |
//! | text of the message, or notification as JSON | all |
//!
//! Numbers have seven bits in each byte, lowest first; all bytes but the last have the highest bit set. Each id, URI and text
//! begins with its length in bytes.

use super::bus::LAST_NUMBER;
use super::ids::Id;
use super::inbox_entry::NumberedMessage;
use super::json::is_json;
use super::message::Message;
use super::topic::Topic;
use super::wtf8;
use crate::registry::subscriptions::ListChange;
use crate::threads::text::Text;

/// Bytes that a frame usually needs beside the text and the ids.
const OVERHEAD: usize = 64;

/// Returns the frame of a message.
pub fn encode(number: u64, message: &Message) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.weight() + OVERHEAD);
    let text = match message {
        Message::Multicast { ids, text } => {
            begin(&mut frame, b'm', number);
            write_number(&mut frame, ids.len() as u64);
            ids.iter().for_each(|id| write_bytes(&mut frame, &wtf8::encode(id)));
            text
        }
        Message::Broadcast { text } => {
            begin(&mut frame, b'b', number);
            text
        }
        Message::Notify { topic: Topic::List(list), notification } => {
            begin(&mut frame, b'l', number);
            write_number(&mut frame, *list as u64);
            notification
        }
        Message::Notify { topic: Topic::Resource(uri), notification } => {
            begin(&mut frame, b'u', number);
            write_bytes(&mut frame, &wtf8::encode(uri));
            notification
        }
    };
    write_bytes(&mut frame, text);
    frame
}

fn begin(frame: &mut Vec<u8>, kind: u8, number: u64) {
    frame.push(kind);
    write_number(frame, number);
}

fn write_number(frame: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        frame.push(number as u8 | 0x80);
        number >>= 7;
    }
    frame.push(number as u8);
}

fn write_bytes(frame: &mut Vec<u8>, bytes: &[u8]) {
    write_number(frame, bytes.len() as u64);
    frame.extend_from_slice(bytes);
}

/// Reads frames. Returns `None` when one of them is invalid, or there is none.
pub fn decode_all(mut frames: &[u8]) -> Option<Vec<NumberedMessage>> {
    let mut messages = Vec::new();
    while !frames.is_empty() {
        messages.push(decode(&mut frames)?);
    }
    (!messages.is_empty()).then_some(messages)
}

fn decode(frames: &mut &[u8]) -> Option<NumberedMessage> {
    let kind = *frames.split_off_first()?;
    let number = read_number(frames).filter(|number| (1..=LAST_NUMBER).contains(number))?;
    let message = match kind {
        b'm' => {
            // The capacity is not reserved, because another program may have written the number.
            let count = read_number(frames)?;
            let ids = (0..count).map(|_| read_units(frames)).collect::<Option<Vec<_>>>()?;
            Message::Multicast { ids: Some(ids).filter(|ids| !ids.is_empty())?, text: read_text(frames)? }
        }
        b'b' => Message::Broadcast { text: read_text(frames)? },
        b'l' => {
            let list = *ListChange::ALL.get(usize::try_from(read_number(frames)?).ok()?)?;
            Message::Notify { topic: Topic::List(list), notification: read_object(frames)? }
        }
        b'u' => {
            let uri = read_units(frames)?;
            Message::Notify { topic: Topic::Resource(uri), notification: read_object(frames)? }
        }
        _ => return None,
    };
    Some((number, message))
}

fn read_number(frames: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = *frames.split_off_first()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn read_bytes<'frames>(frames: &mut &'frames [u8]) -> Option<&'frames [u8]> {
    let length = usize::try_from(read_number(frames)?).ok()?;
    frames.split_off(..length)
}

fn read_units(frames: &mut &[u8]) -> Option<Id> {
    wtf8::decode(read_bytes(frames)?)
}

fn read_text(frames: &mut &[u8]) -> Option<Text> {
    let text = read_bytes(frames)?;
    str::from_utf8(text).is_ok().then(|| text.into())
}

fn read_object(frames: &mut &[u8]) -> Option<Text> {
    read_text(frames).filter(|text| text.first() == Some(&b'{') && is_json(text))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = Id> {
        vec(any::<u16>(), 0..200).prop_map(Id::from)
    }

    fn text() -> impl Strategy<Value = Text> {
        any::<String>().prop_map(|text| Text::from(text.into_bytes()))
    }

    fn message() -> impl Strategy<Value = Message> {
        let topic = prop_oneof![
            (0..3_usize).prop_map(|list| Topic::List(ListChange::ALL[list])),
            id().prop_map(Topic::Resource)
        ];
        prop_oneof![
            (vec(id(), 1..4), text()).prop_map(|(ids, text)| Message::Multicast { ids, text }),
            text().prop_map(|text| Message::Broadcast { text }),
            topic.prop_map(|topic| Message::Notify {
                topic,
                notification: Text::from(*b"{\"method\":\"a\"}")
            }),
        ]
    }

    proptest! {
        #[test]
        fn joined_frames_read_back_as_they_were_written(messages in vec((1..=LAST_NUMBER, message()), 1..5)) {
            let frames: Vec<u8> = messages.iter().flat_map(|(number, message)| encode(*number, message)).collect();
            prop_assert_eq!(decode_all(&frames), Some(messages));
        }

        #[test]
        fn a_frame_that_is_cut_off_is_refused(message in message(), length: prop::sample::Index) {
            let frame = encode(1, &message);
            prop_assert_eq!(decode_all(&frame[..length.index(frame.len())]), None);
        }

        #[test]
        fn arbitrary_bytes_cause_no_panic(bytes: Vec<u8>) {
            let _ = decode_all(&bytes);
        }
    }

    #[test]
    fn frames_with_invalid_values_are_refused() {
        for frame in [
            &b"x\x01\x00"[..],
            // The number 0, one that is too high, and one without an end.
            b"b\x00\x00",
            b"b\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00",
            b"b\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x00",
            // No session, and more sessions than there are.
            b"m\x01\x00\x00",
            b"m\x01\xFF\xFF\xFF\xFF\x0F\x00",
            // Not UTF-8.
            b"b\x01\x01\xFF",
            // An unknown list, and a notification that is no object.
            b"l\x01\x09\x02{}",
            b"l\x01\x00\x02[]",
            b"l\x01\x00\x05{} {}",
        ] {
            assert_eq!(decode_all(frame), None, "{frame:?}");
        }
        assert!(decode_all(b"l\x01\x00\x02{}").is_some());
    }
}
