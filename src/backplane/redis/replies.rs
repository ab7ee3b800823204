//! Reads the replies and errors of Redis.

use ::redis::{RedisError, Value};

use crate::backplane::bus::{BusError, Position, Sent};
use crate::backplane::entry::NodeId;
use crate::backplane::fields::{Field, LAST_NUMBER};

/// Returns an error of the bus, without the password.
pub(super) fn bus_error(error: &RedisError, secret: Option<&str>) -> BusError {
    let text = error.to_string();
    BusError::new(match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => text.replace(secret, "***"),
        None => text,
    })
}

/// Returns true when Redis does not know a script. All scripts are loaded with each connection, so a new connection helps.
pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT")
}

pub(super) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn node_id(value: &Value) -> Option<NodeId> {
    NodeId::parse(text(value)?.as_bytes())
}

/// Parses `<number>@<stream id>`.
pub(super) fn sent(value: &Value) -> Option<Sent> {
    let (number, at) = text(value)?.split_once('@')?;
    let number = number.parse().ok().filter(|number| *number <= LAST_NUMBER)?;
    Some(Sent { number, at: Position::parse(at)? })
}

/// Returns the entries in a reply to `XREAD` for one stream. The reply is nil when there were none.
pub(super) fn entries(read: Value) -> Option<Vec<(Position, Vec<Field>)>> {
    let Value::Array(streams) = read else {
        return matches!(read, Value::Nil).then(Vec::new);
    };
    let Some(Value::Array(mut stream)) = streams.into_iter().next() else { return None };
    let Some(Value::Array(entries)) = stream.pop() else { return None };
    entries.into_iter().map(entry).collect()
}

fn entry(entry: Value) -> Option<(Position, Vec<Field>)> {
    let Value::Array(entry) = entry else { return None };
    let [id, fields] = <[Value; 2]>::try_from(entry).ok()?;
    let position = Position::parse(text(&id)?)?;
    let mut fields = match fields {
        Value::Array(fields) => fields.into_iter().map_while(bytes),
        // The entry was deleted.
        _ => return Some((position, Vec::new())),
    };
    Some((position, std::iter::from_fn(|| Some((fields.next()?, fields.next()?))).collect()))
}
