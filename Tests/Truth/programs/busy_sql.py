# Statements for psql, 300 ever other ones: busy_sql.py SEED
import json
import random
import sys

from nested import nested

SETUP = """
SET client_min_messages = error;
CREATE FUNCTION pg_temp.down(n int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF n <= 0 THEN RETURN repeat('x', 999); END IF; RETURN left(pg_temp.down(n - 1), 9) || n;
EXCEPTION WHEN division_by_zero THEN RETURN ''; END $$;
CREATE TEMP TABLE t AS SELECT i, i % 7 AS k, repeat('text', i % 40) AS s FROM generate_series(1, 500) i;
CREATE INDEX ON t (s); ANALYZE t;
"""


def expression(chance, depth):
    """A text expression, at most `depth` levels deep."""
    if depth == 0:
        return chance.choice(["s", "'text'", "k::text", "i::text", "repeat(s, 9)"])

    def inner():
        return expression(chance, depth - 1)

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


def statement(chance):
    text = expression(chance, chance.randrange(1, 6))
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
        "COPY (SELECT * FROM t) TO STDOUT; ANALYZE t; VACUUM;",
    ])


chance = random.Random(sys.argv[1])
print(SETUP)
for _ in range(300):
    print(statement(chance))
