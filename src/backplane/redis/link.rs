//! The connections of a node to Redis.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, Pipeline, RedisError, RetryMethod, Value, cmd, pipe};

use super::commands::Connection;
use super::keys::Keys;
use super::locate::Server;
use super::replies::{bytes, entries, is_unknown_script, node_id, script_error, sent, text};
use super::scripts::{CompiledScript, Scripts};
use crate::backplane::bus::{BusError, Joined, Link, Position, Pulse, Reply, Request, Sent};
use crate::backplane::entry::{Id, NodeId};
use crate::backplane::fields::{self, Field};
use crate::backplane::outbox::Batch;
use crate::backplane::settings::Settings;
use crate::backplane::wtf8;
use crate::registry::info::Attribute;

/// Maximum time that a read waits for entries.
const BLOCK: Duration = Duration::from_secs(5);
/// Time to live of the keys that all nodes share, after the last heartbeat of any node.
const SHARED_TTL: Duration = Duration::from_secs(60 * 60);
/// Time for which Redis keeps the last number of a dead node, so that nodes that have not read all its entries find gaps.
const DEAD_NODE_TTL: Duration = Duration::from_secs(10 * 60);
/// Maximum number of ids in one command.
const IDS_PER_COMMAND: usize = 1_000;

/// A node's connections to Redis: one for blocking reads, one for all other commands.
pub struct RedisLink {
    commands: Connection,
    reads: Connection,
    node: NodeId,
    keys: Keys,
    settings: Settings,
    scripts: Scripts,
    has_appended: AtomicBool,
}

impl RedisLink {
    /// Connects a node, and loads the scripts.
    pub(super) async fn connect(
        server: &Server,
        node: NodeId,
        keys: Keys,
        settings: Settings,
    ) -> Result<Self, BusError> {
        let (commands, reads) = server.connect(settings.command_timeout).await?;
        let link = Self {
            commands,
            reads,
            node,
            keys,
            settings,
            scripts: Scripts::default(),
            has_appended: AtomicBool::new(false),
        };
        let (first, rest) = link.scripts.load();
        link.commands.query::<()>(&first).await?;
        link.run::<()>(&rest).await?;
        Ok(link)
    }

    async fn run<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, BusError> {
        self.commands.run(pipe).await
    }

    /// Adds commands that add to the list of the node's sessions.
    fn add_sessions(&self, pipe: &mut Pipeline, sessions: &[Id]) {
        let list = self.keys.sessions(&self.node);
        for ids in sessions.chunks(IDS_PER_COMMAND) {
            pipe.cmd("SADD").arg(&list).arg(encode_all(ids)).ignore();
        }
        if !sessions.is_empty() {
            pipe.cmd("PEXPIRE").arg(&list).arg(ms(self.settings.node_ttl)).ignore();
        }
    }

    fn command(&self, request: &Request) -> Cmd {
        let Scripts { has, get, set, watchers, watch, unwatch, forget, .. } = &self.scripts;
        match request {
            Request::Has { id } => {
                let mut has = has.call(&[&self.keys.nodes()]);
                has.arg(wtf8::encode(id)).arg(self.node.as_str()).arg(self.keys.sessions_prefix());
                has
            }
            Request::Get { id, attribute, ttl } => {
                let mut get = self.session_command(get, id, *ttl);
                get.arg(field(*attribute));
                get
            }
            Request::Set { id, attribute, value, ttl } => {
                let mut set = self.session_command(set, id, *ttl);
                set.arg(field(*attribute));
                if let Some(json) = value {
                    set.arg(json.as_bytes());
                }
                set
            }
            Request::Watchers { uri } => {
                let uri = wtf8::encode(uri);
                let mut watchers = watchers.call(&[&self.keys.watchers(&uri)]);
                watchers.arg(self.keys.watching_prefix()).arg(uri);
                watchers
            }
            Request::Watch { id, uri, ttl } => {
                let mut watch = self.session_command(watch, id, *ttl);
                watch.arg(wtf8::encode(uri));
                watch
            }
            Request::Unwatch { id, uri } => {
                let mut unwatch = self.session_command(unwatch, id, Duration::ZERO);
                unwatch.arg(wtf8::encode(uri));
                unwatch
            }
            Request::Forget { id } => {
                let mut forget = self.session_command(forget, id, Duration::ZERO);
                forget.arg(self.keys.forgotten_prefix());
                forget
            }
        }
    }

