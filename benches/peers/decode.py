"""Times exact frames of videos, and of frame folders, beside PyAV, torchcodec, OpenCV and Pillow.

Every reader does the same job for a clip: open the file, take the frames in the middle of equal parts, scale the short side,
cut the middle out. Readers take turns on each file, so that all meet the same machine; the quickest turn of each counts.
All read the first video stream. A reader that cannot read a clip or gives other frames of it (4x4 thumbnails that differ
by more than 8 levels) is left out of that clip, and said so.

    cargo build --release -p timeweave-video -p timeweave-ffmpeg --lib --example decode_bench
    pip install av torchcodec torch opencv-python-headless pillow numpy
    python benches/peers/decode.py VIDEO_OR_FOLDER... [--threads 1] [--turns 15] [--json FILE]
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time

import numpy as np

BOXES = 4
TOLERANCE = 8.0


def middles(count, frames):
    """The frame in the middle of each of `frames` equal parts, as in TSN's evaluation."""
    tick = count / frames
    return [min(int(tick / 2 + tick * part), count - 1) for part in range(frames)]


def scaled(width, height, size):
    return (size, size * height // width) if width < height else (size * width // height, size)


def cut(image, crop):
    height, width = image.shape[:2]
    top, left = round((height - crop) / 2), round((width - crop) / 2)
    return image[top : top + crop, left : left + crop]


@functools.cache
def first_video_stream(path):
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=index", "-of", "csv=p=0", path]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[0].strip(","))


class PyAV:
    """Decodes in order and converts and scales only what is wanted."""

    def __init__(self, threads):
        import av

        self.av, self.threads = av, threads

    def clip(self, path, indices, args):
        with self.av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.thread_count = self.threads
            wanted, images = set(indices), []
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    width, height = scaled(frame.width, frame.height, args.size)
                    small = frame.reformat(width, height, "rgb24", interpolation="BILINEAR")
                    images.append(cut(small.to_ndarray(), args.crop))
                if number >= indices[-1]:
                    break
        return images


class TorchCodec:
    """Exact mode; scales with torch's antialiased filter for bytes."""

    def __init__(self, threads):
        import torch
        from torchcodec.decoders import VideoDecoder

        torch.set_num_threads(threads)
        self.torch, self.decoder, self.threads = torch, VideoDecoder, threads

    def clip(self, path, indices, args):
        options = {"num_ffmpeg_threads": self.threads, "seek_mode": "exact", "dimension_order": "NHWC"}
        decoder = self.decoder(path, stream_index=first_video_stream(path), **options)
        frames = decoder.get_frames_at(indices).data.permute(0, 3, 1, 2)
        width, height = scaled(frames.shape[3], frames.shape[2], args.size)
        resize = self.torch.nn.functional.interpolate
        small = resize(frames, (height, width), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
        return [cut(image, args.crop) for image in small.numpy()]


class OpenCV:
    """Grabs in order and converts only what is wanted."""

    def __init__(self, threads):
        import cv2

        cv2.setNumThreads(threads)
        self.cv2, self.threads = cv2, threads

    def clip(self, path, indices, args):
        cv2 = self.cv2
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self.threads])
        wanted, images = set(indices), []
        for number in range(indices[-1] + 1):
            if not capture.grab():
                raise RuntimeError(f"frame {number} of {path}")
            if number in wanted:
                _, image = capture.retrieve()
                size = scaled(image.shape[1], image.shape[0], args.size)
                small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
                images.append(cut(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), args.crop))
        return images


class Pillow:
    """Opens the images of a folder; its bilinear filter is antialiased."""

    def __init__(self, threads):
        from concurrent.futures import ThreadPoolExecutor

        from PIL import Image

        self.image, self.pool = Image, ThreadPoolExecutor(threads)

    def clip(self, path, indices, args):
        names = sorted(os.listdir(path))
        return list(self.pool.map(lambda index: self.one(os.path.join(path, names[index]), args), indices))

    def one(self, path, args):
        image = self.image.open(path).convert("RGB")
        small = image.resize(scaled(*image.size, args.size), self.image.Resampling.BILINEAR)
        return cut(np.asarray(small), args.crop)


