// free(NULL) is nothing at all.
#include "truth.h"

int main(void) {
  for (int i = 0; i < 1000; i++) free(NULL);
  free(gave(took(malloc(10), 10), 10));
  tell();
}
