//! The sockets that writers write to for this environment, for JavaScript.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{External, Float64ArraySlice, Function, JsObjectValue, Object, Uint8ArraySlice};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;
use rustix::io::fcntl_dupfd_cloexec;

use super::call::Call;
use super::cleanup::CleanupHook;
use super::functions::Functions;
use super::id::IdBuffer;
use super::waker::waker;
use crate::hub::member::Member;
use crate::hub::member::direct::Attached;
use crate::registry::key::Key;
use crate::sockets::client::Client;
use crate::sockets::counters::Meter;
use crate::sockets::frame::{Frame, Framing};
use crate::sockets::owner::{Event, Owner};
use crate::sockets::settings::{ClientSettings, KeepAlive, WhenSlow};
use crate::sockets::writers::{Writers, writers};
use crate::threads::mailbox::{Limit, Mailbox, Postable};

/// Time that the writers have for the last messages when the environment ends.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(100);

/// Maximum time for which the event loop waits for a pause. A writer that is not busy answers in less than 0.1 ms.
const PAUSE_TIMEOUT: Duration = Duration::from_millis(10);

/// The first number of each row that `events` writes. The second is the key, the third the value.
mod kind {
    pub const PAUSED: f64 = 1.0;
    pub const RELEASED: f64 = 2.0;
    /// The value is the number of the error.
    pub const FAILED: f64 = 3.0;
    pub const SLOW: f64 = 4.0;
    pub const DEAD: f64 = 5.0;
    /// The value is a number of bytes.
    pub const DROPPED: f64 = 6.0;
}

/// Numbers in a row of events.
const ROW: usize = 3;

/// Results of `attachSocket`.
const DIRECT: i32 = 1;
/// Direct, and paused until messages in the mailbox are delivered. A row of the drain follows the last one.
const CATCHING_UP: i32 = 2;
const REMOVED: i32 = 0;
const NO_DESCRIPTOR: i32 = -1;

/// The sockets of this environment, from `openSockets` until `leave` or the end of the environment.
struct Sockets {
    events: Arc<Events>,
    /// The clients whose sockets are open here.
    clients: RefCell<HashMap<Key, OpenClient>>,
    /// Leaves when the environment ends.
    cleanup_hook: Cell<Option<CleanupHook>>,
    /// Itself until it leaves, so that garbage collection does not end it before.
    this: RefCell<Option<Rc<Sockets>>>,
}

/// A client whose socket is open here.
struct OpenClient {
    meter: Arc<Meter>,
    /// Number of commands that the writer must have applied before the meter is right for the caller of `queued`.
    awaited: Cell<Option<u64>>,
}

/// The events of the clients, on their way to JavaScript.
#[derive(Debug)]
struct Events {
    mailbox: Mailbox<SocketEvent>,
}

#[derive(Debug)]
struct SocketEvent(Event);

impl Postable for SocketEvent {
    type Table = ();

    /// Nothing, because an event must not be lost. There are at most as many as the clients and the calls of JavaScript cause.
    fn weight(&self) -> usize {
        0
    }
}

impl Owner for Events {
    fn report(&self, event: Event) {
        self.mailbox.post(SocketEvent(event));
    }
}

impl Sockets {
    fn has_left(&self) -> bool {
        self.this.borrow().is_none()
    }

