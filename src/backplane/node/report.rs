//! Reports to the threads of the process.

use crate::threads::text::Text;

/// An event that the node reports to all threads.
pub(super) enum Report<'node> {
    /// The connection failed.
    Error { message: &'node str },
    /// Entries of another node are lost.
    Gap { node: &'node str, missed: u64 },
}

impl Report<'_> {
    /// Returns the report as JSON for `lib/`.
    pub fn json(&self) -> Text {
        let json = match self {
            Self::Error { message } => serde_json::json!({ "error": message }),
            Self::Gap { node, missed } => serde_json::json!({ "node": node, "missed": missed }),
        };
        json.to_string().into_bytes().into()
    }
}
