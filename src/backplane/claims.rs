//! Claims: which sessions of this node the directory has, and which changes it lacks.

use super::entry::Id;

/// Changes of the directory that are made together, and once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Counts the changes of this node.
    pub number: u64,
    /// At least one. Each session is there once.
    pub list: Vec<Change>,
}

/// A change of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The session.
    pub id: Id,
    /// What changes.
    pub kind: ChangeKind,
}

/// What changes for a session in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The node has created it. Another node that has it closes it.
    Claim,
    /// The node does not have it any more. Has no effect when another node has claimed it.
    Release,
}
