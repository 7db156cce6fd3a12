"""Runs a command on a terminal of its own, ends it with SIGTERM, and prints what stays on the screen as JSON.

    on_terminal.py UNTIL COMMAND...

SIGTERM comes once UNTIL has been written ten times. `lines` is the screen at the end, `status` the exit code, `seen` how
often UNTIL was written. The terminal understands what a progress line needs: carriage return, line feed, moving up,
clearing a line; colours are left out.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time

COLUMNS = 200
TIMES = 10
LIMIT_SECONDS = 60
TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def screen(text: str) -> list[str]:
    """The lines that a terminal shows after this text."""
    lines, row, column = [""], 0, 0
    for count, command, carriage, feed, plain in TOKEN.findall(text):
        if command == "A":
            row = max(0, row - int(count or 1))
        elif command == "K":
            lines[row] = "" if count == "2" else lines[row][:column]
        elif carriage:
            column = 0
        elif feed:
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif plain:
            before, after = lines[row][:column].ljust(column), lines[row][column + len(plain) :]
            lines[row] = before + plain + after
            column += len(plain)
    return [line.rstrip() for line in lines]


def main(until: str, command: list[str]) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, COLUMNS))
    environment = os.environ | {"TERM": "xterm"}
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    written, asked, deadline = b"", False, time.monotonic() + LIMIT_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                written += os.read(ours, 65536)
            except OSError:
                # The child has closed its end.
                break
            if not asked and written.count(until.encode()) >= TIMES:
                asked = True
                child.send_signal(signal.SIGTERM)
        status = child.wait(timeout=max(1, deadline - time.monotonic()))
    finally:
        child.kill()
    text = written.decode()
    json.dump({"lines": screen(text), "status": status, "seen": text.count(until)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
