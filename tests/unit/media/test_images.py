"""Images: what stays as it is, what is made readable, what is refused."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ollama_server.media.images import MediaError, prepare_image
from tests.pictures import RED, WHITE, decoded, encoded, halves, png_header

LIMIT = 1_000_000


def prepared(data: bytes) -> Image.Image:
    return decoded(prepare_image(data, LIMIT))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_an_opaque_png_stays_as_it_is(mode: str) -> None:
    data = encoded(halves(mode), "PNG")
    assert prepare_image(data, LIMIT) is data


@pytest.mark.parametrize("progressive", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_upright_jpeg_stays_as_it_is(mode: str, progressive: bool) -> None:
    data = encoded(halves(mode), "JPEG", progressive=progressive)
    assert prepare_image(data, LIMIT) is data


def test_a_png_with_an_alpha_channel_that_hides_nothing_stays_as_it_is() -> None:
    data = encoded(halves("RGBA"), "PNG")
    assert prepare_image(data, LIMIT) is data


@pytest.mark.parametrize("format", ["WEBP", "GIF", "BMP"])
def test_other_formats_become_bitmaps(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    data = prepare_image(encoded(halves(), format, **options), LIMIT)
    assert data.startswith(b"BM")
    assert decoded(data).tobytes() == halves().tobytes()


def test_a_jpeg_in_four_colours_becomes_red_green_and_blue() -> None:
    picture = prepared(encoded(halves("CMYK"), "JPEG", quality=100))
    red, green, blue = picture.getpixel((1, 1))  # type: ignore[misc]
    assert red > 230
    assert green < 25
    assert blue < 25


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (8, 4), RED), Image.new("RGB", (8, 4), WHITE)]
    file = io.BytesIO()
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:])
    assert prepared(file.getvalue()).getpixel((0, 0)) == RED


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    list(
        zip(
            range(1, 9),
            [(0, 1), (7, 1), (7, 1), (0, 1), (1, 0), (1, 0), (1, 7), (1, 7)],
            strict=True,
        )
    ),
)
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(
    format: str, orientation: int, red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    picture = prepared(encoded(halves(), format, exif=exif, **options))
    width, height = picture.size
    opposite = (width - 1 - red_at[0], height - 1 - red_at[1])
    assert (picture.getpixel(red_at), picture.getpixel(opposite)) == (RED, WHITE)


def test_a_jpeg_of_a_camera_held_upright_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert prepared(encoded(halves(), "JPEG", exif=exif)).size == (4, 8)


@pytest.mark.parametrize(("format", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA")])
def test_transparent_pixels_are_white_whatever_colour_they_hide(format: str, mode: str) -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 2, 4))
    picture = prepared(encoded(image.convert(mode), format))
    assert picture.getpixel((3, 3)) == WHITE
    assert picture.getpixel((0, 0)) != WHITE


def test_a_transparent_colour_of_a_palette_is_white() -> None:
    image = halves("P")
    data = encoded(image, "PNG", transparency=image.getpixel((0, 0)))
    assert prepared(data).getpixel((0, 0)) == WHITE


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the image is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known type"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not an image of a known type"),
        (b"GIF89a", "the image is broken"),
        (b"\x89PNG\r\n\x1a\n", "the image is broken"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "the image is broken"),
        (encoded(halves(size=(64, 64)), "PNG")[:-30], "the image is broken"),
        (encoded(halves(size=(64, 64)), "JPEG")[:-90], "the image is broken"),
        (encoded(halves(), "TIFF"), "not an image of a known type"),
    ],
)
def test_what_is_no_whole_image_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        prepare_image(data, LIMIT)


@pytest.mark.parametrize("size", [(1001, 1000), (65535, 65535), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(MediaError, match="more than the 1000000 that OLLAMA_IMAGE_MAX_PIXELS"):
        prepare_image(png_header(*size), LIMIT)


def test_the_limit_itself_is_allowed() -> None:
    data = encoded(Image.new("L", (1000, 1000)), "PNG")
    assert prepare_image(data, LIMIT) is data


def test_a_picture_that_is_a_line_is_refused() -> None:
    with pytest.raises(MediaError, match="one side is more than 200 times as long"):
        prepare_image(encoded(Image.new("L", (201, 1)), "PNG"), LIMIT)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encoded(halves(), "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : -2]
    with pytest.raises(MediaError, match="more than 100 scans"):
        prepare_image(data[:-2] + scan * 200 + data[-2:], LIMIT)
