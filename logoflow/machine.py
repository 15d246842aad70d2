"""Facts about the machine, without loading torch."""

import functools
import os
import platform
import socket
from importlib import metadata
from pathlib import Path


def library_version(name: str) -> str:
    """Installed version of a distribution; "absent" where there is none (faiss-gpu stands in for faiss-cpu)."""
    for candidate in (name, name.replace("-cpu", "-gpu")):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return "absent"


def major_minor(version: str) -> str:
    """`2.13.0+cpu` -> `2.13`: a patch release is taken to compute the same."""
    return ".".join(version.split("+")[0].split(".")[:2])


def describe_host() -> dict[str, str]:
    """What a manifest records of the machine."""
    return {
        "name": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores": str(len(os.sched_getaffinity(0))),
    }


@functools.cache
def has_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware: an NVIDIA GPU, or a CPU with AVX512-BF16 or AMX."""
    if Path("/dev/nvidiactl").exists():
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def process_birth(pid: int) -> str | None:
    """When a process of this machine began, by boot and clock ticks since; None where there is none, or only a zombie.

    A process number alone names nobody: it is given again after a while, and begins anew at every boot.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if state == "Z" else f"{boot} {fields[18]}"
