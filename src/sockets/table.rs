//! The clients of one writer, by key and by group.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use super::client::GroupId;
use super::connection::Connection;
use crate::registry::key::Key;

/// The clients of one writer. Each has a **slot**, a small number, which another client can have later.
#[derive(Debug, Default)]
pub struct Table {
    slots: Vec<Option<Connection>>,
    free_slots: Vec<usize>,
    by_key: HashMap<Key, usize, RandomState>,
    /// The clients that are not muted.
    groups: HashMap<GroupId, Vec<usize>, RandomState>,
}

impl Table {
    /// Returns the number of clients.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Returns the slot of a client.
    pub fn slot_of(&self, key: Key) -> Option<usize> {
        self.by_key.get(&key).copied()
    }

    /// Returns the client in a slot.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Adds a client to the table and to its group. Returns its slot.
    pub fn insert(&mut self, mut connection: Connection) -> usize {
        let slot = self.free_slots.pop().unwrap_or(self.slots.len());
        let group = self.groups.entry(connection.group).or_default();
        connection.position = Some(group.len());
        group.push(slot);
        self.by_key.insert(connection.key, slot);
        if slot == self.slots.len() {
            self.slots.push(Some(connection));
        } else {
            self.slots[slot] = Some(connection);
        }
        slot
    }

    /// Removes a client.
    pub fn remove(&mut self, slot: usize) -> Option<Connection> {
        self.mute(slot);
        let connection = self.slots.get_mut(slot)?.take()?;
        self.by_key.remove(&connection.key);
        self.free_slots.push(slot);
        Some(connection)
    }

    /// Removes a client from its group. The last client of the group takes its place there.
    pub fn mute(&mut self, slot: usize) {
        let Some(connection) = self.get_mut(slot) else { return };
        let (group, Some(position)) = (connection.group, connection.position.take()) else { return };
        let Entry::Occupied(mut members) = self.groups.entry(group) else { return };
        members.get_mut().swap_remove(position);
        let moved = members.get().get(position).copied();
        if members.get().is_empty() {
            members.remove();
        }
        if let Some(moved) = moved.and_then(|moved| self.get_mut(moved)) {
            moved.position = Some(position);
        }
    }

    /// Returns the number of clients of a group that are not muted.
    pub fn group_len(&self, group: GroupId) -> usize {
        self.groups.get(&group).map_or(0, Vec::len)
    }

    /// Returns the slot of a client of a group.
    pub fn member(&self, group: GroupId, position: usize) -> Option<usize> {
        self.groups.get(&group)?.get(position).copied()
    }
}
