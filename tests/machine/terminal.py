"""Runs a command on a terminal of its own and types something as soon as it has printed something.

    terminal.py WHEN TYPED COMMAND [ARGUMENT...]

Prints what the command prints, and exits as it does. WHEN is a regular expression, TYPED what a keyboard would send: \\x03
is Ctrl-C.
"""
import os
import pty
import re
import signal
import sys

when, typed, command = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode(), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
signal.alarm(30)
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        # How Linux says that nobody has the terminal open any more.
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
    seen += chunk
    if typed and re.search(when, seen):
        os.write(terminal, typed)
        typed = b""
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(128 - status if status < 0 else status)
