//! Checks JSON that other programs may have written.

use serde::de::IgnoredAny;

/// Returns true when the text is one JSON value. Nested values cannot overflow the stack.
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeply_nested_json_does_not_overflow_the_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_json(deep.as_bytes()));
    }
}
