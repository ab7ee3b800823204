//! Reads the replies and errors of Redis.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{ErrorKind, RedisError, Value};

use super::tls::tls_error;
use crate::backplane::bus::{BusError, Position};
use crate::backplane::fields::Field;
use crate::backplane::ids::NodeId;

/// Returns an error of the bus, without the password. `limit` is the time limit of the command.
pub(super) fn bus_error(error: &RedisError, limit: Duration, secret: Option<&str>) -> BusError {
    let BusError { code, message } = unredacted(error, limit);
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => BusError::new(code, message.replace(secret, "***")),
        None => BusError { code, message },
    }
}

fn unredacted(error: &RedisError, limit: Duration) -> BusError {
    if error.is_timeout() {
        return BusError::timed_out(limit);
    }
    // A pipeline and a transaction may have several errors. The first one is the reason for the others.
    if let Some(first) = error.clone().into_server_errors().and_then(|errors| errors.first().cloned()) {
        let (_, first) = first;
        return script_error(format!("{} {}", first.code(), first.details().unwrap_or_default()).trim_end());
    }
    if let Some(error) = io_error_in(error) {
        return io_error(error);
    }
    match error.kind() {
        ErrorKind::Io => BusError::new("ECONNRESET", error.to_string()),
        _ => BusError::protocol(error.to_string()),
    }
}

/// How errors begin that mean that the user may not run a command of a script: those of Redis 6.2 and 7.0, and those of later
/// versions and Valkey. Outside of scripts, the code is `NOPERM`.
const DENIED_IN_SCRIPT: [&str; 2] = ["The user executing the script can't ", "ACL failure in script: "];

/// Returns an error of Redis. If the text says why a transaction or a script has failed, that is the error.
///
/// Redis 6.2 puts the error of a command in a script into the text of another one: `ERR Error running script (call to …):
/// @user_script:9: @user_script: 9: -OOM command not allowed …`, or `… @user_script:9: WRONGTYPE Operation …`.
pub(super) fn script_error(text: &str) -> BusError {
    if let Some(denied) = DENIED_IN_SCRIPT.iter().find_map(|denied| text.find(denied)) {
        return BusError::new("NOPERM", format!("NOPERM {}", &text[denied..]));
    }
    let reason = if let Some((_, reason)) = text.split_once("because of: ") {
        reason
    } else if text.starts_with("ERR Error running script") || text.starts_with("@user_script") {
        let after_line = || text.rsplit_once("@user_script:")?.1.split_once(": ");
        text.rsplit_once(" -").or_else(after_line).map_or(text, |(_, reason)| reason)
    } else {
        text
    };
    let code = reason.split(' ').next().unwrap_or_default();
    let is_code = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code(code) { BusError::new(code, reason) } else { BusError::new("ERR", text) }
}

fn io_error_in(error: &RedisError) -> Option<&io::Error> {
    let inner = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    inner.downcast_ref()
}

/// Returns the error of an open connection, or of a TLS handshake.
pub(super) fn io_error(error: &io::Error) -> BusError {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return tls_error(error);
    }
    match io_code(error) {
        code @ ("ECONNRESET" | "EPIPE") => {
            BusError::new(code, format!("Redis closed the connection ({code})"))
        }
        code => BusError::new(code, error.to_string()),
    }
}

/// Returns the code that Node.js uses for an error of the operating system.
pub(super) fn io_code(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => {
            "ECONNRESET"
        }
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::NotFound => "ENOENT",
        _ => "EIO",
    }
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

/// Parses a number that a script has returned.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => text(value)?.parse().ok(),
    }
}

/// Returns the text after a name in a list of names and values.
pub(super) fn named<'reply>(list: &'reply [Value], name: &str) -> Option<&'reply str> {
    list.chunks_exact(2).find(|pair| text(&pair[0]) == Some(name)).and_then(|pair| text(&pair[1]))
}

/// Returns the elements of an array.
pub(super) fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_command_is_found_in_that_of_its_transaction_or_script() {
        for (text, code, message) in [
            ("OOM command not allowed.", "OOM", "OOM command not allowed."),
            (
                "EXECABORT Transaction discarded because of: OOM command not allowed.",
                "OOM",
                "OOM command not allowed.",
            ),
            (
                "ERR Error running script (call to f_0a): @user_script:3: @user_script: 3: -READONLY It is a replica.",
                "READONLY",
                "READONLY It is a replica.",
            ),
            (
                "ERR Error running script (call to f_0a): @user_script:24: WRONGTYPE Operation against a key",
                "WRONGTYPE",
                "WRONGTYPE Operation against a key",
            ),
            ("@user_script: 12: -READONLY It is a replica.", "READONLY", "READONLY It is a replica."),
            (
                "READONLY It is a replica. script: 0a, on @user_script:5.",
                "READONLY",
                "READONLY It is a replica. script: 0a, on @user_script:5.",
            ),
            (
                "ERR Error running script (call to f_0a): @user_script:1: @user_script: 1: The user executing the script can't \
                 run this command or subcommand",
                "NOPERM",
                "NOPERM The user executing the script can't run this command or subcommand",
            ),
            (
                "ERR The user executing the script can't run this command or subcommand script: 0a, on @user_script:1.",
                "NOPERM",
                "NOPERM The user executing the script can't run this command or subcommand script: 0a, on @user_script:1.",
            ),
            (
                "ERR ACL failure in script: User mcp has no permissions to run the 'hget' command script: on @user_script:1.",
                "NOPERM",
                "NOPERM ACL failure in script: User mcp has no permissions to run the 'hget' command script: on @user_script:1.",
            ),
            ("ERR unknown command", "ERR", "ERR unknown command"),
            (
                "ERR Error running script (call to f_0a): @user_script:3: no such function",
                "ERR",
                "ERR Error running script (call to f_0a): @user_script:3: no such function",
            ),
            ("without a code", "ERR", "without a code"),
        ] {
            assert_eq!(script_error(text), BusError::new(code, message));
        }
    }
}
