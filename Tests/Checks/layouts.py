#!/usr/bin/env python3
"""Fails when a struct of the ABI headers is laid out differently for the kernel programs than for user space.

The layouts that the compiled programs really use are read from their BTF, and those of types that a program only has in
local variables, which BTF leaves out, from the headers compiled for the kernel once more. They become static assertions in
a C file that includes the same headers, and the compiler that also imports them into Swift checks it: sizes, offsets, enum
values.
`--self-test` shows that a header with a difference is refused and one without is accepted.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TYPE = re.compile(r"\b(struct|union|enum)\s+(?:__\w+__\s*\(\(.*?\)\)\s*)?(\w+)\s*\{")
TYPEDEF = re.compile(r"\}\s*(\w+)\s*;")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def read_btf(program: Path) -> dict[int, dict]:
    output = subprocess.check_output(["bpftool", "--json", "btf", "dump", "file", str(program)])
    return {kind["id"]: kind for kind in json.loads(output)["types"]}


def members(types: dict[int, dict], composite: dict, bit_offset: int = 0):
    """Named members with their offsets in bytes, those of anonymous structs and unions included."""
    for member in composite["members"]:
        position = bit_offset + member["bits_offset"]
        name = member["name"]
        if name in ("", "(anon)"):
            yield from members(types, types[member["type_id"]], position)
        elif not member.get("bitfield_size"):
            yield name, position // 8


def assertions(program: Path, header_text: str) -> dict[str, list[str]]:
    """Static assertions by the C name of the type they are about."""
    types = read_btf(program)
    shared = {f"{kind} {name}" for kind, name in TYPE.findall(header_text)}
    words = set(re.findall(r"\w+", header_text))
    composites = {}
    result: dict[str, list[str]] = {}
    for kind in types.values():
        if kind["kind"] in ("STRUCT", "UNION"):
            composites[f"{kind['kind'].lower()} {kind['name']}"] = kind
        elif kind["kind"] == "TYPEDEF" and kind["name"] in TYPEDEF.findall(header_text):
            target = types.get(kind["type_id"], {})
            if target.get("kind") in ("STRUCT", "UNION"):
                composites[kind["name"]] = target
                shared.add(kind["name"])
        elif kind["kind"] in ("ENUM", "ENUM64"):
            for value in kind["values"]:
                if value["name"] in words:
                    result[f"enum value {value['name']}"] = [
                        f'_Static_assert((long long)({value["name"]}) == {value["val"]}LL, "value of {value["name"]}");']
    for name, kind in composites.items():
        if name not in shared:
            continue
        lines = [f'_Static_assert(sizeof({name}) == {kind["size"]}, "size of {name}");']
        lines += [
            f'_Static_assert(offsetof({name}, {member}) == {offset}, "offset of {member} in {name}");'
            for member, offset in members(types, kind)
        ]
        result[name] = lines
    return result


def compile_types(headers: list[Path], text: str, clang: str, flags: list[str], program: Path) -> None:
    """Compiles one variable of every named type of the headers for the kernel."""
    lines = [f'#include "{header.resolve()}"' for header in headers]
    names = dict.fromkeys(f"{kind} {name}" for kind, name in TYPE.findall(text))
    lines += [f"{name} variable_{index};" for index, name in enumerate(names)]
    subprocess.run(
        [clang, *flags, f"-I{headers[0].parent}", "-x", "c", "-c", "-", "-o", str(program)],
        input="\n".join(lines) + "\n", text=True, check=True)


def check(headers: list[Path], programs: list[Path], clang: str, flags: list[str]) -> tuple[int, int]:
    """The number of types and of assertions that hold. Exits with the compiler's message where one does not."""
    text = COMMENT.sub("", "\n".join(header.read_text() for header in headers))
    seen: set[str] = set()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        every_type = Path(folder, "types.o")
        compile_types(headers, text, clang, flags, every_type)
        for program in [*programs, every_type]:
            found = assertions(program, text)
            lines = ["#include <stddef.h>", *(f'#include "{header.resolve()}"' for header in headers)]
            lines += [line for group in found.values() for line in group]
            compiled = subprocess.run(
                [clang, "-std=c2x", "-fsyntax-only", "-x", "c", f"-I{headers[0].parent}", "-"],
                input="\n".join(lines) + "\n", text=True, stderr=subprocess.PIPE)
            if compiled.returncode != 0:
                sys.exit(f"{compiled.stderr}layouts: {program} and user space do not agree about {headers[0].parent}")
            seen |= found.keys()
            count += sum(len(group) for group in found.values())
    return len(seen), count


def self_test(clang: str, flags: list[str]) -> None:
    agreed = """
        #pragma once
        enum colour { RED = 3 };
        typedef struct { long when; } stamp;
        struct record { unsigned char kind; union { unsigned long size; char text[3]; }; stamp at; };
        """
    # __bpf__ is defined for the kernel programs only.
    different = {
        "offset of at in struct record": agreed.replace(
            "stamp at", "\n#ifdef __bpf__\nint extra;\n#endif\nstamp at"),
        "size of stamp": agreed.replace("long when", "\n#ifdef __bpf__\nlong\n#else\nint\n#endif\nwhen"),
        "value of RED": agreed.replace("3 };", "\n#ifdef __bpf__\n4\n#else\n3\n#endif\n};"),
    }
    local = "#pragma once\nstruct note { int kind;\n#ifdef __bpf__\nint extra;\n#endif\n};"
    with tempfile.TemporaryDirectory() as folder:
        header, source, program = (Path(folder, name) for name in ("shared.h", "program.c", "program.o"))
        source.write_text('#include "shared.h"\nstruct record r; enum colour c = RED;\n')

        def verdict(text: str) -> str | None:
            header.write_text(text)
            subprocess.check_call([clang, *flags, "-c", str(source), "-o", str(program)])
            try:
                check([header], [program], clang, flags)
            except SystemExit as refusal:
                return str(refusal)
            return None

        assert verdict(agreed) is None
        source.write_text('#include "shared.h"\nint unused;\n')
        assert verdict(local) is not None
        source.write_text('#include "shared.h"\nstruct record r; enum colour c = RED;\n')
        for expected, text in different.items():
            message = verdict(text)
            assert message and expected in message, (expected, message)
    print(f"layouts: {len(different) + 1} planted differences found")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clang", default="clang")
    arguments.add_argument("--flags", default="-g -O2 -target bpf", help="how the kernel programs are compiled")
    arguments.add_argument("--self-test", action="store_true")
    arguments.add_argument("include", type=Path, nargs="?", help="folder of the ABI headers")
    arguments.add_argument("programs", type=Path, nargs="*", help="compiled kernel programs")
    options = arguments.parse_args()
    flags = options.flags.split()
    if options.self_test:
        self_test(options.clang, flags)
        return 0

    headers = sorted(options.include.glob("*.h")) if options.include else []
    if not headers or not options.programs:
        print("layouts: no headers or no compiled programs to compare", file=sys.stderr)
        return 1
    types, count = check(headers, options.programs, options.clang, flags)
    if types == 0:
        print(f"layouts: no program uses a type of {options.include}", file=sys.stderr)
        return 1
    print(f"layouts: {types} types and values of {options.include}, {count} assertions hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
