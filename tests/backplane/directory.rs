//! The directory: all nodes agree on which node has which session, and each session has one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::backplane::memory::MemoryBus;
use tmcp_session_manager::backplane::settings::Settings;

use crate::process::{A_WHILE, Process, answer, pass, plans, run, settle, units};

const PROCESSES: usize = 3;
const SESSIONS: usize = 4;

fn id(session: usize) -> String {
    format!("session {session}")
}

/// Checks that each session has one stream, on the node that the directory names, and that all nodes see it.
async fn assert_agreement(bus: &MemoryBus, processes: &mut [Process]) -> Result<(), TestCaseError> {
    for session in 0..SESSIONS {
        let id = id(session);
        let owners: Vec<_> = processes
            .iter()
            .filter(|process| process.ids().contains(&id))
            .map(|process| process.node().clone())
            .collect();
        prop_assert!(owners.len() <= 1, "{}: {:?}", id, owners);
        prop_assert_eq!(owners.first().cloned(), bus.owner(&units(&id)), "{}", id);
        for process in &mut *processes {
            let here = process.ids().contains(&id);
            let streams = process.streams.values().filter(|(of, _)| *of == id).count();
            prop_assert_eq!(streams, usize::from(here));
            prop_assert_eq!(process.has(&id).await, answer(!here && !owners.is_empty()));
            let is_listed = bus.listed(process.node()).iter().any(|listed| **listed == *units(&id));
            prop_assert_eq!(is_listed, here);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn in_the_end_one_node_has_each_session_and_all_nodes_agree(
        steps in vec((0..PROCESSES, 0..SESSIONS, 0..7_usize), 1..60),
        plans in plans(),
    ) {
        run(async {
            let bus = MemoryBus::default();
            let mut processes = Process::join_several::<PROCESSES>(&bus, Settings::default());
            settle(&mut processes).await;
            bus.plan(plans);
            for (number, session, what) in steps {
                let id = id(session);
                match what {
                    0..3 => processes[number].create(&id),
                    3 => processes[number].delete(&id),
                    4 => bus.disconnect(false),
                    5 => processes.iter_mut().for_each(Process::drain),
                    _ => tokio::time::sleep(A_WHILE).await,
                }
            }
            bus.plan(Vec::new());
            bus.disconnect(false);
            settle(&mut processes).await;
            assert_agreement(&bus, &mut processes).await
        })?;
    }

    #[test]
    fn nodes_agree_after_a_failover_that_loses_changes(
        steps in vec((0..PROCESSES, 0..SESSIONS, 0..7_usize), 1..40),
        cut in 0..40_usize,
    ) {
        run(async {
            let bus = MemoryBus::default();
            let mut processes = Process::join_several::<PROCESSES>(&bus, Settings::default());
            settle(&mut processes).await;
            let mut replica = bus.replicate();
            for (step, (number, session, what)) in steps.into_iter().enumerate() {
                let id = id(session);
                if step == cut {
                    replica = bus.replicate();
                }
                match what {
                    0..3 => processes[number].create(&id),
                    3 => processes[number].delete(&id),
                    _ => tokio::time::sleep(A_WHILE).await,
                }
            }
            tokio::time::sleep(A_WHILE).await;
            bus.fail_over(replica);
            settle(&mut processes).await;
            assert_agreement(&bus, &mut processes).await
        })?;
    }

    #[test]
    fn the_directory_and_the_streams_are_those_of_a_plain_model(steps in vec(step(), 1..50)) {
        run(async {
            let bus = MemoryBus::default();
            let mut processes = Process::join_several::<PROCESSES>(&bus, Settings::default());
            settle(&mut processes).await;
            let mut model = Model::default();
            for step in steps {
                match step {
                    Step::Create { process, session } => {
                        processes[process].create(&id(session));
                        model.create(process, session);
                    }
                    Step::Delete { process, session } => {
                        processes[process].delete(&id(session));
                        model.delete(process, session);
                    }
                    Step::CutOff { process } => {
                        bus.cut_off(processes[process].node(), true);
                        model.nodes[process].is_away = true;
                    }
                    Step::Return { process } => {
                        bus.cut_off(processes[process].node(), false);
                        model.come_back(process);
                    }
                    Step::Die { process } => {
                        processes[process].die();
                        processes[process] = Process::join(&bus, Settings::default());
                        model.die(process);
                    }
                    Step::Clock { ms } => bus.move_clock(ms),
                }
                pass(Duration::from_secs(10), &mut processes).await;
            }
            for process in 0..PROCESSES {
                bus.cut_off(processes[process].node(), false);
                model.come_back(process);
                pass(Duration::from_secs(10), &mut processes).await;
            }
            // Those that have died count as dead, also when the clock has jumped.
            settle(&mut processes).await;
            for (number, process) in processes.iter_mut().enumerate() {
                let expected: BTreeSet<_> = model.nodes[number].sessions.iter().copied().map(id).collect();
                prop_assert_eq!(process.ids(), expected, "sessions of process {}", number);
                for session in 0..SESSIONS {
                    let other = model.owners.get(&session).is_some_and(|owner| *owner != Some(number) && owner.is_some());
                    prop_assert_eq!(process.has(&id(session)).await, answer(other), "has({}) by {}", session, number);
                }
            }
            Ok(())
        })?;
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Create { process: usize, session: usize },
    Delete { process: usize, session: usize },
    CutOff { process: usize },
    Return { process: usize },
    Die { process: usize },
    Clock { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (process, session) = (0..PROCESSES, 0..SESSIONS);
    prop_oneof![
        8 => (process.clone(), session.clone()).prop_map(|(process, session)| Step::Create { process, session }),
        4 => (process.clone(), session).prop_map(|(process, session)| Step::Delete { process, session }),
        2 => process.clone().prop_map(|process| Step::CutOff { process }),
        2 => process.clone().prop_map(|process| Step::Return { process }),
        1 => process.prop_map(|process| Step::Die { process }),
        1 => prop_oneof![Just(-3_600_000_i64), Just(3_600_000)].prop_map(|ms| Step::Clock { ms }),
    ]
}

/// What each process has, and what the directory says. Each step ends before the next one begins.
#[derive(Default)]
struct Model {
    nodes: [ModelNode; PROCESSES],
    /// The owner of each session in the directory; `None` for one that has died.
    owners: BTreeMap<usize, Option<usize>>,
}

#[derive(Default)]
struct ModelNode {
    sessions: BTreeSet<usize>,
    is_away: bool,
    /// Sessions that the node has created while it was away, and has not removed.
    to_claim: BTreeSet<usize>,
    /// Sessions that the node has removed while it was away.
    to_release: BTreeSet<usize>,
    /// Deletions that the node has published while it was away.
    to_delete: Vec<usize>,
    /// Sessions that others have claimed or deleted while the node was away.
    to_close: BTreeSet<usize>,
}

impl Model {
    fn create(&mut self, process: usize, session: usize) {
        let node = &mut self.nodes[process];
        node.sessions.insert(session);
        if node.is_away {
            node.to_claim.insert(session);
            node.to_release.remove(&session);
            return;
        }
        let previous = self.owners.insert(session, Some(process)).flatten();
        previous.filter(|owner| *owner != process).into_iter().for_each(|owner| self.close(owner, session));
    }

    fn delete(&mut self, process: usize, session: usize) {
        let node = &mut self.nodes[process];
        let is_own = node.sessions.remove(&session);
        match (is_own, node.is_away) {
            (true, true) => {
                node.to_claim.remove(&session);
                node.to_release.insert(session);
            }
            (true, false) => self.release(process, session),
            (false, true) => node.to_delete.push(session),
            (false, false) => self.delete_elsewhere(process, session),
        }
    }

    fn release(&mut self, process: usize, session: usize) {
        if self.owners.get(&session) == Some(&Some(process)) {
            self.owners.remove(&session);
        }
    }

    fn delete_elsewhere(&mut self, process: usize, session: usize) {
        match self.owners.get(&session).copied() {
            Some(Some(owner)) if owner != process => {
                self.owners.remove(&session);
                self.close(owner, session);
            }
            Some(None) => drop(self.owners.remove(&session)),
            _ => {}
        }
    }

    fn close(&mut self, process: usize, session: usize) {
        let node = &mut self.nodes[process];
        if node.is_away {
            node.to_close.insert(session);
        } else {
            node.sessions.remove(&session);
        }
    }

    fn come_back(&mut self, process: usize) {
        let node = &mut self.nodes[process];
        if !std::mem::take(&mut node.is_away) {
            return;
        }
        for session in std::mem::take(&mut node.to_close) {
            if !node.to_claim.contains(&session) {
                node.sessions.remove(&session);
            }
        }
        let (to_claim, to_release) =
            (std::mem::take(&mut node.to_claim), std::mem::take(&mut node.to_release));
        for session in std::mem::take(&mut node.to_delete) {
            self.delete_elsewhere(process, session);
        }
        to_release.into_iter().for_each(|session| self.release(process, session));
        to_claim.into_iter().for_each(|session| self.create(process, session));
    }

    fn die(&mut self, process: usize) {
        self.nodes[process] = ModelNode::default();
        self.owners.values_mut().filter(|owner| **owner == Some(process)).for_each(|owner| *owner = None);
    }
}
