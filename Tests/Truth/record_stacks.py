"""Runs inside gdb: writes the stacks of chosen allocator calls of a program, and how many there were.

`REQUEST` is the path of a JSON file: `functions`, the allocator functions as [name, module, address
in it, bytes]; `calls`, the 1-based numbers of the calls whose stacks are wanted; `last`, the number
after which counting ends (null: count to the end of the program); `output`, where the answer goes.

A call counts as it does for heaptap: it is the outermost allocator call and returns a block.
"""

import json
import struct

import gdb

# Of glibc: one call, seen twice.
JUMPS_FROM = {"realloc": "reallocarray", "malloc": "realloc"}
REALLOCATING = {"realloc": "rsi", "reallocarray": "rdx"}


def register(name):
    return int(gdb.parse_and_eval(f"${name}")) & (2**64 - 1)


class Modules:
    """What is mapped where: addresses as ELF files have them, which no load address changes."""

    def __init__(self, pid):
        self.pid, self.segments, self.mappings = pid, {}, []

    def read(self):
        self.mappings = []
        with open(f"/proc/{self.pid}/maps") as lines:
            for line in lines:
                bounds, access, offset, _, _, *path = line.split(maxsplit=5)
                start, end = (int(bound, 16) for bound in bounds.split("-"))
                self.mappings.append((start, end, int(offset, 16), "".join(path).strip(),
                                      "x" in access))

    def find(self, address):
        """The file with the code that is mapped there and the address in it; None: no code."""
        for start, end, offset, path, executable in self.mappings:
            if start <= address < end and executable:
                if not path.startswith("/"):
                    return path, address - start
                for file_offset, virtual_address, size in self.segments_of(path):
                    if file_offset <= address - start + offset < file_offset + size:
                        return path, address - start + offset - file_offset + virtual_address
        return None

    def load_address(self, module):
        """What is to be added to an address in a module."""
        for start, _, offset, path, _ in self.mappings:
            if path == module and offset == 0:
                return start - self.segments_of(path)[0][1]
        return None

    def segments_of(self, path):
        """(p_offset, p_vaddr, p_filesz) of every PT_LOAD (ELF-64)."""
        if path not in self.segments:
            with open(path, "rb") as file:
                header = file.read(64)
                table, entry_size, count = struct.unpack_from("<Q14xHH", header, 32)
                file.seek(table)
                entries = [struct.unpack("<I4xQQ8xQ16x", file.read(entry_size))
                           for _ in range(count)]
            self.segments[path] = [entry[1:] for entry in entries if entry[0] == 1]
        return self.segments[path]


class Recorder:
    def __init__(self, request):
        self.wanted = set(request["calls"])
        self.last = request["last"]
        self.count = 0
        self.stacks = {}
        self.inferior = gdb.selected_inferior()
        self.modules = Modules(self.inferior.pid)
        self.modules.read()
        self.ranges = []
        self.previous = None
        for name, module, address, size in request["functions"]:
            base = self.modules.load_address(module)
            if base is None:
                continue
            self.ranges.append(range(base + address, base + address + size))
            AllocatorEntry(self, name, base + address)

    def enter(self, name):
        """Counts a call at its first instruction; whether it was the last one wanted."""
        sp = register("rsp")
        caller, = struct.unpack("<Q", self.inferior.read_memory(sp, 8))
        jumped = (sp, caller, JUMPS_FROM.get(name)) == self.previous
        self.previous = (sp, caller, name)
        if jumped or any(caller in function for function in self.ranges):
            return False
        size = REALLOCATING.get(name)
        if size and register("rdi") and register(size) == 0:  # frees
            return False
        self.count += 1
        if self.count in self.wanted:
            self.stacks[self.count] = self.stack()
        return self.count == self.last

    def stack(self):
        """The frames from the caller of the allocator on, and why there are no more."""
        self.modules.read()
        frames = []
        inner = gdb.newest_frame()
        frame = inner.older()
        while frame:
            interrupted = inner.type() == gdb.SIGTRAMP_FRAME
            place = self.modules.find(frame.pc() - (not interrupted))
            if not place:  # gdb guesses where there is no unwind information
                return {"frames": frames, "end": f"then {frame.pc():#x}, which is no code"}
            # Tail calls are gdb's guess from debug information; they have no frame in memory.
            if frame.type() != gdb.TAILCALL_FRAME:
                source = frame.find_sal()
                frames.append({
                    "function": frame.name(), "module": place[0], "address": place[1],
                    "inlined": frame.type() == gdb.INLINE_FRAME,
                    "file": source.symtab.filename if source.symtab else None,
                    "line": source.line if source.symtab else None,
                })
            inner, frame = frame, frame.older()
        return {"frames": frames,
                "end": gdb.frame_stop_reason_string(inner.unwind_stop_reason())}


class AllocatorEntry(gdb.Breakpoint):
    def __init__(self, recorder, name, address):
        super().__init__(f"*{address}", internal=True)
        self.silent, self.recorder, self.name = True, recorder, name

    def stop(self):
        return self.recorder.enter(self.name)


def main():
    with open(REQUEST) as file:  # noqa: F821, gdb's command line defines it
        request = json.load(file)
    for setting in (
        "pagination off", "confirm off", "debuginfod enabled off", "width 0",
        "breakpoint always-inserted on", "print thread-events off",
        "backtrace past-main on", "backtrace past-entry on", "backtrace limit unlimited",
        # Symbols as they are: gdb strips parameters in its own ways.
        "print demangle off",
    ):
        gdb.execute(f"set {setting}")
    for variable in "LINES", "COLUMNS":  # gdb's own
        gdb.execute(f"unset environment {variable}")
    # The first system call after ld.so has mapped the libraries and before it allocates with libc.
    gdb.execute("starti", to_string=True)
    gdb.execute("catch syscall set_tid_address", to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("delete", to_string=True)
    recorder = Recorder(request)
    gdb.execute("continue", to_string=True)
    ended = not recorder.inferior.threads()
    if not ended:
        gdb.execute("kill", to_string=True)
    with open(request["output"], "w") as file:
        json.dump({"count": recorder.count, "ended": ended, "stacks": recorder.stacks}, file)


main()
