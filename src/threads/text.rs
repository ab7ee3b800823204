//! Text that several threads share.

use std::sync::Arc;

/// UTF-8 text. The mailboxes of all receivers share one copy.
pub type Text = Arc<[u8]>;
