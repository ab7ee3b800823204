//! Redis, from 6.2 on, and what speaks like it.
//!
//! | key | what | lives |
//! | --- | --- | --- |
//! | `<prefix>:stream` | what nodes tell each other ([`entry`](super::entry)) | an hour after the last beat |
//! | `<prefix>:nodes` | the nodes, by when they are taken for dead | likewise |
//! | `<prefix>:sent` | how far each node is: `<number>@<stream id>` | likewise |
//! | `<prefix>:sessions:<node>` | the ids of a node's sessions | `nodeTtlMs` after its last beat |
//! | `<prefix>:info:<id>` | what is known of a session | `ttlMs` after it was last touched |
//! | `<prefix>:watching:<id>` | the URIs a session watches | likewise |
//! | `<prefix>:watchers:<uri>` | the sessions that watch a URI, in the order they came | likewise |
//!
//! A node has two connections: one waits for entries, the other does all the rest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError,
    RetryMethod, Script, Value, cmd, pipe,
};

use super::Settings;
use super::bus::{Answer, Beat, Bus, Entered, Fault, Link, Position, Question, Sent};
use super::entry::{self, Field, Id, NodeId};
use super::outbox::Batch;
use super::wtf8;
use crate::info::Fact;

/// How long a read waits for something to come.
const BLOCK: Duration = Duration::from_secs(5);
/// How long what all nodes share lives on when none beats.
const SHARED_TTL: Duration = Duration::from_secs(60 * 60);
/// How long it is remembered how far a dead node was: for those that are that far behind.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10 * 60);
/// How many ids go into one command.
const IDS_A_COMMAND: usize = 1_000;

pub struct Redis {
    client: Client,
    keys: Keys,
    settings: Settings,
    /// What no error may tell.
    secret: Option<String>,
}

/// It is not the URL of a Redis server.
#[derive(Debug)]
pub struct BadUrl;

impl Redis {
    /// `url` is `redis://[user][:password]@host[:port][/database]`, or `rediss://` with TLS, `valkey://` and `valkeys://`
    /// likewise. Connects to nothing yet.
    pub fn open(url: &str, prefix: &[u16], settings: Settings) -> Result<Self, BadUrl> {
        // Whoever else brings rustls along may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let info = url.into_connection_info().map_err(|_| BadUrl)?;
        // The other protocol has other types for the same answers.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let client = Client::open(info.set_redis_settings(redis)).map_err(|_| BadUrl)?;
        let settings_of_url = client.get_connection_info().redis_settings();
        if settings_of_url.db() < 0 {
            return Err(BadUrl);
        }
        let secret = settings_of_url.password().map(str::to_owned);
        Ok(Self { client, keys: Keys { prefix: wtf8::encode(prefix) }, settings, secret })
    }
}

impl Bus for Redis {
    type Link = RedisLink;

    async fn connect(&self, node: &NodeId) -> Result<RedisLink, Fault> {
        let Settings { command_timeout, .. } = self.settings;
        let config = |response: Duration| {
            AsyncConnectionConfig::new()
                .set_connection_timeout(Some(command_timeout))
                .set_response_timeout(Some(response))
        };
        let link = async {
            let (reads, commands) = (config(BLOCK + command_timeout), config(command_timeout));
            let link = RedisLink {
                commands: self.client.get_multiplexed_async_connection_with_config(&commands).await?,
                reads: self.client.get_multiplexed_async_connection_with_config(&reads).await?,
                node: node.clone(),
                keys: self.keys.clone(),
                settings: self.settings,
                scripts: Scripts::default(),
                has_appended: AtomicBool::new(false),
                secret: self.secret.clone(),
            };
            link.scripts.load().exec_async(&mut link.commands.clone()).await?;
            Ok(link)
        };
        link.await.map_err(|error| fault(&error, self.secret.as_deref()))
    }
}

pub struct RedisLink {
    commands: MultiplexedConnection,
    reads: MultiplexedConnection,
    node: NodeId,
    keys: Keys,
    settings: Settings,
    scripts: Scripts,
    has_appended: AtomicBool,
    secret: Option<String>,
}

