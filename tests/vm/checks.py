"""What is checked in the virtual machine, as root, at each boot: which phase of it, QEMU hands in (fw_cfg).

Prints a line for each check, `ok` or `FAIL`, with what was seen, and at the end whether all of the phase holds. The secret comes with
the phase and is never printed, nor in the arguments of a command.
"""
import base64
import contextlib
import glob
import hashlib
import json
import os
import re
import shlex
import socket
import statistics
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ASKED = "/sys/firmware/qemu_fw_cfg/by_name/opt/ask/raw"
IMAGE = "docker://docker.io/mcpod-test/hungry"
HOME = Path("/home/tester")
RUNTIME = Path("/run/user/1000")
# Written before the machine is powered off, to tell that it was.
BOOT_ID = Path("/var/lib/checks-boot-id")

# Seconds. What is waited for takes a few; an emulated processor that others want as well takes its time.
DEADLINE = 240

MEBI = 1 << 20
MEMORY = 128 * MEBI
TASKS = 40
CPUS = 0.5

# What begins a credential that only the key of the host and its TPM2 together open, for one user (systemd,
# CRED_AES256_GCM_BY_HOST_AND_TPM2_HMAC_SCOPED).
BY_HOST_AND_TPM2 = "ef4ac13679a9480ea7db68897f9f165d"

failures = 0


def say(text):
    print(f"      {text}", flush=True)


def check(holds, what, seen=""):
    """Prints whether something holds; what was seen, if it does not."""
    global failures
    if holds:
        print(f"ok    {what}", flush=True)
    else:
        failures += 1
        print(f"FAIL  {what}", flush=True)
        for line in str(seen).splitlines()[-20:]:
            print(f"    | {line}", flush=True)
    return holds


def wait_for(what, condition):
    """Waits until a condition gives something, and gives that; a failed check and None if it never does."""
    waited = 0.0
    while waited < DEADLINE:
        began = time.monotonic()
        if found := condition():
            return found
        time.sleep(0.1)
        # The clock goes on while the whole machine is stopped, so as to leave the processors to others.
        waited += min(time.monotonic() - began, 10)
    check(False, what, f"not within {DEADLINE} s")
    return None


# ---- commands and sessions ----

USERS = {"tester": (1000, HOME), "other": (1001, Path("/home/other"))}


