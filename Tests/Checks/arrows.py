#!/usr/bin/env python3
"""Fails when a Swift source imports a module that its target may not import.

A target may import a module of the package when Package.swift declares it as a direct dependency and lists it above the
target: the list is the data path, and arrows only point down. Modules of other packages must be declared directly too.
`--self-test` shows on planted sources that each kind of violation is found, and nothing else.
"""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var|actor)\s+)?(\w+)",
    re.MULTILINE,
)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass
class Target:
    name: str
    # Modules of this package and of others that the manifest names for this target.
    dependencies: set[str]
    sources: list[Path] = field(default_factory=list)


def read_package(swift: str) -> list[Target]:
    """The targets in the order of the manifest, which only `dump-package` keeps; their sources from `describe`."""
    manifest = json.loads(subprocess.check_output([swift, "package", "dump-package"]))
    described = json.loads(subprocess.check_output([swift, "package", "describe", "--type", "json"]))
    sources = {
        target["name"]: [Path(target["path"], source) for source in target["sources"]]
        for target in described["targets"]
    }
    return [
        Target(
            target["name"],
            # `{"byName": ["CLinux", null]}`, `{"product": ["SystemPackage", "swift-system", null, null]}`
            {next(iter(dependency.values()))[0] for dependency in target["dependencies"]},
            sources.get(target["name"], []),
        )
        for target in manifest["targets"]
    ]


def imports(source: str) -> list[str]:
    return IMPORT.findall(COMMENT.sub("", source))


def violations(targets: list[Target], texts: dict[str, dict[str, str]]) -> list[str]:
    """`texts` are the Swift sources by target and path."""
    position = {target.name: index for index, target in enumerate(targets)}
    foreign = {name for target in targets for name in target.dependencies} - position.keys()
    found = []
    for target in targets:
        for name in sorted(target.dependencies & position.keys()):
            if position[name] > position[target.name]:
                found.append(
                    f"Package.swift: {target.name} depends on {name}, which the list has below it; an arrow only points down")
        for path, text in texts.get(target.name, {}).items():
            for name in imports(text):
                if name == target.name or name not in position.keys() | foreign:
                    continue
                if name not in target.dependencies:
                    found.append(f"{path}: {target.name} imports {name}, which Package.swift does not declare for it")
                elif name in position and position[name] > position[target.name]:
                    found.append(f"{path}: {target.name} imports {name}, which Package.swift lists below it")
    return found


def self_test() -> None:
    targets = [
        Target("Model", set()),
        Target("Machine", {"Model", "SystemPackage"}),
        Target("Backwards", {"Screen"}),
        Target("Screen", {"Model"}),
    ]
    allowed = {
        "Model": {"a.swift": "import Foundation\n// import Machine\n/* import\nimport Screen */\nlet importance = 1"},
        "Machine": {"b.swift": "package import Model\nprivate import SystemPackage\nimport Machine"},
    }
    planted = {
        "import Machine": ("Model", "Model imports Machine, which Package.swift does not declare"),
        "@testable import Machine": ("Screen", "Screen imports Machine, which Package.swift does not declare"),
        "import Foundation\n  internal import struct Machine.Page": ("Screen", "Screen imports Machine"),
        "import SystemPackage": ("Screen", "Screen imports SystemPackage, which Package.swift does not declare"),
        "public import Screen": ("Backwards", "Backwards imports Screen, which Package.swift lists below it"),
    }
    declared = violations(targets, allowed)
    assert len(declared) == 1 and "Backwards depends on Screen" in declared[0], declared
    for text, (target, expected) in planted.items():
        found = violations(targets, {target: {"planted.swift": text}})
        assert len(found) == 2 and any(expected in line for line in found), (text, found)
    print(f"arrows: {len(planted) + 1} planted violations found")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--swift", default="swift")
    arguments.add_argument("--self-test", action="store_true")
    options = arguments.parse_args()
    if options.self_test:
        self_test()
        return 0

    targets = read_package(options.swift)
    texts = {
        target.name: {str(path): path.read_text() for path in target.sources if path.suffix == ".swift"}
        for target in targets
    }
    found = violations(targets, texts)
    for line in found:
        print(line, file=sys.stderr)
    count = sum(len(sources) for sources in texts.values())
    if count == 0:
        print("arrows: no Swift source found to check", file=sys.stderr)
        return 1
    print(f"arrows: {len(targets)} targets, {count} Swift sources, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
