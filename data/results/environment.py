"""Where a result was measured, on which model file, and whether the machine was left in peace."""

from __future__ import annotations

from typing import TypedDict

Interval = tuple[float, float]
"""Ends of a 95 % interval, the lower one first."""


class Machine(TypedDict):
    """A computer, with the CPU cores that this process may use."""

    model: str
    architecture: str
    cores: int


class Environment(TypedDict):
    """When (ISO 8601, UTC) and on what a result was measured; `runtime` ran the models."""

    date: str
    machine: Machine
    system: str
    versions: dict[str, str]
    runtime: str


class MachineState(TypedDict):
    """What may slow a machine down, at one moment; `benchmarks.machine.State` says in which units."""

    time: float
    governor: str | None
    mhz: float | None
    full_mhz: float | None
    celsius: float | None
    throttled: int | None
    load: float
    busy: float | None
    own: float


class States(TypedDict):
    """The state before a measurement and after it."""

    before: MachineState
    after: MachineState


class Disturbance(TypedDict):
    """The states around a measurement, and in words what makes it unfit to be quoted; empty if nothing does."""

    state: States
    disturbed: list[str]


class ModelFacts(TypedDict):
    """A model file: `file` is how it was asked for, `macs` are multiply-accumulates, 0 if the file doesn't say."""

    name: str
    file: str
    sha256: str
    bytes: int
    scheme: str
    macs: int
    xnnpack: bool
