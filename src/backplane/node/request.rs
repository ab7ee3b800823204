//! Requests to the bus, and their replies.

use std::collections::HashMap;
use std::time::Duration;

use super::report::{REFUSED, Report};
use super::{Never, Node};
use crate::backplane::Counters;
use crate::backplane::bus::{Bus, BusError, Link};
use crate::backplane::json::is_json;
use crate::backplane::request::Reply;
use crate::backplane::request_queue::Batch;
use crate::backplane::unavailable::unavailable;
use crate::backplane::wtf8;

/// Maximum number of requests that are made at once.
const BATCH: usize = 256;
/// Time after which a change is made again that the server could not accept.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl<B: Bus> Node<B> {
    pub(super) async fn keep_requesting(&self, link: &B::Link) -> Result<Never, BusError> {
        loop {
            if !self.request_some(link).await? {
                self.backplane.requests.wait().await;
            }
        }
    }

    /// Makes some of the requests that wait. Returns true when there were any.
    pub(super) async fn request_some(&self, link: &B::Link) -> Result<bool, BusError> {
        let queue = &self.backplane.requests;
        let Batch { requests, completions } = queue.next(BATCH);
        if requests.is_empty() {
            return Ok(false);
        }
        let replies = link.request(&requests).await?;
        self.backplane.set_away(false);
        let mut replied = Vec::with_capacity(completions.len());
        let mut delayed: HashMap<_, BusError> = HashMap::new();
        let replies = requests.iter().zip(completions).zip(replies);
        for ((request, (number, completion, is_kept)), reply) in replies {
            if is_kept {
                // Later changes of the same session are made once more, too, so that they stay in order. It does no harm that
                // they are made twice.
                let why = match &reply {
                    Reply::Refused(why) if why.is_transient() => Some(why),
                    _ => delayed.get(&request.about()),
                };
                if let Some(why) = why.cloned() {
                    // The caller does not wait for the next try.
                    completion.fail(unavailable(REFUSED, Some(&why)));
                    delayed.insert(request.about(), why);
                    queue.pause(RETRY_AFTER);
                    continue;
                }
            }
            replied.push(number);
            match reply {
                Reply::Refused(why) => {
                    if is_kept {
                        Counters::add(&self.backplane.counters.dropped, 1);
                    }
                    if is_kept && (completion.is_settled() || !completion.has_requester()) {
                        self.report(&Report::Refused(&why));
                    }
                    completion.fail(unavailable(REFUSED, Some(&why)));
                }
                Reply::Done => completion.done(),
                Reply::Is(is) => completion.value(is.to_string().into_bytes().into()),
                Reply::Value(value) => completion.value(self.value_json(value).into()),
                Reply::Ids(ids) => completion.value(self.ids_json(&ids).into()),
            }
        }
        queue.replied(replied);
        Ok(true)
    }

    /// Returns a value as JSON for `lib/`.
    fn value_json(&self, value: Option<Vec<u8>>) -> Vec<u8> {
        match value {
            Some(value) if is_json(&value) => value,
            Some(_) => self.malformed(),
            None => b"null".to_vec(),
        }
    }

    /// Returns ids as JSON for `lib/`.
    fn ids_json(&self, ids: &[Vec<u8>]) -> Vec<u8> {
        let ids = ids.iter().map(|id| wtf8::decode(id)).collect::<Option<Vec<_>>>();
        ids.map_or_else(|| self.malformed(), |ids| wtf8::json_array(&ids).into_bytes())
    }

    /// Counts a value that this package did not write, and returns `null` in its place.
    fn malformed(&self) -> Vec<u8> {
        Counters::add(&self.backplane.counters.malformed, 1);
        b"null".to_vec()
    }
}
