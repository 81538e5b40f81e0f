"""Confines the current process: no network, no other files, no programs, no other processes. It cannot be undone.

Landlock (Linux 5.13 and later) restricts files, seccomp everything else; neither needs privileges. Both are called
through the C library, because no maintained package has both. macOS has neither.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

# linux/landlock.h; these calls have the same numbers on every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GIVE_VERSION = 1
RULE_PATH_BENEATH = 1
EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
# All accesses to files by Landlock's version. Version 4 adds TCP, version 6 signals and abstract sockets.
FILE_ACCESSES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
TCP, SCOPES = 0b11, 0b11
# linux/prctl.h, linux/seccomp.h, linux/audit.h
SET_SECCOMP, FILTER, SET_NO_NEW_PRIVS = 22, 2, 38
CAPABILITIES_3, NO_CAPABILITIES = 0x20080522, 24  # linux/capability.h, and bytes of it
ALLOW, KILL_PROCESS, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000  # a second set of numbers on x86_64
CLONE_THREAD = 0x00010000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# The numbers on x86_64 and aarch64; -1 if the processor has no such call.
CALLS = {
    # the network and other ways to talk to processes
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1), "setsid": (112, 157),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "setpgid": (109, 154), "process_madvise": (440, 440),
    # rights
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setgroups": (116, 159),
    "setresuid": (117, 147), "setresgid": (119, 149), "personality": (135, 92), "unshare": (272, 97), "setns": (308, 268),
    # the system
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442), "bpf": (321, 280),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "settimeofday": (164, 170), "sethostname": (170, 161), "iopl": (172, -1), "ioperm": (173, -1),
    # accesses to files that Landlock does not restrict
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "truncate": (76, 45), "chmod": (90, -1),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1), "lchown": (94, -1),
    "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "file_setattr": (469, 469),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "mknod": (133, -1), "mknodat": (259, 33),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "memfd_secret": (447, 447),
}  # fmt: skip
# These are refused with some arguments only, or with another error.
CLONE, CLONE3, PRLIMIT, OPEN, OPENAT, OPENAT2 = (56, 220), (435, 435), (302, 261), (2, -1), (257, 56), (437, 437)  # fmt: skip
UNLINK = {"unlink": (87, -1), "unlinkat": (263, 35), "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276),
          "rmdir": (84, -1), "mkdir": (83, -1), "mkdirat": (258, 34), "link": (86, -1), "linkat": (265, 37),
          "symlink": (88, -1), "symlinkat": (266, 36), "creat": (85, -1)}  # fmt: skip


@dataclass(frozen=True)
class Confinement:
    """What this system can restrict. landlock: its version, 0 if there is none."""

    landlock: int
    seccomp: bool

    @property
    def whole(self) -> bool:
        return self.landlock > 0 and self.seccomp

    @property
    def described(self) -> str:
        """A sentence about what decoders of attached files can do here."""
        if self.whole:
            return f"Landlock {self.landlock} and seccomp: decoders have no network, no other files, no programs"
        if self.seccomp:
            return "seccomp without Landlock (Linux 5.13): decoders have no network and no programs, but may read files"
        if self.landlock:
            return f"Landlock {self.landlock} without seccomp: decoders have no other files, but may use the network"
        return (
            "none: decoders are bounded in time and memory, but may use the network and read files"
        )


@cache
def available() -> Confinement:
    """Return what this system can restrict; changes nothing."""
    if sys.platform != "linux":
        return Confinement(0, seccomp=False)
    version = _libc().syscall(CREATE_RULESET, None, 0, GIVE_VERSION)
    # A null filter: a system that supports filters fails with EFAULT.
    ctypes.set_errno(0)
    _libc().prctl(SET_SECCOMP, FILTER, None, 0, 0)
    known = ctypes.get_errno() == errno.EFAULT and platform.machine() in ARCHITECTURES
    return Confinement(max(0, version), known)


def prepare() -> None:
    """Compute once what `confine` needs in every fork."""
    if available().seccomp:
        _filter(platform.machine())


def confine(readable: Iterable[str]) -> Confinement:
    """Restrict this process, which must have one thread, to reading these files and folders.

    Return what is restricted, as `available` does. It cannot be undone. Raises `OSError`.
    """
    found = available()
    if sys.platform != "linux":
        return found
    _checked(_libc().prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    # Drop all capabilities, among them the one to raise limits again.
    _checked(_libc().capset(struct.pack("=Ii", CAPABILITIES_3, 0), bytes(NO_CAPABILITIES)))
    if found.landlock:
        _restrict_files(found.landlock, readable)
    if found.seccomp:
        _restrict_calls(platform.machine())
    return found


def _restrict_files(version: int, readable: Iterable[str]) -> None:
    accesses = FILE_ACCESSES[max(known for known in FILE_ACCESSES if known <= version)]
    fields = [accesses, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0]
    fields = fields[: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _checked(_libc().syscall(CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for path in readable:
            _allow(ruleset, path)
        _checked(_libc().syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str) -> None:
    """What is not there needs no rule: opening it says so."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return
    try:
        rights = READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
        rule = struct.pack("=Qi", rights, beneath)
        _checked(_libc().syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(beneath)


def _restrict_calls(machine: str) -> None:
    content = _filter(machine)
    program = ctypes.create_string_buffer(content, len(content))
    header = struct.pack("@HP", len(content) // 8, ctypes.addressof(program))
    _checked(_libc().prctl(SET_SECCOMP, FILTER, header, 0, 0))


@cache
def _filter(machine: str) -> bytes:
    """A program of BPF: refuses every call of `CALLS` with EPERM, whatever else allows it."""
    which = list(ARCHITECTURES).index(machine)
    number, architecture, first, second, third = 0, 4, 16, 24, 32  # places in struct seccomp_data
    denied = REFUSE | errno.EPERM
    program = [
        _load(architecture),
        *_unless_equal(ARCHITECTURES[machine], KILL_PROCESS),
        _load(number),
    ]
    if machine == "x86_64":
        program += [_step(0x35, X32, 0, 1), _give(denied)]  # BPF_JGE
    for call in (*CALLS.values(), *UNLINK.values()):
        if call[which] >= 0:
            program += [_step(0x15, call[which], 0, 1), _give(denied)]  # BPF_JEQ
    # The C library then takes `clone`, whose flags can be seen.
    program += [_step(0x15, CLONE3[which], 0, 1), _give(REFUSE | errno.ENOSYS)]
    program += _on(
        CLONE[which], [_load(first), _step(0x45, CLONE_THREAD, 1, 0), _give(denied)]
    )  # BPF_JSET
    program += _on(PRLIMIT[which], [_load(first), _step(0x15, 0, 1, 0), _give(denied)])
    program += _on(OPENAT[which], [_load(third), _step(0x45, WRITING, 0, 1), _give(denied)])
    if OPEN[which] >= 0:
        program += _on(OPEN[which], [_load(second), _step(0x45, WRITING, 0, 1), _give(denied)])
    # Its flags lie in memory, where a filter cannot look.
    program += [_step(0x15, OPENAT2[which], 0, 1), _give(REFUSE | errno.ENOSYS)]
    return b"".join([*program, _give(ALLOW)])


def _on(call: int, steps: list[bytes]) -> list[bytes]:
    """The steps for one call only, and then it is allowed."""
    return [_step(0x15, call, 0, len(steps) + 1), *steps, _give(ALLOW)]


def _unless_equal(value: int, outcome: int) -> list[bytes]:
    return [_step(0x15, value, 1, 0), _give(outcome)]


def _load(offset: int) -> bytes:
    return _step(0x20, offset, 0, 0)  # BPF_LD | BPF_W | BPF_ABS


def _give(outcome: int) -> bytes:
    return _step(0x06, outcome, 0, 0)  # BPF_RET


def _step(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
