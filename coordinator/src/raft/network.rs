//! The network of a cluster of one: it reaches nobody.
//!
//! Peers come with the cluster, over gRPC; its network takes this one's place in [`RaftNode::start`]. Until then a
//! membership of several would find each of its peers unreachable and elect nobody, which is safe.
//!
//! `pre_vote` answers with an error like the rest. openraft's default for it *grants*, which would let a node that
//! reaches nobody win its pre-votes.
//!
//! [`RaftNode::start`]: super::RaftNode::start

use std::future::Future;

use bytes::Bytes;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AsyncRuntime, BasicNode, OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use super::types::{Snapshot, Types, Vote};
use super::{Application, NodeId};

/// Makes connections that reach nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

/// A connection that does not reach its peer.
#[derive(Debug, Clone, Copy)]
pub struct NoPeer {
    peer: NodeId,
}

impl NoPeer {
    fn unreachable<A: Application, R: AsyncRuntime>(self) -> Unreachable<Types<A, R>> {
        Unreachable::from_string(format!("node {} cannot be reached: this version has one coordinator", self.peer))
    }
}

impl<A: Application, R: AsyncRuntime> RaftNetworkFactory<Types<A, R>> for NoPeers {
    type Network = NoPeer;

    async fn new_client(&mut self, target: NodeId, _node: &BasicNode) -> NoPeer {
        NoPeer { peer: target }
    }
}

impl<A: Application, R: AsyncRuntime> RaftNetworkV2<Types<A, R>> for NoPeer {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<Types<A, R>>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types<A, R>>, RPCError<Types<A, R>>> {
        Err(self.unreachable().into())
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<Types<A, R>>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types<A, R>>, RPCError<Types<A, R>>> {
        Err(self.unreachable().into())
    }

    async fn pre_vote(
        &mut self,
        _request: VoteRequest<Types<A, R>>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types<A, R>>, RPCError<Types<A, R>>> {
        Err(self.unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types<A, R>>, StreamingError<Types<A, R>>> {
        Err(self.unreachable().into())
    }

    async fn transfer_leader(
        &mut self,
        _request: TransferLeaderRequest<Types<A, R>>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types<A, R>>, RPCError<Types<A, R>>> {
        Err(self.unreachable().into())
    }
}
