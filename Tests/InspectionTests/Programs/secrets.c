// Keeps the same text and numbers wherever a program can keep any, and waits; ends at SIGTERM.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char variable[64];
static uint64_t number = 0x5ec2e75ec2e75ec2;
static __thread char own[64];
void *held[3];

static void fill(char *place) {
  memcpy(place, "hush-hush-hush-hush-hush", 24);
  memcpy(place + 24, &number, 8);
}

int main(void) {
  char local[64];
  fill(local);
  fill(variable);
  fill(own);
  for (int i = 0; i < 3; i++) held[i] = malloc(100);
  void *small = malloc(200), *large = malloc(50000);
  held[2] = malloc(1 << 20);
  fill(held[0]);
  fill((char *)held[2] + 4096);
  fill((char *)small + 16);
  fill((char *)large + 30000);
  free(small);
  free(large);
  *(void **)((char *)held[0] + 40) = held[1];
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) usleep(100000);
}
