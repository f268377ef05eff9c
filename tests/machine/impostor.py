"""Starts a process with a given id, which must be free, and prints the id. Needs root.

    impostor.py PID

The process sleeps until it is killed.
"""
import os
import sys
import time

wanted = int(sys.argv[1])
# proc_sys_kernel(5): the next process gets the id after this one, if it is free. Others start processes too, so again.
for _ in range(1000):
    with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
        last.write(str(wanted - 1))
    pid = os.fork()
    if pid == 0:
        break
    if pid == wanted:
        print(pid, flush=True)
        os._exit(0)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
else:
    sys.exit(f"process {wanted} could not be started")
# It holds nothing of whoever started it.
os.setsid()
for descriptor in range(3):
    os.close(descriptor)
time.sleep(600)
