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
    /// The address of the server that named `first` as the owner of the keys.
    named_by: Option<Endpoint>,
    /// Addresses that did not help when they were used last, the latest one at the end.
    last: Vec<Endpoint>,
    /// The nodes of the cluster.
    nodes: Vec<Endpoint>,
}

impl State {
    /// Makes an address the last one that is tried.
    fn demote(&mut self, endpoint: &Endpoint) {
        if self.first.take_if(|first| first == endpoint).is_some()
            && let Some(named_by) = self.named_by.take()
        {
            // It may be cut off from the rest of the cluster, and would name the same server again.
            self.demote(&named_by);
        }
        self.last.retain(|last| last != endpoint);
        if self.last.len() == MAX_LAST {
            self.last.remove(0);
        }
        self.last.push(endpoint.clone());
    }
}

/// Maximum number of addresses in [`State::last`].
const MAX_LAST: usize = 64;

impl Routes {
    /// Returns the addresses in the order in which they are tried: the one that worked last, the `given` ones, those of the
    /// cluster, and those that did not help.
    pub fn candidates(&self, given: &[Endpoint]) -> Vec<Endpoint> {
        let State { first, last, nodes, .. } = &*lock(&self.0);
        let mut candidates: Vec<Endpoint> = Vec::new();
        for endpoint in first.iter().chain(given).chain(nodes) {
            if !candidates.contains(endpoint) {
                candidates.push(endpoint.clone());
            }
        }
        // Stable: the others stay in order, before those that did not help.
        candidates.sort_by_key(|endpoint| last.iter().position(|last| last == endpoint));
        candidates
    }

    /// Remembers the nodes of the cluster.
    pub fn learned(&self, nodes: Vec<Endpoint>) {
        lock(&self.0).nodes = nodes;
    }

    /// Remembers an address that works, and the server that named it as the owner of the keys.
    pub fn worked(&self, endpoint: &Endpoint, named_by: &Endpoint) {
        let mut state = lock(&self.0);
        state.last.retain(|last| last != endpoint && last != named_by);
        state.first = Some(endpoint.clone());
        state.named_by = Some(named_by.clone()).filter(|named_by| named_by != endpoint);
    }

    /// Remembers an address that did not help.
    pub fn failed_at(&self, endpoint: &Endpoint) {
        lock(&self.0).demote(endpoint);
    }

    /// Remembers what an error of a server says about where to connect next.
    pub fn failed(&self, endpoint: &Endpoint, error: &BusError) {
        let mut state = lock(&self.0);
        match &*error.code {
            "MOVED" => {
                let address = error.message.rsplit(' ').next().unwrap_or_default();
                state.first = Endpoint::parse(address, endpoint);
                state.named_by = None;
                // It is tried first even if it did not help before.
                let State { first, last, .. } = &mut *state;
                last.retain(|last| Some(last) != first.as_ref());
            }
            // Another server may be able to do it.
            "ETIMEDOUT" | "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "LOADING" => {
                state.demote(endpoint);
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
        routes.worked(&c, &c);
        assert_eq!(order(&routes), ["c:3", "a:1", "b:2"]);
    }

    #[test]
    fn the_address_of_a_redirection_is_tried_first_even_if_it_did_not_help_before() {
        let [a, b] = given();
        let routes = Routes::default();
        failed(&routes, &a, "CLUSTERDOWN The cluster is down");
        assert_eq!(order(&routes), ["b:2", "a:1"]);
        failed(&routes, &b, "MOVED 1 a:1");
        assert_eq!(order(&routes), ["a:1", "b:2"]);
    }

    #[test]
    fn the_address_of_a_redirection_is_tried_first() {
        let [a, _] = given();
        let routes = Routes::default();
        routes.worked(&a, &a);
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
            routes.worked(&a, &a);
            failed(&routes, &a, message);
            assert_eq!(order(&routes), ["b:2", "a:1"], "{message}");
            routes.worked(&b, &b);
            assert_eq!(order(&routes), ["b:2", "a:1"]);
            routes.worked(&a, &a);
            assert_eq!(order(&routes), ["a:1", "b:2"]);
        }
    }

    #[test]
    fn addresses_that_did_not_help_are_tried_last_the_latest_one_at_the_end() {
        let [a, b] = given();
        let routes = Routes::default();
        routes.learned(vec![Endpoint::tcp("c", 3)]);
        routes.failed_at(&a);
        routes.failed_at(&b);
        assert_eq!(order(&routes), ["c:3", "a:1", "b:2"]);
        routes.failed_at(&a);
        assert_eq!(order(&routes), ["c:3", "b:2", "a:1"]);
        for port in 0..200 {
            routes.failed_at(&Endpoint::tcp("d", port));
        }
        assert_eq!(lock(&routes.0).last.len(), MAX_LAST);
    }

    #[test]
    fn the_server_that_named_an_address_is_tried_last_with_it() {
        let [a, b] = given();
        let c = Endpoint::tcp("c", 3);
        let routes = Routes::default();
        routes.learned(vec![c.clone()]);
        routes.worked(&c, &a);
        assert_eq!(order(&routes), ["c:3", "a:1", "b:2"]);
        failed(&routes, &c, "CLUSTERDOWN The cluster is down");
        assert_eq!(order(&routes), ["b:2", "a:1", "c:3"]);
        routes.worked(&b, &a);
        assert_eq!(order(&routes), ["b:2", "a:1", "c:3"]);
        // An older connection.
        failed(&routes, &c, "CLUSTERDOWN The cluster is down");
        assert_eq!(order(&routes), ["b:2", "a:1", "c:3"]);
    }

    #[test]
    fn other_errors_change_nothing() {
        let [a, b] = given();
        let routes = Routes::default();
        routes.worked(&b, &b);
        for message in ["WRONGTYPE Operation", "ASK 1 c:3", "TRYAGAIN", "UNBLOCKED", "ECONNRESET"] {
            failed(&routes, &a, message);
            failed(&routes, &b, message);
        }
        assert_eq!(order(&routes), ["b:2", "a:1"]);
    }
}
