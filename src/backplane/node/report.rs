//! Reports to the threads of the process.

use crate::backplane::bus::BusError;
use crate::threads::text::Text;

/// The message for a command that Redis refused, before its cause.
pub(super) const REFUSED: &str = "Redis refused the command";

/// An event that the node reports to all threads.
pub(super) enum Report<'node> {
    /// The connection, or an attempt to connect, failed.
    Disconnected(&'node BusError),
    /// The server refused a write, which is tried again.
    RefusedWrite(&'node BusError),
    /// The server refused a change that no caller waits for any more. It is lost.
    Refused(&'node BusError),
    /// What waited for this node is lost.
    Lost(&'node BusError),
    /// The node has ended, and entries that it could not send are lost.
    Unsent(&'node BusError),
    /// Entries of a node are lost.
    Gap { node: &'node str, missed: u64 },
}

impl Report<'_> {
    /// Returns the report as JSON for `lib/`.
    pub fn json(&self) -> Text {
        let json = match self {
            Self::Disconnected(cause) => error("the connection to Redis failed", cause),
            Self::Refused(cause) => error(REFUSED, cause),
            Self::Lost(cause) => error("messages of other machines are lost", cause),
            Self::RefusedWrite(cause) => {
                error("Redis refuses writes, so messages to other machines wait", cause)
            }
            Self::Unsent(cause) => {
                let mut report = error("closed before everything was sent to other machines", cause);
                // It is passed on although its cause was reported a moment ago.
                report["isLoss"] = true.into();
                report
            }
            Self::Gap { node, missed } => serde_json::json!({ "node": node, "missed": missed }),
        };
        json.to_string().into_bytes().into()
    }
}

fn error(message: &str, cause: &BusError) -> serde_json::Value {
    let BusError { code, message: why } = cause;
    serde_json::json!({
        "error": { "message": format!("{message}: {why}"), "cause": { "code": **code, "message": **why } },
    })
}
