// Serves requests until its input ends, one every so many milliseconds, and answers every line of input with "ok".
// With "leak" each request leaves something behind: leaky leak|steady MILLISECONDS
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct note {
  struct note *next;
  char text[200];
};

static struct note *notes;

__attribute__((noinline)) void remember_request(int number) {
  struct note *note = malloc(sizeof *note);
  if (!note) abort();
  memset(note->text, number, sizeof note->text);
  note->next = notes;
  notes = note;
}

__attribute__((noinline)) void serve_request(int number) {
  char *parts[4];
  for (int i = 0; i < 4; i++) {
    parts[i] = calloc(1, 24 + (number * 7 + i * 31) % 600);
    if (!parts[i]) abort();
  }
  parts[1] = realloc(parts[1], 1000);
  for (int i = 0; i < 4; i++) free(parts[i]);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int leaks = !strcmp(argv[1], "leak"), number = 0;
  struct pollfd input = {.fd = 0, .events = POLLIN};
  for (;;) {
    if (poll(&input, 1, atoi(argv[2])) > 0) {
      char line[64];
      if (read(0, line, sizeof line) <= 0) return 0;
      if (write(1, "ok\n", 3) != 3) return 1;
    }
    serve_request(++number);
    if (leaks) remember_request(number);
  }
}
