//! The ids of sessions and of nodes.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

/// A session id in UTF-16.
pub type Id = Box<[u16]>;

/// The name of a node: one process, from the time it joins a backplane until it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Length of a node's name, in bytes.
    pub(super) const LENGTH: usize = 20;

    /// Returns a new name. It is one of 2⁶⁴, drawn with the seed that the system provides for hash tables.
    pub fn random() -> Self {
        let mut random = fastrand::Rng::with_seed(RandomState::new().build_hasher().finish());
        let name: String = std::iter::repeat_with(|| random.lowercase()).take(Self::LENGTH).collect();
        Self(name.into())
    }

    /// Parses a name. Returns `None` for bytes that cannot be one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_name = bytes.len() == Self::LENGTH && bytes.iter().all(u8::is_ascii_alphanumeric);
        is_name.then(|| Self(String::from_utf8_lossy(bytes).into()))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
