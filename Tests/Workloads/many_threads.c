// 1,000 threads begin and end; each keeps one block of two.
#include <pthread.h>

#include "truth.h"

static void *work(void *unused) {
  (void)unused;
  took(malloc(44), 44);
  free(gave(took(malloc(55), 55), 55));
  settle();
  return NULL;
}

int main(void) {
  for (int i = 0; i < 250; i++) {
    pthread_t threads[4];
    for (int k = 0; k < 4; k++) pthread_create(&threads[k], NULL, work, NULL);
    for (int k = 0; k < 4; k++) pthread_join(threads[k], NULL);
  }
  tell();
}
