// Allocates while it is being loaded.
#include <stdlib.h>

void *kept_by_constructor[7];

__attribute__((constructor)) static void construct(void) {
  for (int i = 0; i < 7; i++) kept_by_constructor[i] = malloc(13);
}
