//! Finds the server that has the keys: one of several hosts, a node of a cluster, or the primary that Sentinels name.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{Value, cmd};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::address::{Address, Endpoint, Login};
use super::commands::{Commands, Connection};
use super::connect::{Dialer, Hello};
use super::routes::Routes;
use super::sentinel::{Sentinels, Watch, moved};
use super::slots::SlotMap;
use super::tls::{Tls, TlsOptions};
use crate::backplane::bus::BusError;

/// Time for which the answer of the Sentinels counts as current.
const FRESH: Duration = Duration::from_millis(100);

/// A server, which may be at another address each time, and what a node needs to find it.
pub(super) struct Server {
    address: Address,
    tls: TlsOptions,
    /// The slot of all keys, if the server is a cluster.
    slot: u16,
    routes: Arc<Routes>,
}

/// The connections of a node.
pub(super) struct Connected {
    pub commands: Connection,
    /// For reads that wait.
    pub reads: Connection,
    /// True when the server is a node of a cluster.
    pub is_in_cluster: bool,
    /// True when it is, and the user may ask for the other ones.
    pub lists_nodes: bool,
}

impl Server {
    pub fn new(address: Address, tls: TlsOptions, slot: u16) -> Self {
        Self { address, tls, slot, routes: Arc::default() }
    }

    /// Opens two connections to the same server. `limit` is the time limit of opening one of them, and of each command.
    pub async fn connect(&self, limit: Duration) -> Result<Connected, BusError> {
        let tls = if self.address.is_tls { Some(Tls::new(&self.tls)?) } else { None };
        let Address { endpoints, login, service, .. } = &self.address;
        let dialer = |login: &Login, routes: &Arc<Routes>, watch: Option<Arc<Watch>>| Dialer {
            login: login.clone(),
            tls: tls.clone(),
            limit,
            routes: Arc::clone(routes),
            watch,
        };
        if let Some(service) = service {
            let to_sentinels = Arc::new(dialer(login, &Arc::default(), None));
            let sentinels =
                Sentinels { endpoints: endpoints.clone(), service: service.clone(), dialer: to_sentinels };
            let primary = sentinels.primary().await?;
            let watch = Arc::new(Watch::new(&sentinels, primary.clone()));
            let dialer = dialer(login, &self.routes, Some(Arc::clone(&watch)));
            let asked = Instant::now();
            let connected = watch.guard(connect_to_primary(&dialer, &primary)).await??;
            // A primary that stood still may have been replaced since the question.
            if asked.elapsed() > FRESH && sentinels.primary().await? != primary {
                return Err(moved(&primary));
            }
            return Ok(connected);
        }
        let dialer = Arc::new(dialer(login, &self.routes, None));
        self.connect_to_owner(&dialer).await
    }

    /// Connects to one of the hosts of the URL, or to the node of the cluster that has the slot.
    async fn connect_to_owner(&self, dialer: &Arc<Dialer>) -> Result<Connected, BusError> {
        let candidates = self.routes.candidates(&self.address.endpoints);
        let Found { connection, map } = first_usable(dialer, candidates).await?;
        let asked = connection.endpoint().clone();
        let connecting = async {
            let owner = map.as_ref().map(|map| map.master_of(self.slot).ok_or_else(|| self.no_owner()));
            let commands = match owner.transpose()? {
                Some(owner) if *owner != asked => {
                    let dialed = dialer.dial(owner).await;
                    let is_in_url = self.address.endpoints.contains(owner);
                    dialed.map_err(|error| if is_in_url { error } else { unreachable("cluster", error) })?.0
                }
                _ => connection,
            };
            let (reads, Hello { is_in_cluster, .. }) = dialer.dial(commands.endpoint()).await?;
            Ok(Connected { commands, reads, is_in_cluster, lists_nodes: map.is_some() })
        };
        let connected = connecting.await;
        match &connected {
            Ok(Connected { commands, .. }) => self.routes.worked(commands.endpoint(), &asked),
            // Another node of the cluster may know better.
            Err(_) => self.routes.failed_at(&asked),
        }
        connected
    }