    /// Returns a call of a script that begins with `touch.lua`.
    fn session_command(&self, script: &CompiledScript, id: &[u16], ttl: Duration) -> Cmd {
        let id = wtf8::encode(id);
        let mut command = script.call(&[&self.keys.info(&id), &self.keys.watching(&id)]);
        command.arg(ms(ttl)).arg(self.keys.watchers_prefix()).arg(id);
        command
    }

    /// Extends the time to live of the rest of what a session watches, from the cursor on that a script has returned. It
    /// takes several calls, so that Redis is not busy with one session for long. If the connection breaks meanwhile, an
    /// access after another quarter of the time to live extends everything.
    fn extend_rest(&self, id: &[u16], ttl: Duration, cursor: &Value) {
        let Some(mut cursor) = text(cursor).map(String::from).filter(|cursor| cursor != END_OF_SCAN) else {
            return;
        };
        let command = self.session_command(&self.scripts.extend, id, ttl);
        let commands = self.commands.handle();
        tokio::spawn(async move {
            while cursor != END_OF_SCAN {
                let mut extend = command.clone();
                match commands.query(extend.arg(&cursor)).await {
                    Ok(next) => cursor = next,
                    Err(_) => return,
                }
            }
        });
    }

    /// Removes a forgotten session from the watchers of the rest of the URIs, whose key the script has returned. If the
    /// connection breaks meanwhile, the rest expires: the session does not count as a watcher in any case.
    fn forget_rest(&self, id: &[u16], rest: Value) {
        let Some(key) = bytes(rest) else { return };
        let mut command = self.session_command(&self.scripts.forget_rest, id, Duration::ZERO);
        command.arg(key);
        let commands = self.commands.handle();
        tokio::spawn(
            async move { while let Ok(Some(_)) = commands.query::<Option<Vec<u8>>>(&command).await {} },
        );
    }

    fn reply(&self, request: &Request, reply: Result<Value, RedisError>) -> Result<Reply, BusError> {
        Ok(match (request, reply) {
            (Request::Has { .. }, Ok(reply)) => Reply::Is(reply == Value::Int(1)),
            (Request::Get { id, ttl, .. }, Ok(Value::Array(reply))) => {
                let [value, cursor] = <[Value; 2]>::try_from(reply)
                    .map_err(|_| BusError::protocol("get.lua returned something unexpected"))?;
                self.extend_rest(id, *ttl, &cursor);
                Reply::Value(bytes(value))
            }
            (Request::Set { id, ttl, .. } | Request::Watch { id, ttl, .. }, Ok(cursor)) => {
                self.extend_rest(id, *ttl, &cursor);
                Reply::Done
            }
            (Request::Forget { id }, Ok(rest)) => {
                self.forget_rest(id, rest);
                Reply::Done
            }
            (Request::Watchers { .. }, Ok(Value::Array(ids))) => {
                Reply::Ids(ids.into_iter().filter_map(bytes).collect())
            }
            (_, Ok(_)) => Reply::Done,
            // The error concerns only this request: another program may have written values of other types, or the server
            // refuses writes.
            (_, Err(error)) => {
                let why = self.commands.error(&error);
                let is_permanent =
                    matches!(error.retry_method(), RetryMethod::NoRetry) && !is_unknown_script(&error);
                if !is_permanent && !why.is_refused_write() {
                    return Err(why);
                }
                Reply::Refused(why)
            }
        })
    }
}

impl Link for RedisLink {
    async fn join(&self) -> Result<Joined, BusError> {
        let mut join = self.scripts.join.call(&[&self.keys.stream(), &self.keys.sent()]);
        join.arg(self.node.as_str()).arg(ms(SHARED_TTL));
        let ((end, nodes, refused),): ((String, Vec<Value>, String),) =
            self.run(pipe().add_command(join)).await?;
        let end = Position::parse(&end).ok_or_else(|| BusError::protocol(INVALID_END))?;
        let refused = Some(refused).filter(|why| !why.is_empty()).map(|why| script_error(&why));
        if let Some(error) = refused.as_ref().filter(|error| !error.is_refused_write()) {
            return Err(error.clone());
        }
        Ok(Joined { end, nodes: nodes.iter().filter_map(node_id).collect(), refused })
    }

    async fn replace_presence(&self, sessions: &[Id]) -> Result<(), BusError> {
        let mut pipe = pipe();
        pipe.atomic();
        pipe.cmd("DEL").arg(self.keys.sessions(&self.node)).ignore();
        self.add_sessions(&mut pipe, sessions);
        self.run(&pipe).await
    }

