//! Addresses of emulated nodes and pods.
//!
//! On Linux all of 127.0.0.0/8 is loopback, so that each pod can have an address of its own: node N
//! of an instance owns 127.R.N.0/24, the node itself has `.1` and its pods have the others. R is
//! claimed from 64..=191 by a UDP socket on 127.R.0.1 that is held for the life of the instance, so
//! that two instances on one machine never meet. Elsewhere only 127.0.0.1 is up, and pods share it;
//! then each pod is given a free port instead.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

/// Second bytes of the blocks, away from what distributions use (127.0.1.1, 127.0.0.53).
const BLOCKS: std::ops::RangeInclusive<u8> = 64..=191;
/// The port of the socket that claims a block; below the range of ephemeral ports.
const CLAIM_PORT: u16 = 7364;
/// The most nodes that an instance can have.
pub(super) const NODES_MAX: usize = 254;
/// Ports tried before giving up on finding one that no other pod was given.
const PORT_ATTEMPTS: usize = 64;

/// Where the addresses of an instance come from.
#[derive(Debug)]
pub(super) enum AddressPlan {
    /// A block of loopback addresses, claimed by a socket.
    Block { second: u8, _claim: UdpSocket },
    /// 127.0.0.1 for all, with ports that were given to pods.
    Shared { ports: Arc<Mutex<BTreeSet<u16>>> },
}

impl AddressPlan {
    /// The plan for this operating system; the search for a block begins at one that `seed` names.
    ///
    /// # Errors
    /// When no block is free.
    pub(super) fn for_this_system(seed: u64) -> io::Result<Self> {
        if cfg!(target_os = "linux") { Self::block(seed) } else { Ok(Self::shared()) }
    }

    /// Everything on 127.0.0.1.
    pub(super) fn shared() -> Self {
        Self::Shared { ports: Arc::default() }
    }

    /// Claims a block that no other instance has.
    pub(super) fn block(seed: u64) -> io::Result<Self> {
        let (first, count) =
            (u64::from(*BLOCKS.start()), u64::from(BLOCKS.end() - BLOCKS.start()) + 1);
        for step in 0..count {
            let second = u8::try_from(first + (seed.wrapping_add(step)) % count).unwrap_or(u8::MAX);
            if let Ok(claim) = UdpSocket::bind((Ipv4Addr::new(127, second, 0, 1), CLAIM_PORT)) {
                return Ok(Self::Block { second, _claim: claim });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("no block 127.64-191.0.0/16 is free (udp port {CLAIM_PORT} taken in each)"),
        ))
    }

    /// The addresses of the node with this index, counted from 0.
    pub(super) fn node(&self, index: usize) -> NodeAddresses {
        match self {
            Self::Block { second, .. } => {
                let third = u8::try_from(index + 1).unwrap_or(u8::MAX);
                let used = Arc::new(Mutex::new(Used { taken: BTreeSet::new(), last: 1 }));
                NodeAddresses::Block { second: *second, third, used }
            }
            Self::Shared { ports } => NodeAddresses::Shared { ports: Arc::clone(ports) },
        }
    }
}

/// The addresses of one node.
#[derive(Debug, Clone)]
pub(super) enum NodeAddresses {
    Block { second: u8, third: u8, used: Arc<Mutex<Used>> },
    Shared { ports: Arc<Mutex<BTreeSet<u16>>> },
}

/// Last bytes in use, and the one given last: an address rests as long as possible before it is
/// given again, so that late packets and scrapes do not reach a stranger.
#[derive(Debug)]
pub(super) struct Used {
    taken: BTreeSet<u8>,
    last: u8,
}

impl NodeAddresses {
    /// The node's own address.
    pub(super) fn host(&self) -> Ipv4Addr {
        match self {
            Self::Block { second, third, .. } => Ipv4Addr::new(127, *second, *third, 1),
            Self::Shared { .. } => Ipv4Addr::LOCALHOST,
        }
    }

    /// An address for a pod, or none when all are in use.
    pub(super) fn claim(&self) -> Option<PodAddress> {
        match self {
            Self::Block { second, third, used } => {
                let mut state = used.lock().unwrap_or_else(PoisonError::into_inner);
                let last = state.last;
                let next = (last..=254)
                    .skip(1)
                    .chain(2..=last)
                    .find(|it| *it >= 2 && !state.taken.contains(it))?;
                state.taken.insert(next);
                state.last = next;
                let address = Ipv4Addr::new(127, *second, *third, next);
                Some(PodAddress {
                    address,
                    port: None,
                    release: Release::Byte(Arc::clone(used), next),
                })
            }
            Self::Shared { ports } => {
                let port = free_port(ports)?;
                let release = Release::Port(Arc::clone(ports), port);
                Some(PodAddress { address: Ipv4Addr::LOCALHOST, port: Some(port), release })
            }
        }
    }
}

/// A port on which nobody listens and which no other pod of this instance was given.
fn free_port(ports: &Mutex<BTreeSet<u16>>) -> Option<u16> {
    for _ in 0..PORT_ATTEMPTS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = listener.local_addr().ok()?.port();
        if ports.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Some(port);
        }
    }
    None
}

/// A pod's address, given back when this is dropped.
#[derive(Debug)]
pub(super) struct PodAddress {
    /// Where the pod listens.
    pub(super) address: Ipv4Addr,
    /// The port to use in place of the one in the pod's template, where addresses are shared.
    pub(super) port: Option<u16>,
    release: Release,
}

#[derive(Debug)]
enum Release {
    Byte(Arc<Mutex<Used>>, u8),
    Port(Arc<Mutex<BTreeSet<u16>>>, u16),
}

impl Drop for PodAddress {
    fn drop(&mut self) {
        match &self.release {
            Release::Byte(used, byte) => {
                used.lock().unwrap_or_else(PoisonError::into_inner).taken.remove(byte);
            }
            Release::Port(ports, port) => {
                ports.lock().unwrap_or_else(PoisonError::into_inner).remove(port);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn two_instances_never_share_a_block() {
        let first = AddressPlan::block(7).unwrap();
        let second = AddressPlan::block(7).unwrap();
        assert_ne!(first.node(0).host(), second.node(0).host());
        assert!(first.node(0).host().is_loopback());
        let host = first.node(0).host();
        drop(first);
        let hosts: Vec<_> = (0..128)
            .map_while(|_| AddressPlan::block(7).ok())
            .map(|plan| (plan.node(0).host(), plan))
            .collect();
        assert!(hosts.iter().any(|(other, _)| *other == host), "a dropped block is free again");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_is_unique_while_held_and_rests_before_it_returns() {
        let node = AddressPlan::block(11).unwrap().node(2);
        assert_eq!(node.host().octets()[2..], [3, 1]);
        let first = node.claim().unwrap();
        assert_eq!(first.address.octets()[3], 2);
        drop(first);
        assert_eq!(node.claim().unwrap().address.octets()[3], 3);
        let all: Vec<_> = std::iter::from_fn(|| node.claim()).collect();
        let distinct: BTreeSet<_> = all.iter().map(|pod| pod.address).collect();
        assert_eq!((all.len(), distinct.len()), (253, 253));
        assert!(!distinct.contains(&node.host()));
        drop(all);
        assert!(node.claim().is_some());
    }

    #[test]
    fn where_addresses_are_shared_each_pod_has_a_port() {
        let plan = AddressPlan::shared();
        let (first, second) = (plan.node(0).claim().unwrap(), plan.node(1).claim().unwrap());
        assert_eq!(first.address, Ipv4Addr::LOCALHOST);
        assert!(first.port.is_some() && first.port != second.port);
    }
}
