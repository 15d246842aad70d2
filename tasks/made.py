"""What a stage's task answers, and what it takes."""

from typing import TypeAlias

from prefect.client.schemas import State

from logoflow.store.store import Artifact

Answer: TypeAlias = State[Artifact]
"""A state that holds the artifact. Written out only here: pydantic takes such a class to belong to the module that
writes it first, where a process looks for it that is sent a task, in whatever order it imports."""

Made: TypeAlias = Answer | Artifact
"""Prefect hands a state's artifact on."""
