//! Claims that find no room, while others claim the same ids: both sides take locks of the registry and of the claims.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tmcp_session_manager::backplane::delivery::deliver;
use tmcp_session_manager::backplane::entry::Entry;
use tmcp_session_manager::backplane::{Backplane, Settings};
use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::scopes::Scope;

#[test]
fn sessions_are_created_with_a_full_outbox_while_others_claim_them() {
    let settings = Settings { max_pending_bytes: 1_000, ..Settings::default() };
    let mut joined: Option<(Arc<Hub>, Arc<Backplane>)> = None;
    let scope = Scope::Redis { url: "nobody".into(), prefix: [].into() };
    let member = scope.join_machines(settings, DEFAULT_MAX_MAILBOX_BYTES, None, |hub, backplane| {
        joined = Some((hub, backplane));
    });
    let (hub, backplane) = joined.expect("a new hub");
    let id = |number: u32| (number % 512).to_string().encode_utf16().collect::<Box<[u16]>>();
    let done = Arc::new(AtomicBool::new(false));
    let others = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                deliver(&hub, &backplane, Entry::Claim { id: id(number * 7) });
            }
        }
    });
    for number in 0..100_000 {
        member.create(&id(number));
    }
    done.store(true, Ordering::Relaxed);
    others.join().expect("no panic");
}