    /// Implements `attachSocket`.
    fn attach(&self, member: &Member, id: &[u16], key: Key, fd: RawFd, settings: ClientSettings) -> i32 {
        if self.has_left() {
            return REMOVED;
        }
        if fd < 0 || writers().start().is_err() {
            return NO_DESCRIPTOR;
        }
        let meter = Arc::<Meter>::default();
        let attached = member.attach(id, key, |group, counters| {
            // SAFETY: it is the descriptor of a socket that Node.js has open, and lib/ closes no socket during the call.
            let fd = fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(fd) }, 0)?;
            let owner = Arc::clone(&self.events) as Arc<dyn Owner>;
            Ok(Client { key, group, fd, settings, owner, counters, meter: Arc::clone(&meter) })
        });
        let result = match attached {
            Ok(Attached::Direct) => DIRECT,
            Ok(Attached::CatchingUp) => CATCHING_UP,
            Ok(Attached::No) => return REMOVED,
            Err(_) => return NO_DESCRIPTOR,
        };
        self.clients.borrow_mut().insert(key, OpenClient { meter, awaited: Cell::default() });
        result
    }

    /// Implements `events`. Writes rows and returns their number. It has to be called until it returns 0: before that, no
    /// event wakes the thread again.
    fn take_events(&self, table: &mut [f64]) -> usize {
        let limit = Limit { messages: table.len() / ROW, bytes: usize::MAX };
        let events = self.events.mailbox.drain(limit).messages;
        for (row, SocketEvent(event)) in table.chunks_exact_mut(ROW).zip(&events) {
            let (kind, key, value) = match event {
                Event::Paused { key } => (kind::PAUSED, *key, 0.0),
                Event::Released { key } => (kind::RELEASED, *key, 0.0),
                Event::Failed { key, errno } => (kind::FAILED, *key, f64::from(*errno)),
                Event::Slow { key } => (kind::SLOW, *key, 0.0),
                Event::Dead { key } => (kind::DEAD, *key, 0.0),
                Event::Dropped { key, bytes } => (kind::DROPPED, *key, bytes.take() as f64),
            };
            if matches!(event, Event::Released { .. } | Event::Failed { .. }) {
                self.clients.borrow_mut().remove(&key);
            }
            row.copy_from_slice(&[kind, key.as_f64(), value]);
        }
        events.len()
    }

    fn close(&self, key: Key) {
        writers().close(key);
        self.clients.borrow_mut().remove(&key);
    }

    /// Returns the bytes that wait for the kernel. The number is not known until the writer has applied the commands of the
    /// time of the first such call.
    fn queued(&self, key: Key) -> f64 {
        let clients = self.clients.borrow();
        let Some(client) = clients.get(&key) else { return 0.0 };
        let progress = writers().progress(key);
        let awaited = client.awaited.get().unwrap_or(progress.pushed);
        let is_known = progress.applied >= awaited;
        client.awaited.set((!is_known).then_some(awaited));
        if is_known { client.meter.queued() as f64 } else { f64::INFINITY }
    }

    /// Waits until the writer has applied the commands for a client, and returns true if the client is paused then. It is not
    /// paused when the kernel does not take what is to be sent before.
    fn wait_until_paused(&self, key: Key) -> bool {
        writers().barrier_of(key, PAUSE_TIMEOUT)
            && self.clients.borrow().get(&key).is_some_and(|client| client.meter.is_paused())
    }

    fn sent(&self, key: Key) -> f64 {
        self.clients.borrow().get(&key).map_or(0.0, |client| client.meter.sent() as f64)
    }

    /// Closes all sockets, after what the kernel takes of their messages. No event wakes the thread any more.
    fn leave(&self) {
        let clients = self.clients.take();
        clients.keys().for_each(|key| writers().close(*key));
        if !clients.is_empty() {
            // After the time-out, the writers go on by themselves while the process runs.
            writers().barrier(LEAVE_TIMEOUT);
        }
        self.events.mailbox.close();
        drop(self.this.take());
    }
}

/// Returns the functions of the sockets of this environment. At least `count` threads write to the sockets
/// of the process.
/// `wake` is called on this thread when there are events.
#[napi(ts_return_type = "import('../lib/native/binding.js').NativeSockets")]
pub fn open_sockets<'env>(env: &'env Env, count: u32, wake: Function<'env, (), ()>) -> Result<Object<'env>> {
    writers().set_count(count as usize);
    // The events have no weight.
    let mailbox = Mailbox::new(0, Some(waker(&wake)?));
    let sockets = Rc::new(Sockets {
        events: Arc::new(Events { mailbox }),
        clients: RefCell::default(),
        cleanup_hook: Cell::default(),
        this: RefCell::default(),
    });
    // Weak, because the sockets hold the hook.
    let weak = Rc::downgrade(&sockets);
    let hook = CleanupHook::add(env, move || {
        if let Some(sockets) = weak.upgrade() {
            sockets.cleanup_hook.set(None);
            sockets.leave();
        }
    })?;
    sockets.cleanup_hook.set(Some(hook));
    sockets.this.replace(Some(Rc::clone(&sockets)));
    functions(&sockets, env)
}