    fn no_owner(&self) -> BusError {
        BusError::new("CLUSTERDOWN", format!("CLUSTERDOWN no node has slot {}", self.slot))
    }
}

async fn connect_to_primary(dialer: &Dialer, primary: &Endpoint) -> Result<Connected, BusError> {
    let dialed = dialer.dial(primary).await.map_err(|error| unreachable("Sentinels", error));
    let (commands, Hello { is_in_cluster, is_replica, .. }) = dialed?;
    if is_replica {
        let message = format!("the Sentinels name {primary} as the primary, but it is a replica");
        return Err(BusError::new("ERR_PRIMARY_MOVED", message));
    }
    let (reads, _) = dialer.dial(primary).await?;
    Ok(Connected { commands, reads, is_in_cluster, lists_nodes: false })
}

/// Returns an error with the reason for which an address was used that is not in the URL, if it cannot be reached.
fn unreachable(named_by: &str, error: BusError) -> BusError {
    let BusError { code, message } = &error;
    let is_unreachable = matches!(
        &**code,
        "ECONNREFUSED" | "EHOSTUNREACH" | "ENETUNREACH" | "ENOTFOUND" | "EAI_AGAIN" | "ETIMEDOUT"
    );
    if !is_unreachable {
        return error;
    }
    let message =
        format!("{message} (the address comes from the {named_by}, and must be reachable from here)");
    BusError::new(code, message)
}

/// A connection to a server that may have the keys.
struct Found {
    connection: Connection,
    /// The nodes of the cluster, if the server is one of them and the user may ask for them.
    map: Option<SlotMap>,
}

/// Connects to the first one of several addresses that works. A replica outside of a cluster is used only if no other address
/// works. An address that does not answer at once does not delay the next ones for long.
async fn first_usable(dialer: &Arc<Dialer>, candidates: Vec<Endpoint>) -> Result<Found, BusError> {
    let mut candidates = candidates.into_iter();
    let mut attempts = JoinSet::new();
    let mut replica = None;
    let mut failure = BusError::new("ENOTFOUND", "the URL names no host");
    loop {
        if let Some(candidate) = candidates.next() {
            let dialer = Arc::clone(dialer);
            attempts.spawn(async move { try_candidate(&dialer, &candidate).await });
        }
        let patience = if candidates.len() > 0 { dialer.limit / 8 } else { Duration::MAX };
        let Ok(attempt) = timeout(patience, attempts.join_next()).await else { continue };
        match attempt {
            Some(Ok(Ok((found, false)))) => return Ok(found),
            Some(Ok(Ok((found, true)))) => replica = replica.or(Some(found)),
            Some(Ok(Err(error))) => failure = error,
            // The task was cancelled, because the runtime ends.
            Some(Err(_)) => {}
            None => return replica.ok_or(failure),
        }
    }
}

/// Connects to a server. Returns true with it when it is a replica outside of a cluster.
async fn try_candidate(dialer: &Dialer, candidate: &Endpoint) -> Result<(Found, bool), BusError> {
    let (connection, Hello { is_in_cluster, is_replica, .. }) = dialer.dial(candidate).await?;
    if !is_in_cluster {
        return Ok((Found { connection, map: None }, is_replica));
    }
    let map = learn_nodes(&connection).await?;
    Ok((Found { connection, map }, false))
}

/// Asks a node of a cluster for the others, and remembers them. `None` when the user may not do that: then the hosts of the URL
/// are used, and the addresses of redirections.
pub(super) async fn learn_nodes(commands: &Commands) -> Result<Option<SlotMap>, BusError> {
    match commands.query_value(cmd("CLUSTER").arg("SLOTS")).await? {
        Ok(reply @ Value::Array(_)) => {
            let map = SlotMap::parse(reply, commands.endpoint());
            commands.routes().learned(map.nodes.clone());
            Ok(Some(map))
        }
        Err(error) if &*error.code == "NOPERM" => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Err(BusError::protocol("CLUSTER SLOTS returned something other than slots")),
    }
}
