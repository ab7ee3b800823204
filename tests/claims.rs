//! Sessions are created while other nodes claim the same ids: both sides take locks of the sessions and of the claims, and must not
//! deadlock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tmcp_session_manager::backplane::settings::Settings;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::threads::message::CloseReason;

#[test]
fn sessions_are_created_while_the_bus_is_away_and_other_nodes_close_them() {
    let mut made = None;
    let scope = Scope::Redis { url: "none".into(), prefix: [].into() };
    let member = scope.join_with_backplane(Settings::default(), DEFAULT_MAX_MAILBOX_BYTES, None, |hub, _| {
        made = Some(hub);
    });
    let hub = made.expect("a new hub");
    let id = |number: u64| (number % 512).to_string().encode_utf16().collect::<Box<[u16]>>();
    let done = Arc::new(AtomicBool::new(false));
    let others = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                hub.close_session(&id(number * 7), number, CloseReason::Replaced);
            }
        }
    });
    for number in 0..100_000 {
        member.create(&id(number));
        // The ids of removed sessions are purged.
        let removed = format!("removed {number}").encode_utf16().collect::<Vec<_>>();
        member.create(&removed);
        member.remove(&removed);
    }
    done.store(true, Ordering::Relaxed);
    others.join().expect("no panic");
}
