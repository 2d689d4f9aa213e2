"""What people send in place of an image that is looked at, by its first bytes: what it is and what helps. Pure."""

TAKEN = "PNG, JPEG, WebP and GIF are taken"
HEIF = "a HEIC picture, as iPhones keep them"
BRANDS = {  # of ISO's base media file format, in which videos, HEIC and AVIF are
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIF),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}
BEGINNINGS = {
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"BM": "a BMP picture",
    b"\x1a\x45\xdf\xa3": "a video (WebM or Matroska)",
    b"%PDF-": "a PDF",
}


def refusal_of(data: bytes) -> str:
    """A whole sentence.

    >>> refusal_of(b"....ftypheic....")
    'The file is no image that is taken, but a HEIC picture, as iPhones keep them: save it as JPEG and send that.'
    >>> refusal_of(b"Hello")
    'The file is no image: PNG, JPEG, WebP and GIF are taken.'
    """
    what = _what(data)
    if not what:
        return f"The file is no image: {TAKEN}."
    if "video" in what:
        return f"The file is no image, but {what}: send a picture of it."
    if what.endswith("PDF"):
        return f"The file is no image, but {what}: send a picture of the page."
    better = "PNG" if "SVG" in what else "JPEG"
    return f"The file is no image that is taken, but {what}: save it as {better} and send that."


def _what(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], "a video (MP4 or its like)")
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return "a video (AVI)"
    head = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head:
        return "an SVG drawing"
    return next((what for beginning, what in BEGINNINGS.items() if data.startswith(beginning)), "")
