"""The pinned npm package of icon sets that the sample is drawn from."""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "@iconify/json@2.2.535"
PACKAGE_SHA256 = "1a545f86fa224d6531d8fb101dcbe83aac2b28689a21cbed6fc68318a5af4d91"

# Variants of one logo for light and dark pages: the same shape again, mostly in one colour.
_PAGE_VARIANTS = ("-light", "-dark")
# What a set appends to a brand's name.
_BRAND_SUFFIXES = ("-icon", "-background", "-wordmark", "-original", "-plain", "-line", "-colored")
# Brands that the sets call by several names, mostly a coin's ticker symbol and its name.
_BRAND_ALIASES = {
    "ada": "cardano",
    "adobepremiere": "premiere",
    "apachemaven": "maven",
    "avax": "avalanche",
    "bat": "brave",
    "bitkubchain": "kub",
    "bnb": "binance",
    "btc": "bitcoin",
    "css3": "css",
    "dai": "daistablecoin",
    "doge": "dogecoin",
    "dot": "polkadot",
    "eth": "ethereum",
    "flr": "flare",
    "gno": "gnosis",
    "golang": "go",
    "html5": "html",
    "ibmgranite": "ibm",
    "intellijidea": "intellij",
    "link": "chainlink",
    "ltc": "litecoin",
    "matic": "polygon",
    "pol": "polygon",
    "sol": "solana",
    "trx": "tron",
    "uni": "uniswap",
    "vuedotjs": "vue",
    "xlm": "stellar",
    "xmr": "monero",
    "xrp": "ripple",
    "zec": "zcash",
}


@dataclass(frozen=True)
class Icon:
    """One logo of a set, as vector graphics.

    Attributes:
        name: "set:icon".
        set: the icon set.
        licence: SPDX identifier of the set.
        body: what stands inside the <svg> element.
        box: left, top, width, height of its view box.
        has_symbol: whether the set also has this logo without its wordmark.
    """

    name: str
    set: str
    licence: str
    body: str
    box: tuple[float, float, float, float]
    has_symbol: bool

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.box[2] / self.box[3]

    @property
    def brand(self) -> str:
        """Name without the set and what it appends, equal for most pictures of one brand."""
        brand = self.name.partition(":")[2]
        for suffix in _BRAND_SUFFIXES:
            brand = brand.removesuffix(suffix)
        brand = brand.replace("-", "")
        return _BRAND_ALIASES.get(brand, brand)


def fetch_package(folder: Path) -> Path:
    """Download the pinned package with npm; returns the path of its archive."""
    if shutil.which("npm") is None:
        raise ValueError(
            f"npm is not installed: install Node.js, or fetch {PACKAGE} elsewhere and give it by --package."
        )
    subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    return archive


def read_icons(archive: Path | None, sets: Sequence[str]) -> list[Icon]:
    """Read the visible icons of some sets, without the variants for light and dark pages.

    Args:
        archive: the package's .tgz; None = download it.
        sets: names of icon sets; the icons come in this order, sorted by name within a set.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = archive or fetch_package(Path(folder))
        with archive.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != PACKAGE_SHA256:
            raise ValueError(f"{archive} is not {PACKAGE} (its sha256 is {sha256}): download it again with npm pack.")
        with tarfile.open(archive) as tar:
            contents = {name: json.load(_member(tar, f"package/json/{name}.json")) for name in sets}
    return [icon for name in sets for icon in _icons_of(name, contents[name])]


def _member(tar: tarfile.TarFile, path: str) -> Any:
    """A file in the archive, opened; nothing is unpacked to disk."""
    file = tar.extractfile(path)
    assert file is not None, path
    return file


def _icons_of(name: str, content: dict[str, Any]) -> Iterator[Icon]:
    """Icons of one set in Iconify's JSON format, where an icon inherits the box of its set."""
    licence = content["info"]["license"]["spdx"]
    for key, icon in sorted(content["icons"].items()):
        left, top, width, height = (
            float(icon.get(part, content.get(part, default)))
            for part, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
        )
        is_drawn = width > 0 and height > 0 and "<text" not in icon["body"]  # fonts differ between machines
        if is_drawn and not icon.get("hidden") and not key.endswith(_PAGE_VARIANTS):
            has_symbol = f"{key}-icon" in content["icons"]
            yield Icon(f"{name}:{key}", name, licence, icon["body"], (left, top, width, height), has_symbol)
