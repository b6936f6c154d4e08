"""Production's topology on one machine: `cluster(folder)`; `make cluster` dubs the sample on it."""

from tests.support.rig.cluster.machine import Cluster, Machine, cluster

__all__ = ["Cluster", "Machine", "cluster"]
