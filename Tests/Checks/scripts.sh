#!/bin/bash
# Parses every script in the repository; runs shellcheck over them where it is installed.
set -euo pipefail
mapfile -t shell_scripts < <(find Tests -name '*.sh'; echo .ci/run)
mapfile -t python_scripts < <(find Tests -name '*.py')

for script in "${shell_scripts[@]}"; do bash -n "$script"; done
if command -v shellcheck >/dev/null; then shellcheck "${shell_scripts[@]}"; fi
for script in "${python_scripts[@]}"; do
  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script"
done
echo "scripts: ${#shell_scripts[@]} shell and ${#python_scripts[@]} Python scripts parse"