def login(user, argv):
    """A command, as a login of that user would start it: in a scope of the user's, with a clean environment."""
    uid, home = USERS[user]
    environment = [f"HOME={home}", f"USER={user}", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", f"XDG_RUNTIME_DIR=/run/user/{uid}"]
    environment.append(f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus")
    scope = ["systemd-run", "--quiet", "--collect", "--scope", f"--slice=user-{uid}.slice", "--"]
    identity = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", "--"]
    return scope + ["env", "-i", f"--chdir={home}", *environment] + identity + argv


def run(*argv, user="tester", stdin=""):
    command = list(argv) if user == "root" else login(user, list(argv))
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def mcpod(*argv, stdin=""):
    return run("mcpod", *argv, stdin=stdin)


def done(ran):
    """What a command printed, which must have succeeded for anything else to make sense."""
    if ran.returncode != 0:
        raise RuntimeError(f"{shlex.join(ran.args)} exited with {ran.returncode}: {ran.stdout}{ran.stderr}")
    return ran.stdout


def seen_of(ran):
    return f"exit {ran.returncode}\n{ran.stdout}{ran.stderr}"


class Session:
    """A client in a session of a server's, by `mcpod attach` or, without mcpod, by its socket."""

    def __init__(self, server, bare=False):
        # A client that knows nothing of mcpod: the user's own process connects.
        python = "import socket, sys, threading, shutil; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rwb', 0)\n"
        python += "threading.Thread(target=lambda: [f.write(l) for l in sys.stdin.buffer] and s.shutdown(1), daemon=True).start()\n"
        python += "for l in f: sys.stdout.buffer.write(l); sys.stdout.buffer.flush()"
        path = str(RUNTIME / "mcpod" / f"{server}.sock")
        argv = ["python3", "-c", python, path] if bare else ["mcpod", "attach", server]
        self.process = subprocess.Popen(login("tester", argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.count = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "checks", "version": "1"}}
        self.ask("initialize", hello)
        self.answer()
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.count += 1
        self.send({"id": self.count, "method": method, "params": params})

    def answer(self):
        """The answer to what was asked last."""
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == self.count and "method" not in message:
                if "result" not in message:
                    raise RuntimeError(f"the answer is {message}")
                return message["result"]
        raise RuntimeError(f"the session ended without an answer: {self.process.stderr.read()}")

    def start(self, tool, **arguments):
        self.ask("tools/call", {"name": tool, "arguments": arguments})

    def call(self, tool, **arguments):
        self.start(tool, **arguments)
        return self.answer()["content"][0]["text"]

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        if not wait_for("a session ends when its client closes it", lambda: self.process.poll() is not None):
            self.process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- what the machine tells ----


def status(server):
    return json.loads(done(mcpod("status", server, "--json")))


def shown(server):
    """The lines of `mcpod status` that tell of use and failures."""
    lines = done(mcpod("status", server)).splitlines()
    return [line.strip() for line in lines if re.search(r" of \d+ (MB|tasks)|^ *(Failed|Limits):", line)]


def doctor():
    return json.loads(mcpod("doctor", "--json").stdout)


def finding(findings, name):
    return "; ".join(f"{one['state']}: {one['what']}" for one in findings if one["check"] == name)


def group_of(server):
    """The control group of a server's only session; None if there is none."""
    found = glob.glob(f"/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/**/mcpod-{server}@*.service", recursive=True)
    return Path(found[0]) if found else None


def counts(file):
    """The numbers of a file of a control group that has several."""
    return {name: int(number) for name, number in (line.split() for line in file.read_text().splitlines())}


class Neighbour:
    """Calls of another server, one after the other, as long as a block lasts, and for some calls at least."""

    LEAST = 20

    def __init__(self, session):
        self.session = session

    def calls(self):
        while not (self.over.is_set() and len(self.took) >= self.LEAST):
            text = f"call {len(self.took)} {os.urandom(8).hex()}"
            began = time.monotonic()
            try:
                answered = self.session.call("echo", text=text)
            except Exception as error:
                self.wrong.append(str(error))
                return
            self.took.append(time.monotonic() - began)
            if answered != text:
                self.wrong.append(f"{text} was answered with {answered}")

    def __enter__(self):
        self.took, self.wrong, self.over = [], [], threading.Event()
        self.thread = threading.Thread(target=self.calls)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def answered(self, when):
        figures = f"{len(self.took)} calls"
        if self.took:
            figures += f", median {statistics.median(self.took) * 1000:.1f} ms, longest {max(self.took) * 1000:.0f} ms"
        check(not self.wrong and len(self.took) >= self.LEAST, f"another server answers {when}: {figures}", self.wrong)


# ---- limits ----


def limits():
    controllers = Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers").read_text().split()
    check({"cpu", "memory", "pids"} <= set(controllers), f"controllers reach the user's systemd: {' '.join(controllers)}")
    done(run("systemctl", "start", "docker-registry.service", user="root"))
    servers = {
        "quiet": [],
        # Tried below anyway.
        "eater": ["--memory", "128M", "--no-probe"],
        "forker": ["--tasks", str(TASKS), "--no-probe"],
        "spinner": ["--cpus", str(CPUS), "--no-probe"],
    }
    for name, options in servers.items():
        began = time.monotonic()
        done(mcpod("add", IMAGE, "--name", name, *options))
        say(f"mcpod add --name {name} {' '.join(options)}: {time.monotonic() - began:.1f} s")
    # As on any other host from here on: what runs was pulled.
    done(run("systemctl", "stop", "docker-registry.service", user="root"))
    check(status("eater")["missing_controllers"] == [], "status misses no controller")
    with Session("quiet") as session:
        with Neighbour(session) as neighbour:
            pass
        neighbour.answered("while nothing else happens")
        memory(Neighbour(session))
        tasks(Neighbour(session))
        processors(Neighbour(session))


def memory(neighbour):
    most, limit = 0, None
    with neighbour:
        ended = []
        eating = threading.Thread(target=lambda: ended.append(mcpod("call", "eater", "eat")))
        eating.start()
        while eating.is_alive():
            group = group_of("eater")
            while group and eating.is_alive():
                try:
                    limit = (group / "memory.max").read_text().strip()
                    most = max(most, int((group / "memory.current").read_text()))
                except OSError:
                    break
                time.sleep(0.002)
            time.sleep(0.05)
    ended = ended[0]
    check(limit == str(MEMORY), f"its control group has the limit that was asked for: {limit} bytes")
    check(0.5 * MEMORY < most <= MEMORY, f"who takes memory without end had at most {most / MEBI:.1f} of {MEMORY / MEBI:.0f} MiB")
    check(ended.returncode == 1, "and was stopped: the call failed", seen_of(ended))
    for line in ended.stderr.splitlines():
        say(f"mcpod call: {line}")
    neighbour.answered("meanwhile")
    failure = wait_for("status tells that it was stopped", lambda: status("eater")["last_error"])
    check(failure and failure["result"] == "oom-kill", f"status tells why: {failure and failure['result']}", failure)
    answered = mcpod("call", "eater", "echo", json.dumps({"text": "again"}))
    check("again" in answered.stdout, "its next session answers", seen_of(answered))
    with Session("eater"):
        for line in shown("eater"):
            say(f"mcpod status eater: {line}")
        running = status("eater")["running"][0]
        check(running["memory"] and 0 < running["memory"] <= MEMORY, f"status counts its memory: {running['memory']} bytes")


def tasks(neighbour):
    with Session("forker") as session:
        session.start("fork")
        full = wait_for("it has as many tasks as it may", lambda: status("forker")["running"][0]["tasks"] == TASKS)
        group = group_of("forker")
        with neighbour:
            most = 0
            for _ in range(50):
                most = max(most, int((group / "pids.current").read_text()))
                time.sleep(0.02)
        refused = counts(group / "pids.events")["max"]
        check(full and most <= TASKS, f"who forks without end had at most {most} of {TASKS} tasks")
        check(refused > 0, f"and was refused another {refused} times")
        neighbour.answered("meanwhile")
        lines = shown("forker")
        for line in lines:
            say(f"mcpod status forker: {line}")
        check(f"{TASKS} of {TASKS} tasks" in " ".join(lines), "status shows the tasks that are used and allowed", lines)
    gone = wait_for("all of its processes end with the session", lambda: not group.exists())
    check(gone, "all of its processes end with the session")


def processors(neighbour):
    # The machine's clock goes on while the whole machine is stopped, and who happened to run is charged for it.
    for _ in range(5):
        with Session("spinner") as session:
            session.start("spin")
            group = wait_for("it has a control group", lambda: group_of("spinner"))
            wait_for("it is held back", lambda: counts(group / "cpu.stat")["nr_throttled"] > 0)
            with neighbour:
                began, before, longest = time.monotonic(), counts(group / "cpu.stat"), 0.0
                while (now := time.monotonic()) < began + 8:
                    time.sleep(0.05)
                    longest = max(longest, time.monotonic() - now)
                lasted, after = time.monotonic() - began, counts(group / "cpu.stat")
            lines = shown("spinner")
        if longest < 1:
            break
        say(f"measured again: the machine stood still for {longest:.1f} s")
    used = (after["usage_usec"] - before["usage_usec"]) / 1e6
    periods = after["nr_throttled"] - before["nr_throttled"]
    share = used / lasted
    check(0.2 * CPUS < share < 1.2 * CPUS, f"who spins on two processors had {share:.3f} of one, and may have {CPUS}: held back {periods} times")
    neighbour.answered("meanwhile")
    for line in lines:
        say(f"mcpod status spinner: {line}")
    check(any("s of CPU" in line for line in lines) and any(f"cpus {CPUS}" in line for line in lines), "status shows processor time and limit", lines)


# ---- secrets ----

# All that podman and systemd tell the user, and the unit files.
TOLD = r"""
podman --transient-store ps -aq | xargs -r podman --transient-store inspect
podman ps -aq | xargs -r podman inspect
podman secret ls -q | xargs -r podman secret inspect
systemctl --user list-units --all --plain --no-legend "mcpod-*" | cut -d' ' -f1 | xargs -r systemctl --user show --all
systemctl --user show-environment
systemctl --user cat "mcpod-*"
mcpod list --json; mcpod status vault --json; mcpod config vault; mcpod logs vault; mcpod secret list --json; mcpod export vault
"""


def forms(text):
    """A text as it is, in base64 wherever it may begin, and in hexadecimal."""
    found = [text, text.encode().hex()]
    for pad in ("", "x", "xx"):
        # The first and the last characters depend on what stands before and behind.
        found.append(base64.b64encode((pad + text).encode()).decode()[4:-4])
    return found


def places(text):
    """Where a text is: files on the disk and in memory, but for the user's runtime folder; the journal; command lines."""
    found = []
    needles = "\n".join(forms(text)) + "\n"
    files = ["/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var", "/tmp", "/dev/shm", "/run/user/1001", *glob.glob("/run/[!u]*")]
    listed = run("grep", "-rlaF", "-D", "skip", "-f", "-", *files, user="root", stdin=needles)
    found += [f"file {name}" for name in listed.stdout.splitlines()]
    journal = run("journalctl", "--all", "--no-pager", "--output=export", user="root").stdout
    found += ["journal" for form in forms(text) if form in journal][:1]
    for file in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = Path(file).read_bytes()
            found += [file for form in forms(text) if form.encode() in words][:1]
    return found


def in_memory(text):
    """The files of the user's runtime folder that a text is in: a container's configuration is there, while it runs."""
    needles = "\n".join(forms(text)) + "\n"
    return run("grep", "-rlaF", "-D", "skip", "-f", "-", str(RUNTIME), user="root", stdin=needles).stdout.splitlines()


def plant(text):
    """Puts a text into a file, in three forms, and into the journal and a command line, and sees that it is found there."""
    sleeping = subprocess.Popen(["sh", "-c", "read -r _; exit", text], stdin=subprocess.PIPE)
    Path("/home/tester/planted").write_text("\n".join([text, text.encode().hex(), base64.b64encode(text.encode()).decode()]) + "\n")
    done(run("systemd-cat", "-t", "planted", "echo", text, user="root"))
    done(run("journalctl", "--sync", user="root"))
    found = places(text)
    kinds = {"file /home/tester/planted", "journal", f"/proc/{sleeping.pid}/cmdline"}
    check(kinds <= set(found), "a value that was planted in a file, the journal and a command line is found there", found)
    sleeping.communicate(b"\n")


def nowhere(value, when):
    found = places(value)
    check(not found, f"the secret is in no file, no command line and not in the journal {when}", "\n".join(found))
    told = run("sh", "-c", TOLD).stdout
    leaks = [form for form in forms(value) if form in told]
    check("mcpod-vault" in told and not leaks, f"nor in what podman and systemd tell {when} ({len(told)} bytes)", "it is told" if leaks else told)


def fingerprint_of(value):
    return hashlib.sha256(value.encode()).hexdigest()


def secrets(value, planted):
    findings = doctor()
    say(f"mcpod doctor: {finding(findings, 'credentials')}")
    tpm = finding(findings, "tpm")
    say(f"mcpod doctor: {tpm}")

    began = time.monotonic()
    done(mcpod("secret", "set", "vault_TOKEN", stdin=value + "\n"))
    say(f"mcpod secret set: {time.monotonic() - began:.1f} s")
    stored = json.loads(done(mcpod("secret", "list", "--json")))
    check(stored[0]["encrypted"], f"secret list: {stored}")
    done(mcpod("add", IMAGE, "--name", "vault", "--secret", "TOKEN"))
    [file] = (HOME / ".local/share/mcpod/secrets").iterdir()
    key = base64.b64decode(file.read_text())[:16].hex()
    check(key == BY_HOST_AND_TPM2, f"the stored value opens by the key of the host and its TPM2 ({key})")

    with Session("vault") as session:
        got = session.call("fingerprint", variable="TOKEN")
        check(got == fingerprint_of(value), "the server that needs it has it, by its fingerprint", got)
        plant(planted)
        nowhere(value, "during a session")
        other_user(value, file)
        for place in in_memory(value):
            say(f"in memory, for the session: {place}")
    wait_for("the session ends", lambda: not group_of("vault"))
    nowhere(value, "after it")
    left = in_memory(value)
    check(not left, "nor is it in the user's runtime folder, which is in memory", "\n".join(left))

    # The libraries by which systemd speaks to a TPM are optional, and without them there is none for it.
    library = Path(os.path.realpath("/usr/lib/x86_64-linux-gnu/libtss2-esys.so.0"))
    aside = library.with_suffix(".aside")
    library.rename(aside)
    try:
        without = finding(doctor(), "tpm")
    finally:
        aside.rename(library)
    check(without != tpm, "doctor does not say that the TPM protects secrets where systemd cannot use it", f"doctor says: {without}")


def other_user(value, file):
    # As homes are on many hosts: what is inside keeps others out by itself.
    HOME.chmod(0o755)
    script = f"cat {file} {file.parent}/*; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; "
    script += f"find {file.parent} {RUNTIME} -readable; find {HOME} /tmp /var/tmp -type f -readable -print0 | xargs -0 cat; podman secret ls; journalctl --no-pager"
    seen = run("sh", "-c", script, user="other")
    leaks = [form for form in forms(value) if form in seen.stdout + seen.stderr]
    paths = [line for line in seen.stdout.splitlines() if line.startswith((str(file.parent), str(RUNTIME)))]
    check(not leaks and not paths, f"another user reads nothing of it ({len(seen.stdout)} bytes were read)", paths)
    # Not even with the encrypted value in hand.
    folder = Path("/home/other/stolen")
    folder.mkdir()
    (folder / file.name).write_bytes(file.read_bytes())
    os.chown(folder, 1001, 1001)
    os.chown(folder / file.name, 1001, 1001)
    steal = ["env", f"SECRET_ID={file.name}", "mcpod", "credential", "lookup", "--folder", str(folder)]
    stolen = run(*steal, user="other")
    check(stolen.returncode == 1 and value not in stolen.stdout, f"nor with a copy of the encrypted value: {stolen.stderr.strip()}", seen_of(stolen))
    # The same command opens it for its owner, so that it is the user that matters.
    steal[-1] = str(file.parent)
    opened = run(*steal)
    check(opened.stdout == value, "which opens for the user that it is for", f"exit {opened.returncode}: {opened.stderr}")


# ---- the phases ----


def first(value, planted):
    findings = doctor()
    for name in ("controllers", "apparmor"):
        say(f"mcpod doctor: {finding(findings, name)}")
    problems = [one for one in findings if one["state"] == "problem"]
    check(not problems, f"doctor finds no problem ({len(findings)} findings)", json.dumps(problems, indent=1))
    on = Path("/sys/module/apparmor/parameters/enabled").read_text().strip() == "Y"
    check(("AppArmor is on" in finding(findings, "apparmor")) == on, f"doctor says of AppArmor what the kernel says ({'on' if on else 'off'})")
    limits()
    secrets(value, planted)


def again(value, _):
    check(BOOT_ID.read_text() != boot_id(), "this is another boot")
    running = run("pgrep", "-a", "mcpod", user="root").stdout
    check(running == "", "no mcpod runs", running)
    began = time.monotonic()
    with Session("quiet", bare=True) as session:
        answered = session.call("echo", text="after the boot")
        check(answered == "after the boot", f"a server answers through its socket, after {time.monotonic() - began:.1f} s", answered)
    with Session("vault", bare=True) as session:
        got = session.call("fingerprint", variable="TOKEN")
        check(got == fingerprint_of(value), "one with a secret has it", got)
    states = {server["name"]: server["state"] for server in json.loads(done(mcpod("list", "--json")))}
    check(set(states.values()) <= {"listening", "unverified"}, f"mcpod list: {states}")
    answered = mcpod("call", "eater", "echo", json.dumps({"text": "again"}))
    check("again" in answered.stdout, "a server that was stopped for its memory before answers", seen_of(answered))


def elsewhere(value, _):
    answered = mcpod("call", "quiet", "echo", json.dumps({"text": "elsewhere"}))
    check("elsewhere" in answered.stdout, "a server without secrets answers", seen_of(answered))
    refused = mcpod("call", "vault", "fingerprint", json.dumps({"variable": "TOKEN"}))
    seen = seen_of(refused)
    check(refused.returncode == 1 and fingerprint_of(value) not in seen, "the secret does not open", seen)
    check("vault_TOKEN" in refused.stderr and "mcpod secret set" in refused.stderr, "the error names the secret and the next step", seen)
    for line in refused.stderr.splitlines():
        say(f"mcpod call: {line}")
    told = mcpod("doctor", "--json")
    sealed = [one for one in json.loads(told.stdout) if one["check"] == "secrets" and one["state"] == "problem"]
    check(sealed and "1 of the stored values" in sealed[0]["what"], f"doctor says so: {sealed and sealed[0]['what']}", told.stdout)
    if sealed:
        say(f"mcpod doctor: mend: {sealed[0]['command']}")
    done(mcpod("secret", "set", "vault_TOKEN", stdin=value + "\n"))
    answered = mcpod("call", "vault", "fingerprint", json.dumps({"variable": "TOKEN"}))
    check(fingerprint_of(value) in answered.stdout, "stored anew, the server has it again", seen_of(answered))


def boot_id():
    return Path("/proc/sys/kernel/random/boot_id").read_text()


def main():
    subprocess.run(["modprobe", "qemu_fw_cfg"], check=True)
    asked = json.loads(Path(ASKED).read_text())
    say(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.0f} s from the kernel's start to the user's systemd")
    began = time.monotonic()
    try:
        {"first": first, "again": again, "elsewhere": elsewhere}[asked["phase"]](asked["value"], asked["planted"])
    except Exception:
        check(False, "the checks go on to their end", traceback.format_exc())
        for line in run("journalctl", "--no-pager", "-n", "40", user="root").stdout.splitlines():
            say(line)
    BOOT_ID.write_text(boot_id())
    say(f"{time.monotonic() - began:.0f} s for the checks")
    print("all of this phase holds" if failures == 0 else f"{failures} of this phase do not hold", flush=True)


main()