class Ours:
    """The example program, which measures itself; it says which frames are wanted."""

    def __init__(self, args, decoder):
        command = [args.program, "--frames", args.frames, "--size", args.size, "--crop", args.crop]
        command += ["--threads", args.threads, "--decoder", decoder, "--stream", 0]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.program = subprocess.Popen([str(part) for part in command], **pipes)

    def clip(self, path):
        self.program.stdin.write(path + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        if not line:
            sys.exit(f"decode_bench ended on {path}")
        return json.loads(line)


def thumbnails(images):
    made = []
    for image in images:
        step = image.shape[0] // BOXES
        boxes = image[: step * BOXES, : step * BOXES].reshape(BOXES, step, BOXES, step, 3).mean((1, 3))
        made.append(boxes.transpose(2, 0, 1).reshape(-1))
    return np.array(made)


def difference(images, answer, args):
    """Why a peer's frames are not those of ours; None when they are."""
    if len(images) != args.frames:
        return f"{len(images)} frames instead of {args.frames}"
    off = np.abs(thumbnails(images) - np.array(answer["thumbnails"])).max()
    return f"other frames, off by {off:.0f} levels" if off > TOLERANCE else None


def measure(path, ours, peers, args):
    best = {name: float("inf") for name in ["ours", *peers]}
    failed = set()
    for turn in range(args.turns):
        answer = ours.clip(path)
        best["ours"] = min(best["ours"], answer["seconds"])
        if answer["frames"] != middles(answer["count"], args.frames):
            sys.exit(f"{path}: sampled {answer['frames']}")
        for name, peer in peers.items():
            if name in failed:
                continue
            start = time.perf_counter()
            try:
                images = peer.clip(path, answer["frames"], args)
            except RuntimeError as error:
                reason = str(error)
            else:
                seconds = time.perf_counter() - start
                reason = difference(images, answer, args) if turn == 0 else None
            if reason is None:
                best[name] = min(best[name], seconds)
            else:
                print(f"{name} is left out of {path}: {reason}")
                failed.add(name)
    return best


def table(rows, peers):
    names = list(peers)
    print(f"{'clip':<28}{'ours ms':>9}" + "".join(f"{name + ' ms':>15}{'x':>6}" for name in names))
    for label, best in rows:
        cells = [f"{best[name] * 1e3:>15.1f}{best[name] / best['ours']:>6.2f}" for name in names]
        print(f"{label:<28}{best['ours'] * 1e3:>9.1f}" + "".join(cells))
    # A reader that cannot read a clip is compared on the others.
    cells = []
    for name in names:
        read = [best for _, best in rows if best[name] < float("inf")]
        theirs, ours = (sum(best[key] for best in read) for key in (name, "ours"))
        cells.append(f"{theirs * 1e3:>15.1f}{theirs / ours:>6.2f}" if read else f"{'-':>15}{'-':>6}")
    print(f"{'total':<28}{sum(best['ours'] for _, best in rows) * 1e3:>9.1f}" + "".join(cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", help="video files, or folders of frames")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--crop", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1, help="threads of every reader")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--decoder", default="auto", help="ours: auto, libav, ffmpeg or frames")
    parser.add_argument("--peers", default="pyav,torchcodec,opencv")
    parser.add_argument("--program", default="target/release/examples/decode_bench")
    parser.add_argument("--json", help="a file for the numbers, in seconds")
    args = parser.parse_args()
    known = {"pyav": PyAV, "torchcodec": TorchCodec, "opencv": OpenCV}
    video_peers = {name: known[name](args.threads) for name in args.peers.split(",") if name}
    folder_peers = {"pillow": Pillow(args.threads)}
    ours = Ours(args, args.decoder)
    results = {}
    for kind, peers in [(os.path.isfile, video_peers), (os.path.isdir, folder_peers)]:
        rows = [(os.path.basename(path), measure(path, ours, peers, args)) for path in filter(kind, args.inputs)]
        if rows:
            table(rows, peers)
            results.update(rows)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
