//! The subject of a notification.

use crate::registry::subscriptions::{ListChange, Subject};

/// The subject of a notification, as a value that owns its URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A list changed.
    List(ListChange),
    /// The resource with this URI was updated.
    Resource(Box<[u16]>),
}

impl Topic {
    /// Returns the topic as a subject for the table of registrations.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::List(list) => Subject::List(*list),
            Self::Resource(uri) => Subject::Resource(uri),
        }
    }
}

impl From<Subject<'_>> for Topic {
    fn from(subject: Subject<'_>) -> Self {
        match subject {
            Subject::List(list) => Self::List(list),
            Subject::Resource(uri) => Self::Resource(uri.into()),
        }
    }
}
