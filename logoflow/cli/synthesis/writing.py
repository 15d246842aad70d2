"""Pictures, sheets and films, written as the name of the output says."""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logoflow.cli.synthesis.drawing import Drawing, enlarged
from logoflow.cli.synthesis.request import Request
from logoflow.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEBP_QUALITY = 88
GIF_SHORTEST_MS = 20  # browsers show frames that are to be shorter for 100 ms
BLOCK = 16  # px a side of what H.264 encodes at a time


def check_video(request: Request) -> None:
    """Refuse .mp4 where PyAV is missing, before work is done for it.

    Raises:
        UserError: it is.
    """
    if request.out.suffix.lower() != ".mp4":
        return
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise UserError(".mp4 needs the extra video (pip install 'logoflow[video]'): or take .webp or .gif.") from error


def write(drawing: Drawing, request: Request, moving: bool) -> list[Path]:
    """Write a drawing to `request.out`.

    Args:
        drawing: what is written.
        request: says where, how large and how fast.
        moving: a WebP is a film.

    Returns:
        The files.
    """
    out, suffix = request.out, request.out.suffix.lower()
    if request.is_folder:
        return write_folder(drawing, out, request.scale or 1)
    if suffix in (".gif", ".mp4") or (suffix == ".webp" and moving):
        write_film(drawing.frames(request.scale), out, request.fps or drawing.fps)
    elif len(drawing.pictures) == 1:
        save(enlarged(drawing.pictures[0], request.scale or 1), out)
    else:
        drawing.sheet(request.scale).save(out, **options(out))
    return [out]


def write_folder(drawing: Drawing, folder: Path, scale: int) -> list[Path]:
    """Each picture that has a name, as PNG."""
    folder.mkdir(exist_ok=True)
    named = [(name, picture) for name, picture in zip(drawing.names, drawing.pictures, strict=True) if name]
    paths = []
    for place, (name, picture) in enumerate(named):
        plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:80]
        paths.append(folder / f"{place:0{len(str(len(named) - 1))}}-{plain}.png")
        save(enlarged(picture, scale), paths[-1])
    return paths


def save(pixels: "NDArray[np.uint8]", path: Path) -> None:
    """Write `[H, W, 3 or 4]` as a picture."""
    from PIL import Image

    Image.fromarray(pixels).save(path, **options(path))


def options(path: Path) -> dict[str, Any]:
    """How Pillow writes a format."""
    return {"quality": WEBP_QUALITY, "method": 6} if path.suffix.lower() == ".webp" else {"optimize": True}


def write_film(frames: "Sequence[NDArray[np.uint8]]", path: Path, fps: float) -> None:
    """Write frames, all of one size, as a film that begins anew at its end; only a WebP keeps alpha."""
    from PIL import Image

    from data.images import flatten

    if path.suffix.lower() == ".webp":
        first, *others = (Image.fromarray(frame) for frame in frames)
        first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0, quality=WEBP_QUALITY)
        return
    flat = [flatten(frame) for frame in frames]
    if path.suffix.lower() == ".mp4":
        write_mp4(flat, path, fps)
        return
    first, *others = (Image.fromarray(frame).quantize() for frame in flat)  # 256 colours each, not dithered
    duration = max(GIF_SHORTEST_MS, round(1000 / fps))
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0)


def write_mp4(frames: "Sequence[NDArray[np.uint8]]", path: Path, fps: float) -> None:
    """Write RGB frames as H.264; in one thread, without dates and in whole blocks, so that bytes are the same again.

    Where a side is no multiple of `BLOCK` its last pixel is repeated: FFmpeg would read what happens to lie behind it.
    Without x264's macroblock tree: where the processor has AVX-512, its propagation reads memory that nobody wrote.
    """
    import av
    import numpy as np

    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width + -width % BLOCK, height + -height % BLOCK, "yuv420p"
        stream.options = {"crf": "16", "preset": "medium", "x264-params": "mbtree=0"}
        stream.codec_context.thread_count = 1
        for frame in frames:
            whole = np.pad(frame, ((0, -height % BLOCK), (0, -width % BLOCK), (0, 0)), mode="edge")
            file.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
        file.mux(stream.encode(None))