fn functions<'env>(sockets: &Rc<Sockets>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(sockets, env)?;

    // events(table): see `Sockets::take_events`.
    functions.add("events", |sockets, call| {
        let mut table: Float64ArraySlice<'_> = call.get(0)?;
        // SAFETY: the array is an argument of the call in progress, so its memory is alive. It belongs to lib/, which does not
        // share it with other threads, and no JavaScript runs while the slice is borrowed.
        Ok(sockets.take_events(unsafe { table.as_mut() }) as u32)
    })?;

    // pause(key): sends what was queued before, and then holds the messages of the client.
    // resume(key): ends a pause.
    // mute(key): sends no later message to a client.
    // discard(key): drops the queued messages, except one that is partly sent.
    let commands = [
        ("pause", Writers::pause as fn(&Writers, Key)),
        ("resume", Writers::resume),
        ("mute", Writers::mute),
        ("discard", Writers::discard),
    ];
    for (name, command) in commands {
        functions.add(name, move |_, call| {
            command(writers(), key(&call, 0)?);
            Ok(())
        })?;
    }

    // close(key): closes the descriptor, after what the kernel takes at once.
    functions.add("close", |sockets, call| {
        sockets.close(key(&call, 0)?);
        Ok(())
    })?;

    // write(key, bytes): sends a chunk that is no message of the session.
    functions.add("write", |_, call| {
        let (key, bytes) = (key(&call, 0)?, call.get::<Uint8ArraySlice<'_>>(1)?);
        if let Some(frame) = Frame::new(&bytes) {
            writers().wait_for_room();
            writers().write(key, &frame);
        }
        Ok(())
    })?;

    // waitUntilPaused(key): see `Sockets::wait_until_paused`.
    functions.add("waitUntilPaused", |sockets, call| Ok(sockets.wait_until_paused(key(&call, 0)?)))?;

    // queued(key): see `Sockets::queued`.
    functions.add("queued", |sockets, call| Ok(sockets.queued(key(&call, 0)?)))?;

    // sent(key): returns the number of bytes that the kernel has taken.
    functions.add("sent", |sockets, call| Ok(sockets.sent(key(&call, 0)?)))?;

    // leave(): see `Sockets::leave`.
    functions.add("leave", |sockets, _| {
        if let Some(hook) = sockets.cleanup_hook.take() {
            hook.remove()?;
        }
        sockets.leave();
        Ok(())
    })?;

    let mut object = functions.into_object();
    // The first argument of `attachSocket`.
    object.set_named_property("handle", External::new(Rc::clone(sockets)))?;
    Ok(object)
}

/// Adds the functions that make sessions direct to those of the sessions of a member.
pub(super) fn add_to_streams(functions: &mut Functions<'_, Member>) -> Result<()> {
    // attachSocket(sockets, id, key, fd, settings): makes a session direct. `sockets` is the handle of `openSockets`.
    functions.add("attachSocket", |member, call| {
        let sockets: &External<Rc<Sockets>> = call.get_ref(0)?;
        let mut buffer = IdBuffer::new();
        let id = buffer.read(&call, 1)?.unwrap_or_default();
        let settings = settings(&call.get::<Float64ArraySlice<'_>>(4)?)?;
        Ok(sockets.attach(member, id, key(&call, 2)?, call.get(3)?, settings))
    })?;

    // directStats(): returns messages, bytes and dropped messages of this thread's direct sessions.
    functions.add("directStats", |member, _| {
        let counters = member.counters();
        Ok([counters.messages(), counters.bytes(), counters.dropped()].map(|count| count as f64).to_vec())
    })
}

fn key(call: &Call<'_>, index: usize) -> Result<Key> {
    Key::from_f64(call.get(index)?).ok_or_else(|| Error::new(Status::InvalidArg, "key"))
}

/// Returns the settings of an array of numbers: 0 for chunks or 1 for a raw body, `maxQueuedBytes`, 1 to drop messages,
/// `keepAliveMs` or 0, and `deadAfterKeepAlives`. Infinity is no limit.
fn settings(numbers: &[f64]) -> Result<ClientSettings> {
    let &[framing, max_queued_bytes, drops, keep_alive_ms, dead_after] = numbers else {
        return Err(Error::new(Status::InvalidArg, "settings"));
    };
    // A cast of Infinity is the highest number of the type.
    let every = Duration::from_millis(keep_alive_ms as u64);
    Ok(ClientSettings {
        framing: if framing == 0.0 { Framing::Chunked } else { Framing::Raw },
        max_queued_bytes: max_queued_bytes as usize,
        when_slow: if drops == 0.0 { WhenSlow::Close } else { WhenSlow::Drop },
        keep_alive: (!every.is_zero()).then_some(KeepAlive { every, dead_after: dead_after as u32 }),
    })
}
