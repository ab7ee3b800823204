//! The error for a call that needs Redis while Redis is unavailable.

use super::bus::BusError;
use crate::threads::text::Text;

/// Returns a `BackplaneUnavailableError`, in the form in which `lib/` reads errors. The message names the cause.
pub fn unavailable(message: &str, cause: Option<&BusError>) -> Text {
    let description = serde_json::json!({
        "name": "BackplaneUnavailableError",
        "code": "ERR_BACKPLANE_UNAVAILABLE",
        "message": cause.map_or_else(|| message.into(), |cause| format!("{message}: {}", cause.message)),
        "cause": cause.map(|cause| serde_json::json!({ "code": *cause.code, "message": *cause.message })),
    });
    description.to_string().into_bytes().into()
}
