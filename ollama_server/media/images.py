"""Images made fit for a runner, which reads PNG, JPEG and BMP and trusts what it is given.

A file that llama.cpp reads as it should be seen stays as it is, byte by byte. Others are decoded
here and become bitmaps: WebP and GIF (its first frame), files that say which side is up, colours
other than RGB, and pictures that one can see through, which are laid on white.
"""

from __future__ import annotations

import io
import re

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
# A progressive JPEG is drawn in scans over the whole picture, some ten of them. Each costs as much
# as the picture is large, and only some bytes of the file.
MAX_SCANS = 100
# Projectors that follow an image's shape make grids of it, which must not be lines.
MAX_RATIO = 200

_ORIENTATION = 0x0112
_UPRIGHT = 1
# Baseline, extended and progressive with Huffman codes: what llama.cpp's reader of JPEG knows.
_JPEG_FRAME = re.compile(rb"\xff([\xc0-\xcf])(?<![\xc4\xc8\xcc])")
_READABLE_FRAMES = frozenset(b"\xc0\xc1\xc2")
_SCAN = b"\xff\xda"

# Sizes are compared with the server's own limit, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class MediaError(ValueError):
    """A file that cannot be used; the text says why, and not which one it was."""


def looks_like_image(head: bytes) -> bool:
    """Whether a file of one of the formats may begin with these 16 bytes."""
    starts = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")
    return head.startswith(starts) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def prepare_image(data: bytes, max_pixels: int) -> bytes:
    """The image as a PNG, JPEG or BMP file that shows what a viewer would show.

    Raises MediaError for what is no image, is broken, or has more than ``max_pixels``.
    """
    if not data:
        raise MediaError("the image is empty")
    if not looks_like_image(data[:16]):
        raise MediaError("not an image of a known type (PNG, JPEG, WebP, GIF or BMP)")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, data, max_pixels)
            image.load()
            if _is_fine(image, data):
                return data
            return _bitmap(image)
    except MediaError:
        raise
    except UnidentifiedImageError:
        raise MediaError("the image is broken: its header cannot be read") from None
    except Exception as error:
        # Decoders raise whatever their parser stumbles over.
        raise MediaError(f"the image is broken: {error or type(error).__name__}") from None


def _check_size(image: Image.Image, data: bytes, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise MediaError(
            f"the image has {width} x {height} pixels, more than the {max_pixels} that "
            "OLLAMA_IMAGE_MAX_PIXELS allows"
        )
    if max(width, height) > MAX_RATIO * min(width, height):
        raise MediaError(
            f"the image has {width} x {height} pixels: one side is more than {MAX_RATIO} times "
            "as long as the other"
        )
    if data.startswith(b"\xff\xd8") and data.count(_SCAN) > MAX_SCANS:
        raise MediaError(f"the image is drawn in more than {MAX_SCANS} scans")


def _is_fine(image: Image.Image, data: bytes) -> bool:
    """Whether llama.cpp, which drops transparency and orientation, sees the same."""
    if image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
        return False
    if image.format == "PNG":
        return not _shows_through(image)
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        frame = _JPEG_FRAME.search(data)
        return frame is not None and frame[1][0] in _READABLE_FRAMES
    return False


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _shows_through(image: Image.Image) -> bool:
    if not _has_alpha(image):
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return isinstance(lowest, int | float) and lowest < 255


def _bitmap(image: Image.Image) -> bytes:
    """The picture as seen, in RGB, as a BMP file: nothing is faster to write and to read."""
    upright = ImageOps.exif_transpose(image)
    if _has_alpha(upright):
        seen = upright.convert("RGBA")
        white = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(white, seen)
    file = io.BytesIO()
    upright.convert("RGB").save(file, format="BMP")
    return file.getvalue()
