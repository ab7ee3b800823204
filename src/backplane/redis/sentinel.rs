//! Redis Sentinel: which server is the primary, and whether it still is.
//!
//! Each Sentinel may be wrong for a while, such as one that a broken network separates from the others. So all are asked, and
//! the address with the most votes wins.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::redis::{Value, cmd};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::address::Endpoint;
use super::commands::Commands;
use super::connect::Dialer;
use super::replies::text;
use crate::backplane::bus::BusError;
use crate::backplane::lock::lock;

/// Time between two questions to the same Sentinel.
const INTERVAL: Duration = Duration::from_millis(500);

/// The Sentinels of one service.
#[derive(Clone)]
pub(super) struct Sentinels {
    pub endpoints: Vec<Endpoint>,
    /// The name under which they know the servers.
    pub service: String,
    /// Opens connections to Sentinels.
    pub dialer: Arc<Dialer>,
}

impl Sentinels {
    /// Returns the address of the primary.
    pub async fn primary(&self) -> Result<Endpoint, BusError> {
        let mut questions = JoinSet::new();
        for (index, endpoint) in self.endpoints.iter().cloned().enumerate() {
            let this = self.clone();
            questions.spawn(async move {
                let answer = async {
                    let connection = this.dialer.open(&endpoint).await?;
                    this.ask(&connection).await
                };
                (index, answer.await)
            });
        }
        let mut votes = vec![None; self.endpoints.len()];
        let mut failure = BusError::new("ENOTFOUND", "the URL names no Sentinel");
        let voting = async {
            while let Some(answer) = questions.join_next().await {
                match answer {
                    Ok((index, Ok(primary))) => votes[index] = Some(primary),
                    Ok((_, Err(error))) => failure = error,
                    // The task was cancelled, because the runtime ends.
                    Err(_) => {}
                }
                if winner(&votes).is_some_and(|(_, count)| count * 2 > votes.len()) {
                    return;
                }
            }
        };
        // A Sentinel that does not answer leaves time to connect to the primary.
        let in_time = timeout(self.dialer.limit / 2, voting).await.is_ok();
        if let Some((primary, _)) = winner(&votes) {
            return Ok(primary.clone());
        }
        Err(if in_time { failure } else { BusError::new("ETIMEDOUT", "no Sentinel answered in time") })
    }

    /// Asks a Sentinel. Logs in only if the Sentinel requires it.
    async fn ask(&self, commands: &Commands) -> Result<Endpoint, BusError> {
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let asking = async {
            match commands.query_value(&question).await? {
                Err(error) if matches!(&*error.code, "NOAUTH" | "NOPERM") && self.has_password() => {
                    self.dialer.log_in(commands).await?;
                    commands.query(&question).await
                }
                answer => answer,
            }
        };
        let answer = asking.await.map_err(|error| self.explained(commands.endpoint(), error))?;
        primary_in(&answer)
    }

    /// Returns the error of a Sentinel, with what to change. The server to connect to has the same codes.
    fn explained(&self, endpoint: &Endpoint, BusError { code, message }: BusError) -> BusError {
        let why = match &*code {
            "NOAUTH" if !self.has_password() => "wants a password, and the URL has none",
            "NOAUTH" | "NOPERM" | "WRONGPASS" => "does not accept the user and password of the URL",
            "ERR" if message.contains("unknown command") => {
                let message =
                    format!("{endpoint} is not a Sentinel, as the hosts of this URL must be: {message}");
                return BusError::new("ERR_INVALID_ARG_VALUE", message);
            }
            _ => return BusError { code, message },
        };
        BusError::new(code, format!("the Sentinel {endpoint} {why}: {message}"))
    }

    fn has_password(&self) -> bool {
        self.dialer.login.password.is_some()
    }
}

