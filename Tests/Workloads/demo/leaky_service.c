// A small service with a slow leak, as an operator meets it: it answers requests and forgets to end some sessions.
// Beside the leak stand two sites that are sound: a cache that replaces its oldest entry, and a pool made at start.
// About 100 requests a second; it sleeps in between, and runs until it is killed.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POOL_BUFFERS = 64, CACHE_ENTRIES = 64, REQUESTS_PER_SECOND = 100 };

struct session {
  struct session *next;
  unsigned long user;
  char token[496];
};

static struct session *sessions;
static char *cache[CACHE_ENTRIES];
static char *pool[POOL_BUFFERS];

static void fill_pool(void) {
  for (int i = 0; i < POOL_BUFFERS; i++) {
    pool[i] = malloc(4096);
    if (pool[i] == NULL) abort();
    memset(pool[i], 0, 4096);
  }
}

// Every session stays on the list; nothing ever takes one off it.
static void remember_session(unsigned long user) {
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL) abort();
  session->user = user;
  session->next = sessions;
  sessions = session;
}

static void refresh_cache(unsigned long key, const char *answer) {
  char **entry = &cache[key % CACHE_ENTRIES];
  free(*entry);
  *entry = malloc(strlen(answer) + 1);
  if (*entry == NULL) abort();
  strcpy(*entry, answer);
}

static unsigned long parse_request(const char *text) {
  unsigned long user = strtoul(text + strlen("GET /user/"), NULL, 10);
  // Every fourth user is new.
  if (user % 4 == 0) remember_session(user);
  return user;
}

static void handle_request(unsigned long number) {
  char *buffer = pool[number % POOL_BUFFERS];
  snprintf(buffer, 4096, "GET /user/%lu", number);
  unsigned long user = parse_request(buffer);
  snprintf(buffer, 4096, "200 OK, hello user %lu", user);
  refresh_cache(user, buffer);
}

int main(void) {
  const struct timespec pause = {.tv_nsec = 1000000000 / REQUESTS_PER_SECOND};
  fill_pool();
  for (unsigned long number = 0;; number++) {
    handle_request(number);
    nanosleep(&pause, NULL);
  }
}
