#!/usr/bin/env python3
"""Counts how many stacks of busy programs reach the first frame of their thread.

Usage: reach.py [--seconds N] [NAME...]    (as root; HEAPTAP_BINARY as in Tests/README.md)

python3, redis-server and postgres as this machine has them are kept busy with work of many kinds and
watched for N seconds. A stack reaches its first frame if its outermost function is one that nobody
calls: that is looked up here, heaptap's own flag has to agree. The others are listed by cause.
Exit status: 0 at least 99.5 % of every program's stacks reach it and no flag is wrong, 1 otherwise.
"""

import argparse
import contextlib
import itertools
import json
import os
import pwd
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
heaptap = os.environ.get("HEAPTAP_BINARY", str(root / ".build/debug/heaptap"))
programs = here / "programs"

WANTED_SHARE = 0.995
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C",
               "PYTHONMALLOC": "malloc"}
POSTGRES = Path("/usr/lib/postgresql/15/bin")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
# The assembler function at the entry point of an executable is shorter than this.
ENTRY_BYTES = 64
FIRST_FUNCTIONS = ("clone3", "__clone3", "clone", "__clone", "_dl_start_user")


# ---- Programs and what keeps them busy ----


@contextlib.contextmanager
def ended_after(*command, **options):
    """A process that is ended with the block."""
    process = start(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def start(command, **options):
    return subprocess.Popen([str(word) for word in command], env=ENVIRONMENT, bufsize=0,
                            **{"stdin": subprocess.DEVNULL} | options)


@contextlib.contextmanager
def fed(lines, *command, **options):
    """One process after another reads 300 of the lines, until the block ends."""
    ended = threading.Event()
    processes = []

    def run():
        while not ended.is_set():
            process = start(command, stdin=subprocess.PIPE, **QUIET, **options)
            processes.append(process)
            with contextlib.suppress(BrokenPipeError):
                for line in itertools.islice(lines, 300):
                    process.stdin.write(line.encode() + b"\n")
            process.stdin.close()
            process.wait()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        while thread.is_alive():
            for process in processes[-1:]:
                process.kill()
            thread.join(0.1)


def wait_for(path):
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise SystemExit(f"{path} did not appear")


@contextlib.contextmanager
def python(scratch):
    with ended_after("/usr/bin/python3", "-S", "-B", programs / "busy.py") as process:
        time.sleep(0.5)
        yield process.pid, []


@contextlib.contextmanager
def redis(scratch):
    path = scratch / "redis.sock"
    with ended_after("/usr/bin/redis-server", "--port", 0, "--unixsocket", path, "--dir", scratch,
                     "--save", "", "--enable-debug-command", "yes", **QUIET) as server:
        wait_for(path)
        with (
            fed(redis_commands(1), "/usr/bin/redis-cli", "-s", path),
            fed(redis_commands(2), "/usr/bin/redis-cli", "-s", path),
            ended_after("/usr/bin/redis-benchmark", "-s", path, "-l", "-q", "-c", 4, **QUIET),
        ):
            yield server.pid, []


# Arguments of the scripts are nested, and so are the calls that follow them.
REDIS_SCRIPTS = [
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "local f; f = function(v) if type(v) ~= 'table' then return string.rep('x', 99) end;"
    " for k, w in pairs(v) do local ok, s = pcall(f, w) end; return tostring(v) end;"
    " return f(cjson.decode(ARGV[1]))",
    "local t = {}; for w in string.gmatch(ARGV[1], '%w+') do t[#t + 1] = w .. #t end;"
    " table.sort(t, function(a, b) return a .. 'x' < b .. 'y' end); return t",
    "return (string.gsub(ARGV[1], '%d', function(d) return redis.call('INCRBY', 'n' .. d, d) end))",
    "return cmsgpack.pack(cjson.decode(ARGV[1]))",
    "redis.call('RPUSH', 'made', ARGV[1]); return redis.call('LRANGE', 'made', -9, -1)",
]


def nested(chance, depth):
    """A JSON value, at most `depth` levels deep."""
    kind = chance.randrange(5) if depth else 0
    if kind < 1:
        return chance.choice([7, "text", None, 1.5, "x" * chance.randrange(90)])
    values = [nested(chance, depth - 1) for _ in range(chance.randrange(1, 4))]
    return values if kind < 3 else {f"k{i}": value for i, value in enumerate(values)}


def redis_commands(seed):
    chance = random.Random(seed)
    commands = [
        "SET s{0} {1}", "APPEND s{0} {1}", "SETRANGE s{0} 700 {1}", "GETDEL s{0}", "BITOP NOT b s{0}",
        "LPUSH l{0} {1} {2}", "LINSERT l{0} BEFORE {1} {2}", "SORT l{0} ALPHA STORE l{2}", "DEL l{0}",
        "SADD e{0} {1} m{2}", "SUNIONSTORE e e{0} e{2}", "SINTERSTORE e e{0} e{2}", "SPOP e{0} 3",
        "HSET h{0} f{1} {2} g{2} {1}", "HGETALL h{0}", "HINCRBYFLOAT h{0} n 1.5", "HDEL h{0} f{1}",
        "ZADD z{0} {1} m{1} {2} m{2}", "ZUNIONSTORE z 2 z{0} z{2}", "ZRANGEBYLEX z{0} - +",
        "GEOADD g{0} 1.{1} 2.{2} p{1}", "GEOSEARCH g{0} FROMLONLAT 1 2 BYRADIUS 900 km",
        "PFADD p{0} {1} {2}", "PFMERGE p p{0} p{2}", "XADD x{0} MAXLEN 50 * f {1}", "XRANGE x{0} - +",
        "XGROUP CREATE x{0} group{2} 0 MKSTREAM", "XREADGROUP GROUP group{2} me STREAMS x{0} >",
        "EXPIRE s{0} 1", "SCAN {0}", "OBJECT ENCODING l{0}", "DUMP z{0}", "COPY h{0} h{2} REPLACE",
        "MULTI", "EXEC", "SUBSCRIBE c{0}", "UNSUBSCRIBE", "PUBLISH c{0} {1}", "CLIENT LIST", "INFO all",
        "CONFIG GET *", "COMMAND DOCS", "ACL SETUSER u{0} on >p{1} ~k{2} +get", "ACL LIST", "SLOWLOG GET",
        "MEMORY USAGE h{0}", "LATENCY DOCTOR", "FUNCTION LIST", "CLUSTER INFO", "SAVE", "BGSAVE",
        "DEBUG RELOAD", "DEBUG OBJECT l{0}", "FLUSHALL", "SCRIPT FLUSH",
    ]
    rare = {"SAVE", "BGSAVE", "DEBUG RELOAD", "FLUSHALL", "SCRIPT FLUSH", "COMMAND DOCS"}
    while True:
        if chance.random() < 0.5:
            argument = json.dumps(nested(chance, chance.randrange(1, 9)))
            script = chance.choice(REDIS_SCRIPTS)
            yield f"EVAL {json.dumps(script)} 0 {json.dumps(argument)}"
        command = chance.choice(commands)
        if command in rare and chance.random() < 0.95:
            continue
        yield command.format(*(chance.randrange(40) for _ in range(3)))


@contextlib.contextmanager
def postgres(scratch):
    owner = pwd.getpwnam("postgres")
    as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": scratch}
    os.chown(scratch, owner.pw_uid, owner.pw_gid)
    data = scratch / "data"

    def run(tool, *arguments):
        if start([POSTGRES / tool, *arguments], **QUIET, **as_owner).wait():
            raise SystemExit(f"{tool} failed")

    run("initdb", "-D", data, "-N")
    run("pg_ctl", "-D", data, "-w", "-l", scratch / "log", "-o",
        f"-k {scratch} -c listen_addresses= -c fsync=off", "start")
    try:
        connection = ["-h", scratch, "postgres"]
        run("pgbench", "-i", "-q", *connection)
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        psql = [POSTGRES / "psql", "-q", *connection]
        # Every connection is a process, seen if it begins after the watching.
        with (
            fed(sql_statements(1), *psql, **as_owner),
            fed(sql_statements(2), *psql, **as_owner),
            fed([], POSTGRES / "pgbench", "-n", "-T", 2, *connection, **as_owner),
        ):
            yield postmaster, ["--children"]
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


SQL_SETUP = """
SET client_min_messages = error;
CREATE FUNCTION pg_temp.down(n int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF n <= 0 THEN RETURN repeat('x', 999); END IF; RETURN left(pg_temp.down(n - 1), 9) || n;
EXCEPTION WHEN division_by_zero THEN RETURN ''; END $$;
CREATE TEMP TABLE t AS SELECT i, i % 7 AS k, repeat('text', i % 40) AS s FROM generate_series(1, 500) i;
CREATE INDEX ON t (s); ANALYZE t;
"""


def sql_expression(chance, depth):
    """A text expression, at most `depth` levels deep."""
    if depth == 0:
        return chance.choice(["s", "'text'", "k::text", "i::text", "repeat(s, 9)"])

    def inner():
        return sql_expression(chance, depth - 1)

    return chance.choice([
        lambda: f"upper({inner()})",
        lambda: f"({inner()} || {inner()})",
        lambda: f"CASE WHEN {inner()} < {inner()} THEN {inner()} ELSE 'e' END",
        lambda: f"coalesce(nullif({inner()}, 'n'), {inner()})",
        lambda: f"regexp_replace({inner()}, '(t+)e?x', '<\\1>', 'g')",
        lambda: f"array_to_string(ARRAY[{inner()}, {inner()}], ',')",
        lambda: f"jsonb_build_object('k', {inner()}, 'l', jsonb_build_array({inner()}))::text",
        lambda: f"(SELECT max({inner()}) FROM t AS u WHERE u.k = t.k AND u.i < 9)",
        lambda: f"format('%s-%L', {inner()}, {inner()})",
        lambda: f"pg_temp.down(length({inner()}) % 9)",
        lambda: f"(xpath('/a/text()', ('<a>' || md5({inner()}) || '</a>')::xml))[1]::text",
    ])()


def sql_statement(chance):
    text = sql_expression(chance, chance.randrange(1, 6))
    document = json.dumps(nested(chance, chance.randrange(2, 9))).replace("'", "''")
    return chance.choice([
        f"SELECT {text} FROM t WHERE i < 20;",
        f"SELECT k, max({text}) FROM t WHERE i < 50 GROUP BY GROUPING SETS ((k), ()) ORDER BY 2;",
        f"SELECT rank() OVER (PARTITION BY k ORDER BY {text}) FROM t WHERE i < 50;",
        f"EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT {text} FROM t JOIN t AS o USING (i) LIMIT 9;",
        f"SELECT jsonb_pretty('{document}'::jsonb || '{document}'), '{document}'::json #>> '{{k0,k1}}';",
        f"SELECT jsonb_path_query('{document}', '$.** ? (@ != 7)'), jsonb_strip_nulls('{document}');",
        f"WITH RECURSIVE r(n, s) AS (SELECT 1, 'a' UNION ALL SELECT n + 1, s || '{chance.random()}'"
        " FROM r WHERE n < 99) SELECT string_agg(s, ',') FROM r;",
        f"CREATE TEMP TABLE n AS SELECT i, {text} AS s FROM t; CREATE INDEX ON n (lower(s)); DROP TABLE n;",
        f"PREPARE p AS SELECT {text} FROM t WHERE i = $1; EXECUTE p(3); DEALLOCATE p;",
        "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_stats s ON s.tablename = c.relname;",
        f"DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN PERFORM pg_temp.down({chance.randrange(20)});"
        " END $$;",
        f"SET jit_above_cost = 0; SELECT sum(length({text})) FROM t WHERE i < 9; RESET jit_above_cost;",
        "COPY (SELECT * FROM t) TO STDOUT; ANALYZE t; VACUUM;",
    ])


def sql_statements(seed):
    chance = random.Random(seed)
    while True:
        yield SQL_SETUP
        for _ in range(299):
            yield sql_statement(chance)


PROGRAMS = {"python3": python, "redis-server": redis, "postgres": postgres}


# ---- Watching and counting ----


def watch(pid, options, seconds):
    """The report after that time."""
    done = subprocess.run(
        [heaptap, "watch", "--pid", str(pid), "--exact", "--json", "--top", "1000000", "--max-stacks",
         "200000", "--interval", str(seconds), "--duration", str(seconds), *options],
        capture_output=True, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        raise SystemExit(f"heaptap wrote no report: {done.stderr.decode().strip()}")
    return json.loads(lines[-1])


def entry_points(pid):
    """By the name of each file that the process executes: where its first instruction is."""
    found = {}
    with open(f"/proc/{pid}/maps") as mappings:
        paths = {line.split(maxsplit=5)[5].strip() for line in mappings if " r-xp " in line and "/" in line}
    for path in paths:
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            found[os.path.basename(path)], = struct.unpack_from("<24xQ", file.read(64))
    return found


def is_first(frame, entries):
    """Whether nothing calls what runs in this frame."""
    entry = entries.get(frame["module"])
    at_entry = entry and entry <= int(frame["offset"], 16) < entry + ENTRY_BYTES
    return at_entry or (frame["function"] or "").removeprefix("__GI_") in FIRST_FUNCTIONS


def cause(site, entries):
    """Why a stack is not complete; None if it is."""
    reached = bool(site["stack"]) and is_first(site["stack"][-1], entries)
    if reached:
        return "reaches the first frame and is flagged as truncated" if site["truncated"] else None
    if not site["truncated"]:
        return "does not reach the first frame and is not flagged"
    return site.get("truncated_by") or "cause not told"


def text(frame):
    return f"{frame['function'] or '??'} in {frame['module'] or '??'}+{frame['offset']}"


def count(name, seconds, scratch):
    """Prints what there is of a program; whether that is good enough."""
    with PROGRAMS[name](scratch) as (pid, options):
        report = watch(pid, options, seconds)
        entries = entry_points(pid)
    stacks, blocks, examples = Counter(), Counter(), defaultdict(Counter)
    for site in report["sites"]:
        why = cause(site, entries)
        stacks[why] += 1
        blocks[why] += site["allocated_blocks"]
        if why:
            examples[why][text(site["stack"][-1]) if site["stack"] else "no frame"] += 1
    share = stacks[None] / max(stacks.total(), 1)
    of_blocks = blocks[None] / max(blocks.total(), 1)
    depth = sum(len(site["stack"]) for site in report["sites"]) / max(stacks.total(), 1)
    print(f"{name}: {stacks.total()} stacks of {blocks.total()} allocations, {depth:.0f} frames on average; "
          f"{100 * share:.2f} % of the stacks ({100 * of_blocks:.2f} % of the allocations) reach the first frame")
    for why in sorted(filter(None, stacks), key=lambda why: -stacks[why]):
        print(f"  {stacks[why]:7} stacks, {blocks[why]:9} allocations: {why}; outermost frames:")
        for frame, number in examples[why].most_common(5):
            print(f"  {number:15} {frame}")
    if report["lost"]["total"]:
        print(f"  lost: {report['lost']['by_reason']}")
    sys.stdout.flush()
    return share >= WANTED_SHARE and not any("flagged" in why for why in stacks if why)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="how long each program is watched")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; all if none is given")
    arguments = parser.parse_args()
    wrong = 0
    for name in arguments.names or PROGRAMS:
        with tempfile.TemporaryDirectory(prefix="reach-") as folder:
            os.chmod(folder, 0o755)
            wrong += not count(name, arguments.seconds, Path(folder))
    print(f"{len(arguments.names or PROGRAMS)} programs, {wrong} of them with too few complete stacks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
