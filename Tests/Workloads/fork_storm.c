// 300 children come and go at once while two other threads are inside the allocator.
#include <pthread.h>
#include <sys/wait.h>

#include "truth.h"

static volatile int stop;

static void *churn(void *unused) {
  while (!stop) {
    void *block = took(malloc(2000), 2000);
    block = took(realloc(gave(block, 2000), 9000), 9000);
    free(gave(block, 9000));
  }
  settle();
  return unused;
}

int main(void) {
  pthread_t one, other;
  pthread_create(&one, NULL, churn, NULL);
  pthread_create(&other, NULL, churn, NULL);
  for (int i = 0; i < 300; i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  }
  stop = 1;
  pthread_join(one, NULL);
  pthread_join(other, NULL);
  tell();
}
