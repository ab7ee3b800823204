//! Remembers where the server was, and where it may be.

use std::sync::Mutex;

use super::address::Endpoint;
use crate::backplane::bus::BusError;
use crate::backplane::lock::lock;

/// What a node has learned about addresses. It outlives connections.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The address that worked last, or to which the server has referred.
    first: Option<Endpoint>,
    /// An address that did not work when it was used last.
    last: Option<Endpoint>,
    /// The nodes of the cluster.
    nodes: Vec<Endpoint>,
}

impl Routes {
    /// Returns the addresses in the order in which they are tried: `given` ones, then those that the cluster has told.
    pub fn candidates(&self, given: &[Endpoint]) -> Vec<Endpoint> {
        let State { first, last, nodes } = &*lock(&self.0);
        let mut candidates: Vec<Endpoint> = Vec::new();
        for endpoint in first.iter().chain(given).chain(nodes) {
            if !candidates.contains(endpoint) {
                candidates.push(endpoint.clone());
            }
        }
        // Stable: the others stay in order.
        candidates.sort_by_key(|endpoint| Some(endpoint) == last.as_ref());
        candidates
    }

    /// Remembers the nodes of the cluster.
    pub fn learned(&self, nodes: Vec<Endpoint>) {
        lock(&self.0).nodes = nodes;
    }

    /// Remembers an address that works.
    pub fn worked(&self, endpoint: &Endpoint) {
        let mut state = lock(&self.0);
        state.last.take_if(|last| last == endpoint);
        state.first = Some(endpoint.clone());
    }

    /// Remembers what an error of a server says about where to connect next.
    pub fn failed(&self, endpoint: &Endpoint, error: &BusError) {
        let mut state = lock(&self.0);
        match &*error.code {
            "MOVED" => {
                let address = error.message.rsplit(' ').next().unwrap_or_default();
                state.first = Endpoint::parse(address, endpoint);
            }
            // Another server may be able to do it.
            "ETIMEDOUT" | "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "LOADING" => {
                state.first.take_if(|first| first == endpoint);
                state.last = Some(endpoint.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> [Endpoint; 2] {
        [Endpoint::tcp("a", 1), Endpoint::tcp("b", 2)]
    }

    fn order(routes: &Routes) -> Vec<String> {
        routes.candidates(&given()).iter().map(ToString::to_string).collect()
    }

    fn failed(routes: &Routes, endpoint: &Endpoint, message: &str) {
        let code = message.split(' ').next().unwrap();
        routes.failed(endpoint, &BusError::new(code, message));
    }

    #[test]
    fn the_address_that_worked_last_is_tried_first_and_nodes_of_the_cluster_last() {
        let routes = Routes::default();
        assert_eq!(order(&routes), ["a:1", "b:2"]);
        let c = Endpoint::tcp("c", 3);
        routes.learned(vec![Endpoint::tcp("b", 2), c.clone()]);
        assert_eq!(order(&routes), ["a:1", "b:2", "c:3"]);
        routes.worked(&c);
        assert_eq!(order(&routes), ["c:3", "a:1", "b:2"]);
    }

    #[test]
    fn the_address_of_a_redirection_is_tried_first() {
        let [a, _] = given();
        let routes = Routes::default();
        routes.worked(&a);
        failed(&routes, &a, "MOVED 3999 10.0.0.1:7");
        assert_eq!(order(&routes), ["10.0.0.1:7", "a:1", "b:2"]);
        failed(&routes, &a, "MOVED 3999 :7");
        assert_eq!(order(&routes), ["a:7", "a:1", "b:2"]);
        failed(&routes, &a, "MOVED");
        assert_eq!(order(&routes), ["a:1", "b:2"]);
    }

    #[test]
    fn an_address_that_cannot_be_used_now_is_tried_last_until_it_works_again() {
        for message in
            ["ETIMEDOUT", "READONLY It is a replica.", "CLUSTERDOWN The cluster is down", "LOADING"]
        {
            let [a, b] = given();
            let routes = Routes::default();
            routes.worked(&a);
            failed(&routes, &a, message);
            assert_eq!(order(&routes), ["b:2", "a:1"], "{message}");
            routes.worked(&b);
            assert_eq!(order(&routes), ["b:2", "a:1"]);
            routes.worked(&a);
            assert_eq!(order(&routes), ["a:1", "b:2"]);
        }
    }

    #[test]
    fn other_errors_change_nothing() {
        let [a, b] = given();
        let routes = Routes::default();
        routes.worked(&b);
        for message in ["WRONGTYPE Operation", "ASK 1 c:3", "TRYAGAIN", "UNBLOCKED", "ECONNRESET"] {
            failed(&routes, &a, message);
            failed(&routes, &b, message);
        }
        assert_eq!(order(&routes), ["b:2", "a:1"]);
    }
}
