// Two threads free and take the one large hole of a shared arena; both often get the same address.
#include <pthread.h>

#include "truth.h"

enum { rounds = 100000, bytes = 3000 };

static void *bounce(void *ring) {
  for (int i = 0; i < rounds; i++) {
    void *block = took(malloc(bytes), bytes);
    *(void *volatile *)ring = block;
    free(gave(block, bytes));
  }
  took(malloc(bytes), bytes);
  settle();
  return NULL;
}

int main(void) {
  mallopt(M_ARENA_MAX, 1);
  static void *last[2];
  pthread_t one, other;
  pthread_create(&one, NULL, bounce, &last[0]);
  pthread_create(&other, NULL, bounce, &last[1]);
  pthread_join(one, NULL);
  pthread_join(other, NULL);
  tell();
}