fn primary_in(answer: &Value) -> Result<Endpoint, BusError> {
    let unexpected = || BusError::protocol("the Sentinel returned something other than an address");
    match answer {
        // The name is left out: a URL with a mistake has the password in it.
        Value::Nil => Err(BusError::new(
            "ERR_UNKNOWN_SERVICE",
            "the Sentinel knows no primary with the name after # in the URL",
        )),
        Value::Array(answer) => match answer.as_slice() {
            [host, port] => {
                let port = text(port).and_then(|port| port.parse().ok()).ok_or_else(unexpected)?;
                Ok(Endpoint::tcp(text(host).ok_or_else(unexpected)?, port))
            }
            _ => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}

/// Returns the address with the most votes, and their number. The first one of several.
fn winner(votes: &[Option<Endpoint>]) -> Option<(&Endpoint, usize)> {
    let count = |endpoint| votes.iter().flatten().filter(|vote| *vote == endpoint).count();
    let counted = votes.iter().flatten().map(|endpoint| (endpoint, count(endpoint)));
    counted.reduce(|best, other| if other.1 > best.1 { other } else { best })
}

/// Asks the Sentinels again and again whether a server is still the primary. Ends when it is dropped.
pub(super) struct Watch {
    primary: Endpoint,
    has_moved: watch::Receiver<bool>,
    /// Aborted when this is dropped.
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Begins to watch the primary.
    pub fn new(sentinels: &Sentinels, primary: Endpoint) -> Self {
        // A Sentinel that has not answered yet counts as one that agrees.
        let votes = Arc::new(Mutex::new(vec![Some(primary.clone()); sentinels.endpoints.len()]));
        let (moved, has_moved) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (index, endpoint) in sentinels.endpoints.iter().cloned().enumerate() {
            let (sentinels, primary) = (sentinels.clone(), primary.clone());
            let (votes, moved) = (Arc::clone(&votes), moved.clone());
            let vote = move |vote| {
                let mut votes = lock(&votes);
                votes[index] = vote;
                if is_outvoted(&primary, &votes) {
                    moved.send_replace(true);
                }
            };
            tasks.spawn(async move {
                loop {
                    if let Ok(connection) = sentinels.dialer.open(&endpoint).await {
                        while let Ok(primary) = sentinels.ask(&connection).await {
                            vote(Some(primary));
                            sleep(INTERVAL).await;
                        }
                    }
                    vote(None);
                    sleep(INTERVAL).await;
                }
            });
        }
        Self { primary, has_moved, _tasks: tasks }
    }

    /// Waits for the result of an operation. Fails as soon as the Sentinels name another server as the primary: the old one may
    /// accept writes for seconds, and lose them, or may never reply.
    pub async fn guard<T>(&self, operation: impl Future<Output = T>) -> Result<T, BusError> {
        let mut has_moved = self.has_moved.clone();
        let until_moved = async {
            if has_moved.wait_for(|moved| *moved).await.is_err() {
                // The tasks were cancelled, because the runtime ends.
                pending::<()>().await;
            }
        };
        select! {
            biased;
            () = until_moved => Err(moved(&self.primary)),
            result = operation => Ok(result),
        }
    }
}

/// Returns the error for a server that was replaced as the primary.
pub(super) fn moved(primary: &Endpoint) -> BusError {
    let message = format!("{primary} is not the primary any more, according to the Sentinels");
    BusError::new("ERR_PRIMARY_MOVED", message)
}

/// Returns true when more of the Sentinels that answer name another address than this one. Silence is no vote.
fn is_outvoted(primary: &Endpoint, votes: &[Option<Endpoint>]) -> bool {
    let agree = votes.iter().flatten().filter(|vote| *vote == primary).count();
    winner(votes).is_some_and(|(_, count)| count > agree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(ports: &[u16]) -> Vec<Option<Endpoint>> {
        ports.iter().map(|port| (*port > 0).then(|| Endpoint::tcp("a", *port))).collect()
    }

    #[test]
    fn the_address_with_the_most_votes_wins_and_the_first_one_of_several() {
        for (ports, expected) in [
            (&[][..], None),
            (&[0, 0], None),
            (&[0, 1], Some((1, 1))),
            (&[2, 1], Some((2, 1))),
            (&[2, 1, 1], Some((1, 2))),
            (&[2, 1, 1, 2], Some((2, 2))),
        ] {
            let votes = votes(ports);
            let expected = expected.map(|(port, count)| (Endpoint::tcp("a", port), count));
            let found = winner(&votes).map(|(endpoint, count)| (endpoint.clone(), count));
            assert_eq!(found, expected, "{ports:?}");
        }
    }

    #[test]
    fn a_primary_is_outvoted_by_more_sentinels_that_agree_on_another_one_and_never_by_silence() {
        let primary = Endpoint::tcp("a", 1);
        for (ports, expected) in [
            (&[][..], false),
            (&[0, 0, 0], false),
            (&[1, 0, 0], false),
            (&[1, 1, 2], false),
            (&[1, 2, 0], false),
            (&[1, 2, 3], false),
            (&[2, 0, 0], true),
            (&[2, 1, 2], true),
        ] {
            assert_eq!(is_outvoted(&primary, &votes(ports)), expected, "{ports:?}");
        }
    }

    #[test]
    fn the_answer_of_a_sentinel_is_an_address_or_nil() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let answer = Value::Array(vec![bulk("::1"), bulk("6380")]);
        assert_eq!(primary_in(&answer), Ok(Endpoint::tcp("::1", 6_380)));
        assert_eq!(&*primary_in(&Value::Nil).unwrap_err().code, "ERR_UNKNOWN_SERVICE");
        for answer in [
            Value::Int(1),
            Value::Array(vec![]),
            Value::Array(vec![bulk("a"), bulk("70000")]),
            Value::Array(vec![Value::Nil, bulk("1")]),
        ] {
            assert_eq!(&*primary_in(&answer).unwrap_err().code, "EPROTO");
        }
    }
}