impl Link for RedisLink {
    async fn enter(&self, sessions: &[Id]) -> Result<Entered, Fault> {
        let list = self.keys.sessions(&self.node);
        let mut pipe = pipe();
        pipe.atomic();
        pipe.cmd("DEL").arg(&list).ignore();
        self.add(&mut pipe, sessions);
        let mut enter = self.scripts.enter.call(&[&self.keys.stream(), &self.keys.sent()]);
        enter.arg(self.node.as_str()).arg(ms(SHARED_TTL));
        let ((end, nodes),): ((String, Vec<Value>),) = self.run(pipe.add_command(enter)).await?;
        let end = Position::parse(&end).ok_or_else(|| Fault::new("the end of the stream is no position"))?;
        Ok(Entered { end, nodes: nodes.iter().filter_map(node).collect() })
    }

    async fn append(&self, batch: &Batch) -> Result<Position, Fault> {
        let commands = batch.entries.iter().zip(batch.first..).map(|(entry, number)| {
            let mut xadd = cmd("XADD");
            xadd.arg(self.keys.stream()).arg("MAXLEN").arg("~").arg(self.settings.max_len).arg("*");
            entry::write(&self.node, number, entry, |name, value| {
                xadd.arg(name).arg(value);
            });
            xadd
        });
        let mut pipe = pipe();
        for xadd in commands {
            pipe.add_command(xadd);
        }
        // Perhaps there is no stream yet. From then on, beats see to it that it lives.
        let is_first = !self.has_appended.swap(true, Ordering::Relaxed);
        if is_first {
            pipe.cmd("PEXPIRE").arg(self.keys.stream()).arg(ms(SHARED_TTL)).ignore();
        }
        if is_first || batch.entries.len() > 1 {
            // All or none: so that none is left out when Redis refuses it, for lack of memory, and takes the next.
            pipe.atomic();
        }
        let ids: Vec<String> = self.run(&pipe).await?;
        ids.last().and_then(|id| Position::parse(id)).ok_or_else(|| Fault::new("XADD gave no id"))
    }

    async fn read(&self, after: Position, most: usize) -> Result<Vec<(Position, Vec<Field>)>, Fault> {
        let mut xread = cmd("XREAD");
        xread.arg("COUNT").arg(most).arg("BLOCK").arg(ms(BLOCK)).arg("STREAMS");
        xread.arg(self.keys.stream()).arg(after.to_string());
        let read: Value =
            xread.query_async(&mut self.reads.clone()).await.map_err(|error| self.fault(&error))?;
        entries(read).ok_or_else(|| Fault::new("XREAD gave something else than entries"))
    }

    async fn list(&self, come: &[Id], gone: &[Id]) -> Result<(), Fault> {
        let mut pipe = pipe();
        // So that no key is left without a time to live.
        pipe.atomic();
        for ids in gone.chunks(IDS_A_COMMAND) {
            pipe.cmd("SREM").arg(self.keys.sessions(&self.node)).arg(encoded(ids)).ignore();
        }
        self.add(&mut pipe, come);
        self.run(&pipe).await
    }

    async fn beat(&self, sent: Option<Sent>) -> Result<Beat, Fault> {
        let keys = [self.keys.nodes(), self.keys.sent(), self.keys.stream(), self.keys.sessions(&self.node)];
        let mut beat = self.scripts.beat.call(&keys.each_ref());
        beat.arg(self.node.as_str())
            .arg(ms(self.settings.node_ttl))
            .arg(ms(SHARED_TTL))
            .arg(ms(FORGOTTEN_AFTER));
        beat.arg(sent.map_or_else(String::new, |Sent { number, at }| format!("{number}@{at}")));
        let mut reply: Vec<Value> = self.run(pipe().add_command(beat)).await.map(|(reply,)| reply)?;
        let is_listed = matches!(reply.first(), Some(Value::Int(1)));
        let end = reply.get(1).and_then(text).and_then(Position::parse);
        let end = end.ok_or_else(|| Fault::new("the end of the stream is no position"))?;
        reply.drain(..reply.len().min(2));
        let sent =
            reply.chunks_exact(2).filter_map(|pair| Some((node(&pair[0])?, progress(&pair[1])?))).collect();
        Ok(Beat { is_listed, sent, end })
    }

