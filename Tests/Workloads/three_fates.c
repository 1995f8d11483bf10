// Blocks of one size from three sites: nothing references the first ones, a list holds the second, a pool replaces the third.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
  struct node *next;
  char rest[40];
};

static struct node *registry;
static struct node *pool[512];

__attribute__((noinline)) static void forget(void) {
  struct node *node = malloc(sizeof *node);
  memset(node, 1, sizeof *node);
  __asm__ volatile("" ::"r"(node) : "memory");
}

__attribute__((noinline)) static void enlist(void) {
  struct node *node = malloc(sizeof *node);
  node->next = registry;
  registry = node;
}

__attribute__((noinline)) static void replace(unsigned place) {
  free(pool[place]);
  pool[place] = malloc(sizeof(struct node));
}

int main(void) {
  for (unsigned turn = 0;; turn++) {
    forget();
    enlist();
    replace(turn * 7919 % 512);
    usleep(1000);
  }
}
