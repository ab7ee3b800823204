//! The names of the keys. The [module `redis`](super) lists them.

use crate::backplane::ids::NodeId;

/// Makes the names of keys with one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The prefix of all keys, with the hash tag that puts them all into one slot of a cluster.
    base: Vec<u8>,
    /// The prefix of the keys of the layout before version 2.
    old_base: Vec<u8>,
}

impl Keys {
    pub fn new(prefix: &[u8]) -> Self {
        // A hash tag ends at the first `}`, and an empty one has no effect.
        let escape: &[u8] = if matches!(prefix.first(), None | Some(b'}' | b':')) { b":" } else { b"" };
        Self { base: [b"{", escape, prefix, b"}:"].concat(), old_base: [prefix, b":"].concat() }
    }

    /// Returns the key of what all nodes share.
    pub fn state(&self) -> Vec<u8> {
        self.key("st", b"")
    }

    pub fn directory(&self) -> Vec<u8> {
        self.key("dir", b"")
    }

    pub fn nodes(&self) -> Vec<u8> {
        self.key("nodes", b"")
    }

    pub fn inbox(&self, node: &NodeId) -> Vec<u8> {
        self.key("in:", node.as_str().as_bytes())
    }

    /// Returns the key of a node's sessions.
    pub fn own(&self, node: &NodeId) -> Vec<u8> {
        self.key("own:", node.as_str().as_bytes())
    }

    /// Returns the key of what was removed from a node's inbox.
    pub fn lost(&self, node: &NodeId) -> Vec<u8> {
        self.key("lost:", node.as_str().as_bytes())
    }

    pub fn info(&self, id: &[u8]) -> Vec<u8> {
        self.key("info:", id)
    }

    pub fn watching(&self, id: &[u8]) -> Vec<u8> {
        self.key("watching:", id)
    }

    pub fn watchers(&self, uri: &[u8]) -> Vec<u8> {
        self.key("watchers:", uri)
    }

    /// Returns a new key for the URIs that a session watched before it was forgotten.
    pub fn forgotten(&self, id: &[u8]) -> Vec<u8> {
        let unique = format!(":{:016x}", fastrand::u64(..));
        self.key("forgotten:", &[id, unique.as_bytes()].concat())
    }

    /// Returns two keys of the layout before version 2: the list of its nodes, and a key without which they do not work.
    pub fn of_old_layout(&self) -> [Vec<u8>; 2] {
        [b"nodes", &b"sent"[..]].map(|name| [&self.old_base, name].concat())
    }

    fn key(&self, kind: &str, name: &[u8]) -> Vec<u8> {
        [&self.base, kind.as_bytes(), name].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_gives_a_hash_tag_that_is_not_empty() {
        for (prefix, key) in [
            ("tmcp", "{tmcp}:st"),
            ("", "{:}:st"),
            ("}", "{:}}:st"),
            (":", "{::}:st"),
            ("a}b", "{a}b}:st"),
            ("{a}", "{{a}}:st"),
        ] {
            assert_eq!(Keys::new(prefix.as_bytes()).state(), key.as_bytes(), "{prefix}");
        }
    }
}