    async fn append(&self, batch: &Batch) -> Result<Position, BusError> {
        let commands = batch.entries.iter().zip(batch.first..).map(|(entry, number)| {
            let mut xadd = cmd("XADD");
            xadd.arg(self.keys.stream()).arg("MAXLEN").arg("~").arg(self.settings.max_len).arg("*");
            fields::write(&self.node, number, entry, |name, value| {
                xadd.arg(name).arg(value);
            });
            xadd
        });
        let mut pipe = pipe();
        for xadd in commands {
            pipe.add_command(xadd);
        }
        // The first XADD may create the stream, which then has no time to live. Later, heartbeats extend it.
        let is_first = !self.has_appended.load(Ordering::Relaxed);
        if is_first {
            pipe.cmd("PEXPIRE").arg(self.keys.stream()).arg(ms(SHARED_TTL)).ignore();
        }
        if is_first || batch.entries.len() > 1 {
            // All or none. Otherwise Redis could refuse one entry, for lack of memory, and accept the next.
            pipe.atomic();
        }
        let ids: Vec<String> = self.run(&pipe).await?;
        self.has_appended.store(true, Ordering::Relaxed);
        ids.last().and_then(|id| Position::parse(id)).ok_or_else(|| BusError::protocol("XADD returned no id"))
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Vec<Field>)>, BusError> {
        let mut xread = cmd("XREAD");
        xread.arg("COUNT").arg(limit).arg("BLOCK").arg(ms(BLOCK)).arg("STREAMS");
        xread.arg(self.keys.stream()).arg(after.to_string());
        let read = self.reads.query_that_waits(BLOCK, &xread).await?;
        entries(read).ok_or_else(|| BusError::protocol("XREAD returned something other than entries"))
    }

    async fn update_presence(&self, created: &[Id], removed: &[Id]) -> Result<(), BusError> {
        let mut pipe = pipe();
        // Atomic, so that the key is never left without a time to live.
        pipe.atomic();
        for ids in removed.chunks(IDS_PER_COMMAND) {
            pipe.cmd("SREM").arg(self.keys.sessions(&self.node)).arg(encode_all(ids)).ignore();
        }
        self.add_sessions(&mut pipe, created);
        self.run(&pipe).await
    }

    async fn heartbeat(&self, progress: Option<Sent>) -> Result<Pulse, BusError> {
        let keys = [self.keys.nodes(), self.keys.sent(), self.keys.stream(), self.keys.sessions(&self.node)];
        let mut heartbeat = self.scripts.heartbeat.call(&keys.each_ref());
        heartbeat
            .arg(self.node.as_str())
            .arg(ms(self.settings.node_ttl))
            .arg(ms(SHARED_TTL))
            .arg(ms(DEAD_NODE_TTL));
        heartbeat.arg(progress.map_or_else(String::new, |Sent { number, at }| format!("{number}@{at}")));
        let mut reply: Vec<Value> = self.run(pipe().add_command(heartbeat)).await.map(|(reply,)| reply)?;
        let has_presence = matches!(reply.first(), Some(Value::Int(1)));
        let end = reply.get(1).and_then(text).and_then(Position::parse);
        let end = end.ok_or_else(|| BusError::protocol(INVALID_END))?;
        reply.drain(..reply.len().min(2));
        let sent =
            reply.chunks_exact(2).filter_map(|pair| Some((node_id(&pair[0])?, sent(&pair[1])?))).collect();
        Ok(Pulse { has_presence, sent, end })
    }

    async fn request(&self, requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        let mut pipe = pipe();
        for request in requests {
            pipe.add_command(self.command(request));
        }
        pipe.ignore_errors();
        let replies: Vec<Result<Value, RedisError>> = self.run(&pipe).await?;
        requests.iter().zip(replies).map(|(request, reply)| self.reply(request, reply)).collect()
    }

    async fn leave(&self) -> Result<(), BusError> {
        // The last number of the node stays for `DEAD_NODE_TTL`, for nodes that have not read all its entries.
        self.run(pipe().cmd("DEL").arg(self.keys.sessions(&self.node)).ignore()).await
    }
}

/// The cursor at the end of a scan.
const END_OF_SCAN: &str = "0";

const INVALID_END: &str = "the end of the stream is not a valid position";

/// Returns the field of an attribute in `<prefix>:info:<id>`.
fn field(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::ClientInfo => "clientInfo",
        Attribute::ClientCapabilities => "clientCapabilities",
        Attribute::LogLevel => "logLevel",
    }
}

fn encode_all(ids: &[Id]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| wtf8::encode(id)).collect()
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