    async fn ask(&self, questions: &[Question]) -> Result<Vec<Answer>, Fault> {
        let mut pipe = pipe();
        for question in questions {
            pipe.add_command(self.command(question));
        }
        pipe.ignore_errors();
        let replies: Vec<Result<Value, RedisError>> = self.run(&pipe).await?;
        questions.iter().zip(replies).map(|(question, reply)| self.answer(question, reply)).collect()
    }

    async fn leave(&self) -> Result<(), Fault> {
        // How far it was is remembered for a while, for those that have not read all of it.
        self.run(pipe().cmd("DEL").arg(self.keys.sessions(&self.node)).ignore()).await
    }
}

impl RedisLink {
    async fn run<T: ::redis::FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, Fault> {
        pipe.query_async(&mut self.commands.clone()).await.map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &RedisError) -> Fault {
        fault(error, self.secret.as_deref())
    }

    /// Adds to the list of the node's sessions.
    fn add(&self, pipe: &mut Pipeline, sessions: &[Id]) {
        let list = self.keys.sessions(&self.node);
        for ids in sessions.chunks(IDS_A_COMMAND) {
            pipe.cmd("SADD").arg(&list).arg(encoded(ids)).ignore();
        }
        if !sessions.is_empty() {
            pipe.cmd("PEXPIRE").arg(&list).arg(ms(self.settings.node_ttl)).ignore();
        }
    }

    fn command(&self, question: &Question) -> Cmd {
        let Scripts { has, get, set, watchers, watch, unwatch, forget, .. } = &self.scripts;
        match question {
            Question::Has { id } => {
                let mut has = has.call(&[&self.keys.nodes()]);
                has.arg(wtf8::encode(id)).arg(self.node.as_str()).arg(self.keys.of("sessions:", b""));
                has
            }
            Question::Get { id, fact, ttl } => {
                let mut get = self.about(get, id, *ttl);
                get.arg(field(*fact));
                get
            }
            Question::Set { id, fact, value, ttl } => {
                let mut set = self.about(set, id, *ttl);
                set.arg(field(*fact));
                if let Some(json) = value {
                    set.arg(json.as_bytes());
                }
                set
            }
            Question::Watchers { uri } => {
                let mut watchers = watchers.call(&[&self.keys.of("watchers:", &wtf8::encode(uri))]);
                watchers.arg(self.keys.of("watching:", b""));
                watchers
            }
            Question::Watch { id, uri, ttl } => {
                let mut watch = self.about(watch, id, *ttl);
                watch.arg(wtf8::encode(uri));
                watch
            }
            Question::Unwatch { id, uri } => {
                let mut unwatch = self.about(unwatch, id, Duration::ZERO);
                unwatch.arg(wtf8::encode(uri));
                unwatch
            }
            Question::Forget { id } => self.about(forget, id, Duration::ZERO),
        }
    }

    /// A script that begins with `touch.lua`.
    fn about(&self, script: &Compiled, id: &[u16], ttl: Duration) -> Cmd {
        let id = wtf8::encode(id);
        let mut command = script.call(&[&self.keys.of("info:", &id), &self.keys.of("watching:", &id)]);
        command.arg(ms(ttl)).arg(self.keys.of("watchers:", b"")).arg(id);
        command
    }

    fn answer(&self, question: &Question, reply: Result<Value, RedisError>) -> Result<Answer, Fault> {
        Ok(match (question, reply) {
            (Question::Has { .. }, Ok(reply)) => Answer::Is(reply == Value::Int(1)),
            (Question::Get { .. }, Ok(reply)) => Answer::Value(bytes(reply)),
            (Question::Watchers { .. }, Ok(Value::Array(ids))) => {
                Answer::Ids(ids.into_iter().filter_map(bytes).collect())
            }
            (_, Ok(_)) => Answer::Done,
            // Of this question's keys: somebody else's, perhaps.
            (_, Err(error))
                if matches!(error.retry_method(), RetryMethod::NoRetry) && !is_unknown_script(&error) =>
            {
                Answer::Refused(self.fault(&error))
            }
            (_, Err(error)) => return Err(self.fault(&error)),
        })
    }
}

