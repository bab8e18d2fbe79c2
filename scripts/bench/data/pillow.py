"""What a researcher would write: every JPEG of a folder, 64 x 64, by Pillow on so many processes, into one array file.

    python pillow.py FOLDER PROCESSES fit|draft OUT

It prints the processor time of itself and its processes. `fit` decodes all pixels; `draft` lets libjpeg decode at half or a quarter of the size, as Image.thumbnail does.
"""

import resource
import sys
from multiprocessing import Pool
from pathlib import Path

from PIL import Image, ImageOps

SIDE = 64


def load(task):
    path, mode = task
    with Image.open(path) as image:
        if mode == "draft":
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
        return ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS).tobytes()


if __name__ == "__main__":
    folder, processes, mode, out = sys.argv[1:]
    tasks = [(path, mode) for path in sorted(Path(folder).glob("*.jpg"))]
    with Pool(int(processes)) as pool, open(out, "wb") as file:
        for pixels in pool.imap(load, tasks, chunksize=16):
            file.write(pixels)
        pool.close()
        pool.join()
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(sum(each.ru_utime + each.ru_stime for each in spent))
