# Commands for redis-cli, ever others: busy_redis.py SEED
import json
import random
import sys

from nested import nested

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
        "MULTI", "EXEC", "PUBLISH c{0} {1}", "CLIENT LIST", "INFO all",
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


for line in redis_commands(int(sys.argv[1])):
    print(line)