/// What the keys are called.
#[derive(Clone, Debug)]
struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    fn of(&self, what: &str, name: &[u8]) -> Vec<u8> {
        [&self.prefix, &b":"[..], what.as_bytes(), name].concat()
    }

    fn stream(&self) -> Vec<u8> {
        self.of("stream", b"")
    }

    fn nodes(&self) -> Vec<u8> {
        self.of("nodes", b"")
    }

    fn sent(&self) -> Vec<u8> {
        self.of("sent", b"")
    }

    fn sessions(&self, node: &NodeId) -> Vec<u8> {
        self.of("sessions:", node.as_str().as_bytes())
    }
}

struct Scripts {
    enter: Compiled,
    beat: Compiled,
    has: Compiled,
    get: Compiled,
    set: Compiled,
    watchers: Compiled,
    watch: Compiled,
    unwatch: Compiled,
    forget: Compiled,
}

/// A script and the name that Redis knows it by.
struct Compiled {
    code: String,
    hash: String,
}

impl Compiled {
    fn new(code: &str) -> Self {
        Self { code: code.into(), hash: Script::new(code).get_hash().into() }
    }

    fn call(&self, keys: &[&Vec<u8>]) -> Cmd {
        let mut evalsha = cmd("EVALSHA");
        evalsha.arg(&self.hash).arg(keys.len());
        for key in keys {
            evalsha.arg(key.as_slice());
        }
        evalsha
    }
}

impl Default for Scripts {
    fn default() -> Self {
        let of_stream = |code: &str| Compiled::new(&[include_str!("end.lua"), code].concat());
        let about = |code: &str| Compiled::new(&[include_str!("touch.lua"), code].concat());
        Self {
            enter: of_stream(include_str!("enter.lua")),
            beat: of_stream(include_str!("beat.lua")),
            has: Compiled::new(include_str!("has.lua")),
            get: about(include_str!("get.lua")),
            set: about(include_str!("set.lua")),
            watchers: Compiled::new(include_str!("watchers.lua")),
            watch: about(include_str!("watch.lua")),
            unwatch: about(include_str!("unwatch.lua")),
            forget: about(include_str!("forget.lua")),
        }
    }
}

impl Scripts {
    fn load(&self) -> Pipeline {
        let Self { enter, beat, has, get, set, watchers, watch, unwatch, forget } = self;
        let mut pipe = pipe();
        for script in [enter, beat, has, get, set, watchers, watch, unwatch, forget] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(&script.code).ignore();
        }
        pipe
    }
}

fn fault(error: &RedisError, secret: Option<&str>) -> Fault {
    let text = error.to_string();
    Fault::new(match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => text.replace(secret, "***"),
        None => text,
    })
}

/// The scripts are loaded with each connection.
fn is_unknown_script(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT")
}

fn field(fact: Fact) -> &'static str {
    match fact {
        Fact::ClientInfo => "clientInfo",
        Fact::ClientCapabilities => "clientCapabilities",
        Fact::LogLevel => "logLevel",
    }
}

fn encoded(ids: &[Id]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| wtf8::encode(id)).collect()
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn node(value: &Value) -> Option<NodeId> {
    NodeId::parse(text(value)?.as_bytes())
}

fn progress(value: &Value) -> Option<Sent> {
    let (number, at) = text(value)?.split_once('@')?;
    Some(Sent { number: number.parse().ok()?, at: Position::parse(at)? })
}

/// Out of an answer to `XREAD` for one stream, of which there is none where nothing came.
fn entries(read: Value) -> Option<Vec<(Position, Vec<Field>)>> {
    let Value::Array(streams) = read else {
        return matches!(read, Value::Nil).then(Vec::new);
    };
    let Some(Value::Array(mut stream)) = streams.into_iter().next() else { return None };
    let Some(Value::Array(entries)) = stream.pop() else { return None };
    entries.into_iter().map(entry).collect()
}

fn entry(entry: Value) -> Option<(Position, Vec<Field>)> {
    let Value::Array(entry) = entry else { return None };
    let [id, fields] = <[Value; 2]>::try_from(entry).ok()?;
    let position = Position::parse(text(&id)?)?;
    let mut fields = match fields {
        Value::Array(fields) => fields.into_iter().map_while(bytes),
        // It was deleted.
        _ => return Some((position, Vec::new())),
    };
    Some((position, std::iter::from_fn(|| Some((fields.next()?, fields.next()?))).collect()))
}
