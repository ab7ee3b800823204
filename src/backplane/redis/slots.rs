//! Slots of Redis Cluster: which slot a key has, and which node has a slot.

use ::redis::Value;

use super::address::Endpoint;
use super::replies::{named, text};

/// Number of slots of a cluster.
const SLOTS: u16 = 16_384;

/// Returns the slot of a key: that of its hash tag `{…}` if it has one that is not empty.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let length = rest.iter().position(|byte| *byte == b'}')?;
        (length > 0).then(|| &rest[..length])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as in the specification of Redis Cluster.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// The reply to `CLUSTER SLOTS`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// The first slot, the last slot, and the master of each range.
    ranges: Vec<(u16, u16, Endpoint)>,
    /// All nodes, masters first.
    pub nodes: Vec<Endpoint>,
}

impl SlotMap {
    /// Parses the reply of the node at `asked`. Leaves out what has another form.
    pub fn parse(reply: Value, asked: &Endpoint) -> Self {
        let mut ranges = Vec::new();
        let mut replicas = Vec::new();
        let Value::Array(rows) = reply else { return Self { ranges, nodes: replicas } };
        for row in rows {
            let Value::Array(row) = row else { continue };
            let [Value::Int(first), Value::Int(last), master, others @ ..] = row.as_slice() else { continue };
            replicas.extend(others.iter().filter_map(|node| endpoint(node, asked)));
            let slots = u16::try_from(*first).ok().zip(u16::try_from(*last).ok());
            if let (Some((first, last)), Some(master)) = (slots, endpoint(master, asked)) {
                ranges.push((first, last, master));
            }
        }
        let mut nodes: Vec<Endpoint> = Vec::new();
        for node in ranges.iter().map(|(.., master)| master).chain(&replicas) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        Self { ranges, nodes }
    }

    /// Returns the master of a slot.
    pub fn master_of(&self, slot: u16) -> Option<&Endpoint> {
        self.ranges
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&slot))
            .map(|(.., master)| master)
    }
}

/// Returns the address of a node: its preferred address and port, then its id, and other addresses by name.
fn endpoint(node: &Value, asked: &Endpoint) -> Option<Endpoint> {
    let Value::Array(node) = node else { return None };
    let [host, Value::Int(port), others @ ..] = node.as_slice() else { return None };
    let port = u16::try_from(*port).ok()?;
    match (text(host), host) {
        // The node does not know its address, or is configured not to announce it.
        (Some(""), _) | (_, Value::Nil) => asked.with_port(port),
        // The node is configured to announce a host name, and has none.
        (Some("?"), _) => {
            let Some(Value::Array(addresses)) = others.get(1) else { return None };
            Some(Endpoint::tcp(named(addresses, "ip")?, port))
        }
        (Some(host), _) => Some(Endpoint::tcp(host, port)),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn a_hash_tag_that_is_not_empty_decides_the_slot() {
        // As `CLUSTER KEYSLOT` of Redis 7.0 returns them.
        for (key, slot) in [
            (&b"foo"[..], 12_182),
            (b"somekey", 11_058),
            (b"foo{hash_tag}", 2_515),
            (b"bar{hash_tag}", 2_515),
            (b"{tmcp}:st", 12_624),
            (b"{}:st", 11_255),
            (b"{a}b}:st", 15_495),
            (b"}{a", 12_925),
            (b"\xff{\xfe}", 3_793),
        ] {
            assert_eq!(slot_of(key), slot, "{}", key.escape_ascii());
        }
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn node(host: Value, port: i64, more: Vec<Value>) -> Value {
        Value::Array([vec![host, Value::Int(port), bulk("id")], more].concat())
    }

    fn row(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        Value::Array([vec![Value::Int(first), Value::Int(last)], nodes].concat())
    }

    #[test]
    fn the_reply_to_cluster_slots_has_the_master_of_each_slot_and_all_nodes() {
        let asked = Endpoint::tcp("asked.example", 1);
        let other_ip = vec![Value::Array(vec![bulk("ip"), bulk("10.0.0.3")])];
        let reply = Value::Array(vec![
            row(
                0,
                99,
                vec![node(bulk(""), 7_000, vec![]), node(bulk("::1"), 7_001, vec![Value::Array(vec![])])],
            ),
            row(100, 100, vec![node(Value::Nil, 7_002, vec![])]),
            row(101, 16_000, vec![node(bulk("?"), 7_003, other_ip)]),
            row(16_001, 16_383, vec![node(bulk("?"), 7_004, vec![]), node(bulk("::1"), 7_001, vec![])]),
            Value::Nil,
            row(-1, 70_000, vec![node(bulk("far.example"), 7_005, vec![])]),
            row(1, 2, vec![node(bulk("a.example"), 70_000, vec![])]),
        ]);
        let map = SlotMap::parse(reply, &asked);
        let own = |port| Some(Endpoint::tcp("asked.example", port));
        assert_eq!(map.master_of(0), own(7_000).as_ref());
        assert_eq!(map.master_of(99), own(7_000).as_ref());
        assert_eq!(map.master_of(100), own(7_002).as_ref());
        assert_eq!(map.master_of(101), Some(&Endpoint::tcp("10.0.0.3", 7_003)));
        assert_eq!(map.master_of(16_001), None);
        let nodes: Vec<_> = map.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(nodes, ["asked.example:7000", "asked.example:7002", "10.0.0.3:7003", "[::1]:7001"]);
    }

    #[test]
    fn a_reply_of_another_form_has_no_nodes() {
        for reply in [Value::Nil, Value::Int(1), Value::Array(vec![Value::Array(vec![]), Value::Nil])] {
            let map = SlotMap::parse(reply, &Endpoint::tcp("a", 1));
            assert_eq!(map, SlotMap { ranges: vec![], nodes: vec![] });
            assert_eq!(map.master_of(0), None);
        }
    }
}
