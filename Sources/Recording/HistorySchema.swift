import GRDB

/// The tables of a history, and how older files become newer ones.
///
///     run ◄── process ◄── process_sample           one row a process and time
///                    ◄── site_sample ──► site     one row a suspect and time; stacks are kept once
///
/// Times are milliseconds since 1970-01-01 UTC, sizes are bytes. Counters count since observation of the process began.
/// Samples that differ in nothing from the one before are left out, but one a minute. Where `estimated` is 1 windows gave
/// the figures: counters cover the horizon, live is what came less what went in it.
enum HistorySchema {
  /// `PRAGMA user_version` of a file that has all migrations; raise it with each.
  static let version = 2

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(
        sql: """
          CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            started INTEGER NOT NULL,
            heaptap TEXT NOT NULL,
            kernel TEXT NOT NULL);
          CREATE TABLE process (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            pid INTEGER NOT NULL,
            name TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            ended INTEGER);
          CREATE INDEX process_run ON process (run);
          CREATE TABLE site (
            id INTEGER PRIMARY KEY,
            function TEXT,
            module TEXT,
            ending TEXT NOT NULL,
            stack TEXT NOT NULL);
          CREATE TABLE process_sample (
            process INTEGER NOT NULL REFERENCES process (id) ON DELETE CASCADE,
            time INTEGER NOT NULL,
            live_bytes INTEGER NOT NULL,
            live_bytes_peak INTEGER NOT NULL,
            live_blocks INTEGER NOT NULL,
            allocated_bytes INTEGER NOT NULL,
            allocated_blocks INTEGER NOT NULL,
            freed_bytes INTEGER NOT NULL,
            freed_blocks INTEGER NOT NULL,
            resident_bytes INTEGER,
            resident_anonymous_bytes INTEGER,
            PRIMARY KEY (process, time)) WITHOUT ROWID;
          CREATE INDEX process_sample_time ON process_sample (time);
          CREATE TABLE site_sample (
            process INTEGER NOT NULL REFERENCES process (id) ON DELETE CASCADE,
            site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,
            time INTEGER NOT NULL,
            live_bytes INTEGER NOT NULL,
            live_bytes_peak INTEGER NOT NULL,
            live_blocks INTEGER NOT NULL,
            allocated_bytes INTEGER NOT NULL,
            freed_bytes INTEGER NOT NULL,
            growth REAL NOT NULL,
            growth_low REAL NOT NULL,
            growth_high REAL NOT NULL,
            verdict TEXT NOT NULL,
            PRIMARY KEY (process, site, time)) WITHOUT ROWID;
          CREATE INDEX site_sample_time ON site_sample (time);
          CREATE INDEX site_sample_site ON site_sample (site);
          """)
    }
    migrator.registerMigration("2") { database in
      try database.execute(
        sql: """
          ALTER TABLE process_sample ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE site_sample ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
          """)
    }
    return migrator
  }
}
