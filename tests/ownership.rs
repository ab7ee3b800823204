//! Deferred claims while other nodes claim the same ids: both sides take locks of the sessions and of the claims, and must
//! not deadlock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tmcp_session_manager::backplane::entry::Entry;
use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::scopes::Scope;

#[test]
fn sessions_are_created_with_a_full_outbox_while_other_nodes_claim_them() {
    let settings = Settings { max_pending_bytes: 1_000, ..Settings::default() };
    let mut made = None;
    let scope = Scope::Redis { url: "nobody".into(), prefix: [].into() };
    let member = scope.join_with_backplane(settings, DEFAULT_MAX_MAILBOX_BYTES, None, |hub, _| {
        made = Some(hub);
    });
    let hub = made.expect("a new hub");
    let id = |number: u32| (number % 512).to_string().encode_utf16().collect::<Box<[u16]>>();
    let done = Arc::new(AtomicBool::new(false));
    let others = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                hub.deliver(Entry::Claim { id: id(number * 7) });
            }
        }
    });
    for number in 0..100_000 {
        member.create(&id(number));
    }
    done.store(true, Ordering::Relaxed);
    others.join().expect("no panic");
}
