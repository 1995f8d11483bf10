// A list that grows, as a leak that is still referenced: calloc_list [BYTES]: by so many bytes a second.
//
// Its nodes come from calloc, as those of a pool and of a queue do, and are as large as those of the pool.
#include "churn.h"

enum { NODE = 48, REQUEST = 160, REQUESTS = 65536 };

struct node {
  struct node *next, *previous;
};

static struct node sessions = {&sessions, &sessions};

// Each does something after its call, which is no tail call then.
__attribute__((noinline)) static void remember(void) {
  struct node *node = calloc(1, NODE);
  node->previous = sessions.previous;
  node->next = &sessions;
  sessions.previous->next = node;
  sessions.previous = node;
}
__attribute__((noinline)) static void *pooled_node(void) {
  char *block = calloc(1, NODE);
  block[0] = 1;
  return block;
}
__attribute__((noinline)) static void *request(void) {
  char *block = calloc(1, REQUEST);
  block[0] = 2;
  return block;
}

int main(int count, char **arguments) {
  static struct churn random = {.state = 12345};
  static struct progress progress;
  static void *pool[POOL], *requests[REQUESTS];
  unsigned oldest = 0;
  for (int i = 0; i < REQUESTS; i++) requests[i] = request();
  progress_begin(&progress, "calloc_list", count > 1 ? atof(arguments[1]) : 0, NODE);
  for (long turn = 1;; turn++) {
    for (int i = 0; i < CHURN; i++) free(transient());
    unsigned place = any(&random, POOL);
    free(pool[place]);
    pool[place] = pooled_node();
    if (turn % 2 == 0) {
      free(requests[oldest % REQUESTS]);
      requests[oldest++ % REQUESTS] = request();
    }
    for (unsigned i = 0; i < 300; i++) sink += i * turn;
    if (progress_turn(&progress)) remember();
  }
}
