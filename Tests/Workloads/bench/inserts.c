// A table in memory: inserts [BYTES [GROWTH]]: a block of 64 bytes is leaked at so many bytes a second, and so many
// percent more rows are inserted than deleted.
//
// Prints `used BYTES` each quarter of a second, as sqlite3_memory_used() counts them, and how it gets on (progress.h).
#include <sqlite3.h>

#include "progress.h"

enum { ROWS = 20000, LEAKED = 64 };

static sqlite3 *database;

static sqlite3_stmt *prepared(const char *text) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(database, text, -1, &statement, 0)) {
    fprintf(stderr, "%s\n", sqlite3_errmsg(database));
    exit(1);
  }
  return statement;
}

static void step(sqlite3_stmt *statement, long key) {
  sqlite3_bind_int64(statement, 1, key);
  sqlite3_step(statement);
  sqlite3_reset(statement);
}

__attribute__((noinline)) static void forget(void) {
  volatile char *block = malloc(LEAKED);
  block[0] = 1;
}

int main(int count, char **arguments) {
  static struct progress progress;
  long growth = count > 2 ? atol(arguments[2]) : 0, oldest = 0;
  sqlite3_open(":memory:", &database);
  sqlite3_exec(database, "CREATE TABLE visits (id INTEGER PRIMARY KEY, name TEXT, note TEXT)", 0, 0, 0);
  sqlite3_stmt *insert = prepared("INSERT INTO visits VALUES (?1, 'visitor ' || ?1, hex(randomblob(?1 % 60)))");
  sqlite3_stmt *erase = prepared("DELETE FROM visits WHERE id = ?1");
  long newest = 0;
  while (newest < ROWS) step(insert, newest++);
  progress_begin(&progress, "inserts", count > 1 ? atof(arguments[1]) : 0, LEAKED);
  double said = 0;
  for (long turn = 1;; turn++) {
    step(insert, newest++);
    if (turn % 100 >= growth) step(erase, oldest++);
    if (progress_turn(&progress)) forget();
    if (turn % 64) continue;
    double now = progress_clock(CLOCK_MONOTONIC);
    if (now - said < 0.25) continue;
    said = now;
    printf("used %lld\n", sqlite3_memory_used());
    fflush(stdout);
  }
}
