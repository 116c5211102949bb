# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of tests/cli/data and what Pillow makes of them. Run once, with Pillow 11.3
(which always resamples columns first) and NumPy:

    python tests/cli/make_data.py

NAME.png, NAME.jpg   pictures in the variants that people have
NAME.rgb.npy         Image.open(NAME).convert("RGB"), as uint8
NAME.SIZE-CROP.npy   the same resized and cropped as timm's evaluation does, as uint8
"""
import math
import pathlib

import numpy
from PIL import Image

folder = pathlib.Path(__file__).parent / "data"
random = numpy.random.default_rng(5)


def picture(width, height, noise):
    """Waves with sharp edges and noise: what shows a wrong filter, a wrong phase or a wrong clamp."""
    y, x = numpy.mgrid[0:height, 0:width]
    red = 127 + 120 * numpy.sin(x / 3.1) * numpy.cos(y / 4.7)
    green = numpy.where((x // 5 + y // 7) % 2 == 0, 250, 5)
    blue = 255 * (x + y) / (width + height)
    image = numpy.stack([red, green, blue], -1) + random.normal(0, noise, (height, width, 3))
    return numpy.clip(numpy.rint(image), 0, 255).astype("uint8")


def evaluation(image, size, crop):
    """torchvision's Resize(int) and CenterCrop in their own arithmetic."""
    width, height = image.size
    shorter = math.floor(size / crop)
    if width <= height:
        image = image.resize((shorter, int(shorter * height / width)), Image.Resampling.BICUBIC)
    else:
        image = image.resize((int(shorter * width / height), shorter), Image.Resampling.BICUBIC)
    left, top = int(round((image.width - size) / 2.0)), int(round((image.height - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def keep(name, image, size, crop):
    numpy.save(folder / f"{name}.rgb.npy", numpy.asarray(image))
    numpy.save(folder / f"{name}.{size}-{crop}.npy", numpy.asarray(evaluation(image, size, crop)))


def main():
    folder.mkdir(exist_ok=True)
    rgb = Image.fromarray(picture(61, 47, 20))
    rgb.save(folder / "rgb.png")
    rgb.convert("L").save(folder / "grey.png")
    rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=32).save(folder / "palette.png")
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(numpy.tile(numpy.arange(61, dtype="uint8") * 4, (47, 1))))
    rgba.save(folder / "alpha.png")
    rgb.save(folder / "colour.jpg", quality=90, subsampling=2)
    rgb.save(folder / "progressive.jpg", quality=85, progressive=True, subsampling=0)
    rgb.convert("L").save(folder / "grey.jpg", quality=90)
    rgb.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    tall = Image.fromarray(picture(40, 133, 6))
    tall.save(folder / "tall.png")
    for name in ("rgb.png", "grey.png", "palette.png", "alpha.png", "colour.jpg", "progressive.jpg", "grey.jpg"):
        keep(name, Image.open(folder / name).convert("RGB"), 32, 0.91)
    keep("tall.png", tall, 16, 0.875)
    numpy.save(folder / "tall.png.48-1.0.npy", numpy.asarray(evaluation(tall, 48, 1.0)))
    numpy.save(folder / "tall.png.7-0.5.npy", numpy.asarray(evaluation(tall, 7, 0.5)))


main()
